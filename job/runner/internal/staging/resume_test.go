package staging_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/runner/internal/staging"
)

func TestStagedFilesAreUsedAgainAfterARestart_JOB17(t *testing.T) {
	b := newBench(t, serve(content(1000)))
	p := b.patch(job.File{Name: "a", URL: "/a", SignatureURL: "/a.sig"})
	first, failure := b.store.Fetch(t.Context(), key, p)
	require.Nil(t, failure)
	b.open()
	second, failure := b.store.Fetch(t.Context(), key, p)
	require.Nil(t, failure)
	require.Equal(t, first, second)
	require.Equal(t, []string{"/a", "/a.sig"}, b.asked())

	p.LatestOnly = true // the order changed
	_, failure = b.store.Fetch(t.Context(), key, p)
	require.Nil(t, failure)
	require.Len(t, b.asked(), 4)
}

// A signature whose copy a crash or a bad disk took is asked for again: lost is
// not absent, which could pass by the checksum.
func TestLostSignatureIsNotAbsent_INT9(t *testing.T) {
	for name, damage := range map[string]func(file string) error{
		"gone":  os.Remove,
		"empty": func(file string) error { return os.WriteFile(file, nil, 0o600) },
		"of the transfer": func(file string) error {
			return os.WriteFile(file, []byte(`{"url":"x","validator":"\"v1\"","total":1000}`), 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, serve(content(1000)))
			p := b.patch(job.File{Name: "a", URL: "/a", SignatureURL: "/a.sig"})
			first, failure := b.store.Fetch(t.Context(), key, p)
			require.Nil(t, failure)
			metas, err := filepath.Glob(filepath.Join(b.dir, "*", "*", "0.meta"))
			require.NoError(t, err)
			require.Len(t, metas, 1)
			require.NoError(t, damage(metas[0]))
			b.open()
			second, failure := b.store.Fetch(t.Context(), key, p)
			require.Nil(t, failure)
			require.Equal(t, first, second)
			require.Equal(t, []string{"/a", "/a.sig", "/a.sig"}, b.asked(), "the content is not fetched again")
		})
	}
}

// cutting serves data, but cuts the first connections after a part.
func cutting(data []byte, cuts int, header string, value string) http.HandlerFunc {
	var mu sync.Mutex
	return func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		cut := cuts > 0
		cuts--
		mu.Unlock()
		w.Header().Set(header, value)
		if !cut {
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
			return
		}
		from := 0
		if s, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes="); ok {
			from, _ = strconv.Atoi(strings.TrimSuffix(s, "-"))
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(data)-1, len(data)))
			w.Header().Set("Content-Length", strconv.Itoa(len(data)-from))
			w.WriteHeader(http.StatusPartialContent)
		} else {
			w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		}
		w.Write(data[from : from+1000])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
}

func TestCutDownloadGoesOnWhereItStopped_JOB17(t *testing.T) {
	data := content(100_000)
	b := newBench(t, cutting(data, 3, "ETag", `"v1"`))
	found, failure := b.store.Fetch(t.Context(), key, b.patch(job.File{Name: "a", URL: "/a"}))
	require.Nil(t, failure)
	require.Equal(t, []integrity.Digest{sum(data)}, found[0].Digests)
	require.Equal(t, []string{"/a", "/a bytes=1000-", "/a bytes=2000-", "/a bytes=3000-"}, b.asked(), "headway resets the tries")
}

func TestWithoutAValidatorADownloadBeginsAnew(t *testing.T) {
	data := content(100_000)
	b := newBench(t, cutting(data, 1, "ETag", `W/"weak"`))
	found, failure := b.store.Fetch(t.Context(), key, b.patch(job.File{Name: "a", URL: "/a"}))
	require.Nil(t, failure)
	require.Equal(t, []integrity.Digest{sum(data)}, found[0].Digests)
	require.Equal(t, []string{"/a", "/a"}, b.asked())
}

func TestStoppedDownloadResumesInTheNextRun_JOB17(t *testing.T) {
	data := content(50_000)
	var whole sync.Map
	b := newBench(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		if _, ok := whole.Load("yes"); ok {
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
			return
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		w.Write(data[:20_000])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	p := b.patch(job.File{Name: "a", URL: "/a"})
	ctx, cancel := context.WithCancel(t.Context())
	fetched := make(chan *staging.Failure, 1)
	go func() {
		_, failure := b.store.Fetch(ctx, key, p)
		fetched <- failure
	}()
	require.Eventually(t, func() bool { return slices.Equal(b.partials(), []string{"20000"}) }, 2*time.Minute, 5*time.Millisecond)
	cancel()
	failure := <-fetched
	require.NotNil(t, failure)
	require.Equal(t, []string{"20000"}, b.partials())
	whole.Store("yes", true)
	b.open()
	found, failure := b.store.Fetch(t.Context(), key, p)
	require.Nil(t, failure)
	require.Equal(t, []integrity.Digest{sum(data)}, found[0].Digests)
	require.Equal(t, "/a bytes=20000-", b.asked()[len(b.asked())-1])
}

func TestFileChangedBetweenTwoConnectionsIsFetchedWhole(t *testing.T) {
	newer := content(60_000)
	first := true
	b := newBench(t, func(w http.ResponseWriter, r *http.Request) {
		if first {
			first = false
			cutting(bytes.Repeat([]byte("old"), 10_000), 1, "ETag", `"v1"`)(w, r)
			return
		}
		w.Header().Set("ETag", `"v2"`) // ServeContent honours If-Range
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(newer))
	})
	found, failure := b.store.Fetch(t.Context(), key, b.patch(job.File{Name: "a", URL: "/a"}))
	require.Nil(t, failure)
	require.Equal(t, []integrity.Digest{sum(newer)}, found[0].Digests)
}
