package eolfeed

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/catalogtest"
	"github.com/patchpolicy/patchpolicy/catalog/version"
)

// site serves documents by path, each with an ETag.
type site struct {
	*httptest.Server

	mu        sync.Mutex
	documents map[string]string
	sent      int
}

func newSite(t *testing.T, documents map[string]string) *site {
	s := &site{documents: documents}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *site) set(path, document string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.documents[path] = document
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, has := s.documents[r.URL.Path]
	if !has {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	tag := fmt.Sprintf("%q", fmt.Sprintf("%x", text))
	w.Header().Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	s.sent++
	_, _ = io.WriteString(w, text)
}

func made(at string) string { return strings.Replace(product, "2026-08-22T11:12:34+02:00", at, 1) }

func newFeed(t *testing.T, s *site, documents ...Document) *Feed {
	t.Helper()
	for i := range documents {
		documents[i].Location = s.URL + documents[i].Location
	}
	f, err := New("eol", documents, Options{})
	require.NoError(t, err)
	return f
}

func ids(list ...catalog.ProductID) []catalog.ProductID { return list }

func TestConformance(t *testing.T) {
	path := filepath.Join(t.TempDir(), "acme.json")
	require.NoError(t, os.WriteFile(path, []byte(releases), 0o600))
	s := newSite(t, map[string]string{"/a": product, "/b": cycles})
	for name, documents := range map[string][]Document{
		"file": {{path, ids("acme")}},
		"site": {{s.URL + "/a", ids("acme", "acme/*")}, {s.URL + "/b", ids("other")}},
	} {
		t.Run(name, func(t *testing.T) {
			catalogtest.TestFeed(t, func(t *testing.T) catalog.Feed {
				f, err := New("eol", documents, Options{})
				require.NoError(t, err)
				return f
			})
		})
	}
}

func TestEachDocumentSpeaksOfItsProducts(t *testing.T) {
	s := newSite(t, map[string]string{"/a": product, "/b": `[{"cycle":"7","eol":true},{"cycle":"8"}]`})
	f := newFeed(t, s, Document{"/a", ids("acme", "acme/*")}, Document{"/b", ids("other")})
	b, err := f.Fetch(t.Context())
	require.NoError(t, err)
	require.Len(t, b.Lines, 3)
	require.Len(t, b.Lines[0].Lines, 3)
	require.Equal(t, b.Lines[0].Lines, b.Lines[1].Lines)
	require.Equal(t, catalog.LineSet{Product: "other", Lines: []catalog.Line{{Prefix: "7", Over: true}}}, b.Lines[2])
	require.Len(t, b.Rejected, 1)
	require.Equal(t, `release number 2 "8" of `+s.URL+"/b", b.Rejected[0].Record)
	b.Lines[0].Lines[0].Prefix = "scribbled"
	require.NotEqual(t, b.Lines[0].Lines[0], b.Lines[1].Lines[0], "the sets are the caller's, each")
	s.set("/b", `[{"cycle":"7","eol":true}]`)
	b, err = f.Fetch(t.Context())
	require.NoError(t, err)
	require.False(t, b.Unchanged)
	require.NotEqual(t, "scribbled", b.Lines[0].Lines[0].Prefix)
	require.Len(t, b.Lines, 3)
	require.Empty(t, b.Rejected)
}

func TestUnchangedIfAllAre(t *testing.T) {
	s := newSite(t, map[string]string{"/a": product, "/b": cycles})
	f := newFeed(t, s, Document{"/a", ids("a")}, Document{"/b", ids("b")})
	for i := range 3 {
		b, err := f.Fetch(t.Context())
		require.NoError(t, err)
		require.Equal(t, i > 0, b.Unchanged)
		require.False(t, b.Dated.IsZero(), "the date of an unchanged batch counts too (CAT-2)")
	}
	require.Equal(t, 2, s.sent, "each document is sent once")
}

// A document that fails makes the fetch fail. What another one brought in that
// fetch is not lost, although it is unchanged from then on.
func TestAFailedDocumentFailsTheFetch_CAT1(t *testing.T) {
	s := newSite(t, map[string]string{"/a": product, "/b": cycles})
	f := newFeed(t, s, Document{"/a", ids("a")}, Document{"/b", ids("b")})
	_, err := f.Fetch(t.Context())
	require.NoError(t, err)
	s.set("/a", made("2026-08-23T00:00:00Z"))
	s.set("/b", cycles[:50])
	for range 2 {
		_, err = f.Fetch(t.Context())
		require.ErrorContains(t, err, s.URL+"/b: no end-of-life document: ")
		require.ErrorContains(t, err, "ends too early")
	}
	s.set("/b", cycles)
	b, err := f.Fetch(t.Context())
	require.NoError(t, err)
	require.False(t, b.Unchanged)
	require.Len(t, b.Lines, 2)
	require.Equal(t, midnight(2026, 8, 23), b.Dated)
}

// The feed is as old as its oldest document, and one that goes back is refused.
func TestOlderDocumentIsRefused_CAT2(t *testing.T) {
	now := midnight(2026, 9, 1)
	s := newSite(t, map[string]string{"/a": made("2026-08-22T00:00:00Z"), "/b": made("2026-08-23T00:00:00Z"), "/c": cycles})
	f := newFeed(t, s, Document{"/a", ids("a")}, Document{"/b", ids("b")}, Document{"/c", ids("c")})
	b, err := f.Fetch(t.Context())
	require.NoError(t, err)
	require.Equal(t, midnight(2026, 8, 22), b.Dated)
	snapshot, changes := catalog.Sync(nil, []catalog.Batch{b}, now)
	require.Empty(t, changes.Failed)
	s.set("/b", made("2026-08-21T00:00:00Z"))
	b, err = f.Fetch(t.Context())
	require.NoError(t, err)
	_, changes = catalog.Sync(snapshot, []catalog.Batch{b}, now)
	require.Equal(t, []catalog.FeedID{"eol"}, changes.Failed)
}

// The lines reach the products that are granted, and decide about their
// patches. Nothing else is touched.
func TestLinesReachTheCatalog_CAT11_CAT17(t *testing.T) {
	s := newSite(t, map[string]string{"/a": product})
	b, err := newFeed(t, s, Document{"/a", ids("deb/acme", "deb/acme-*", "deb/other")}).Fetch(t.Context())
	require.NoError(t, err)
	b.Grant = catalog.Grant{Lines: []string{"deb/acme", "deb/acme-*"}}
	distribution := catalog.Batch{Feed: "deb"}
	for _, id := range ids("deb/acme", "deb/acme-doc", "deb/other") {
		distribution.Products = append(distribution.Products, catalog.Product{ID: id, Name: string(id), Platform: catalog.Linux, Scheme: version.Debian})
	}
	now := midnight(2026, 9, 1)
	snapshot, changes := catalog.Sync(nil, []catalog.Batch{distribution, b}, now)
	for id, reached := range map[catalog.ProductID]bool{"deb/acme": true, "deb/acme-doc": true, "deb/other": false} {
		p, found := snapshot.Product(id)
		require.True(t, found)
		for text, ended := range map[string]bool{"11.9-1": true, "1:12.4": true, "13~rc1": false} {
			v, err := version.Parse(version.Debian, text)
			require.NoError(t, err)
			l, on := p.LineOf(v)
			require.Equal(t, reached, on, "%s %s", id, text)
			require.Equal(t, reached && ended, l.Ended(now), "%s %s", id, text)
		}
	}
	require.Len(t, changes.Rejected, 1)
	require.Equal(t, "deb", changes.Rejected[0].Owner)
	require.Contains(t, changes.Rejected[0].Record, "deb/other")
}

func TestHugeDocument_CAT16(t *testing.T) {
	s := newSite(t, map[string]string{"/a": cycles + strings.Repeat(" ", MaxDocument)})
	_, err := newFeed(t, s, Document{"/a", ids("a")}).Fetch(t.Context())
	require.ErrorContains(t, err, fmt.Sprintf("over the limit of %d bytes", MaxDocument))
}

func TestSlowDocument_CAT1(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, cycles[:20])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	defer server.Close()
	f, err := New("eol", []Document{{server.URL, ids("a")}}, Options{})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = f.Fetch(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestBadConfigurations(t *testing.T) {
	one := []Document{{"eol.json", ids("a")}}
	for name, c := range map[string]struct {
		id        catalog.FeedID
		documents []Document
		says      string
	}{
		"no document":       {"eol", nil, "want 1 to 1024"},
		"too many":          {"eol", make([]Document, MaxDocuments+1), "1025 documents, want 1 to 1024"},
		"no id":             {"", one, "want 1 to 256 bytes"},
		"no products":       {"eol", []Document{{"eol.json", nil}}, "eol.json speaks of 0 products"},
		"too many products": {"eol", []Document{{"eol.json", make([]catalog.ProductID, MaxProducts+1)}}, "speaks of 1025 products"},
		"an empty product":  {"eol", []Document{{"eol.json", ids("")}}, "want an id"},
		"a long product":    {"eol", []Document{{"eol.json", ids(catalog.ProductID(strings.Repeat("x", 257)))}}, "want an id"},
		"a star inside":     {"eol", []Document{{"eol.json", ids("a*b*")}}, "prefix that ends in *"},
		"one product twice": {"eol", []Document{{"a.json", ids("x")}, {"b.json", ids("y", "x")}}, "product x is given twice"},
		"no location":       {"eol", []Document{{"", ids("a")}}, "no location"},
		"another scheme":    {"eol", []Document{{"ftp://acme.example/x", ids("a")}}, "want an http, https or file URL"},
		"a password":        {"eol", []Document{{"http://me:s3cret@acme.example/x", nil}}, "me:xxxxx@"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(c.id, c.documents, Options{})
			require.ErrorContains(t, err, c.says)
			require.NotContains(t, err.Error(), "s3cret")
		})
	}
}
