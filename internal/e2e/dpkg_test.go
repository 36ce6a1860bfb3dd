package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// slow is a postinst that waits during an install until it may go on, for a
// limited time, and notes how often it ran.
const slow = `echo x >> /ran; touch /started; i=0; while [ ! -e /go ] && [ $i -lt 3000 ]; do sleep 0.02; i=$((i+1)); done`

// installer returns the process of the dpkg that works on a root; 0: none.
func installer(t *testing.T, root string) int {
	t.Helper()
	dirs, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	for _, d := range dirs {
		b, err := os.ReadFile(d)
		if err != nil {
			continue // it has ended
		}
		words := strings.Split(string(b), "\x00")
		if filepath.Base(words[0]) == "dpkg" && len(words) > 1 && words[1] == "--root="+root {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(d)))
			require.NoError(t, err)
			return pid
		}
	}
	return 0
}

// exists reports whether a script left a file in a root.
func exists(root, name string) bool {
	_, err := os.Stat(filepath.Join(root, name))
	return err == nil
}

// content returns what a script wrote to a file in a root.
func content(t *testing.T, root, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, name))
	require.NoError(t, err)
	return string(b)
}
