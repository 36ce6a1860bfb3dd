package agentsim

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var rewrite = flag.Bool("rewrite", false, "replace expectations in testdata that do not hold by what was found")

// TestScenarios plays every scenario in testdata.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(strings.TrimPrefix(filepath.ToSlash(file), "testdata/"), ".txt"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			require.NoError(t, err)
			script, err := ParseScript(file, string(data))
			require.NoError(t, err)
			if *rewrite {
				text, err := script.Rewrite()
				require.NoError(t, err)
				require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
				return
			}
			w, err := script.Play()
			if err != nil {
				if w != nil {
					t.Log(Timeline(w.History(), w.Start()))
				}
				t.Fatal(err)
			}
		})
	}
}
