package fetch

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/internal/inroot"
)

// maxRedirects is how many redirects are followed.
const maxRedirects = 10

// Options are a feed's settings. The zero value is the default.
type Options struct {
	// Client fetches the document. Default: a client that gives up after 5
	// minutes. Credentials are those of its transport or of the location. It
	// does not follow a redirect from https to http, or with credentials to
	// another host.
	Client *http.Client
	Now    func() time.Time // the clock; default time.Now
}

// Form is the form of a feed's document.
type Form struct {
	Accept string // the media type that the server is asked for
	Limit  int64  // bytes of the document
	// Parse reads the document. The feed sets Feed, At and Local of the batch.
	// Nil: Each does.
	Parse func(id catalog.FeedID, data []byte) (catalog.Batch, error)

	// Verify is asked before Parse whether the document may be used; nil: it may.
	Verify func(ctx context.Context, data []byte) error

	// Each reads a document of many records: the files of a zip archive or of a
	// folder whose base names match, or a JSON list. It is not held in memory.
	Each  func(id catalog.FeedID, records Records) (catalog.Batch, error)
	Match string // as in path.Match, like "*.json"
}

// Feed is a [catalog.Feed] that reads one document. It is safe for concurrent
// use.
type Feed struct {
	id       catalog.FeedID
	location *url.URL // of http or https; nil: a file
	path     string
	form     Form
	options  Options

	mu    sync.Mutex
	last  seen
	dated time.Time // of that document
}

// seen identifies the document of the last good fetch. Zero: none.
type seen struct {
	digest       [sha256.Size]byte
	etag         string
	lastModified string
}

// New returns a feed that reads the document at location: an http, https or
// file URL, or the path of a file.
func New(id catalog.FeedID, location string, form Form, o Options) (*Feed, error) {
	o.Client = cmp.Or(o.Client, &http.Client{Timeout: 5 * time.Minute})
	if o.Now == nil {
		o.Now = time.Now
	}
	f := &Feed{id: id, form: form, options: o}
	if id == "" || len(id) > catalog.MaxID {
		return nil, fmt.Errorf("feed id %.80q: want 1 to %d bytes", id, catalog.MaxID)
	}
	if location == "" {
		return nil, fmt.Errorf("feed %s: no location, want an http, https or file URL, or a path", id)
	}
	u, err := url.Parse(location)
	switch {
	case filepath.IsAbs(location) || err == nil && u.Scheme == "":
		if f.path, err = filepath.Abs(location); err != nil {
			return nil, fmt.Errorf("feed %s: location: %w", id, err)
		}
	case err != nil:
		return nil, fmt.Errorf("feed %s: location: %w", id, err)
	case u.Scheme == "file":
		if u.Host != "" || u.Path == "" {
			return nil, fmt.Errorf("feed %s: location %s: want file:/// followed by a path", id, location)
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

// Fetch reads the document. The batch is Unchanged if the server says so (ETag,
// Last-Modified) or if the bytes are those of the last good fetch. Errors of
// the file system, the network and ctx are wrapped.
func (f *Feed) Fetch(ctx context.Context) (catalog.Batch, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	b, err := f.fetch(ctx)
	if err != nil {
		return catalog.Batch{}, fmt.Errorf("feed %s: %w", f.id, err)
	}
	return b, nil
}

func (f *Feed) fetch(ctx context.Context) (b catalog.Batch, err error) {
	at := f.options.Now().UTC()
	if err := ctx.Err(); err != nil {
		return catalog.Batch{}, err
	}
	doc, now, err := f.read(ctx)
	if err != nil {
		return catalog.Batch{}, err
	}
	defer doc.close()
	if now.digest == f.last.digest {
		b.Unchanged = true
	} else {
		if b, err = f.parse(ctx, doc); err != nil {
			return catalog.Batch{}, err
		}
		f.dated = b.Dated
	}
	f.last = now
	b.Feed, b.At, b.Local = f.id, at, f.location == nil
	b.Dated = f.dated // of an unchanged document too: the catalog may have refused it as older
	return b, nil
}

func (f *Feed) parse(ctx context.Context, doc document) (catalog.Batch, error) {
	if f.form.Verify != nil {
		if err := f.form.Verify(ctx, doc.data); err != nil {
			return catalog.Batch{}, err
		}
	}
	w := newWalk(ctx, f.form.Match)
	switch {
	case f.form.Each == nil:
		return f.form.Parse(f.id, doc.data)
	case doc.root != nil:
		return f.form.Each(f.id, w.folder(doc.root))
	}
	return f.form.Each(f.id, w.document(doc.file, doc.size))
}

// document is what was fetched: data, or a document of many records in a file
// that is gone when it is closed, or in a folder.
type document struct {
	data []byte
	file *os.File
	size int64
	root *os.Root
}

func (d document) close() {
	if d.file != nil {
		_ = d.file.Close()
		_ = os.Remove(d.file.Name())
	}
	if d.root != nil {
		_ = d.root.Close()
	}
}

// read returns the document, or what was seen last if the server says that it
// did not change.
func (f *Feed) read(ctx context.Context) (doc document, now seen, err error) {
	if f.location == nil {
		return f.local(ctx)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.location.String(), nil)
	if err != nil {
		return document{}, seen{}, err
	}
	req.Header.Set("Accept", f.form.Accept)
	if f.last.etag != "" {
		req.Header.Set("If-None-Match", f.last.etag)
	}
	if f.last.lastModified != "" {
		req.Header.Set("If-Modified-Since", f.last.lastModified)
	}
	resp, err := careful(f.options.Client, f.location).Do(req)
	if e, is := errors.AsType[*url.Error](err); is { // its address may be that of a redirect, with a password
		err = fmt.Errorf("GET %s: %w", f.location.Redacted(), e.Err)
	}
	if err != nil {
		return document{}, seen{}, err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotModified && f.last != seen{}:
		return document{}, f.last, nil
	case resp.StatusCode != http.StatusOK:
		return document{}, seen{}, &statusError{f.location.Redacted(), resp}
	}
	doc, now.digest, err = f.bounded(resp.Body)
	now.etag, now.lastModified = resp.Header.Get("ETag"), resp.Header.Get("Last-Modified")
	return doc, now, err
}

func (f *Feed) local(ctx context.Context) (doc document, now seen, err error) {
	if info, err := os.Stat(f.path); f.form.Each != nil && err == nil && info.IsDir() {
		if doc.root, err = os.OpenRoot(f.path); err != nil {
			return document{}, seen{}, err
		}
		if now.digest, err = state(ctx, doc.root); err != nil {
			doc.close()
		}
		return doc, now, err
	}
	file, _, err := inroot.OpenContext(ctx, "/", f.path)
	if err != nil {
		return document{}, seen{}, err
	}
	defer file.Close()
	doc, now.digest, err = f.bounded(file)
	return doc, now, err
}

// bounded reads a document, and closes what it made of it on an error.
func (f *Feed) bounded(r io.Reader) (doc document, sum [sha256.Size]byte, err error) {
	hash := sha256.New()
	var into bytes.Buffer
	to := io.Writer(&into)
	if f.form.Each != nil {
		if doc.file, err = os.CreateTemp("", "patchpolicy-feed-*"); err != nil {
			return document{}, sum, err
		}
		to = doc.file
	}
	doc.size, err = io.CopyBuffer(io.MultiWriter(to, hash), io.LimitReader(r, f.form.Limit+1), make([]byte, 256<<10))
	if err == nil && doc.size > f.form.Limit {
		err = fmt.Errorf("the document is over the limit of %d bytes", f.form.Limit)
	}
	if err != nil {
		doc.close()
		return document{}, sum, err
	}
	doc.data = into.Bytes()
	hash.Sum(sum[:0])
	return doc, sum, nil
}

// statusError is an answer without a document. It is [fs.ErrNotExist] if there
// is none.
type statusError struct {
	location string
	answer   *http.Response
}

func (e *statusError) Error() string { return fmt.Sprintf("GET %s: %s", e.location, e.answer.Status) }

func (e *statusError) Is(target error) bool {
	return target == fs.ErrNotExist && (e.answer.StatusCode == http.StatusNotFound || e.answer.StatusCode == http.StatusGone)
}

// careful returns a client that follows no redirect from https to http, and
// none to another host if it may have credentials: those of the location, or
// those that the caller's transport adds to every request.
func careful(client *http.Client, location *url.URL) *http.Client {
	secret := location.User != nil || client.Transport != nil || client.Jar != nil
	c := *client
	c.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		from, to := via[len(via)-1].URL, req.URL
		upgrade := from.Scheme == "http" && to.Scheme == "https" && from.Port() == "" && to.Port() == ""
		switch {
		case to.Scheme != "http" && to.Scheme != "https":
			return fmt.Errorf("unsupported protocol scheme: it redirects to %s", to.Redacted())
		case from.Scheme == "https" && to.Scheme == "http":
			return fmt.Errorf("it redirects from https to %s: configure an https address that needs no redirect", to.Redacted())
		case secret && !strings.EqualFold(from.Host, to.Host) && !(upgrade && strings.EqualFold(from.Hostname(), to.Hostname())):
			return fmt.Errorf("it redirects to another host, %s, which must not get this feed's credentials: configure that address", to.Redacted())
		case to.User != nil && (location.User == nil || to.User.String() != location.User.String()):
			return fmt.Errorf("it redirects to %s, with another name and password", to.Redacted())
		case len(via) > maxRedirects:
			return fmt.Errorf("more than %d redirects", maxRedirects)
		case client.CheckRedirect != nil:
			return client.CheckRedirect(req, via)
		}
		return nil
	}
	return &c
}
