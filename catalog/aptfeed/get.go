package aptfeed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/patchpolicy/patchpolicy/internal/inroot"
)

// validators let a server say that nothing changed.
type validators struct {
	ETag         string `json:"etag,omitempty"`
	LastModified string `json:"lastModified,omitempty"`
}

// errNotModified says that the file is still the one that the validators came
// with.
var errNotModified = errors.New("not modified")

// get reads a whole file of at most limit bytes over http, https or file. It
// returns errNotModified or an *Error.
func (r *remote) get(ctx context.Context, address string, have validators, limit int64) ([]byte, validators, error) {
	if path, is := strings.CutPrefix(address, "file://"); is {
		path, err := url.PathUnescape(path)
		if err != nil {
			return nil, validators{}, fail(Unsupported, address, err, "the address cannot be used")
		}
		data, err := r.in.readFile(ctx, path, limit)
		return data, validators{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, validators{}, fail(Unsupported, address, err, "the address cannot be used")
	}
	// Otherwise net/http asks for gzip itself and unpacks files that must stay
	// packed.
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("User-Agent", "patchpolicy-aptfeed")
	if have.ETag != "" {
		req.Header.Set("If-None-Match", have.ETag)
	}
	if have.LastModified != "" {
		req.Header.Set("If-Modified-Since", have.LastModified)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, validators{}, fail(Unreachable, address, reason(err), "it cannot be fetched")
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotModified && have != validators{}:
		return nil, have, errNotModified
	case resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusGone:
		return nil, validators{}, fail(Missing, address, nil, "the server does not have it (%s)", resp.Status)
	case resp.StatusCode != http.StatusOK:
		return nil, validators{}, fail(Unreachable, address, nil, "the server answers %s", resp.Status)
	case resp.ContentLength > limit:
		return nil, validators{}, fail(TooLarge, address, nil, "it has %d bytes, at most %d are allowed", resp.ContentLength, limit)
	}
	data, err := readAll(resp.Body, address, limit)
	if err != nil {
		return nil, validators{}, err
	}
	return data, validators{resp.Header.Get("ETag"), resp.Header.Get("Last-Modified")}, nil
}

// system is the directory below which files are read. Links in it do not lead
// out. Empty: the host.
type system string

// in splits a file name into the directory that its links stay in and the name
// there.
func (s system) in(file string) (root, name string) {
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

// readFile reads a whole file of at most limit bytes. Errors are an *Error.
func (s system) readFile(ctx context.Context, file string, limit int64) ([]byte, error) {
	root, name := s.in(file)
	f, _, err := inroot.OpenContext(ctx, root, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fail(Missing, file, nil, "there is no such file")
	case err != nil:
		return nil, fail(Unreachable, file, reason(err), "it cannot be read")
	}
	defer f.Close()
	return readAll(f, file, limit)
}

func (s system) readDir(dir string) ([]fs.DirEntry, error) { return inroot.ReadDir(s.in(dir)) }

func readAll(in io.Reader, where string, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err != nil {
		return nil, fail(Unreachable, where, err, "it ended early, after %d bytes", len(data))
	}
	if int64(len(data)) > limit {
		return nil, fail(TooLarge, where, nil, "it is longer than %d bytes", limit)
	}
	return data, nil
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

// careful returns a client that follows a bounded number of redirects and none
// from https to http. A client with its own rule keeps it.
func careful(client *http.Client) *http.Client {
	if client.CheckRedirect != nil {
		return client
	}
	c := *client
	c.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		switch {
		case len(via) > maxRedirects:
			return fmt.Errorf("more than %d redirects", maxRedirects)
		case req.URL.Scheme == "http" && via[len(via)-1].URL.Scheme == "https":
			return fmt.Errorf("it redirects from https to %s", req.URL.Redacted())
		}
		return nil
	}
	return &c
}
