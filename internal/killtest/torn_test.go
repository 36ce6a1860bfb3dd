package killtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/examples/agent/home"
	"github.com/patchpolicy/patchpolicy/job/runner/boltstate"
)

// damages makes damaged copies of a file: truncated at and between pages, and
// with bytes of its last pages changed or zeroed.
func damages(rnd *rand.Rand, whole []byte, each func(what string, damaged []byte)) {
	const page = 4096
	for at := len(whole) - page; at >= 0 && at > len(whole)-12*page; at -= page {
		each(fmt.Sprint("truncated at ", at), whole[:at])
		odd := at + 1 + rnd.IntN(page-1)
		each(fmt.Sprint("truncated at ", odd), whole[:odd])
		changed := bytes.Clone(whole)
		changed[odd] ^= 1 << rnd.IntN(8)
		each(fmt.Sprint("changed at ", odd), changed)
		zeroed := bytes.Clone(whole)
		clear(zeroed[at:])
		each(fmt.Sprint("zeroed from ", at), zeroed)
	}
}

// A file whose end is missing or changed is refused with its own error type, or
// holds exactly what some commit wrote. A server's log with such an end gives
// an earlier state of the same server, and never more than there was. Nothing
// panics, and nothing opens as a new one.
func TestFilesWithADamagedEnd_JOB21(t *testing.T) {
	t.Parallel()
	w, err := newWorld(t.TempDir(), serverRole, *seed)
	require.NoError(t, err)
	defer w.close()
	require.NoError(t, w.play(func(ctx context.Context) {
		pause(ctx, rand.New(rand.NewPCG(*seed, 4)), 500*time.Millisecond)
		w.agent.kill()
		w.server.kill()
	}))
	files := serverFiles(w.dir)
	db, err := os.ReadFile(files.DB)
	require.NoError(t, err)
	log, err := os.ReadFile(files.DB + "-wal") // opening the database for the checks removes it
	require.NoError(t, err)
	require.NotEmpty(t, log, "the server was killed, so its log exists")
	require.Empty(t, w.check())
	rnd := rand.New(rand.NewPCG(*seed, 5))
	dir := t.TempDir()

	marks, err := readJSON[mark](commitsFile(w.dir))
	require.NoError(t, err)
	known := map[string]bool{}
	for _, m := range marks {
		known[m.Digest] = true
	}
	state, err := os.ReadFile(home.Home(w.dir).StateFile())
	require.NoError(t, err)
	refused, opened := 0, 0
	damages(rnd, state, func(what string, damaged []byte) {
		path := filepath.Join(dir, what)
		require.NoError(t, os.WriteFile(path, damaged, 0o600))
		b, err := loadBytes(path)
		if _, corrupt := errors.AsType[*boltstate.Corrupt](err); corrupt {
			refused++
			return
		}
		if len(damaged) == 0 && err == nil && b == nil {
			return // an empty file is a new one
		}
		require.NoError(t, err, what)
		require.True(t, known[sum(b)], "%s: %d bytes that no commit wrote", what, len(b))
		opened++
	})
	require.Positive(t, refused)
	t.Logf("the agent's file: %d damaged copies refused, %d opened", refused, opened)

	reports, err := journal(w.dir)
	require.NoError(t, err)
	refused, earlier, same := 0, 0, 0
	damages(rnd, log, func(what string, damaged []byte) {
		path := filepath.Join(dir, "server "+what)
		require.NoError(t, os.WriteFile(path, db, 0o600))
		require.NoError(t, os.WriteFile(path+"-wal", damaged, 0o600))
		ctl, store, err := openServer(files, path)
		if err != nil {
			refused++
			return
		}
		defer func() { require.NoError(t, store.Close()) }()
		status, err := ctl.Asset(t.Context(), asset, time.Now())
		require.NoError(t, err, what)
		n, err := acknowledged(ctl, status.Newest)
		require.NoError(t, err, what)
		require.LessOrEqual(t, int(n), len(reports), what)
		if int(n) < len(reports) {
			earlier++
		} else {
			same++
		}
	})
	t.Logf("the server's log: %d damaged copies refused, %d opened with an earlier state, %d with the last", refused, earlier, same)
	require.Positive(t, earlier+same)
}
