package controller_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// TestReportsAreAcceptedExactlyOnce_MAN6 sends one agent's reports with
// requests lost, repeated and late, and answers lost, and compares the end with
// what plain delivery gives.
func TestReportsAreAcceptedExactlyOnce_MAN6(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		a := f.enrol("a", "all")
		random := rand.New(rand.NewPCG(3, 4))
		failures := 0
		for round := range 8 {
			d := definition(job.ID(fmt.Sprint("job-", round)), "editor-2.0.0", "player-2.0.0")
			run := f.enable(d)
			f.call(a)
			order := a.orders[0].ID
			for _, p := range []job.Progress{job.Received, job.Started, job.Downloading, job.Downloaded, job.Deploying} {
				a.report(job.Report{Order: order, Progress: p})
			}
			patches := []job.PatchOutcome{outcome("editor-2.0.0", job.Succeeded, 0), outcome("player-2.0.0", job.PatchFailed, job.InstallerFailed)}
			failures++
			a.report(job.Report{Order: order, Result: job.PendingReboot, Patches: patches})
			a.report(job.Report{Order: order, Result: job.CompletedWithFailures, Patches: patches, Reboots: 1})

			var sent []manifest.CheckIn // any of them may come again, at any time
			for len(a.unsent) > 0 {
				in := a.request(f.now)
				in.Reports = in.Reports[:1+random.IntN(len(in.Reports))]
				sent = append(sent, in)
				again := sent[random.IntN(len(sent))]
				for _, x := range []manifest.CheckIn{again, in}[random.IntN(2):] {
					answer, err := f.CheckIn(ctx, x, f.now)
					require.NoError(f, err)
					if random.IntN(2) == 0 {
						continue // the answer is lost
					}
					for len(a.unsent) > 0 && a.unsent[0].Sequence <= answer.Acknowledged {
						a.unsent = a.unsent[1:]
					}
				}
			}
			got := f.asset(run, "a")
			require.Equal(f, job.CompletedWithFailures, got.Result)
			require.Equal(f, job.StageDone, got.Stage)
			require.Equal(f, 1, got.Reboots)
			n, err := f.FailedInstalls(ctx)
			require.NoError(f, err)
			require.Equal(f, failures, n, "counted once per order, reported twice and more")
			f.pass(time.Minute)
		}
		status, err := f.Asset(ctx, "a", f.now)
		require.NoError(f, err)
		require.Zero(f, status.AnomalyCount)
		reboots, err := f.PendingReboots(ctx, 10)
		require.NoError(f, err)
		require.Empty(f, reboots)
	})
}

// A server that was put back from a backup knows less than it acknowledged: the
// agent has forgotten what is missing, so that waiting for it would be waiting
// for ever.
func TestStorePutBackAcceptsWhatFollows_MAN6(t *testing.T) {
	stores(t, func(f *fixture) {
		a, run, _ := f.ordered("now")
		backup := dump(f)
		order := a.orders[0].ID
		for _, p := range []job.Progress{job.Received, job.Started} {
			a.report(job.Report{Order: order, Progress: p})
			f.call(a)
		}
		require.NoError(f, f.store.Update(ctx, func(w controller.Writer) error {
			for k := range backup["seen"] {
				if err := w.Delete("reports", k); err != nil {
					return err
				}
			}
			for k, v := range backup["reports"] {
				if err := w.Put("reports", k, []byte(v)); err != nil {
					return err
				}
			}
			return nil
		}))
		a.report(job.Report{Order: order, Progress: job.Downloading})
		a.report(job.Report{Order: order, Result: job.Completed, Patches: []job.PatchOutcome{outcome("editor-2.0.0", job.Succeeded, 0)}})
		f.call(a)
		require.Empty(f, a.unsent)
		require.Equal(f, job.Completed, f.asset(run, "a").Result)
		status, err := f.Asset(ctx, "a", f.now)
		require.NoError(f, err)
		require.Equal(f, 1, status.AnomalyCount)
		require.Contains(f, status.LastAnomalies[0].Text, "1 to 2")
	})
}

func TestLateAndRepeatedReportsCountOnce_MAN6(t *testing.T) {
	stores(t, func(f *fixture) {
		a, run, order := f.ordered("now")
		send := func(first, last job.Sequence) job.Sequence {
			in := a.request(f.now)
			in.Reports = nil
			for s := first; s <= last; s++ {
				in.Reports = append(in.Reports, job.Report{Sequence: s, Order: order, Progress: job.Progress(s)})
			}
			answer, err := f.CheckIn(ctx, in, f.now)
			require.NoError(f, err)
			return answer.Acknowledged
		}
		require.Equal(f, job.Sequence(2), send(1, 2))
		require.Equal(f, job.Sequence(2), send(1, 1))
		require.Equal(f, job.Sequence(4), send(2, 4))
		require.Equal(f, job.Sequence(4), send(1, 3))
		require.Equal(f, job.Downloading, f.asset(run, "a").Progress)
		in := a.request(f.now)
		in.Reports = []job.Report{{Sequence: 5, Order: order, Progress: 1}, {Sequence: 7, Order: order, Progress: 1}}
		_, err := f.CheckIn(ctx, in, f.now)
		require.ErrorIs(f, err, manifest.ErrInvalid, "a list with a hole is no list of reports")
	})
}

func TestNonsenseIsKeptAndNotFolded(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		a, other := f.enrol("a", "all"), f.enrol("other", "all")
		run := f.enable(definition("now", "editor-2.0.0"))
		f.call(a)
		f.call(other)
		order, foreign := a.orders[0].ID, other.orders[0].ID
		ok := []job.PatchOutcome{outcome("editor-2.0.0", job.PatchFailed, job.InstallerFailed)}
		before := dump(f)
		nonsense := []job.Report{
			{Order: foreign, Result: job.Completed},
			{Order: "nobody@20260301T120000Z/a", Progress: job.Started},
			{Order: "", Progress: job.Started},
			{Order: "no-slash", Progress: job.Started},
			{Order: "/a", Progress: job.Started},
			{Order: job.OrderID(strings.Repeat("x", 9000) + "@x/a"), Progress: job.Started},
			{Order: order},
			{Order: order, Progress: job.Started, Result: job.Completed},
			{Order: order, Progress: 99},
			{Order: order, Result: 99},
			{Order: order, TooLate: job.StageDeploy},
			{Order: order, Result: job.Cancelled},
			{Order: order, Result: job.Withdrawn},
			{Order: order, Result: job.Failed, Patches: []job.PatchOutcome{outcome("player-2.0.0", job.PatchFailed, 9)}},
			{Order: order, Result: job.Failed, Patches: []job.PatchOutcome{outcome(catalog.PatchID(strings.Repeat("p", 5000)), job.PatchFailed, 9)}},
			{Order: order, Result: job.Failed, Patches: append(ok, ok...)},
			{Order: order, Result: job.Failed, Patches: []job.PatchOutcome{outcome("editor-2.0.0", 99, 0)}},
		}
		for _, r := range nonsense {
			a.report(r)
		}
		f.call(a)
		require.Empty(f, a.unsent, "accepted, or they would come for ever")
		after := dump(f)
		for _, table := range []controller.Table{"orders", "outcomes", "failures", "counters", "live", "queue", "cancels", "reboots"} {
			require.Equal(f, before[table], after[table], table)
		}
		status, err := f.Asset(ctx, "a", f.now)
		require.NoError(f, err)
		require.Equal(f, len(nonsense), status.AnomalyCount)
		for i, x := range status.LastAnomalies {
			require.Equal(f, job.Sequence(i+1), x.Sequence)
			require.NotEmpty(f, x.Text)
			require.LessOrEqual(f, len(x.Order), 3*job.MaxID)
		}
		a.report(job.Report{Order: order, Result: job.Completed})
		f.call(a)
		for range 2 * controller.MaxAnomalies {
			a.report(job.Report{Order: order, Progress: job.Started}) // after the end
		}
		f.call(a)
		require.Equal(f, job.Completed, f.asset(run, "a").Result)
		status, err = f.Asset(ctx, "a", f.now)
		require.NoError(f, err)
		require.Equal(f, len(nonsense)+2*controller.MaxAnomalies, status.AnomalyCount)
		require.Len(f, status.LastAnomalies, controller.MaxAnomalies, "bounded")
		require.Equal(f, a.sequence, status.LastAnomalies[controller.MaxAnomalies-1].Sequence, "the newest")
	})
}

func TestCancelledAfterDeployIsAnAnomaly_JOB4(t *testing.T) {
	stores(t, func(f *fixture) {
		a, run, order := f.ordered("now")
		_, err := f.CancelRun(ctx, run, f.now)
		require.NoError(f, err)
		a.report(job.Report{Order: order, Progress: job.Started})
		a.report(job.Report{Order: order, Progress: job.Deploying})
		a.report(job.Report{Order: order, Result: job.Cancelled})
		a.report(job.Report{Order: order, TooLate: job.StageDownload})
		f.call(a)
		require.Zero(f, f.asset(run, "a").Result)
		status, err := f.Asset(ctx, "a", f.now)
		require.NoError(f, err)
		require.Equal(f, 2, status.AnomalyCount)
	})
}

func TestHugeTextsAreCut(t *testing.T) {
	huge := 9_000_000
	if testing.Short() {
		huge = 90_000
	}
	stores(t, func(f *fixture) {
		a, run, _ := f.ordered("now")
		big := outcome("editor-2.0.0", job.PatchFailed, job.InstallerFailed)
		big.Text, big.Name, big.Rule = strings.Repeat("é", huge/3), strings.Repeat("n", huge/3), strings.Repeat("r", huge/3)
		a.report(job.Report{Order: a.orders[0].ID, Result: job.Failed, Text: strings.Repeat("t", huge), Patches: []job.PatchOutcome{big}})
		a.report(job.Report{Refused: strings.Repeat("m", huge)})
		f.call(a)
		got := f.asset(run, "a")
		require.Equal(f, job.Failed, got.Result)
		require.Len(f, got.Text, ledger.MaxText)
		require.LessOrEqual(f, len(got.Patches[0].Text), ledger.MaxText)
	})
}

func TestRefusedManifestIsShown_MAN5(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		a := f.enrol("a", "all")
		f.enable(definition("now", "editor-2.0.0"))
		a.report(job.Report{Refused: "Expired: the clock is wrong"})
		_, err := f.CheckIn(ctx, a.request(f.now), f.now) // its answer is refused too
		require.NoError(f, err)
		status, err := f.Asset(ctx, "a", f.now)
		require.NoError(f, err)
		require.True(f, status.Behind)
		require.Equal(f, "Expired: the clock is wrong", status.Refused.Text)
		f.pass(time.Minute)
		a.unsent = nil
		_, err = f.CheckIn(ctx, a.request(f.now), f.now)
		require.NoError(f, err)
		status, err = f.Asset(ctx, "a", f.now)
		require.NoError(f, err)
		require.NotNil(f, status.Refused, "it still holds the one before")
		f.call(a)
		f.call(a)
		status, err = f.Asset(ctx, "a", f.now)
		require.NoError(f, err)
		require.False(f, status.Behind)
		require.Nil(f, status.Refused)
	})
}

// A report that is repeated changes nothing, and a new one is a call like any
// other, however soon it comes.
func TestLastCallIsThatOfTheNewestReport_MAN6(t *testing.T) {
	stores(t, func(f *fixture) {
		a, run, order := f.ordered("now")
		f.call(a)
		late := a.request(f.now.Add(5 * time.Second)) // made before the report is
		a.report(job.Report{Order: order, Progress: job.Started})
		f.pass(10 * time.Second)
		_, err := f.CheckIn(ctx, a.request(f.now), f.now)
		require.NoError(f, err)
		after := dump(f)
		f.pass(10 * time.Second)
		_, err = f.CheckIn(ctx, late, f.now)
		require.NoError(f, err)
		require.Empty(f, f.asset(run, "a").Result, "no state was lost")
		_, err = f.CheckIn(ctx, a.request(f.now), f.now)
		require.NoError(f, err)
		require.Equal(f, after, dump(f))
	})
}

// An agent whose state was lost or put back knows nothing of what it had begun:
// that has failed, a reboot that it waited for is pending all the same, and
// what had not begun goes on (JOB-24, RBT-11).
func TestStateOfTheAgentIsLost_JOB24_RBT11(t *testing.T) {
	for name, lose := range map[string]func(*agent){
		"lost":     func(a *agent) { a.held, a.sequence = 0, 0 },
		"put back": func(a *agent) { a.sequence = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			stores(t, func(f *fixture) {
				f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
				a := f.enrol("a", "all")
				runs := map[string]job.RunID{}
				for _, id := range []string{"begun", "reboots", "gone", "fresh"} {
					runs[id] = f.enable(definition(job.ID(id), "editor-2.0.0"))
				}
				f.call(a)
				for _, id := range []string{"begun", "gone"} {
					a.report(job.Report{Order: job.MakeOrderID(runs[id], "a"), At: f.now, Progress: job.Started})
				}
				a.report(job.Report{Order: job.MakeOrderID(runs["reboots"], "a"), At: f.now, Result: job.PendingReboot})
				f.call(a)
				require.NoError(f, f.DisableJob(ctx, "gone", f.now))
				f.call(a)
				f.call(a)
				f.pass(10 * time.Second)
				held := a.held
				lose(a)
				f.call(a)
				require.Greater(f, a.held, held)
				for _, id := range []string{"begun", "reboots", "gone"} {
					row := f.asset(runs[id], "a")
					require.Equal(f, job.Failed, row.Result, id)
					require.Contains(f, row.Text, "lost its state")
				}
				require.Empty(f, f.asset(runs["fresh"], "a").Result)
				require.Len(f, a.orders, 1)
				reboots, err := f.PendingReboots(ctx, 10)
				require.NoError(f, err)
				require.Equal(f, []controller.Open{{Asset: "a", Since: start}}, reboots)
				status, err := f.Asset(ctx, "a", f.now)
				require.NoError(f, err)
				require.True(f, status.NeedsReboot)
				require.Contains(f, status.LastAnomalies[0].Text, "its state was lost or put back: it holds manifest revision")
				require.Contains(f, status.LastAnomalies[0].Text, "; 3 were accepted")
			})
		})
	}
}

// One report that is missing is noticed as well as many, and the ones after it
// are accepted (MAN-6).
func TestOneLostReport_MAN6(t *testing.T) {
	stores(t, func(f *fixture) {
		a, run, order := f.ordered("now")
		a.report(job.Report{Order: order, Progress: job.Received})
		a.unsent = nil
		a.report(job.Report{Order: order, Progress: job.Started})
		f.call(a)
		require.Equal(f, job.Started, f.asset(run, a.id).Progress)
		status, err := f.Asset(ctx, a.id, f.now)
		require.NoError(f, err)
		require.Equal(f, 1, status.AnomalyCount)
		require.Contains(f, status.LastAnomalies[0].Text, "1 to 1")
	})
}
