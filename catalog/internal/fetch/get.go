package fetch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog/fault"
	"github.com/patchpolicy/patchpolicy/internal/inroot"
)

const (
	maxRedirects = 10               // redirects of one request that are followed
	requestTime  = 10 * time.Minute // of one request of the default client, body included: 30 MB over a slow line
	agent        = "patchpolicy"    // some mirrors refuse programs without a name
)

// Validators let a server say that nothing changed.
type Validators struct {
	ETag         string `json:"etag,omitempty"`
	LastModified string `json:"lastModified,omitempty"`
}

// ErrNotModified says that the file is still the one that the validators came
// with.
var ErrNotModified = errors.New("not modified")

// Client fetches files. Make one with [NewClient].
type Client struct {
	http   *http.Client
	in     System
	accept string
}

// NewClient returns a client over another one; nil: one that gives up a request
// after 10 minutes. It follows no redirect from https to http, and none to
// another host if the request may have credentials: those of the address, or
// those that the other client's transport adds. Files are those of a system.
// Accept are the media types that a server is asked for. If it is empty, files
// come as they are: a packed one stays packed.
func NewClient(over *http.Client, in System, accept string) Client {
	over = cmp.Or(over, &http.Client{Timeout: requestTime})
	careful := *over
	careful.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		first, from, to := via[0].URL, via[len(via)-1].URL, req.URL
		secret := first.User != nil || over.Transport != nil || over.Jar != nil
		upgrade := from.Scheme == "http" && to.Scheme == "https" && from.Port() == "" && to.Port() == ""
		switch {
		case to.Scheme != "http" && to.Scheme != "https":
			return fmt.Errorf("unsupported protocol scheme: it redirects to %s", to.Redacted())
		case from.Scheme == "https" && to.Scheme == "http":
			return fmt.Errorf("it redirects from https to %s: configure an https address that needs no redirect", to.Redacted())
		case secret && !strings.EqualFold(from.Host, to.Host) && !(upgrade && strings.EqualFold(from.Hostname(), to.Hostname())):
			return fmt.Errorf("it redirects to another host, %s, which must not get this feed's credentials: configure that address", to.Redacted())
		case to.User != nil && (first.User == nil || to.User.String() != first.User.String()):
			return fmt.Errorf("it redirects to %s, with another name and password", to.Redacted())
		case len(via) > maxRedirects:
			return fmt.Errorf("more than %d redirects", maxRedirects)
		case over.CheckRedirect != nil:
			return over.CheckRedirect(req, via)
		}
		return nil
	}
	return Client{&careful, in, accept}
}

// Open begins to read the file at an http, https or file URL. Reading more than
// limit bytes fails. Errors, of reading too, are ErrNotModified or a
// *fault.Error.
func (c Client) Open(ctx context.Context, address string, have Validators, limit int64) (io.ReadCloser, Validators, error) {
	where := Redacted(address)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, Validators{}, fault.New(fault.Unsupported, where, reason(err), "the address cannot be used")
	}
	if req.URL.Scheme == "file" {
		in, err := c.in.Open(ctx, req.URL.Path, limit)
		return in, Validators{}, err
	}
	req.Header.Set("User-Agent", agent)
	if c.accept != "" {
		req.Header.Set("Accept", c.accept)
	} else {
		// Otherwise net/http asks for gzip itself and unpacks files that must stay
		// packed.
		req.Header.Set("Accept-Encoding", "identity")
	}
	if have.ETag != "" {
		req.Header.Set("If-None-Match", have.ETag)
	}
	if have.LastModified != "" {
		req.Header.Set("If-Modified-Since", have.LastModified)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, Validators{}, fault.New(fault.Unreachable, where, reason(err), "it cannot be fetched")
	}
	if resp.StatusCode == http.StatusOK && resp.ContentLength <= limit {
		return &bounded{resp.Body, ctx, where, limit, limit}, Validators{resp.Header.Get("ETag"), resp.Header.Get("Last-Modified")}, nil
	}
	_ = resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotModified && have != Validators{}:
		err = ErrNotModified
	case resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusGone:
		err = fault.New(fault.Missing, where, nil, "the server does not have it (%s)", resp.Status)
	case resp.StatusCode != http.StatusOK:
		err = fault.New(fault.Unreachable, where, nil, "the server answers %s", resp.Status)
	default:
		err = fault.New(fault.TooLarge, where, nil, "it has %d bytes, over the limit of %d bytes", resp.ContentLength, limit)
	}
	return nil, have, err
}

// Get is Open for a whole file.
func (c Client) Get(ctx context.Context, address string, have Validators, limit int64) ([]byte, Validators, error) {
	in, v, err := c.Open(ctx, address, have, limit)
	if err != nil {
		return nil, v, err
	}
	data, err := readAll(in)
	return data, v, err
}

// System is the directory below which files are read. Links in it do not lead
// out. Empty: the host.
type System string

func (s System) split(file string) (root, name string) {
	if s != "" && s != "/" {
		if rel, err := filepath.Rel(string(s), file); err == nil && filepath.IsLocal(rel) {
			return string(s), rel
		}
	}
	if abs, err := filepath.Abs(file); err == nil {
		file = abs
	}
	return "/", file
}

// Open opens a regular file. Reading more than limit bytes fails. Errors, of
// reading too, are a *fault.Error.
func (s System) Open(ctx context.Context, file string, limit int64) (io.ReadCloser, error) {
	root, name := s.split(file)
	f, _, err := inroot.OpenContext(ctx, root, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.New(fault.Missing, file, nil, "there is no such file")
	case err != nil:
		return nil, fault.New(fault.Unreachable, file, reason(err), "it cannot be read")
	}
	return &bounded{f, ctx, file, limit, limit}, nil
}

// ReadFile is Open for a whole file.
func (s System) ReadFile(ctx context.Context, file string, limit int64) ([]byte, error) {
	in, err := s.Open(ctx, file, limit)
	if err != nil {
		return nil, err
	}
	return readAll(in)
}

// ReadDir lists a directory, sorted by name.
func (s System) ReadDir(dir string) ([]fs.DirEntry, error) { return inroot.ReadDir(s.split(dir)) }

func readAll(in io.ReadCloser) ([]byte, error) {
	defer in.Close()
	data, err := io.ReadAll(in)
	if err != nil {
		return nil, err
	}
	return data, nil
}

// bounded reads the file at where until left of limit bytes are used up, or
// until ctx ends.
type bounded struct {
	io.ReadCloser
	ctx         context.Context
	where       string
	limit, left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	err := b.ctx.Err()
	n := 0
	if err == nil {
		n, err = b.ReadCloser.Read(p[:min(int64(len(p)), b.left+1)])
	}
	switch b.left -= int64(n); {
	case b.left < 0:
		b.left = 0
		return 0, fault.New(fault.TooLarge, b.where, nil, "it is over the limit of %d bytes", b.limit)
	case err != nil && !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return n, fault.New(fault.Unreachable, b.where, cmp.Or(b.ctx.Err(), err), "it ended early, after %d bytes", b.limit-b.left)
	}
	return n, err
}

// Redacted returns a location without a password.
func Redacted(location string) string {
	if u, err := url.Parse(location); err == nil && u.User != nil {
		return u.Redacted()
	}
	return location
}

// reason removes from an error what the caller says anyway: the operation and
// the address or file.
func reason(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
