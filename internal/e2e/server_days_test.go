package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/examples/server/adminhttp"
	"github.com/patchpolicy/patchpolicy/job"
)

// A server that is killed and started again has lost nothing that it
// acknowledged: the enrolment, the catalog, a job enabled just before, an
// execution in progress, and a report whose answer got lost. Every report
// counts once.
func TestServerKilledInTheMiddle_MAN6(t *testing.T) {
	t.Parallel()
	w := newWorld(t, deb("alpha", "1"), deb("beta", "1"), deb("slow", "1"))
	w.repo.publish(deb("alpha", "2"), deb("beta", "2"), with(deb("slow", "2"), "postinst", slow))
	w.repo.tamper(deb("beta", "2"))
	w.server.synced()
	w.asset.start()
	w.server.knows(w.asset.name)
	require.Len(t, w.server.missing(w.asset.name), 3)

	// Right after a job was enabled, and with a repository that is gone, the
	// stored catalog is used.
	w.asset.stop()
	w.repo.answering(func(http.ResponseWriter, *http.Request, []byte) bool { panic(http.ErrAbortHandler) })
	run := w.enable("first")
	order := job.MakeOrderID(run, w.asset.name)
	w.server.p.kill()
	w.server.start()
	require.Len(t, w.server.assets(), 1)
	require.Equal(t, order, w.server.show(run).Order)
	require.Len(t, w.server.missing(w.asset.name), 3)

	w.repo.answering(nil)

	// The server is killed during an install, which ends while no server runs.
	w.asset.start()
	await(t, "dpkg to be in the middle", func() bool { return exists(w.root, "started") })
	w.server.p.kill()
	w.server.wire.to("")
	require.NoError(t, os.WriteFile(filepath.Join(w.root, "go"), nil, 0o644))
	await(t, "the agent to have a result", func() bool {
		reports := w.asset.status().State.Reports
		return len(reports) > 0 && reports[len(reports)-1].Result == job.CompletedWithFailures
	})

	// The server is killed after it has taken the result, before its answer
	// arrives.
	watch, killed := once(job.CompletedWithFailures, func() fate {
		return fate{lose: true, then: func() { w.server.p.kill() }}
	})
	w.server.wire.watching(watch)
	w.server.start()
	happens(t, "the server to be killed again", killed)
	w.server.start()
	a := w.server.ended(run)
	w.asset.idle()
	agree(t, w.asset, a)
	require.Equal(t, job.CompletedWithFailures.String(), a.Result.String())
	succeeded(t, outcome(t, a, "alpha"), "2")
	succeeded(t, outcome(t, a, "slow"), "2")
	failed(t, outcome(t, a, "beta"), job.FileHashValidationFailed)
	require.Equal(t, 1, ask[adminhttp.FailedInstalls](w.server, "report", "failed").FailedInstalls, "counted once")
	require.Zero(t, w.server.assets()[0].AnomalyCount)

	// The work goes on.
	w.repo.publish(deb("alpha", "2"), deb("beta", "2"), deb("slow", "2"))
	w.server.synced()
	require.Equal(t, job.Completed.String(), w.run("second").Result.String())
	w.has("alpha", "2")
	w.has("beta", "2")
	w.has("slow", "2")
	require.Equal(t, "x\n", content(t, w.root, "ran"))
	require.Empty(t, audit(t, w.root))
}
