package staging_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/runner/internal/staging"
	"github.com/stretchr/testify/require"
)

// vendor serves one file of so many bytes, chunk of them every pause. It knows
// ranges.
type vendor struct {
	size, chunk int
	pause       time.Duration
	announces   int           // instead of size; zero: size, -1: nothing
	headers     time.Duration // until the answer; -1: never comes
	stallAt     int           // sends nothing after so many bytes; zero: never
	cutAfter    int           // cuts each connection after so many bytes; zero: never
	connections int
}

func (v *vendor) RoundTrip(r *http.Request) (*http.Response, error) {
	v.connections++
	if v.headers < 0 {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	time.Sleep(v.headers)
	h := http.Header{"Etag": {`"1"`}}
	b := &vendorBody{ctx: r.Context(), vendor: v}
	total := v.size
	if v.announces != 0 {
		total = v.announces
	}
	res := &http.Response{StatusCode: http.StatusOK, Header: h, Body: b, ContentLength: int64(total), Request: r}
	if from, is := strings.CutPrefix(r.Header.Get("Range"), "bytes="); is {
		b.at, _ = strconv.Atoi(strings.TrimSuffix(from, "-"))
		b.from = b.at
		res.StatusCode = http.StatusPartialContent
		h.Set("Content-Range", "bytes "+strconv.Itoa(b.at)+"-"+strconv.Itoa(total-1)+"/"+strconv.Itoa(total))
	}
	return res, nil
}

type vendorBody struct {
	*vendor
	ctx      context.Context
	at, from int
}

func (b *vendorBody) Read(p []byte) (int, error) {
	wait := time.After(b.pause)
	if b.stallAt > 0 && b.at >= b.stallAt {
		wait = nil
	}
	select {
	case <-b.ctx.Done():
		return 0, b.ctx.Err()
	case <-wait:
	}
	left := b.size - b.at
	if b.size < 0 {
		left = len(p) // without end
	}
	if left == 0 {
		return 0, io.EOF
	}
	if b.cutAfter > 0 && b.at-b.from >= b.cutAfter {
		return 0, errors.New("connection reset")
	}
	n := min(b.chunk, left, len(p))
	b.at += n
	return n, nil
}

func (b *vendorBody) Close() error { return nil }

// fetch downloads, on the clock of a bubble, with the agent's own bounds.
func (v *vendor) fetch(ctx context.Context, t *testing.T, size int64) (*staging.Failure, time.Duration) {
	t.Helper()
	store, err := staging.Open(filepath.Join(t.TempDir(), "stage"), staging.Config{HTTP: &http.Client{Transport: v}, Verifier: seen{}, Stall: time.Minute, Tries: 5})
	require.NoError(t, err)
	defer store.Close()
	began := time.Now()
	_, failure := store.Fetch(ctx, key, job.OrderPatch{Patch: "patch", Files: []job.File{{Name: "a", URL: "https://vendor.example/a", Size: size}}})
	return failure, time.Since(began)
}

const second = time.Second

func TestSlowSourcesAreGivenUp_INT11(t *testing.T) {
	for name, c := range map[string]struct {
		vendor
		told int64 // size in the order
		most time.Duration
		slow bool // the failure says so
		text string
	}{
		"a byte a second":                   {vendor{size: 1 << 20, chunk: 1, pause: second}, 1 << 20, 6 * time.Minute, true, "52 bytes in 1m0s, and the least is 4096 bytes per second"},
		"a byte a minute":                   {vendor{size: 1 << 20, chunk: 1, pause: 59 * second}, 1 << 20, 11 * time.Minute, true, "the least is 4096 bytes per second"},
		"a byte a second, size unknown":     {vendor{size: 1 << 20, chunk: 1, pause: second, announces: -1}, 0, 6 * time.Minute, true, "the least is 4096"},
		"a byte a second, small file":       {vendor{size: 1000, chunk: 1, pause: second}, 1000, 3 * time.Minute, true, "not complete after 2m0s"},
		"a byte a connection":               {vendor{size: 1 << 20, chunk: 1, pause: second, cutAfter: 1}, 1 << 30, 3 * time.Minute, true, "the least is 4096"},
		"just below the rate":               {vendor{size: 10 << 20, chunk: 4095, pause: second}, 10 << 20, 6 * time.Minute, true, "the least is 4096"},
		"no answer":                         {vendor{size: 1000, headers: -1}, 1 << 20, 6 * time.Minute, false, "sent nothing for 1m0s"},
		"nothing after the headers":         {vendor{size: 1000, chunk: 1, stallAt: -1 << 30, pause: time.Hour}, 1 << 20, 6 * time.Minute, false, "sent nothing for 1m0s"},
		"nothing at the end":                {vendor{size: 1 << 20, chunk: 1 << 18, pause: second, stallAt: 1<<20 - 1<<18}, 1 << 20, 7 * time.Minute, false, "sent nothing for 1m0s"},
		"without end":                       {vendor{size: -1, chunk: 8 << 10, pause: second, announces: -1}, 100, 3 * time.Minute, true, "not complete after 2m0s"},
		"without end, fast":                 {vendor{size: -1, chunk: 1 << 20, pause: second, announces: -1}, 100, 2 * time.Minute, false, "longer than 16777616 bytes"},
		"without end, size unknown":         {vendor{size: -1, chunk: 8 << 10, pause: second, announces: -1}, 0, 7 * time.Hour, true, "not complete after 6h0m0s"},
		"announces more than it has":        {vendor{size: 1000, chunk: 1000, pause: second, announces: 2000}, 1000, time.Minute, false, "ended after 1000 of 2000 bytes"},
		"a huge file, slower than it needs": {vendor{size: 8 << 30, chunk: 20 << 10, pause: second}, 8 << 30, 6 * time.Minute, true, "the least is 24855 bytes per second"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				failure, took := c.fetch(t.Context(), t, c.told)
				require.NotNil(t, failure)
				require.Equal(t, job.FileDownloadFailed, failure.Code)
				require.Contains(t, failure.Text, c.text)
				require.LessOrEqual(t, took, c.most)
				require.Equal(t, c.slow, strings.Contains(failure.Text, "INT-11"), failure.Text)
			})
		})
	}
}

// Links of satellites and huge files are slow and no failure; nor is one
// connection that crawls, or a wrong size.
func TestSlowButAboveTheRateIsNoFailure_INT11(t *testing.T) {
	for name, c := range map[string]struct {
		vendor
		told int64
	}{
		"at the rate":                  {vendor{size: 1 << 20, chunk: 4097, pause: second}, 1 << 20},
		"in bursts":                    {vendor{size: 4 << 20, chunk: 256 << 10, pause: 50 * second}, 4 << 20},
		"small, answers late":          {vendor{size: 100, chunk: 100, headers: 50 * second}, 100},
		"empty":                        {vendor{}, 0},
		"size unknown":                 {vendor{size: 1 << 20, chunk: 5000, pause: second, announces: -1}, 0},
		"shorter than ordered":         {vendor{size: 1000, chunk: 1000, pause: second}, 1 << 20},
		"longer than ordered":          {vendor{size: 1 << 20, chunk: 64 << 10, pause: second}, 1000},
		"cut, and fast in between":     {vendor{size: 4 << 20, chunk: 64 << 10, pause: second, cutAfter: 1 << 20}, 4 << 20},
		"half of a file at 64 kB/s":    {vendor{size: 16 << 20, chunk: 64 << 10, pause: second}, 32 << 20},
		"stops in the middle, resumes": {vendor{size: 1 << 20, chunk: 64 << 10, pause: second, cutAfter: 512 << 10, headers: 30 * second}, 1 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				failure, _ := c.fetch(t.Context(), t, c.told)
				require.Nil(t, failure)
			})
		})
	}
}

// The end of the window discards, which cancels: a crawl does not hold it up
// (JOB-10).
func TestCrawlEndsWithItsContext_JOB10(t *testing.T) {
	for name, v := range map[string]*vendor{"a byte a second": {size: 1 << 20, chunk: 1, pause: second}, "no answer": {headers: -1}, "stalled": {size: 9, chunk: 1, stallAt: 1}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*second)
				defer cancel()
				failure, took := v.fetch(ctx, t, 1<<20)
				require.NotNil(t, failure)
				require.Contains(t, failure.Text, "was stopped")
				require.Equal(t, 10*second, took)
			})
		})
	}
}
