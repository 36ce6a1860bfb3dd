package jsonfeed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/catalogtest"
)

// source is a server of one document.
type source struct {
	body         atomic.Pointer[string]
	etag         atomic.Pointer[string]
	lastModified string
	status       int
	requests     atomic.Int32
	full         atomic.Int32 // answered with the document
}

func (s *source) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.requests.Add(1)
	if s.status != 0 {
		w.WriteHeader(s.status)
		return
	}
	if tag := s.etag.Load(); tag != nil {
		w.Header().Set("ETag", *tag)
		if r.Header.Get("If-None-Match") == *tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	if s.lastModified != "" {
		w.Header().Set("Last-Modified", s.lastModified)
		if r.Header.Get("If-Modified-Since") == s.lastModified {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	s.full.Add(1)
	_, _ = io.WriteString(w, *s.body.Load())
}

func serve(t *testing.T, body, etag string) (*source, string) {
	s := &source{}
	s.body.Store(&body)
	if etag != "" {
		s.etag.Store(&etag)
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, server.URL
}

func feed(t *testing.T, location string, o Options) *Feed {
	t.Helper()
	f, err := New("acme", location, o)
	require.NoError(t, err)
	return f
}

func TestConformance(t *testing.T) {
	path := filepath.Join(t.TempDir(), "feed.json")
	require.NoError(t, os.WriteFile(path, []byte(worked(t)), 0o600))
	_, tagged := serve(t, worked(t), `"v1"`)
	_, plain := serve(t, worked(t), "")
	for name, location := range map[string]string{"path": path, "file URL": "file://" + path, "http with ETag": tagged, "http without": plain} {
		t.Run(name, func(t *testing.T) {
			catalogtest.TestFeed(t, func(t *testing.T) catalog.Feed { return feed(t, location, Options{}) })
		})
	}
}

func TestConditionalRequests(t *testing.T) {
	for name, prepare := range map[string]func(s *source){
		"ETag":          func(s *source) { tag := `"v1"`; s.etag.Store(&tag) },
		"Last-Modified": func(s *source) { s.lastModified = "Mon, 02 Mar 2026 10:00:00 GMT" },
	} {
		t.Run(name, func(t *testing.T) {
			s, url := serve(t, worked(t), "")
			prepare(s)
			f := feed(t, url, Options{})
			first, err := f.Fetch(t.Context())
			require.NoError(t, err)
			require.Len(t, first.Patches, 1)
			for range 3 {
				b, err := f.Fetch(t.Context())
				require.NoError(t, err)
				require.True(t, b.Unchanged)
			}
			require.EqualValues(t, 4, s.requests.Load())
			require.EqualValues(t, 1, s.full.Load(), "the document is sent once")
		})
	}
}

// A document that fails to parse does not count as seen: the next fetch asks for the whole again.
func TestBadDocumentIsNotRemembered_CAT1(t *testing.T) {
	s, url := serve(t, worked(t), `"v1"`)
	f := feed(t, url, Options{})
	_, err := f.Fetch(t.Context())
	require.NoError(t, err)
	broken, tag := "{", `"v2"`
	s.body.Store(&broken)
	s.etag.Store(&tag)
	for range 2 {
		_, err = f.Fetch(t.Context())
		require.ErrorContains(t, err, "no patch document")
	}
	more := everything
	s.body.Store(&more)
	b, err := f.Fetch(t.Context())
	require.NoError(t, err)
	require.False(t, b.Unchanged)
	require.Len(t, b.Patches, 2)
}

// The digest shows that nothing changed where the server cannot.
func TestSameBytesAreUnchanged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "feed.json")
	require.NoError(t, os.WriteFile(path, []byte(worked(t)), 0o600))
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	f := feed(t, path, Options{Now: func() time.Time { return now }})
	b, err := f.Fetch(t.Context())
	require.NoError(t, err)
	require.Equal(t, now, b.At)
	require.NoError(t, os.Chtimes(path, now, now))
	b, err = f.Fetch(t.Context())
	require.NoError(t, err)
	require.True(t, b.Unchanged)
	require.NoError(t, os.WriteFile(path, []byte(everything), 0o600))
	b, err = f.Fetch(t.Context())
	require.NoError(t, err)
	require.Len(t, b.Patches, 2)
	require.NoError(t, os.Remove(path))
	_, err = f.Fetch(t.Context())
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "feed acme")
}

func TestRejectedRecordsCarryTheFeed_CAT16(t *testing.T) {
	_, url := serve(t, `{"format":1,"patches":[{"id":"x"}]}`, "")
	b, err := feed(t, url, Options{}).Fetch(t.Context())
	require.NoError(t, err)
	require.Len(t, b.Rejected, 1)
	require.Equal(t, catalog.FeedID("acme"), b.Rejected[0].Feed)
}

// A document of more than MaxDocument bytes is refused before it is parsed.
func TestSizeLimit(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: reading as much as is allowed takes a while; run without -short")
	}
	path := filepath.Join(t.TempDir(), "feed.json")
	require.NoError(t, os.WriteFile(path, []byte(worked(t)), 0o600))
	require.NoError(t, os.Truncate(path, MaxDocument+1))
	_, err := feed(t, path, Options{}).Fetch(t.Context())
	require.ErrorContains(t, err, fmt.Sprintf("over the limit of %d bytes", MaxDocument))
	require.NoError(t, os.Truncate(path, MaxDocument))
	_, err = feed(t, path, Options{}).Fetch(t.Context())
	require.ErrorContains(t, err, "no patch document", "it is read, and what follows the object is not JSON")
}

func TestStatus(t *testing.T) {
	for _, status := range []int{http.StatusNotFound, http.StatusInternalServerError, http.StatusNoContent, http.StatusNotModified} {
		s, url := serve(t, "", "")
		s.status = status
		_, err := feed(t, strings.Replace(url, "http://", "http://user:secret@", 1), Options{}).Fetch(t.Context())
		require.ErrorContains(t, err, fmt.Sprint(status, " ", http.StatusText(status)))
		require.NotContains(t, err.Error(), "secret")
	}
}

func TestTimeout(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		<-release
	}))
	defer server.Close()
	defer close(release)
	_, err := feed(t, server.URL, Options{Client: &http.Client{Timeout: 20 * time.Millisecond}}).Fetch(t.Context())
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

// A redirect to another kind of URL is not followed.
func TestClient(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "feed.json"), []byte(worked(t)), 0o600))
	f := feed(t, "https://acme.example/feed.json", Options{Client: &http.Client{Transport: http.NewFileTransport(http.Dir(dir))}})
	b, err := f.Fetch(t.Context())
	require.NoError(t, err)
	require.Len(t, b.Patches, 1)
}

// What a redirect may lead to, from a feed with and without credentials.
func TestRedirects_CAT17(t *testing.T) {
	doc := worked(t)
	var got http.Header
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if to := r.URL.Query().Get("to"); to != "" {
			http.Redirect(w, r, to, http.StatusFound)
			return
		}
		got = r.Header
		_, _ = io.WriteString(w, doc)
	})
	plain, other, secure, secure2 := httptest.NewServer(handler), httptest.NewServer(handler), httptest.NewTLSServer(handler), httptest.NewTLSServer(handler)
	for _, s := range []*httptest.Server{plain, other, secure, secure2} {
		defer s.Close()
	}
	saved := http.DefaultTransport
	defer func() { http.DefaultTransport = saved }()
	http.DefaultTransport = secure.Client().Transport // knows the certificate, and is nobody's own
	named := func(address string) string { return strings.Replace(address, "://", "://user:secret@", 1) }
	for _, c := range []struct{ name, from, to, problem string }{
		{"the same host", plain.URL, plain.URL, ""},
		{"the same host, relative", named(plain.URL), "/other", ""},
		{"another host without credentials", plain.URL, other.URL, ""},
		{"another host with credentials", named(plain.URL), other.URL, "another host"},
		{"up to https", plain.URL, secure.URL, ""},
		{"up to https on another port with credentials", named(plain.URL), secure.URL, "another host"},
		{"down to http", secure.URL, plain.URL, "from https to http"},
		{"down to http over a second https host", secure.URL, secure2.URL + "/?to=" + plain.URL, "from https to http"},
		{"up and down", plain.URL, secure.URL + "/?to=" + plain.URL, "from https to http"},
		{"to credentials of the redirect's own", plain.URL, named(other.URL), "with another name and password"},
		{"to a file", plain.URL, "file:///etc/passwd", "unsupported protocol scheme"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got = nil
			_, err := feed(t, c.from+"/?to="+url.QueryEscape(c.to), Options{}).Fetch(t.Context())
			if c.problem == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.problem)
			require.NotContains(t, err.Error(), ":secret@")
			require.Nil(t, got, "the other host was asked")
		})
	}
	t.Run("endless", func(t *testing.T) {
		loop := httptest.NewServer(http.RedirectHandler("/", http.StatusFound))
		defer loop.Close()
		_, err := feed(t, loop.URL, Options{}).Fetch(t.Context())
		require.ErrorContains(t, err, "more than 10 redirects")
	})
	t.Run("a transport's credentials stay on their host", func(t *testing.T) {
		_, err := feed(t, plain.URL+"/?to="+url.QueryEscape(other.URL), Options{Client: &http.Client{Transport: saved}}).Fetch(t.Context())
		require.ErrorContains(t, err, "another host")
	})
	t.Run("a client's own rule holds too", func(t *testing.T) {
		mine := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("never") }}
		_, err := feed(t, plain.URL+"/?to=/other", Options{Client: mine}).Fetch(t.Context())
		require.ErrorContains(t, err, "never")
	})
}

func TestRedirectStaysOnHTTP(t *testing.T) {
	path := filepath.Join(t.TempDir(), "feed.json")
	require.NoError(t, os.WriteFile(path, []byte(worked(t)), 0o600))
	server := httptest.NewServer(http.RedirectHandler("file://"+path, http.StatusFound))
	defer server.Close()
	_, err := feed(t, server.URL, Options{}).Fetch(t.Context())
	require.ErrorContains(t, err, "unsupported protocol scheme")
}

// A document from elsewhere is not local, one from this computer is (INT-11); a
// pipe in its place is not waited for.
func TestOnlyDocumentsOfThisComputerAreLocal_INT11(t *testing.T) {
	path := filepath.Join(t.TempDir(), "feed.json")
	require.NoError(t, os.WriteFile(path, []byte(worked(t)), 0o600))
	_, server := serve(t, worked(t), "")
	for location, local := range map[string]bool{path: true, "file://" + path: true, server: false} {
		b, err := feed(t, location, Options{}).Fetch(t.Context())
		require.NoError(t, err)
		require.Equal(t, local, b.Local, location)
	}
	_, err := feed(t, filepath.Dir(path), Options{}).Fetch(t.Context())
	require.ErrorContains(t, err, "not a regular file")
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []struct {
		id       catalog.FeedID
		location string
		want     string
	}{
		{"", "/x", "want 1 to 256 bytes"},
		{catalog.FeedID(strings.Repeat("i", catalog.MaxID+1)), "/x", "want 1 to 256 bytes"},
		{"f", "", "no location"},
		{"f", "ftp://acme.example/x", "want an http, https or file URL"},
		{"f", "http:///x", "names no host"},
		{"f", "file://host/x", "file:/// followed by a path"},
		{"f", "http://[bad", "location"},
	} {
		_, err := New(c.id, c.location, Options{})
		require.ErrorContains(t, err, c.want)
	}
}
