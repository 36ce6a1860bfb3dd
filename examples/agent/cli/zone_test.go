package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestZone_JOB9(t *testing.T) {
	for _, c := range []struct{ link, text, want string }{
		{"", "", ""}, {"", "Europe/Berlin\n", "Europe/Berlin"}, {"/usr/share/zoneinfo/Asia/Tokyo", "Europe/Berlin\n", "Asia/Tokyo"},
		{"../usr/share/zoneinfo/Etc/UTC", "", "Etc/UTC"}, {"/elsewhere", "Europe/Berlin", "Europe/Berlin"}, {"", "../../etc/passwd", ""}, {"", "Local", ""},
	} {
		root := t.TempDir()
		require.NoError(t, os.Mkdir(filepath.Join(root, "etc"), 0o700))
		if c.link != "" {
			require.NoError(t, os.Symlink(c.link, filepath.Join(root, "etc/localtime")))
		}
		if c.text != "" {
			require.NoError(t, os.WriteFile(filepath.Join(root, "etc/timezone"), []byte(c.text), 0o600))
		}
		require.Equal(t, c.want, systemZone(root), "%+v", c)
	}
}
