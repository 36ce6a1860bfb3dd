package staging

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/inroot"
	"github.com/patchpolicy/patchpolicy/job"
)

// address is where a file is fetched from. It prints without user and query,
// because they may be credentials.
type address struct{ u *url.URL }

func (a address) String() string {
	shown := *a.u
	shown.User, shown.Fragment = nil, ""
	if shown.RawQuery != "" {
		shown.RawQuery = "…"
	}
	return shown.String()
}

func parseAddress(s string) (address, *Failure) {
	u, err := url.Parse(s)
	if err != nil {
		return address{}, &Failure{Code: job.FileDownloadFailed, Text: "the address in the order is not a URL: correct the address of the patch"}
	}
	switch {
	case (u.Scheme == "http" || u.Scheme == "https") && u.Host != "":
	case u.Scheme == "file" && (u.Host == "" || u.Host == "localhost") && u.Path != "":
	default:
		return address{}, &Failure{Code: job.FileDownloadFailed, Text: fmt.Sprintf("the address %s cannot be used: want an http, https or file URL", address{u})}
	}
	return address{u}, nil
}

// openLocal opens the file of a file URL at its beginning. It opens only files
// below the folder for local files (INT-11). Otherwise whoever makes orders
// could have the agent read, with all its rights, any file.
func openLocal(ctx context.Context, folder string, a address) (response, *trouble) {
	path := a.u.Path
	if runtime.GOOS == "windows" && len(path) > 2 && path[0] == '/' && path[2] == ':' {
		path = path[1:]
	}
	path = filepath.FromSlash(path)
	if folder == "" {
		return response{}, &trouble{code: job.PatchURLMissing, err: fmt.Errorf("%s is a file of this computer, and this agent fetches none (INT-11): "+
			"serve it over http or https, or set a folder for local files on the agent", path)}
	}
	rel, err := filepath.Rel(folder, path)
	if err != nil || !filepath.IsLocal(rel) {
		return response{}, &trouble{code: job.PatchURLMissing, err: fmt.Errorf("%s is not in %s, the folder for local files of this agent (INT-11): "+
			"move it there, or serve it over http or https", path, folder)}
	}
	f, size, err := inroot.OpenContext(ctx, folder, rel)
	if err != nil {
		return response{}, &trouble{err: err}
	}
	return response{body: f, total: size}, nil
}

// response is an open connection.
type response struct {
	body      io.ReadCloser
	at        int64 // where the body begins in the file
	total     int64 // size of the whole file; -1: not known
	validator string
}

// errRangeGone reports that the server no longer has the file of which a part
// was fetched.
var errRangeGone = errors.New("the server's file changed since the download began")

// client bounds redirects and refuses those from https to http.
func client(base *http.Client) *http.Client {
	c := *base
	c.Timeout = 0 // the watchdog ends silent connections; a large file may take hours
	c.Jar = nil
	c.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		if len(via) >= MaxRedirects {
			return fmt.Errorf("more than %d redirects: correct the patch's address", MaxRedirects)
		}
		if last := via[len(via)-1]; last.URL.Scheme == "https" && req.URL.Scheme != "https" {
			return errors.New("the server redirects from https to http, which is not followed: correct the patch's address")
		}
		return nil
	}
	return &c
}

// request opens a connection to the bytes of the file from at on, if the server
// still has the file that validator names; otherwise to the whole file.
func (s *Store) request(ctx context.Context, a address, at int64, validator string) (response, *trouble) {
	if a.u.Scheme == "file" {
		return openLocal(ctx, s.cfg.Local, a)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.u.String(), nil)
	if err != nil {
		return response{}, &trouble{err: plain(err)}
	}
	req.Header.Set("Accept-Encoding", "identity") // the bytes that were signed, not a compressed form
	req.Header.Set("User-Agent", "patchpolicy-agent")
	if at > 0 {
		req.Header.Set("Range", "bytes="+strconv.FormatInt(at, 10)+"-")
		req.Header.Set("If-Range", validator)
	}
	res, err := s.http.Do(req)
	if err != nil {
		// A refused redirect is final; a failure of the network may pass.
		return response{}, &trouble{err: plain(err), again: res == nil}
	}
	r, tr := answer(res, at)
	if tr != nil {
		_ = res.Body.Close()
	}
	return r, tr
}

func answer(res *http.Response, at int64) (response, *trouble) {
	r := response{body: res.Body, total: -1, validator: validatorOf(res.Header)}
	switch code := res.StatusCode; {
	case code == http.StatusOK:
		r.total = res.ContentLength
		return r, nil
	case code == http.StatusPartialContent && at > 0:
		first, total, ok := contentRange(res.Header.Get("Content-Range"))
		if !ok || first != at {
			return r, &trouble{err: errRangeGone, again: true}
		}
		r.at, r.total = first, total
		return r, nil
	case code == http.StatusRequestedRangeNotSatisfiable && at > 0:
		return r, &trouble{err: errRangeGone, again: true}
	case code == http.StatusTooManyRequests, code == http.StatusRequestTimeout, code >= 500 && code != http.StatusNotImplemented:
		return r, &trouble{err: fmt.Errorf("the server answered %s", res.Status), again: true, after: retryAfter(res.Header)}
	case code == http.StatusNotFound, code == http.StatusGone:
		return r, &trouble{err: fmt.Errorf("the server answered %s: %w", res.Status, errNotThere)}
	case code == http.StatusUnauthorized, code == http.StatusForbidden, code == http.StatusProxyAuthRequired:
		return r, &trouble{err: fmt.Errorf("the server answered %s: this asset may not fetch it, check credentials and proxy", res.Status)}
	default:
		return r, &trouble{err: fmt.Errorf("the server answered %s", res.Status)}
	}
}

// validatorOf picks what If-Range accepts: a strong ETag, or a Last-Modified.
func validatorOf(h http.Header) string {
	if tag := h.Get("ETag"); strings.HasPrefix(tag, `"`) {
		return tag
	}
	return h.Get("Last-Modified")
}

// contentRange reads "bytes first-last/total"; total is -1 when it is "*".
func contentRange(s string) (first, total int64, ok bool) {
	var last int64
	var size string
	_, err := fmt.Sscanf(s, "bytes %d-%d/%s", &first, &last, &size)
	if err != nil || first < 0 || last < first || s != fmt.Sprintf("bytes %d-%d/%s", first, last, size) {
		return 0, 0, false
	}
	if size == "*" {
		return first, -1, true
	}
	total, err = strconv.ParseInt(size, 10, 64)
	// A part that does not reach the end would leave the file short.
	return first, total, err == nil && total == last+1
}

// retryAfter reads the form in seconds. The form with a date is rare, and the
// pauses are bounded anyway.
func retryAfter(h http.Header) time.Duration {
	n, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || n < 0 || n > 3600 {
		return 0
	}
	return time.Duration(n) * time.Second
}

// plain removes the URL, which may contain credentials, from an error of
// net/http.
func plain(err error) error {
	if ue, ok := errors.AsType[*url.Error](err); ok {
		return ue.Err
	}
	return err
}

// errNotThere is the error for 404 and 410.
var errNotThere = errors.New("the vendor no longer has this file, or the address is wrong")
