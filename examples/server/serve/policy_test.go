package serve

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// A server with a policy that cannot be understood does not start (JOB-20).
// Without a file there is no policy.
func TestPolicyFile_JOB20(t *testing.T) {
	none, err := Policy("")
	require.NoError(t, err)
	require.True(t, none.IsZero())
	dir := t.TempDir()
	put := func(text string) string {
		file := filepath.Join(dir, "policy.json")
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		return file
	}
	x, err := Policy(put(`{"format": 1, "clauses": [{"name": "all", "vendor": "*", "product": "*"}]}`))
	require.NoError(t, err)
	require.NoError(t, x.Validate())
	clause, found := x.For("", "Acme", "reader")
	require.True(t, found)
	require.Equal(t, "all", clause.Name)
	for _, c := range []struct{ file, want string }{
		{put(`{"format": 1, "clauses": [{"name": "all", "vendor": "*", "product": "*", "strickt": true}]}`), "strickt"},
		{dir, "is a folder"},
		{filepath.Join(dir, "missing"), "signer policy"},
	} {
		_, err := Policy(c.file)
		require.ErrorContains(t, err, c.want)
	}
	_, err = Policy(put(strings.Repeat(" ", integrity.MaxPolicy+1)))
	require.ErrorContains(t, err, "at most")
}
