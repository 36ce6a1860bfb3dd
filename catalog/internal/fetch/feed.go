package fetch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/fault"
)

// Options are a feed's settings. The zero value is the default.
type Options struct {
	// Client fetches the document. Default: a client that gives up after 10
	// minutes. Credentials are those of its transport or of the location. It
	// does not follow a redirect from https to http, or with credentials to
	// another host.
	Client *http.Client
	Now    func() time.Time // the clock; default time.Now
}

// Form is the form of a feed's document.
type Form struct {
	Name   string // what it is, to speak of one that is not: "patch document"
	Accept string // the media types that the server is asked for
	Limit  int64  // bytes of the document
	// Parse reads the document. The feed sets Feed, At and Local of the batch, and
	// names the document in the error. If it may take long, it ends with ctx.
	// Nil: Each does.
	Parse func(ctx context.Context, id catalog.FeedID, data []byte) (catalog.Batch, error)

	// Verify is asked before Parse whether the document may be used; nil: it may.
	Verify func(ctx context.Context, data []byte) error

	// Each reads one record of a document of many: the files of a zip archive or
	// of a folder whose base names match, or a JSON list. The document is not
	// held in memory. The newest record dates the batch.
	Each  func(record []byte) Found
	Match string // as in path.Match, like "*.json"
}

// Feed is a [catalog.Feed] that reads one document. It is safe for concurrent
// use.
type Feed struct {
	id      catalog.FeedID
	address string
	path    string // of a file or folder; empty: it is fetched over HTTP
	form    Form
	client  Client
	now     func() time.Time

	mu    sync.Mutex
	last  seen
	dated time.Time // of that document
}

// seen identifies the document of the last good fetch. Zero: none.
type seen struct {
	digest     [sha256.Size]byte
	validators Validators
}

// New returns a feed that reads the document at location: an http, https or
// file URL, or the path of a file.
func New(id catalog.FeedID, location string, form Form, o Options) (*Feed, error) {
	f := &Feed{id: id, address: location, form: form, client: NewClient(o.Client, "", form.Accept), now: o.Now}
	if f.now == nil {
		f.now = time.Now
	}
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
		f.address = (&url.URL{Scheme: "file", Path: filepath.ToSlash(f.path)}).String()
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
	default:
		return nil, fmt.Errorf("feed %s: location %s: want an http, https or file URL, or a path", id, u.Redacted())
	}
	return f, nil
}

// ID returns the feed's identity.
func (f *Feed) ID() catalog.FeedID { return f.id }

// Fetch reads the document. The batch is Unchanged if the server says so (ETag,
// Last-Modified) or if the bytes are those of the last good fetch. Errors wrap
// a *fault.Error, and the error of ctx if it ended.
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
	at := f.now().UTC()
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
	b.Feed, b.At, b.Local = f.id, at, f.path != ""
	b.Dated = f.dated // of an unchanged document too: the catalog may have refused it as older
	return b, nil
}

func (f *Feed) parse(ctx context.Context, doc document) (b catalog.Batch, err error) {
	if f.form.Verify != nil {
		if err := f.form.Verify(ctx, doc.data); err != nil {
			return catalog.Batch{}, err
		}
	}
	w := newWalk(ctx, f.form.Match)
	switch {
	case f.form.Each == nil:
		b, err = f.form.Parse(ctx, f.id, doc.data)
	case doc.root != nil:
		b, err = f.each(w.folder(doc.root))
	default:
		b, err = f.each(w.document(doc.file, doc.size))
	}
	switch {
	case ctx.Err() != nil:
		err = fault.New(fault.Unreachable, Redacted(f.address), ctx.Err(), "it was not read to its end")
	case err != nil:
		err = fault.New(fault.Malformed, Redacted(f.address), err, "no %s", f.form.Name)
	}
	return b, err
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
	if info, err := os.Stat(f.path); f.form.Each != nil && err == nil && info.IsDir() {
		return f.folder(ctx)
	}
	in, validators, err := f.client.Open(ctx, f.address, f.last.validators, f.form.Limit)
	switch {
	case errors.Is(err, ErrNotModified):
		return document{}, f.last, nil
	case err != nil:
		return document{}, seen{}, err
	}
	defer in.Close()
	now.validators = validators
	hash := sha256.New()
	var into bytes.Buffer
	to := io.Writer(&into)
	if f.form.Each != nil {
		if doc.file, err = os.CreateTemp("", "patchpolicy-feed-*"); err != nil {
			return document{}, seen{}, fault.New(fault.Unreachable, os.TempDir(), reason(err), "the document cannot be kept there")
		}
		to = doc.file
	}
	if doc.size, err = io.CopyBuffer(io.MultiWriter(to, hash), in, make([]byte, 256<<10)); err != nil {
		doc.close()
		if !fault.Any(err) {
			err = fault.New(fault.Unreachable, os.TempDir(), reason(err), "the document cannot be kept there")
		}
		return document{}, seen{}, err
	}
	doc.data = into.Bytes()
	hash.Sum(now.digest[:0])
	return doc, now, nil
}

func (f *Feed) folder(ctx context.Context) (doc document, now seen, err error) {
	if doc.root, err = os.OpenRoot(f.path); err == nil {
		now.digest, err = state(ctx, doc.root)
	}
	if err != nil {
		doc.close()
		return document{}, seen{}, fault.New(fault.Unreachable, f.path, reason(err), "the folder cannot be read")
	}
	return doc, now, nil
}
