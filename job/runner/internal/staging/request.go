package staging

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
)

// address is where a file is fetched from. It prints without credentials: no user, no query.
type address struct{ u *url.URL }

func (a address) String() string {
	shown := *a.u
	shown.User, shown.Fragment = nil, ""
	if shown.RawQuery != "" {
		shown.RawQuery = "…"
	}
	return shown.String()
}

// parseAddress takes http, https and file URLs.
func parseAddress(s string) (address, *Failure) {
	u, err := url.Parse(s)
	if err != nil {
		return address{}, &Failure{job.FileDownloadFailed, "the order's address is not a URL: correct the patch's address"}
	}
	switch {
	case (u.Scheme == "http" || u.Scheme == "https") && u.Host != "":
	case u.Scheme == "file" && (u.Host == "" || u.Host == "localhost") && u.Path != "":
	default:
		return address{}, &Failure{job.FileDownloadFailed, fmt.Sprintf("%s cannot be fetched from: want an http, https or file URL", address{u})}
	}
	return address{u}, nil
}

// path is the local file of a file URL.
func (a address) path() string {
	p := a.u.Path
	if runtime.GOOS == "windows" && len(p) > 2 && p[0] == '/' && p[2] == ':' {
		p = p[1:]
	}
	return filepath.FromSlash(p)
}

// response is an open connection.
type response struct {
	body      io.ReadCloser
	at        int64 // where in the file the body begins
	total     int64 // size of the whole file; -1: not told
	validator string
}

// errRangeGone says that the server no longer has what was begun.
var errRangeGone = errors.New("the server's file changed since the download began")

// client makes redirects bounded and never from https to http.
func client(base *http.Client) *http.Client {
	c := *base
	c.Timeout = 0 // the watchdog bounds silence; a large file may take hours
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

// request opens a connection to the file's bytes from at on, if the server still has the one that validator names; else to the whole file.
func (s *Store) request(ctx context.Context, a address, at int64, validator string) (response, *trouble) {
	if a.u.Scheme == "file" {
		return openLocal(a)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.u.String(), nil)
	if err != nil {
		return response{}, &trouble{err: plain(err)}
	}
	req.Header.Set("Accept-Encoding", "identity") // the bytes that were signed, not a form of them
	req.Header.Set("User-Agent", "patchpolicy-agent")
	if at > 0 {
		req.Header.Set("Range", "bytes="+strconv.FormatInt(at, 10)+"-")
		req.Header.Set("If-Range", validator)
	}
	res, err := s.http.Do(req)
	if err != nil {
		// What a redirect policy refuses is final; what the network does may pass.
		return response{}, &trouble{err: plain(err), again: res == nil}
	}
	r, tr := answer(res, at)
	if tr != nil {
		_ = res.Body.Close()
	}
	return r, tr
}

// answer makes a response of an HTTP answer.
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

// openLocal opens the file of a file URL, from the beginning.
func openLocal(a address) (response, *trouble) {
	f, err := os.OpenFile(a.path(), os.O_RDONLY|noWait, 0)
	if err != nil {
		return response{}, &trouble{err: err}
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is not a regular file")
	}
	if err != nil {
		_ = f.Close()
		return response{}, &trouble{err: err}
	}
	return response{body: f, total: info.Size()}, nil
}

// fetchSignature fetches a detached signature. Signed is false when there is none (INT-9); any doubt is a failure.
func (s *Store) fetchSignature(ctx context.Context, file job.File) (detached []byte, signed bool, failure *Failure) {
	if file.SignatureURL == "" {
		return nil, false, nil
	}
	a, failure := parseAddress(file.SignatureURL)
	if failure != nil {
		return nil, false, failure
	}
	wait := firstPause
	for try := 1; ; try++ {
		detached, signed, tr := s.signatureOnce(ctx, a)
		if tr == nil {
			return detached, signed, nil
		}
		if ctx.Err() != nil || !tr.again || try >= s.cfg.Tries || pause(ctx, min(max(wait, tr.after), maxPause)) != nil {
			return nil, false, &Failure{job.FileDownloadFailed, fmt.Sprintf("the signature of %s could not be fetched from %s: %v", file.Name, a, tr.err)}
		}
		wait *= 2
	}
}

func (s *Store) signatureOnce(ctx context.Context, a address) ([]byte, bool, *trouble) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.cfg.Stall, errStalled)
	defer cancel()
	r, tr := s.request(ctx, a, 0, "")
	if tr != nil {
		if absent(tr) {
			return nil, false, nil
		}
		return nil, false, stalled(ctx, tr, s.cfg.Stall)
	}
	defer r.body.Close()
	b, err := io.ReadAll(io.LimitReader(r.body, MaxSignature+1))
	switch {
	case err != nil:
		return nil, false, stalled(ctx, &trouble{err: plain(err), again: true}, s.cfg.Stall)
	case len(b) > MaxSignature:
		return nil, false, &trouble{err: fmt.Errorf("it is longer than %d bytes, so it is no detached signature: correct its address", MaxSignature)}
	}
	return b, true, nil
}

// validatorOf picks what If-Range takes: a strong ETag, else a Last-Modified.
func validatorOf(h http.Header) string {
	if tag := h.Get("ETag"); strings.HasPrefix(tag, `"`) {
		return tag
	}
	return h.Get("Last-Modified")
}

// contentRange reads "bytes first-last/total"; total is -1 when it is "*".
func contentRange(s string) (first, total int64, ok bool) {
	s, ok = strings.CutPrefix(s, "bytes ")
	if !ok {
		return 0, 0, false
	}
	span, size, ok := strings.Cut(s, "/")
	if !ok {
		return 0, 0, false
	}
	from, to, ok := strings.Cut(span, "-")
	if !ok {
		return 0, 0, false
	}
	first, err := strconv.ParseInt(from, 10, 64)
	if err != nil || first < 0 {
		return 0, 0, false
	}
	last, err := strconv.ParseInt(to, 10, 64)
	if err != nil || last < first {
		return 0, 0, false
	}
	if size == "*" {
		return first, -1, true
	}
	total, err = strconv.ParseInt(size, 10, 64)
	// A part that does not reach the end would leave the file short.
	return first, total, err == nil && total == last+1
}

// retryAfter reads the seconds form; the date form is rare, and the pauses are bounded anyway.
func retryAfter(h http.Header) time.Duration {
	n, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || n < 0 || n > 3600 {
		return 0
	}
	return time.Duration(n) * time.Second
}

// plain takes the URL, which may hold credentials, out of an error of net/http.
func plain(err error) error {
	if ue, ok := errors.AsType[*url.Error](err); ok {
		return ue.Err
	}
	return err
}

// absent reports the answers by which a signature is not there.
func absent(tr *trouble) bool {
	return errors.Is(tr.err, fs.ErrNotExist) || errors.Is(tr.err, errNotThere)
}

// errNotThere is 404 or 410.
var errNotThere = errors.New("the vendor no longer has this file, or the address is wrong")
