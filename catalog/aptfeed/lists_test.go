package aptfeed

import (
	"bytes"
	"errors"
	"github.com/patchpolicy/patchpolicy/catalog/fault"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pierrec/lz4/v4"
	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
)

// download does what apt-get update does with the repository's files: it keeps
// InRelease and the lists, packed its own way.
func download(t testing.TB, dir string, r *repo, form string) {
	t.Helper()
	l := &lists{source: source{uri: r.uri, suite: r.suite}, dir: filepath.Join(dir, "var/lib/apt/lists")}
	writeFile(t, l.where("InRelease"), string(r.files[r.below("InRelease")]))
	for list, paragraphs := range r.lists {
		plain := strings.Join(paragraphs, "\n")
		if form == ".lz4" {
			var out bytes.Buffer
			w := lz4.NewWriter(&out)
			_, err := w.Write([]byte(plain))
			require.NoError(t, err)
			require.NoError(t, w.Close())
			plain = out.String()
		} else {
			plain = string(pack(t, []byte(plain), form))
		}
		writeFile(t, l.where(list)+form, plain)
	}
}

func TestListsInEveryForm(t *testing.T) {
	for _, form := range []string{"", ".lz4", ".gz", ".xz"} {
		t.Run("form "+form, func(t *testing.T) {
			r := newRepo(t, "bookworm", newKey(t, "archive", 0)).main(deb("hare", "1", "amd64")).publish().serve()
			r.answer = func(http.ResponseWriter, *http.Request) bool {
				t.Error("a scan of the lists used the network")
				return false
			}
			dir := root(t, r)
			download(t, dir, r, form)
			all, err := FromLists(config(dir))
			require.NoError(t, err)
			b := fetched(t, all[0])
			require.Equal(t, []string{"deb/bookworm/amd64/hare=1"}, ids(b))
			require.True(t, fetched(t, all[0]).Unchanged)
		})
	}
}

func TestListsFaults(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(t *testing.T, dir string)
		cause fault.Cause
		text  string
	}{
		{"empty folder", func(t *testing.T, dir string) { remove(t, dir, "*") }, fault.Missing, `run "apt-get update"`},
		{"list missing", func(t *testing.T, dir string) { remove(t, dir, "*Packages") }, fault.Missing, `run "apt-get update"`},
		{"list tampered with", func(t *testing.T, dir string) { alter(t, dir, "*Packages", "Version: 1", "Version: 2") }, fault.Mismatch, "sha256:"},
		{"list too long", func(t *testing.T, dir string) { alter(t, dir, "*Packages", "Package:", "Package:  ") }, fault.Mismatch, "more than"},
		{"list cut off", func(t *testing.T, dir string) { alter(t, dir, "*Packages", "Description: the hare\n", "") }, fault.Mismatch, "promises"},
		{"signature tampered with", func(t *testing.T, dir string) {
			alter(t, dir, "*InRelease", "Codename: bookworm", "Codename: bookwormy")
		}, fault.BadSignature, "no signature is good"},
		{"no signature", func(t *testing.T, dir string) {
			old := only(t, dir, "*InRelease")
			require.NoError(t, os.Rename(old, strings.TrimSuffix(old, "InRelease")+"Release"))
		}, fault.Unsigned, "its signature file is missing"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRepo(t, "bookworm", newKey(t, "archive", 0)).main(deb("hare", "1", "amd64")).publish().serve()
			dir := root(t, r)
			download(t, dir, r, "")
			tt.spoil(t, filepath.Join(dir, "var/lib/apt/lists"))
			all, err := FromLists(config(dir))
			require.NoError(t, err)
			require.ErrorContains(t, failed(t, all[0], tt.cause), tt.text)
		})
	}
}

func only(t *testing.T, dir, pattern string) string {
	files, err := filepath.Glob(filepath.Join(dir, pattern))
	require.NoError(t, err)
	require.Len(t, files, 1)
	return files[0]
}

func remove(t *testing.T, dir, pattern string) {
	files, err := filepath.Glob(filepath.Join(dir, pattern))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		require.NoError(t, os.Remove(file))
	}
}

func alter(t *testing.T, dir, pattern, from, to string) {
	file := only(t, dir, pattern)
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	changed := strings.Replace(string(data), from, to, 1)
	require.NotEqual(t, string(data), changed)
	require.NoError(t, os.WriteFile(file, []byte(changed), 0o600))
}

// apt itself is the oracle for the names in its lists folder.
func TestListNameAsAptHasIt(t *testing.T) {
	if _, err := exec.LookPath("apt-get"); err != nil {
		require.NotEqual(t, "true", os.Getenv("CI"), "CI has to have apt-get")
		t.Skip("SKIPPED ALOUD: no apt-get here: not a Debian machine, nothing to compare with")
	}
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "etc/apt/sources.list"), strings.Join([]string{
		"deb http://127.0.0.1:8080/a_b/~c+d/ bookworm main contrib",
		"deb http://example.com/x%20y bookworm/updates main",
		"deb file:///srv/some_where flat/",
		"deb https://example.com/z ./",
		"deb https://example.com/y /",
		"deb mirror+file:/etc/apt/mirrors/x_y.txt jammy main",
		"deb https://user:token@example.com/private bookworm main",
		"deb ar+https://example.com/projects/p bookworm main",
		"deb cdrom:[Debian GNU/Linux 12.0.0 _Bookworm_ - Official amd64 20230610-10:21]/ bookworm main",
		"deb https://example.com/deb/$(ARCH) /",
	}, "\n")+"\n")
	sources, problems, err := readSources("", filepath.Join(dir, "etc/apt"), []string{"amd64"})
	require.NoError(t, err)
	require.Empty(t, problems)
	var want []string
	for _, s := range sources {
		for _, target := range s.targets {
			path := "Packages"
			if !s.flat() {
				path = target.component + "/binary-amd64/Packages"
			}
			l := lists{source: s, dir: filepath.Join(dir, "var/lib/apt/lists")}
			want = append(want, l.where(path))
			writeFile(t, l.where(path), "")
		}
	}
	// It names the lists that are there under the names that it gives them.
	out, err := exec.Command("apt-get", "-o", "Dir="+dir, "-o", "APT::Architecture=amd64", "indextargets", "--format", "$(FILENAME)", "Created-By: Packages").Output()
	require.NoError(t, err)
	require.ElementsMatch(t, want, strings.Split(strings.TrimSpace(string(out)), "\n"))
}

// The machine's own lists, if it has any, are read and verified as they are.
func TestOwnLists(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: this machine's own lists take a while; run without -short")
	}
	if files, _ := filepath.Glob("/var/lib/apt/lists/*InRelease"); len(files) == 0 {
		require.NotEqual(t, "true", os.Getenv("CI"), "CI has to run apt-get update first")
		t.Skip("SKIPPED ALOUD: no downloaded lists here: not a Debian machine, or apt-get update was not run")
	}
	// Whether the lists are still valid is not this test's subject.
	all, err := FromLists(Config{IgnoreValidUntil: true})
	require.NoError(t, err)
	patches := 0
	for _, f := range all {
		b, err := f.Fetch(t.Context())
		var e *fault.Error
		if errors.As(err, &e) && (e.Cause == fault.Refused || e.Cause == fault.Missing) {
			t.Logf("%s: %v", f.ID(), err)
			continue
		}
		require.NoError(t, err)
		require.Empty(t, b.Rejected)
		patches += len(b.Patches)
	}
	require.Positive(t, patches)
}

// Lists of a transport that only apt has are read, and what they offer is apt's to fetch; a server
// cannot, and says so.
func TestListsOfAnyTransport_CAT5(t *testing.T) {
	for uri, where := range map[string]string{
		"mirror+file:/etc/apt/mirrors.txt": "mirror+file:/etc/apt/mirrors.txt/", "ar+https://h.example/projects/p": "ar+https://h.example/projects/p/",
		"cdrom:[Debian GNU/Linux 12 10:21]/": "cdrom:[Debian GNU/Linux 12 10:21]/", "https://user:sEcret@h.example/$(ARCH)": "https://h.example/amd64/", "s3://bucket.example/x": "s3://bucket.example/x/",
	} {
		t.Run(where, func(t *testing.T) {
			r := newRepo(t, "bookworm", newKey(t, "archive", 0)).main(deb("hare", "1", "amd64")).publish()
			r.uri = where
			dir := root(t, r)
			download(t, dir, r, "")
			writeFile(t, filepath.Join(dir, "etc/apt/sources.list"), "deb [signed-by=/keys/"+fingerprint(r)+".asc] "+uri+" bookworm main\n")
			all, err := FromLists(config(dir))
			require.NoError(t, err)
			require.NotContains(t, string(all[0].ID()), "sEcret")
			b := fetched(t, all[0])
			require.Equal(t, []string{"deb/bookworm/amd64/hare=1"}, ids(b))
			require.Equal(t, catalog.Repository, b.Patches[0].Artifacts[0].Availability)
			require.Empty(t, b.Patches[0].Artifacts[0].URL)
			_, changes := catalog.Sync(nil, []catalog.Batch{b}, today)
			require.Empty(t, changes.Rejected)
			e := failed(t, open(t, config(dir))[0], fault.Refused)
			require.Contains(t, e.Error(), "not supported")
			require.NotContains(t, e.Error(), "sEcret")
		})
	}
}

// A scan reads the packages that it asks for, and the digest is still that of the whole list.
func TestOnly(t *testing.T) {
	r := newRepo(t, "bookworm", newKey(t, "archive", 0)).main(deb("hare", "1", "amd64"), "PACKAGE: tortoise\n"+strings.TrimPrefix(deb("tortoise", "1", "amd64"), "Package: tortoise\n"), "no field\n").publish()
	r.uri = "http://h.example/"
	dir := root(t, r)
	download(t, dir, r, "")
	c := config(dir)
	for _, name := range []string{"hare", "tortoise"} {
		c.Only = func(s string) bool { return s == name }
		all, err := FromLists(c)
		require.NoError(t, err)
		b := fetched(t, all[0])
		require.Equal(t, []string{"deb/bookworm/amd64/" + name + "=1"}, ids(b))
		require.Len(t, b.Rejected, 1, "a paragraph without a name is bad, whatever is asked for")
	}
	alter(t, filepath.Join(dir, "var/lib/apt/lists"), "*Packages", "Size: 1008", "Size: 1009")
	c.Only = func(s string) bool { return s == "hare" }
	all, err := FromLists(c)
	require.NoError(t, err)
	failed(t, all[0], fault.Mismatch)
}
