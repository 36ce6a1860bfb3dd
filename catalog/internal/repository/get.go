package repository

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

// Validators let a server say that nothing changed.
type Validators struct {
	ETag         string `json:"etag,omitempty"`
	LastModified string `json:"lastModified,omitempty"`
}

// ErrNotModified says that the file is still the one that the validators came
// with.
var ErrNotModified = errors.New("not modified")

// Client fetches files.
type Client struct {
	HTTP  *http.Client
	In    System // where file addresses are
	Agent string // the User-Agent
}

// Get reads a whole file of at most limit bytes over http, https or file. It
// returns ErrNotModified or an *Error.
func (c Client) Get(ctx context.Context, address string, have Validators, limit int64) ([]byte, Validators, error) {
	if path, is := strings.CutPrefix(address, "file://"); is {
		path, err := url.PathUnescape(path)
		if err != nil {
			return nil, Validators{}, Fail(Unsupported, address, err, "the address cannot be used")
		}
		data, err := c.In.ReadFile(ctx, path, limit)
		return data, Validators{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, Validators{}, Fail(Unsupported, address, err, "the address cannot be used")
	}
	// Otherwise net/http asks for gzip itself and unpacks files that must stay
	// packed.
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("User-Agent", c.Agent)
	if have.ETag != "" {
		req.Header.Set("If-None-Match", have.ETag)
	}
	if have.LastModified != "" {
		req.Header.Set("If-Modified-Since", have.LastModified)
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return nil, Validators{}, Fail(Unreachable, address, reason(err), "it cannot be fetched")
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotModified && have != Validators{}:
		return nil, have, ErrNotModified
	case resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusGone:
		return nil, Validators{}, Fail(Missing, address, nil, "the server does not have it (%s)", resp.Status)
	case resp.StatusCode != http.StatusOK:
		return nil, Validators{}, Fail(Unreachable, address, nil, "the server answers %s", resp.Status)
	case resp.ContentLength > limit:
		return nil, Validators{}, Fail(TooLarge, address, nil, "it has %d bytes, at most %d are allowed", resp.ContentLength, limit)
	}
	data, err := readAll(resp.Body, address, limit)
	if err != nil {
		return nil, Validators{}, err
	}
	return data, Validators{resp.Header.Get("ETag"), resp.Header.Get("Last-Modified")}, nil
}

// System is the directory below which files are read. Links in it do not lead
// out. Empty: the host.
type System string

// In splits a file name into the directory that its links stay in and the name
// there.
func (s System) In(file string) (root, name string) {
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

// ReadFile reads a whole file of at most limit bytes. Errors are an *Error.
func (s System) ReadFile(ctx context.Context, file string, limit int64) ([]byte, error) {
	root, name := s.In(file)
	f, _, err := inroot.OpenContext(ctx, root, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, Fail(Missing, file, nil, "there is no such file")
	case err != nil:
		return nil, Fail(Unreachable, file, reason(err), "it cannot be read")
	}
	defer f.Close()
	return readAll(f, file, limit)
}

// ReadDir lists a directory, sorted by name.
func (s System) ReadDir(dir string) ([]fs.DirEntry, error) { return inroot.ReadDir(s.In(dir)) }

func readAll(in io.Reader, where string, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err != nil {
		return nil, Fail(Unreachable, where, err, "it ended early, after %d bytes", len(data))
	}
	if int64(len(data)) > limit {
		return nil, Fail(TooLarge, where, nil, "it is longer than %d bytes", limit)
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

// Careful returns a client that follows a bounded number of redirects and none
// from https to http. A client with its own rule keeps it.
func Careful(client *http.Client) *http.Client {
	if client.CheckRedirect != nil {
		return client
	}
	c := *client
	c.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		switch {
		case len(via) > MaxRedirects:
			return fmt.Errorf("more than %d redirects", MaxRedirects)
		case req.URL.Scheme == "http" && via[len(via)-1].URL.Scheme == "https":
			return fmt.Errorf("it redirects from https to %s", req.URL.Redacted())
		}
		return nil
	}
	return &c
}
