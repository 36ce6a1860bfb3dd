package jsonfeed

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
)

// Options are a feed's settings. The zero value is the default.
type Options struct {
	MaxBytes int64            // of the document; default 256 MiB, enough for some 300,000 patches
	Timeout  time.Duration    // of one fetch as a whole; default 5 min
	Client   *http.Client     // default: one of its own with the usual transport
	Header   http.Header      // sent with each request, credentials say
	Now      func() time.Time // tells when a batch was fetched; default time.Now
}

// withDefaults fills in what is zero.
func (o Options) withDefaults() Options {
	o.MaxBytes, o.Timeout = cmp.Or(o.MaxBytes, 256<<20), cmp.Or(o.Timeout, 5*time.Minute)
	o.Client = cmp.Or(o.Client, &http.Client{})
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Feed is a catalog.Feed that reads one document. It is safe for concurrent use.
type Feed struct {
	id       catalog.FeedID
	location *url.URL // of http or https; nil: a file
	path     string
	options  Options

	mu   sync.Mutex
	last *seen
}

var _ catalog.Feed = (*Feed)(nil)

// seen is what tells whether a document changed since the last good fetch.
type seen struct {
	digest       [sha256.Size]byte
	etag         string
	lastModified string
}

// New makes a feed that reads the document at location: an http, https or file URL, or the path of a file.
func New(id catalog.FeedID, location string, o Options) (*Feed, error) {
	f := &Feed{id: id, options: o.withDefaults()}
	if id == "" || len(id) > catalog.MaxID {
		return nil, fmt.Errorf("feed id %.80q: want 1 to %d bytes", id, catalog.MaxID)
	}
	if o.MaxBytes < 0 || o.Timeout < 0 {
		return nil, fmt.Errorf("feed %s: option MaxBytes is %d and Timeout is %s, want neither below zero", id, o.MaxBytes, o.Timeout)
	}
	if location == "" {
		return nil, fmt.Errorf("feed %s: no location, want an http, https or file URL, or a path", id)
	}
	u, err := url.Parse(location)
	switch {
	case filepath.IsAbs(location) || err == nil && u.Scheme == "":
		f.path = location
	case err != nil:
		return nil, fmt.Errorf("feed %s: location: %w", id, err)
	case u.Scheme == "file":
		if u.Host != "" || u.Path == "" {
			return nil, fmt.Errorf("feed %s: location %s: want file:/// and a path", id, location)
		}
		f.path = filepath.FromSlash(u.Path)
	case u.Scheme == "http" || u.Scheme == "https":
		if u.Hostname() == "" {
			return nil, fmt.Errorf("feed %s: location %s names no host", id, u.Redacted())
		}
		f.location = u
	default:
		return nil, fmt.Errorf("feed %s: location %s: want an http, https or file URL, or a path", id, u.Redacted())
	}
	return f, nil
}

// ID returns the feed's identity.
func (f *Feed) ID() catalog.FeedID { return f.id }

// Fetch reads the document. It is Unchanged when the server says so (ETag, Last-Modified) or its bytes are those of the
// last good fetch. Errors of the file system, the network and ctx are wrapped.
func (f *Feed) Fetch(ctx context.Context) (catalog.Batch, error) {
	ctx, cancel := context.WithTimeout(ctx, f.options.Timeout)
	defer cancel()
	if err := ctx.Err(); err != nil {
		return catalog.Batch{}, f.wrap(err)
	}
	f.mu.Lock()
	last := f.last
	f.mu.Unlock()
	unchanged := catalog.Batch{Feed: f.id, At: f.options.Now().UTC(), Unchanged: true}
	data, now, err := f.read(ctx, last)
	if err != nil {
		return catalog.Batch{}, f.wrap(err)
	}
	if now == nil {
		return unchanged, nil
	}
	now.digest = sha256.Sum256(data)
	if last != nil && last.digest == now.digest {
		f.remember(now)
		return unchanged, nil
	}
	products, patches, rejected, err := Parse(data)
	if err != nil {
		return catalog.Batch{}, f.wrap(err)
	}
	for i := range rejected {
		rejected[i].Feed = f.id
	}
	f.remember(now)
	return catalog.Batch{Feed: f.id, At: unchanged.At, Products: products, Patches: patches, Rejected: rejected}, nil
}

func (f *Feed) wrap(err error) error { return fmt.Errorf("feed %s: %w", f.id, err) }

func (f *Feed) remember(s *seen) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last = s
}

// read returns the document, or nothing at all when the server says that it did not change.
func (f *Feed) read(ctx context.Context, last *seen) ([]byte, *seen, error) {
	if f.location == nil {
		data, err := f.readFile(ctx)
		return data, &seen{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.location.String(), nil)
	if err != nil {
		return nil, nil, err
	}
	for name, values := range f.options.Header {
		req.Header[name] = values
	}
	req.Header.Set("Accept", "application/json")
	if last != nil && last.etag != "" {
		req.Header.Set("If-None-Match", last.etag)
	}
	if last != nil && last.lastModified != "" {
		req.Header.Set("If-Modified-Since", last.lastModified)
	}
	resp, err := f.options.Client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotModified && last != nil:
		return nil, nil, nil
	case resp.StatusCode != http.StatusOK:
		return nil, nil, fmt.Errorf("GET %s: %s", f.location.Redacted(), resp.Status)
	}
	data, err := f.bounded(resp.Body)
	return data, &seen{etag: resp.Header.Get("ETag"), lastModified: resp.Header.Get("Last-Modified")}, err
}

func (f *Feed) readFile(ctx context.Context) ([]byte, error) {
	info, err := os.Stat(f.path)
	if err != nil {
		return nil, err
	}
	// A pipe or device could keep the reader waiting for ever.
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", f.path)
	}
	file, err := os.Open(f.path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := f.bounded(file)
	if err != nil {
		return nil, err
	}
	return data, ctx.Err()
}

func (f *Feed) bounded(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, f.options.MaxBytes+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > f.options.MaxBytes {
		return nil, fmt.Errorf("the document is over the limit of %d bytes", f.options.MaxBytes)
	}
	return data, nil
}
