package aptfeed

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pierrec/lz4/v4"
	"github.com/stretchr/testify/require"
)

// download does what apt-get update does with the repository's files: it keeps InRelease and the lists, packed its own way.
func download(t testing.TB, dir string, r *repo, form string) {
	t.Helper()
	l := &lists{source: source{uri: r.uri, suite: r.suite}, dir: filepath.Join(dir, "var/lib/apt/lists")}
	writeFile(t, l.file("InRelease"), string(r.files[r.below("InRelease")]))
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
		writeFile(t, l.file(list)+form, plain)
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
			b := fetch(t, all[0])
			require.Equal(t, []string{"deb/bookworm/amd64/hare=1"}, ids(b))
			require.True(t, fetch(t, all[0]).Unchanged)
		})
	}
}

func TestListsFaults(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(t *testing.T, dir string)
		cause Cause
		text  string
	}{
		{"empty folder", func(t *testing.T, dir string) { remove(t, dir, "*") }, Missing, `run "apt-get update"`},
		{"list missing", func(t *testing.T, dir string) { remove(t, dir, "*Packages") }, Missing, `run "apt-get update"`},
		{"list tampered with", func(t *testing.T, dir string) { alter(t, dir, "*Packages", "Version: 1", "Version: 2") }, Mismatch, "sha256:"},
		{"list too long", func(t *testing.T, dir string) { alter(t, dir, "*Packages", "Package:", "Package:  ") }, Mismatch, "more than"},
		{"list cut off", func(t *testing.T, dir string) { alter(t, dir, "*Packages", "Description: the hare\n", "") }, Mismatch, "promises"},
		{"signature tampered with", func(t *testing.T, dir string) {
			alter(t, dir, "*InRelease", "Codename: bookworm", "Codename: bookwormy")
		}, BadSignature, "no signature holds"},
		{"no signature", func(t *testing.T, dir string) {
			old := only(t, dir, "*InRelease")
			require.NoError(t, os.Rename(old, strings.TrimSuffix(old, "InRelease")+"Release"))
		}, Unsigned, "no signature"},
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
	}, "\n")+"\n")
	sources, problems, err := readSources("", filepath.Join(dir, "etc/apt"), "amd64")
	require.NoError(t, err)
	require.Empty(t, problems)
	out, err := exec.Command("apt-get", "-o", "Dir="+dir, "-o", "APT::Architecture=amd64", "--print-uris", "update").Output()
	require.NoError(t, err)
	var want, got []string
	for line := range strings.Lines(string(out)) {
		uri := strings.LastIndexByte(line, '\'') // it may hold blanks
		name := strings.Fields(line[uri+1:])[0]
		if strings.HasSuffix(name, "_Packages") && !strings.Contains(name, "binary-all") {
			want = append(want, name)
		}
	}
	for _, s := range sources {
		for _, target := range s.targets {
			path := "Packages"
			if !s.flat() {
				path = target.component + "/binary-amd64/Packages"
			}
			l := lists{source: s}
			got = append(got, l.file(path))
		}
	}
	require.ElementsMatch(t, want, got)
}

// The machine's own lists, if it has any, are read and verified as they are.
func TestOwnLists(t *testing.T) {
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
		var e *Error
		if errors.As(err, &e) && (e.Cause == Refused || e.Cause == Missing) {
			t.Logf("%s: %v", f.ID(), err)
			continue
		}
		require.NoError(t, err)
		require.Empty(t, b.Rejected)
		patches += len(b.Patches)
	}
	require.Positive(t, patches)
}
