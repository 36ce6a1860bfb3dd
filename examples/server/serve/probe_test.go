package serve

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
)

func TestProbes_CAT10(t *testing.T) {
	dir := t.TempDir()
	here := filepath.Join(dir, "here")
	require.NoError(t, os.WriteFile(here, []byte("x"), 0o600))
	asked := map[string]int{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked[r.Method+" "+r.URL.Path]++ // one at a time: each row asks, and waits
		head := r.Method == http.MethodHead
		switch r.URL.Path {
		case "/no-head":
			if head {
				w.WriteHeader(http.StatusMethodNotAllowed)
				return
			}
			if r.Header.Get("Range") != "bytes=0-0" {
				w.WriteHeader(http.StatusTeapot)
				return
			}
			w.WriteHeader(http.StatusPartialContent)
		case "/moved":
			http.Redirect(w, r, "/there", http.StatusFound)
		case "/there":
		default:
			status, _ := strconv.Atoi(r.URL.Path[1:])
			w.WriteHeader(status)
		}
	}))
	defer server.Close()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	p := &prober{client: server.Client(), logger: slog.New(slog.DiscardHandler)}
	for address, want := range map[string]string{
		server.URL + "/there":               "",
		server.URL + "/moved":               "",
		server.URL + "/no-head":             "",
		server.URL + "/404":                 "404",
		server.URL + "/410":                 "410",
		server.URL + "/403":                 "403",
		server.URL + "/500":                 "500",
		server.URL + "/416":                 "",
		server.URL + "/429":                 errNoAnswer.Error(),
		closed.URL + "/x?token=s3cret":      "refused",
		"file://" + filepath.ToSlash(here):  "",
		"file://" + filepath.ToSlash(dir):   "not a file",
		"file://" + here + "-not":           "no such file",
		"http://vendor.example/\x00":        "not a URL",
		"http://[::1]:namedport/editor.bin": "not a URL",
	} {
		err := p.probe(context.Background(), address)
		if want == "" {
			require.NoError(t, err, address)
			continue
		}
		require.ErrorContains(t, err, want, address)
		require.NotContains(t, err.Error(), "s3cret")
	}
	require.Zero(t, asked["GET /there"], "nothing is fetched where HEAD will do")
}

// A round reports to the controller. What one round does not reach, the next one does.
func TestProbeRounds_CAT10(t *testing.T) {
	c := newController(t, memstore.New(memstore.Options{Seed: 1}))
	b := catalog.Batch{Local: true, Feed: "feed", Products: []catalog.Product{{ID: "editor", Name: "editor", Platform: catalog.Linux, Scheme: version.Semver}}}
	root := (&url.URL{Scheme: "file", Path: filepath.ToSlash(t.TempDir())}).String()
	for i := range probeMost + 10 {
		v, err := version.Parse(version.Semver, "2.0."+strconv.Itoa(i))
		require.NoError(t, err)
		b.Patches = append(b.Patches, catalog.Patch{
			ID: catalog.PatchID("editor-" + strconv.Itoa(i)), Product: "editor", Version: v, Published: time.Now(), EOLMarked: true,
			Artifacts: []catalog.Artifact{{Name: "editor.bin", Availability: catalog.Pinned, URL: root + "/" + strconv.Itoa(i), Signer: "Vendor"}},
		})
	}
	ctx := context.Background()
	changes, err := c.Sync(ctx, []catalog.Batch{b}, time.Now())
	require.NoError(t, err)
	require.Empty(t, changes.Rejected)
	p := &prober{controller: c, client: http.DefaultClient, logger: slog.New(slog.DiscardHandler)}
	count := func() int {
		list, err := c.Unreachable(ctx)
		require.NoError(t, err)
		return len(list)
	}
	p.run(ctx, time.Hour)
	require.Equal(t, probeMost, count())
	p.run(ctx, time.Hour)
	require.Equal(t, probeMost, count(), "fresh enough")
	p.run(ctx, 0)
	require.Equal(t, probeMost+10, count())
}
