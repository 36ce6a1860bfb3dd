package aptfeed

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog/fault"
	"github.com/patchpolicy/patchpolicy/catalog/internal/fetch"
	"github.com/patchpolicy/patchpolicy/catalog/internal/repository"
)

func TestRedirectIsFollowed(t *testing.T) {
	r := newRepo(t, "bookworm", newKey(t, "archive", 0)).main(deb("hare", "1", "amd64")).publish().serve()
	r.answer = func(w http.ResponseWriter, req *http.Request) bool {
		if strings.HasPrefix(req.URL.Path, "/mirror/") {
			return false
		}
		http.Redirect(w, req, "/mirror"+req.URL.Path, http.StatusFound)
		return true
	}
	mirror := map[string][]byte{}
	for name, data := range r.files {
		mirror["mirror/"+name] = data
	}
	r.files = mirror
	require.Len(t, fetched(t, open(t, config(root(t, r)))[0]).Patches, 1)
}

func TestMaxIndex(t *testing.T) {
	r := newRepo(t, "bookworm", newKey(t, "archive", 0)).main(deb("hare", "1", "amd64"))
	open(t, config(root(t, r.publish().serve())))
	from := &remote{source: source{uri: r.uri, suite: "bookworm"}, client: fetch.NewClient(nil, "", ""), cache: cache{}}
	for size, cause := range map[int64]fault.Cause{maxIndex: fault.Missing, maxIndex + 1: fault.TooLarge} { // at the limit it is asked for
		_, err := from.open(t.Context(), "elsewhere/Packages", release{files: map[string]repository.FileSum{"elsewhere/Packages": {Size: size}}})
		var e *fault.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, cause, e.Cause, "%v", err)
	}
}

// A client of the caller's own fetches, and its rule about redirects counts.
func TestClient(t *testing.T) {
	r := newRepo(t, "bookworm", newKey(t, "archive", 0)).main(deb("hare", "1", "amd64"))
	c := config(root(t, r.publish().serve()))
	c.Client = &http.Client{Transport: http.NewFileTransport(http.Dir(t.TempDir()))}
	failed(t, open(t, c)[0], fault.Missing)
	require.Empty(t, r.asked())
}

func TestByHash(t *testing.T) {
	for _, tt := range []struct {
		name, offered, option string
		spoil                 bool // the address under the digest is not there
		want                  []string
	}{
		{"offered", "yes", "", false, []string{"by-hash"}},
		{"not offered", "no", "", false, []string{"Packages.xz"}},
		{"offered, and not there", "yes", "", true, []string{"by-hash", "Packages.xz"}},
		{"offered, and not wanted", "yes", "by-hash=no", false, []string{"Packages.xz"}},
		{"forced", "no", "by-hash=force", true, []string{"by-hash", "Packages.xz"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRepo(t, "bookworm", newKey(t, "archive", 0)).main(deb("hare", "1", "amd64"))
			r.fields["Acquire-By-Hash"] = tt.offered
			dir := root(t, r.publish().serve())
			if tt.spoil {
				for name := range r.files {
					if strings.Contains(name, "by-hash") {
						delete(r.files, name)
					}
				}
			}
			writeFile(t, filepath.Join(dir, "etc/apt/sources.list"), fmt.Sprintf("deb [signed-by=/keys/%s.asc %s] %s bookworm main\n", fingerprint(r), tt.option, r.uri))
			fetched(t, open(t, config(dir))[0])
			asked := r.asked()[1:]
			require.Len(t, asked, len(tt.want))
			for i, want := range tt.want {
				require.Contains(t, asked[i], want)
			}
		})
	}
}

// Without xz the next form is taken.
func TestFormsOfLists(t *testing.T) {
	for _, forms := range [][]string{{".xz", ".gz", ""}, {".gz", ""}, {""}, {".gz"}, {".xz"}} {
		r := newRepo(t, "bookworm", newKey(t, "archive", 0)).main(deb("hare", "1", "amd64"))
		r.forms, r.fields["Acquire-By-Hash"] = forms, "no"
		f := open(t, config(root(t, r.publish().serve())))[0]
		require.Len(t, fetched(t, f).Patches, 1)
		require.Equal(t, "dists/bookworm/main/binary-amd64/Packages"+forms[0], r.asked()[1])
	}
}

// A form that is listed and not there makes way for the next one.
func TestListedFormIsNotThere(t *testing.T) {
	r := newRepo(t, "bookworm", newKey(t, "archive", 0)).main(deb("hare", "1", "amd64"))
	r.fields["Acquire-By-Hash"] = "no"
	f := open(t, config(root(t, r.publish().serve())))[0]
	delete(r.files, "dists/bookworm/main/binary-amd64/Packages.xz")
	require.Len(t, fetched(t, f).Patches, 1)
	require.Equal(t, []string{"dists/bookworm/main/binary-amd64/Packages.xz", "dists/bookworm/main/binary-amd64/Packages.gz"}, r.asked()[1:])
}
