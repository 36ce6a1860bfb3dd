package boltstate_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job/runner/boltstate"
)

// A file is copied while commits go on, so that the copy's beginning is older
// than its end. Every such copy, page by page, is refused, or holds what a
// commit wrote, and none older than the last one before the copy began; none is
// taken for a new file.
func TestCopyOfAFileInUse_JOB21(t *testing.T) {
	const (
		commits = 20
		longest = 7 // commits while one copy is made
		page    = 4096
	)
	dir := t.TempDir()
	path := filepath.Join(dir, "state.db")
	s, err := boltstate.Open(path)
	require.NoError(t, err)
	defer s.Close()
	rnd := rand.New(rand.NewPCG(1, 2))
	number := map[string]int{}
	var files [][]byte
	for n := range commits {
		state := append(fmt.Appendf(nil, "%d ", n), bytes.Repeat([]byte{'x'}, rnd.IntN(20_000))...)
		if n%5 == 0 {
			state = state[:2] // small enough to share a page
		}
		require.NoError(t, s.Commit(t.Context(), state, nil))
		number[string(state)] = n
		file, err := os.ReadFile(path)
		require.NoError(t, err)
		files = append(files, file)
	}
	refused, opened, step := 0, 0, page
	if testing.Short() {
		step = 4 * page
	}
	for begun := range files {
		for ended := begun + 1; ended < min(commits, begun+longest); ended++ {
			for cut := page; cut < len(files[begun]); cut += step {
				copied := append(bytes.Clone(files[begun][:cut]), files[ended][cut:]...)
				got, err := loaded(filepath.Join(dir, fmt.Sprint(begun, "-", ended, "-", cut)), copied)
				if err != nil {
					require.ErrorAs(t, err, new(*boltstate.Corrupt))
					refused++
					continue
				}
				n, known := number[string(got)]
				require.True(t, known, "begun at %d, ended at %d, cut at %d: %d bytes that no commit wrote", begun, ended, cut, len(got))
				require.GreaterOrEqual(t, n, begun)
				opened++
			}
		}
	}
	t.Logf("%d copies opened, %d were refused", opened, refused)
	require.Positive(t, refused)
	require.Positive(t, opened)
}

// loaded opens a file with the given content and loads its state.
func loaded(path string, content []byte) (state []byte, err error) {
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return nil, err
	}
	defer os.Remove(path)
	s, err := boltstate.Open(path)
	if err != nil {
		return nil, err
	}
	state, _, err = s.Load(context.Background())
	return state, errors.Join(err, s.Close())
}
