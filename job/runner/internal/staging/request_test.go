package staging

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestContentRange(t *testing.T) {
	for s, want := range map[string][2]int64{
		"bytes 0-9/10":   {0, 10},
		"bytes 5-9/10":   {5, 10},
		"bytes 5-9/*":    {5, -1},
		"bytes 5-8/10":   {-1}, // does not reach the end
		"bytes 9-5/10":   {-1},
		"bytes -5-9/10":  {-1},
		"bytes */10":     {-1},
		"items 0-9/10":   {-1},
		"bytes 0-9":      {-1},
		"":               {-1},
		"bytes 0-9/ten":  {-1},
		"bytes a-9/10":   {-1},
		"bytes 0-b/10":   {-1},
		"bytes 0-9/10/1": {-1},
	} {
		first, total, ok := contentRange(s)
		require.Equal(t, want[0] >= 0, ok, s)
		if ok {
			require.Equal(t, want, [2]int64{first, total}, s)
		}
	}
}

func FuzzContentRange(f *testing.F) {
	f.Add("bytes 5-9/10")
	f.Add("bytes 5-9/*")
	f.Fuzz(func(t *testing.T, s string) {
		first, total, ok := contentRange(s)
		if ok && (first < 0 || total != -1 && total <= first) {
			t.Fatalf("%q: first %d, total %d", s, first, total)
		}
		if ok && total > 0 {
			again, size, ok := contentRange(fmt.Sprintf("bytes %d-%d/%d", first, total-1, total))
			if !ok || again != first || size != total {
				t.Fatalf("%q is not read back", s)
			}
		}
	})
}

func FuzzParseAddress(f *testing.F) {
	f.Add("https://user:secret@vendor.example/file?token=secret#part")
	f.Add("file:///tmp/x")
	f.Fuzz(func(t *testing.T, s string) {
		a, failure := parseAddress(s)
		if failure != nil {
			require.NotEmpty(t, failure.Text)
			return
		}
		shown, failure := parseAddress(a.String())
		require.Nil(t, failure, "what is shown is an address too")
		require.Nil(t, shown.u.User)
		require.Contains(t, []string{"", "…", "%E2%80%A6"}, shown.u.RawQuery)
	})
}

func TestValidatorIsWhatIfRangeTakes(t *testing.T) {
	require.Equal(t, `"strong"`, validatorOf(http.Header{"Etag": {`"strong"`}, "Last-Modified": {"Mon, 02 Jan 2006 15:04:05 GMT"}}))
	require.Equal(t, "Mon, 02 Jan 2006 15:04:05 GMT", validatorOf(http.Header{"Etag": {`W/"weak"`}, "Last-Modified": {"Mon, 02 Jan 2006 15:04:05 GMT"}}))
	require.Empty(t, validatorOf(http.Header{"Etag": {`W/"weak"`}}))
}

func TestRetryAfterIsBounded(t *testing.T) {
	require.Equal(t, 7*time.Second, retryAfter(http.Header{"Retry-After": {"7"}}))
	require.Zero(t, retryAfter(http.Header{"Retry-After": {"-7"}}))
	require.Zero(t, retryAfter(http.Header{"Retry-After": {"99999999"}}))
	require.Zero(t, retryAfter(http.Header{"Retry-After": {"Mon, 02 Jan 2006 15:04:05 GMT"}}))
}

func TestSizeLimitAtItsBounds(t *testing.T) {
	for told, want := range map[int64]int64{-1: MaxFile, 0: MaxFile, 1: 4 + 16<<20, MaxFile / 8: MaxFile/2 + 16<<20, MaxFile / 4: MaxFile, MaxFile: MaxFile, 1<<63 - 1: MaxFile} {
		require.Equal(t, want, sizeLimit(told), told)
	}
}
