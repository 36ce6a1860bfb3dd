package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/internal/debroot"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
)

// copied copies a folder, as a backup or a snapshot of a virtual machine does.
func copied(t *testing.T, dir string) (backup string) {
	t.Helper()
	backup = filepath.Join(t.TempDir(), "copy")
	output(t, "cp", "--archive", dir, backup)
	return backup
}

// putBack restores a folder from its copy.
func putBack(t *testing.T, dir, backup string) {
	t.Helper()
	require.NoError(t, os.RemoveAll(dir))
	output(t, "cp", "--archive", backup, dir)
}

// seen returns what the server knows of an asset.
func (s *server) seen(name job.AssetID) (found controller.AssetStatus) {
	s.t.Helper()
	for _, a := range s.assets() {
		if a.ID == name {
			found = a
		}
	}
	return found
}

// heard waits until the server has a later call of an asset than before, and
// the asset holds what it should. A call without news leaves no trace for a
// while.
func (s *server) heard(before controller.AssetStatus, name job.AssetID) {
	s.t.Helper()
	await(s.t, "a call of "+string(name), func() bool {
		a := s.seen(name)
		return a.LastSeen.After(before.LastSeen) && !a.Behind
	})
}

// A server that is restored from a backup hands out again what has ended since.
// The agent answers with the results and starts nothing: a package that was
// downgraded on purpose stays as it is. The work goes on.
func TestServerPutBackRepeatsNothing_JOB24_MAN5(t *testing.T) {
	t.Parallel()
	w := newWorld(t, deb("alpha", "1"), deb("beta", "1"))
	old, err := deb("alpha", "1").Build(t.Context(), t.TempDir())
	require.NoError(t, err)
	w.repo.publish(with(deb("alpha", "2"), "postinst", "echo x >> /ran"), deb("beta", "1"))
	w.server.synced()
	w.asset.start()
	w.server.knows(w.asset.name)
	w.asset.stop()
	run := w.enable("first")
	before := w.server.seen(w.asset.name)
	w.server.p.kill()
	backup := copied(t, w.server.dir)

	w.server.start()
	w.asset.start()
	require.Equal(t, job.Completed.String(), w.server.ended(run).Result.String())
	w.asset.idle()
	w.server.job("lost", w.asset.name) // it is not in the backup
	require.NoError(t, debroot.Install(t.Context(), w.root, old))

	w.server.wire.to("")
	w.server.p.kill()
	putBack(t, w.server.dir, backup)
	w.server.start()
	a := w.server.ended(run)
	require.Equal(t, job.Completed.String(), a.Result.String())
	w.server.heard(before, w.asset.name)
	w.asset.idle()
	again := func(r job.Report) bool { return r.Order == a.Order && r.Again && r.Result == job.Completed }
	require.True(t, slices.ContainsFunc(w.asset.journal(), again), "the agent reported to the server again")
	started := 0
	for _, p := range w.asset.progress(a.Order) {
		if p == job.Started {
			started++
		}
	}
	require.Equal(t, 1, started)
	require.Equal(t, "x\n", content(t, w.root, "ran"))
	w.has("alpha", "1")

	w.repo.publish(deb("alpha", "1"), deb("beta", "2"))
	w.server.synced()
	require.Equal(t, job.Completed.String(), w.run("second").Result.String())
	w.has("beta", "2")
	require.Empty(t, audit(t, w.root))
}

// An order has begun. Then the asset is cut off, its job is deleted, and the
// agent loses its state. It does not get the order again, and the server says
// that it does not know the result.
func TestDeletedDuringAnOutage_JOB5_JOB24(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(w *world, snapshot string){
		"its state is put back": func(w *world, snapshot string) { putBack(w.t, w.asset.state, snapshot) },
		"it is reinstalled": func(w *world, _ string) {
			ask[any](w.server, "asset", "remove", string(w.asset.name))
			require.NoError(w.t, os.RemoveAll(w.asset.state))
			w.server.wire.to(w.server.addr)
			w.asset = enrolIn(w.server, w.asset.name, w.root, w.asset.state)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, deb("alpha", "1"), deb("beta", "1"))
			snapshot := copied(t, w.asset.state)
			big := large("beta", "2")
			w.repo.publish(deb("alpha", "2"), big)
			w.server.synced()
			answer, held := hold(big)
			w.repo.answering(answer)
			w.asset.start()
			run := w.enable("first")
			happens(t, "half of beta to be sent", held)
			await(t, "the server to know that it has begun", func() bool { return w.server.show(run).Stage == job.StageDownload })

			w.asset.halt()
			w.server.wire.to("")
			ask[any](w.server, "job", "delete", "first")
			w.repo.answering(nil)
			lose(w, snapshot)
			before := w.server.seen(w.asset.name)
			w.server.wire.to(w.server.addr)
			w.asset.start()
			w.server.knows(w.asset.name)
			w.server.heard(before, w.asset.name)
			w.asset.idle()
			require.Empty(t, w.asset.journal(), "nothing was started")
			require.Len(t, w.repo.requests(big), 1)
			w.has("alpha", "1")
			w.has("beta", "1")
			a := w.server.show(run)
			require.True(t, a.Withdrawn || a.Result == job.Failed, "%+v", a)
			require.Contains(t, []string{
				"the agent lost its state; what it did is not known", "the asset was removed before it reported how this ended",
			}, a.Text)

			require.Equal(t, job.Completed.String(), w.server.ended(w.enable("second")).Result.String())
			w.has("alpha", "2")
			w.has("beta", "2")
			require.Empty(t, audit(t, w.root))
		})
	}
}
