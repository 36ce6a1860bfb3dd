package staging

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
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
		is          error // of this type; nil: another error
		ok          bool
	}{
		"in the folder":     {folder, "file://" + folder + "/sub/a", nil, true},
		"localhost":         {folder, "file://localhost" + folder + "/sub/a", nil, true},
		"link within":       {folder, "file://" + folder + "/in", nil, true},
		"absolute within":   {folder, "file://" + folder + "/root", nil, true},
		"link out":          {folder, "file://" + folder + "/out", nil, false},
		"link up":           {folder, "file://" + folder + "/up", nil, false},
		"dots":              {folder, "file://" + folder + "/../secret", &LocalError{}, false},
		"escaped dots":      {folder, "file://" + folder + "/%2e%2e/secret", &LocalError{}, false},
		"beside":            {folder, "file://" + folder + "-not", &LocalError{}, false},
		"elsewhere":         {folder, "file:///etc/passwd", &LocalError{}, false},
		"no folder":         {"", "file://" + folder + "/sub/a", &LocalError{}, false},
		"no folder, kernel": {"", "file:///proc/kmsg", &LocalError{}, false},
		"all of it":         {"/", "file://" + folder + "/out", nil, true},
		"the folder":        {folder, "file://" + folder, nil, false},
		"in the upper case": {"", "FILE://" + folder + "/sub/a", &LocalError{}, false},
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
		_, local := errors.AsType[*LocalError](tr.err)
		require.Equal(t, c.is != nil, local, "%s: %v", name, tr.err)
	}
	for _, bad := range []string{"file:x", "file:etc/passwd", "file://other/x", "/etc/passwd", "etc/passwd", `C:\x`, "\\\\host\\x", "file://"} {
		_, failure := parseAddress(bad)
		require.NotNil(t, failure, bad)
	}
}
