package staging

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
)

func TestFilesOfThisComputer_INT11(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "patches")
	require.NoError(t, os.MkdirAll(filepath.Join(folder, "sub"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "sub/a"), []byte("yes"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "secret"), []byte("no"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "patches-not"), []byte("no"), 0o600))
	for name, to := range map[string]string{"out": filepath.Join(dir, "secret"), "up": "../secret", "in": "sub/a", "root": "/sub/a"} {
		require.NoError(t, os.Symlink(to, filepath.Join(folder, name)))
	}
	for name, c := range map[string]struct {
		folder, url string
		outside     bool // refused because it is not in the folder
		ok          bool
	}{
		"in the folder":     {folder, "file://" + folder + "/sub/a", false, true},
		"localhost":         {folder, "file://localhost" + folder + "/sub/a", false, true},
		"link within":       {folder, "file://" + folder + "/in", false, true},
		"absolute within":   {folder, "file://" + folder + "/root", false, true},
		"link out":          {folder, "file://" + folder + "/out", false, false},
		"link up":           {folder, "file://" + folder + "/up", false, false},
		"dots":              {folder, "file://" + folder + "/../secret", true, false},
		"escaped dots":      {folder, "file://" + folder + "/%2e%2e/secret", true, false},
		"beside":            {folder, "file://" + folder + "-not", true, false},
		"elsewhere":         {folder, "file:///etc/passwd", true, false},
		"no folder":         {"", "file://" + folder + "/sub/a", true, false},
		"no folder, kernel": {"", "file:///proc/kmsg", true, false},
		"all of it":         {"/", "file://" + folder + "/out", false, true},
		"the folder":        {folder, "file://" + folder, false, false},
		"in the upper case": {"", "FILE://" + folder + "/sub/a", true, false},
	} {
		a, failure := parseAddress(c.url)
		require.Nil(t, failure, name)
		s := &Store{cfg: Config{Local: c.folder}}
		r, tr := s.request(t.Context(), a, 0, "")
		if c.ok {
			require.Nil(t, tr, name)
			_, err := io.ReadAll(r.body)
			require.NoError(t, err)
			require.NoError(t, r.body.Close())
			continue
		}
		require.NotNil(t, tr, name)
		require.Equal(t, c.outside, strings.Contains(tr.err.Error(), "INT-11"), "%s: %v", name, tr.err)
		require.Equal(t, c.outside, tr.code == job.PatchURLMissing, name)
	}
	for _, bad := range []string{"file:x", "file:etc/passwd", "file://other/x", "/etc/passwd", "etc/passwd", `C:\x`, "\\\\host\\x", "file://"} {
		_, failure := parseAddress(bad)
		require.NotNil(t, failure, bad)
	}
}
