package e2e

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/examples/server/adminhttp"
	"github.com/patchpolicy/patchpolicy/job"
)

// An agent that is killed during a download resumes it after its restart. It
// does not download again what was verified, and an interrupted download
// resumes where it was.
func TestAgentKilledDuringDownload_JOB17(t *testing.T) {
	t.Parallel()
	w := newWorld(t, deb("alpha", "1"), deb("beta", "1"))
	big := large("beta", "2")
	w.repo.publish(deb("alpha", "2"), big)
	w.server.synced()
	answer, held := hold(big)
	w.repo.answering(answer)
	w.asset.start()
	run := w.enable("first")
	happens(t, "half of beta to be sent", held)
	await(t, "some of beta to be staged", func() bool { return staged(t, w.asset) > 1<<19 })
	w.asset.halt()
	require.Zero(t, w.server.show(run).Result)

	w.asset.start()
	a := w.server.ended(run)
	agree(t, w.asset, a)
	require.Equal(t, job.Completed.String(), a.Result.String())
	require.Contains(t, w.asset.progress(a.Order), job.Resumed)
	require.Len(t, w.repo.requests(deb("alpha", "2")), 1, "verified, so not fetched again")
	asked := w.repo.requests(big)
	require.Len(t, asked, 2)
	require.NotEmpty(t, asked[1].span, "the rest only")
	w.has("alpha", "2")
	w.has("beta", "2")
	require.Empty(t, audit(t, w.root))
}

// staged returns the size of the largest staged file in bytes.
func staged(t *testing.T, a *asset) (most int64) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(filepath.Join(a.state, "stage"), func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			most = max(most, info.Size())
		}
		return err
	}))
	return most
}

// An agent that is killed while dpkg works does not end dpkg. After its restart
// it waits for that dpkg, finds the package at its version, and installs
// nothing twice.
func TestAgentKilledDuringDpkg_JOB10_JOB17(t *testing.T) {
	t.Parallel()
	w, run := midInstall(t)
	w.asset.halt()
	require.NotZero(t, installer(t, w.root), "dpkg goes on")
	w.asset.start()
	await(t, "the agent to resume", func() bool { return len(resumed(w, run)) > 0 })
	require.NoError(t, os.WriteFile(filepath.Join(w.root, "go"), nil, 0o644))
	a := w.server.ended(run)
	agree(t, w.asset, a)
	require.Equal(t, job.Completed.String(), a.Result.String())
	succeeded(t, outcome(t, a, "slow"), "2")
	require.Equal(t, "x\n", content(t, w.root, "ran"), "the script ran once")
	w.has("slow", "2")
	w.has("beta", "2")
	require.Empty(t, audit(t, w.root))
}

// If dpkg is killed too, the agent repairs what it left, and the run completes.
func TestAgentAndDpkgKilled_JOB17(t *testing.T) {
	t.Parallel()
	w, run := midInstall(t)
	w.asset.halt()
	group, err := os.FindProcess(-installer(t, w.root))
	require.NoError(t, err)
	require.NoError(t, group.Kill())
	await(t, "dpkg to be gone", func() bool { return installer(t, w.root) == 0 })
	require.NotEmpty(t, audit(t, w.root))
	require.NoError(t, os.WriteFile(filepath.Join(w.root, "go"), nil, 0o644))
	w.asset.start()
	a := w.server.ended(run)
	agree(t, w.asset, a)
	require.Equal(t, job.Completed.String(), a.Result.String())
	succeeded(t, outcome(t, a, "slow"), "2")
	require.NotEmpty(t, resumed(w, run))
	w.has("slow", "2")
	w.has("beta", "2")
	require.Empty(t, audit(t, w.root))
}

// midInstall returns a world whose agent is deploying: dpkg waits in a script
// of the package slow.
func midInstall(t *testing.T) (*world, job.RunID) {
	t.Helper()
	w := newWorld(t, deb("beta", "1"), deb("slow", "1"))
	w.repo.publish(deb("beta", "2"), with(deb("slow", "2"), "postinst", slow))
	w.server.synced()
	w.asset.start()
	run := w.enable("first")
	await(t, "dpkg to be in the middle", func() bool { return exists(w.root, "started") })
	return w, run
}

// resumed returns the reports of a run that say it was resumed.
func resumed(w *world, run job.RunID) (all []job.Report) {
	w.t.Helper()
	for _, r := range w.asset.journal() {
		if r.Order == job.MakeOrderID(run, w.asset.name) && r.Progress == job.Resumed {
			all = append(all, r)
		}
	}
	return all
}

// An agent that is killed after it has a result sends it after its restart,
// whether or not the server has it already. The result counts once. One patch
// succeeded and one failed, and both are reported as they were.
func TestAgentKilledBeforeReport_JOB21_MAN6(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		heard bool
	}{{"the server has not got it", false}, {"the server has got it", true}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, deb("alpha", "1"), deb("beta", "1"))
			w.repo.publish(deb("alpha", "2"), deb("beta", "2"))
			w.repo.tamper(deb("beta", "2"))
			w.server.synced()
			w.asset.start()
			watch, killed := once(job.CompletedWithFailures, func() fate {
				return fate{cut: !tt.heard, lose: true, then: w.asset.halt}
			})
			w.server.wire.watching(watch)
			run := w.enable("first")
			happens(t, "the agent to be killed", killed)
			require.Equal(t, tt.heard, !w.server.show(run).Ended.IsZero())
			require.NotEmpty(t, w.asset.status().State.Reports, "stored, and not acknowledged")
			before := w.asset.journal()

			w.asset.start()
			a := w.server.ended(run)
			w.asset.idle()
			agree(t, w.asset, a)
			require.Equal(t, job.CompletedWithFailures.String(), a.Result.String())
			succeeded(t, outcome(t, a, "alpha"), "2")
			failed(t, outcome(t, a, "beta"), job.FileHashValidationFailed)
			require.Equal(t, before, w.asset.journal()[:len(before)], "what was stored is reported unchanged")
			require.Equal(t, 1, ask[adminhttp.FailedInstalls](w.server, "report", "failed").FailedInstalls, "counted once")
			require.Zero(t, w.server.assets()[0].AnomalyCount)
			w.has("alpha", "2")
			w.has("beta", "1")

			w.repo.publish(deb("alpha", "2"), deb("beta", "2"))
			w.server.synced()
			require.Equal(t, job.Completed.String(), w.run("second").Result.String())
			w.has("beta", "2")
			require.Empty(t, audit(t, w.root))
		})
	}
}
