package catalogtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/fault"
)

// Files are those of a site, by path, like "/repodata/repomd.xml".
type Files map[string][]byte

// Source is a source of a feed, which [TestSources] spoils.
type Source struct {
	// New returns a feed that has fetched nothing yet, of the site at an address
	// like "http://127.0.0.1:8080", over a client. Its clock stands still.
	New func(t *testing.T, address string, client *http.Client) catalog.Feed
	// Files returns the site as it was at a time, with no bad record. A source
	// that states its date states this one.
	Files func(t *testing.T, dated time.Time) Files
	Now   time.Time // what the feed's clock says
	Entry string    // path of the file that every fetch asks for
	Limit int64     // bytes of that file; more are refused

	// Undated says that the source does not state its date, so that an older one
	// is not recognized.
	Undated bool
	// Borders returns further places where a file is cut, like the ends of
	// compressed blocks. Nil: none.
	Borders func(path string, data []byte) []int
	// Bad are sites that must be refused, by what is wrong with them, like a
	// decompression bomb. It may be dated Now.
	Bad map[string]func(t *testing.T) Files
	// Twice is a site of which a record is there twice, with another content. One
	// of both is rejected, and counted.
	Twice func(t *testing.T) Files
}

// deadline of a fetch from a slow site. A fetch must end soon after it.
const (
	deadline = 100 * time.Millisecond
	soon     = 30 * time.Second // a loaded machine is slow, and a slow server takes a minute
)

// TestSources checks that a feed survives what happens to a source: it is
// broken, cut off, older, huge, slow or elsewhere, or contradicts itself. Such
// a fetch fails with a *[fault.Error], perhaps wrapped, that says what is wrong
// and where, within bounds of time and memory. The catalog keeps the last good
// data (CAT-1, CAT-18), and the next good fetch heals the feed.
func TestSources(t *testing.T, s Source) {
	for name, test := range map[string]func(*testing.T, *trial){
		"broken":  testBroken,
		"cut off": testCut,
		"huge":    testHuge,
		"slow":    testSlow,
		"moved":   testMoved,
		"older":   testOlder,
		"twice":   testTwice,
	} {
		t.Run(name, func(t *testing.T) { test(t, newTrial(t, s)) })
	}
}

// trial is a feed that once was good.
type trial struct {
	Source
	feed     catalog.Feed
	address  string
	snapshot *catalog.Snapshot
	good     Files // newer than those that were fetched

	mu     sync.Mutex
	files  Files
	answer http.HandlerFunc // nil: the files
}

func newTrial(t *testing.T, s Source) *trial {
	r := &trial{Source: s}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.address = server.URL
	r.serve(s.Files(t, s.Now.Add(-2*time.Hour)), nil)
	r.feed = s.New(t, r.address, &http.Client{Timeout: time.Minute})
	r.snapshot, _ = catalog.Sync(nil, []catalog.Batch{fetch(t, r.feed)}, s.Now)
	require.True(t, r.health().Healthy, r.health().Err)
	r.good = s.Files(t, s.Now.Add(-time.Hour))
	return r
}

func (r *trial) health() catalog.FeedHealth { return r.snapshot.Feeds()[0] }

func (r *trial) serve(files Files, answer http.HandlerFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.files, r.answer = files, answer
}

func (r *trial) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	files, answer := r.files, r.answer
	r.mu.Unlock()
	data, has := files[req.URL.Path]
	switch {
	case answer != nil && req.URL.Path == r.Entry:
		answer(w, req)
	case has:
		_, _ = w.Write(data)
	default:
		http.NotFound(w, req)
	}
}

// with returns the good files with another one.
func (r *trial) with(path string, data []byte) Files {
	files := maps.Clone(r.good)
	files[path] = data
	return files
}

// refuses checks that the feed refuses what is served, and that the catalog
// keeps what it has.
func (r *trial) refuses(t *testing.T, what string) *fault.Error {
	t.Helper()
	return r.refusesWithin(t, context.WithoutCancel(t.Context()), what)
}

func (r *trial) refusesWithin(t *testing.T, ctx context.Context, what string) *fault.Error {
	t.Helper()
	b, err := r.feed.Fetch(ctx)
	require.Error(t, err, "%s is accepted: %+v", what, b)
	e, is := errors.AsType[*fault.Error](err)
	require.True(t, is, "the error about %s is no *fault.Error: %v", what, err)
	require.NotEmpty(t, e.Cause, "%s: %v", what, err)
	require.NotEmpty(t, e.Text, "%s: %v", what, err)
	require.Contains(t, e.Where, r.address, "the error about %s does not name the address: %v", what, err)
	require.Less(t, len(err.Error()), 2000, "%s", what)
	require.NotContains(t, err.Error(), "\x1b", "%s", what)
	before := r.health()
	r.snapshot, _ = catalog.Sync(r.snapshot, []catalog.Batch{catalog.Failed(r.feed.ID(), r.Now, err)}, r.Now)
	after := r.health()
	require.False(t, after.Healthy)
	require.Equal(t, counts(before), counts(after), "%s changed the catalog", what)
	return e
}

func counts(h catalog.FeedHealth) string {
	return fmt.Sprint(h.Patches, h.Known, h.Advisories, h.LastGood, h.Dated)
}

// heals checks that the next good fetch is whole.
func (r *trial) heals(t *testing.T) {
	t.Helper()
	r.serve(r.good, nil)
	b := fetch(t, r.feed)
	require.False(t, b.Unchanged, "what failed counts as fetched")
	require.Positive(t, records(b))
	r.snapshot, _ = catalog.Sync(r.snapshot, []catalog.Batch{b}, r.Now)
	require.True(t, r.health().Healthy, r.health().Err)
}

func testBroken(t *testing.T, r *trial) {
	const page = "<!DOCTYPE html><html><head><title>\x1b[2JSign in</title></head><body>Please sign in</body></html>\n"
	for path := range r.good {
		for what, data := range map[string]string{"an empty file": "", "a web page": page, "a text": "\x00\xff{[<", "a control sequence": "\x1b[2J"} {
			r.serve(r.with(path, []byte(data)), nil)
			r.refuses(t, what+" at "+path)
		}
	}
	for what, files := range r.Bad {
		r.serve(files(t), nil)
		begun := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 10*deadline)
		r.refusesWithin(t, ctx, what)
		cancel()
		require.Less(t, time.Since(begun), soon, what)
	}
	r.heals(t)
}

// Every eighth of every file, and what Borders adds. Cut off is what the server
// sends as a whole, and what it promises more of.
func testCut(t *testing.T, r *trial) {
	for _, path := range slices.Sorted(maps.Keys(r.good)) {
		data := r.good[path]
		var cuts []int
		for i := range 8 {
			cuts = append(cuts, i*len(data)/8)
		}
		if r.Borders != nil {
			cuts = append(cuts, r.Borders(path, data)...)
		}
		for _, n := range cuts {
			r.serve(r.with(path, data[:n]), nil)
			r.refuses(t, fmt.Sprintf("%s cut off after %d of %d bytes", path, n, len(data)))
		}
	}
	entry := r.good[r.Entry]
	r.serve(r.good, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(entry)))
		_, _ = w.Write(entry[:len(entry)-1])
	})
	require.Equal(t, fault.Unreachable, r.refuses(t, "a connection that ends before the file").Cause)
	r.heals(t)
}

func testHuge(t *testing.T, r *trial) {
	r.serve(r.good, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", fmt.Sprint(r.Limit+1)) })
	require.Equal(t, fault.TooLarge, r.refuses(t, "a length over the limit").Cause)
	if r.Limit > 64<<20 {
		t.Logf("an endless file is not tried: its limit is %d bytes", r.Limit)
		r.heals(t)
		return
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r.serve(r.good, func(w http.ResponseWriter, _ *http.Request) {
		chunk := make([]byte, 1<<20)
		for err := error(nil); err == nil; _, err = w.Write(chunk) {
		}
	})
	require.Equal(t, fault.TooLarge, r.refuses(t, "an endless file").Cause)
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<20+8*r.Limit), "bytes allocated for an endless file")
	r.heals(t)
}

func testSlow(t *testing.T, r *trial) {
	entry := r.good[r.Entry]
	wait := func(req *http.Request, d time.Duration) bool {
		select {
		case <-req.Context().Done():
			return false
		case <-time.After(d):
			return true
		}
	}
	own := r.feed
	for what, answer := range map[string]http.HandlerFunc{
		"a server that never answers": func(_ http.ResponseWriter, req *http.Request) { wait(req, time.Minute) },
		"a server that stops": func(w http.ResponseWriter, req *http.Request) {
			_, _ = w.Write(entry[:len(entry)/2])
			_ = http.NewResponseController(w).Flush()
			wait(req, time.Minute)
		},
		"a server that sends a byte now and then": func(w http.ResponseWriter, req *http.Request) {
			for i := range entry {
				_, _ = w.Write(entry[i : i+1])
				if _ = http.NewResponseController(w).Flush(); !wait(req, deadline/4) {
					return
				}
			}
		},
	} {
		r.serve(r.good, answer)
		begun := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), deadline)
		e := r.refusesWithin(t, ctx, what)
		cancel()
		require.ErrorIs(t, e, context.DeadlineExceeded, what)
		require.Less(t, time.Since(begun), soon, what)
		r.feed = r.New(t, r.address, &http.Client{Timeout: deadline})
		require.Equal(t, fault.Unreachable, r.refuses(t, what+", over a client with a time limit").Cause)
		require.Less(t, time.Since(begun), soon, what)
		r.feed = own
	}
	r.heals(t)
}

func testMoved(t *testing.T, r *trial) {
	for status, cause := range map[int]fault.Cause{204: fault.Unreachable, 403: fault.Unreachable, 404: fault.Missing, 410: fault.Missing, 429: fault.Unreachable,
		500: fault.Unreachable, 503: fault.Unreachable} {
		r.serve(nil, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		require.Equal(t, cause, r.refuses(t, fmt.Sprint("the answer ", status)).Cause)
	}
	r.serve(r.good, func(w http.ResponseWriter, req *http.Request) { http.Redirect(w, req, r.Entry, http.StatusFound) })
	require.Contains(t, r.refuses(t, "a redirect to itself").Error(), "redirects")
	for _, to := range []string{"file:///etc/passwd", "gopher://127.0.0.1/", "http://u:p@127.0.0.1/"} {
		r.serve(r.good, func(w http.ResponseWriter, req *http.Request) { http.Redirect(w, req, to, http.StatusFound) })
		r.refuses(t, "a redirect to "+to)
	}
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>parked</html>") }))
	defer page.Close()
	r.serve(r.good, func(w http.ResponseWriter, req *http.Request) {
		http.Redirect(w, req, page.URL, http.StatusMovedPermanently)
	})
	r.refuses(t, "a redirect to another host with a web page")

	// Where the file really is now, it is found, whatever type it is said to have.
	there := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write(r.good[r.Entry])
	}))
	defer there.Close()
	r.serve(r.good, func(w http.ResponseWriter, req *http.Request) {
		http.Redirect(w, req, there.URL, http.StatusMovedPermanently)
	})
	require.False(t, fetch(t, r.feed).Unchanged)
}

func testOlder(t *testing.T, r *trial) {
	if r.Undated {
		t.Log("the source states no date")
		return
	}
	r.heals(t)
	before := counts(r.health())
	for range 2 { // also when it is unchanged
		r.serve(r.Files(t, r.Now.Add(-3*time.Hour)), nil)
		b := fetch(t, r.feed)
		r.snapshot, _ = catalog.Sync(r.snapshot, []catalog.Batch{b}, r.Now)
		require.Contains(t, r.health().Err, "was accepted before", "an older source is accepted")
		require.Equal(t, before, counts(r.health()))
	}
	r.good = r.Files(t, r.Now)
	r.heals(t)
}

func testTwice(t *testing.T, r *trial) {
	r.serve(r.Twice(t), nil)
	b := fetch(t, r.feed)
	require.NotEmpty(t, b.Rejected, "a record that is there twice is not reported")
	require.Positive(t, records(b), "the other records are lost")
	var changes catalog.Changes
	r.snapshot, changes = catalog.Sync(r.snapshot, []catalog.Batch{b}, r.Now)
	require.True(t, r.health().Healthy, r.health().Err)
	require.Len(t, changes.Rejected, len(b.Rejected), "the catalog rejects more than the feed did")
	require.NotContains(t, fmt.Sprint(changes.Rejected), "\x1b")
	r.good = r.Files(t, r.Now)
	require.Equal(t, len(b.Rejected), r.health().Rejected)
	r.heals(t)
}
