package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/internal/debroot"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// Backups are made while an agent calls all the time and an install runs. One
// of them is restored after that order and another had ended and were
// acknowledged. Nothing runs twice, what the backup has is back, and the orders
// whose end it does not know get one.
func TestBackupWhileAgentsCall_JOB24_MAN5(t *testing.T) {
	t.Parallel()
	w := newWorld(t, deb("alpha", "1"), deb("slow", "1"))
	old, err := deb("alpha", "1").Build(t.Context(), t.TempDir())
	require.NoError(t, err)
	w.repo.publish(with(deb("alpha", "2"), "postinst", "echo x >> /alpha-ran"), deb("slow", "1"))
	w.server.synced()
	w.asset.start()
	w.server.knows(w.asset.name)
	first := w.enable("first")
	require.Equal(t, job.Completed.String(), w.server.ended(first).Result.String())
	w.asset.idle()

	w.repo.publish(with(deb("alpha", "2"), "postinst", "echo x >> /alpha-ran"), with(deb("slow", "2"), "postinst", slow))
	w.server.synced()
	second := w.enable("second")
	await(t, "dpkg to be in the middle", func() bool { return exists(w.root, "started") })
	var calls atomic.Int64
	w.server.wire.watching(func(manifest.CheckIn) fate { calls.Add(1); return fate{} })
	server, dir := program(t, "server"), t.TempDir()
	backup := ""
	for i := range 10 {
		before := calls.Load()
		backup = filepath.Join(dir, fmt.Sprint(i, ".db"))
		out := string(output(t, server, "backup", backup, "--dir", w.server.dir))
		require.Contains(t, out, "assets 1, jobs 2")
		await(t, "a call after the backup", func() bool { return calls.Load() > before })
	}
	require.NoError(t, os.WriteFile(filepath.Join(w.root, "go"), nil, 0o644))
	require.Equal(t, job.Completed.String(), w.server.ended(second).Result.String())
	w.asset.idle()
	ran := content(t, w.root, "ran")
	require.NoError(t, debroot.Install(t.Context(), w.root, old), "the old version is wanted")
	w.server.job("lost", w.asset.name)
	enrol(w.server, "late", w.root)

	_, text, err := try(t, server, "restore", backup, "--dir", w.server.dir)
	require.Error(t, err)
	require.Contains(t, text, "in use by process")
	w.server.wire.to("")
	w.server.p.stop()
	out := string(output(t, server, "restore", backup, "--dir", w.server.dir))
	require.Contains(t, out, "must enrol again")
	require.Contains(t, out, "assets 1, jobs 2")
	w.server.start()

	a := w.server.ended(second)
	w.asset.idle()
	require.Equal(t, job.Completed.String(), w.server.show(first).Result.String(), "the backup has it")
	require.Contains(t, []string{job.Completed.String(), job.Failed.String()}, a.Result.String())
	if a.Result == job.Failed {
		require.Contains(t, a.Text, "what it did is not known")
	}
	for _, order := range []job.OrderID{w.server.show(first).Order, a.Order} {
		started := slices.Collect(func(yield func(job.Progress) bool) {
			for _, p := range w.asset.progress(order) {
				if p == job.Started && !yield(p) {
					return
				}
			}
		})
		require.Len(t, started, 1, "%s starts once", order)
	}
	require.Equal(t, "x\n", content(t, w.root, "alpha-ran"))
	require.Equal(t, ran, content(t, w.root, "ran"))
	w.has("alpha", "1")
	w.has("slow", "2")
	require.False(t, slices.ContainsFunc(w.server.assets(), func(a controller.AssetStatus) bool { return a.ID == "late" }))
	require.NotContains(t, strings.Join(jobs(w.server), " "), "lost")
	kept, err := filepath.Glob(filepath.Join(w.server.dir, "server.db.before-*"))
	require.NoError(t, err)
	require.NotEmpty(t, kept)

	// The work goes on, also with the asset that enrols again.
	enrol(w.server, "late", w.root)
	require.Len(t, w.server.assets(), 2)
	require.Equal(t, job.Completed.String(), w.run("third").Result.String())
	w.has("alpha", "2")
	require.Empty(t, audit(t, w.root))
}

func jobs(s *server) (ids []string) {
	for _, j := range ask[[]controller.JobStatus](s, "job", "list") {
		ids = append(ids, string(j.ID))
	}
	return ids
}

// The file of a running server, copied alone, is not taken for the server's
// data. A second server does not start on the same database.
func TestLiveDatabaseIsNobodyElses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, deb("alpha", "1"))
	w.asset.start()
	w.server.knows(w.asset.name)
	copied := filepath.Join(t.TempDir(), "server")
	output(t, "cp", "--archive", w.server.dir, copied)
	for _, name := range []string{"server.db-wal", "server.db-shm", "server.db.lock"} {
		require.NoError(t, os.Remove(filepath.Join(copied, name)))
	}
	server := program(t, "server")
	_, text, err := try(t, server, "serve", "--dir", copied, "--listen", "127.0.0.1:0")
	require.Error(t, err)
	require.Contains(t, text, "is a copy of a running server's file")
	_, text, err = try(t, server, "serve", "--dir", w.server.dir, "--listen", "127.0.0.1:0")
	require.Error(t, err)
	require.Contains(t, text, fmt.Sprintf("in use by process %d", w.server.p.cmd.Process.Pid))
	w.server.p.kill()
	w.server.start()
	require.Len(t, w.server.assets(), 1)
}
