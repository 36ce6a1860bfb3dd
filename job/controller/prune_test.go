package controller_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
)

const day = 24 * time.Hour

// prune removes what ended before an instant, and checks what was counted.
func (f *fixture) prune(before time.Time, want controller.Removed) {
	f.Helper()
	got, err := f.Prune(ctx, before, f.now)
	require.NoError(f, err)
	require.Equal(f, want, got)
	got, err = f.Prune(ctx, before, f.now)
	require.NoError(f, err)
	require.Zero(f, got, "a second call finds nothing")
	for k := range dump(f)["tallies"] {
		run, _, _ := strings.Cut(k, "\x00")
		_, err := f.Run(ctx, job.RunID(run))
		require.NoError(f, err, "counts of a run that is gone")
	}
	differences, err := f.CheckIndexes(ctx)
	require.NoError(f, err)
	require.Empty(f, differences)
}

// runIDs lists the runs of a job.
func (f *fixture) runIDs(id job.ID) (ids []job.RunID) {
	f.Helper()
	list, err := f.Runs(ctx, id, "", 100)
	require.NoError(f, err)
	for _, r := range list {
		ids = append(ids, r.ID)
	}
	return ids
}

// ends reports a run as failed on an asset, with the patch's code.
func (f *fixture) ends(a *agent, run job.RunID, code job.Code) {
	f.Helper()
	a.report(job.Report{Order: job.MakeOrderID(run, a.id), At: f.now, Result: job.Failed, Patches: []job.PatchOutcome{outcome("editor-2.0.0", job.PatchFailed, code)}})
	f.call(a)
}

// Runs that ended go with their orders, failures and events. The number of
// failed installs stays, the newest run stays, and so does what counts towards
// giving up a patch (RPT-1, RPT-2, JOB-27).
func TestPrune_RPT1_JOB27(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		a, b := f.enrol("a", "all"), f.enrol("b", "all")
		d := definition("j", "editor-2.0.0", "player-2.0.0")
		d.GiveUp = 3
		first := f.enable(d)
		f.call(a)
		f.call(b)
		f.ends(a, first, job.InstallerFailed)
		f.ends(b, first, job.FileDownloadFailed)
		var runs []job.RunID
		for range 2 {
			f.pass(100 * day)
			run, err := f.RunJob(ctx, "j", f.now)
			require.NoError(f, err)
			f.call(a)
			f.call(b)
			f.ends(a, run, job.InstallerFailed)
			b.report(job.Report{Order: job.MakeOrderID(run, "b"), At: f.now, Result: job.Completed})
			f.call(b)
			runs = append(runs, run)
		}
		before := dump(f)
		n, err := f.FailedInstalls(ctx)
		require.NoError(f, err)
		require.Equal(f, 4, n)

		f.prune(start, controller.Removed{})
		require.Equal(f, before, dump(f), "nothing ended before that")
		// first goes with both failures; so do 2 tokens, 2 enrolments, a save and an enable.
		f.prune(start.Add(time.Hour), controller.Removed{Runs: 1, Orders: 2, Failures: 2, Events: 6})
		require.Equal(f, runs, f.runIDs("j"))
		_, err = f.Run(ctx, first)
		var missing *controller.NotFoundError
		require.ErrorAs(f, err, &missing)
		n, err = f.FailedInstalls(ctx)
		require.NoError(f, err)
		require.Equal(f, 4, n, "RPT-1 is over the whole account")
		page, err := f.Failures(ctx, controller.FailureFilter{Limit: 10})
		require.NoError(f, err)
		require.Len(f, page.Failures, 2)
		gave, err := f.GivenUp(ctx, "j", 10)
		require.NoError(f, err)
		require.Equal(f, []controller.GivenUp{{Asset: "a", Patch: "editor-2.0.0", Runs: 3, Last: f.now}}, gave, "the pruned run counts")
		events, err := f.Events(ctx, time.Time{}, 10)
		require.NoError(f, err)
		require.Len(f, events, 3)
		require.Equal(f, controller.Pruned, events[0].Action)
		require.Contains(f, events[0].Text, "1 runs, 2 orders, 2 failures, 6 events, 0 anomalies")

		// A late report on a pruned order is odd, and harms nothing.
		f.ends(b, first, job.InstallerFailed)
		status, err := f.Asset(ctx, "b", f.now)
		require.NoError(f, err)
		require.Equal(f, 1, status.AnomalyCount)

		f.pass(200 * day)
		// The second run goes. The newest one stays, whatever its age.
		f.prune(f.now.Add(-controller.PruneAge), controller.Removed{Runs: 1, Orders: 2, Failures: 1, Events: 3, Anomalies: 1})
		require.Equal(f, runs[1:], f.runIDs("j"))
		status, err = f.Asset(ctx, "b", f.now)
		require.NoError(f, err)
		require.Empty(f, status.LastAnomalies)
		require.Equal(f, 1, status.AnomalyCount)

		require.NoError(f, f.DeleteJob(ctx, "j", false, f.now))
		f.prune(f.now.Add(-controller.PruneAge), controller.Removed{Runs: 1, Orders: 2, Failures: 1})
		require.Empty(f, f.runIDs("j"))
		_, err = f.Job(ctx, "j")
		require.NoError(f, err, "the job stays (JOB-6)")
		n, err = f.FailedInstalls(ctx)
		require.NoError(f, err)
		require.Equal(f, 4, n)
	})
}

// What agents may still report again is not pruned (JOB-24).
func TestPruneKeeps90Days_JOB24(t *testing.T) {
	once(t, func(f *fixture) {
		_, err := f.Prune(ctx, f.now.Add(-controller.PruneAge), f.now)
		require.NoError(f, err)
		_, err = f.Prune(ctx, f.now.Add(-controller.PruneAge).Add(time.Second), f.now)
		var invalid *job.Invalid
		require.ErrorAs(f, err, &invalid)
		require.ErrorContains(f, err, "2025-12-01T12:00:00Z or earlier")
	})
}

// A run with one open order stays whole, however old it is. So does one whose
// assets can still begin or report an order: withdrawn, and not yet confirmed.
func TestPruneKeepsOpenOrders_JOB24(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		a, b := f.enrol("a", "all"), f.enrol("b", "all")
		open := f.enable(definition("open", "editor-2.0.0"))
		gone := f.enable(definition("gone", "editor-2.0.0"))
		f.call(a)
		f.call(b)
		f.ends(a, open, job.InstallerFailed)
		a.report(job.Report{Order: job.MakeOrderID(gone, "a"), At: f.now, Progress: job.Deploying})
		f.call(a)
		require.NoError(f, f.DisableJob(ctx, "open", f.now))
		require.NoError(f, f.DeleteJob(ctx, "gone", false, f.now))
		f.pass(200 * day)
		old := f.now.Add(-controller.PruneAge)
		events, err := f.Events(ctx, time.Time{}, 100)
		require.NoError(f, err)
		f.prune(old, controller.Removed{Events: len(events)})
		require.Equal(f, []job.RunID{open}, f.runIDs("open"))
		require.Equal(f, []job.RunID{gone}, f.runIDs("gone"))

		f.call(b) // holds a manifest without them now, so it never begins them
		f.call(b)
		a.report(job.Report{Order: job.MakeOrderID(gone, "a"), At: f.now, Result: job.Completed})
		f.call(a)
		f.prune(old, controller.Removed{}) // they ended only now
		f.pass(100 * day)
		f.prune(f.now.Add(-controller.PruneAge), controller.Removed{Runs: 1, Orders: 2, Events: 1})
		require.Equal(f, []job.RunID{open}, f.runIDs("open"), "the newest run of a job that is not deleted")
	})
}

// The run that a follower waits for stays, and a follower outlives the run
// before it (JOB-19).
func TestPruneKeepsWhatFollowersWaitFor_JOB19(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		a, b := f.enrol("a", "all"), f.enrol("b", "all")
		first := f.enable(definition("first", "editor-2.0.0"))
		f.follows("share", job.After{Job: "first", Share: 100})
		f.follows("each", job.After{Job: "first", PerAsset: true})
		f.call(a)
		f.call(b)
		a.report(job.Report{Order: job.MakeOrderID(first, "a"), At: f.now, Result: job.Completed})
		f.call(a)
		f.ends(b, first, job.InstallerFailed)
		require.Len(f, f.runIDs("each"), 1)
		f.pass(200 * day)
		old := f.now.Add(-controller.PruneAge)
		_, err := f.Prune(ctx, old, f.now)
		require.NoError(f, err)
		require.Len(f, f.runIDs("first"), 1)
		require.NoError(f, f.RemoveAsset(ctx, "b", f.now)) // now all that are left succeeded
		_, err = f.Tick(ctx, f.now)
		require.NoError(f, err)
		require.Len(f, f.runIDs("share"), 1, "it starts by the run that was kept")

		require.NoError(f, f.DeleteJob(ctx, "first", true, f.now))
		f.pass(100 * day)
		f.prune(f.now.Add(-controller.PruneAge), controller.Removed{Runs: 1, Orders: 2, Failures: 1, Events: 3})
		require.Empty(f, f.runIDs("first"))
		status, err := f.Job(ctx, "each")
		require.NoError(f, err)
		require.Len(f, status.Open, 1, "its order on a is still open")
		_, err = f.CancelJob(ctx, "each", f.now)
		require.NoError(f, err)
	})
}

// Prune is cut off after each of its transactions; the next call comes to the
// same end, and the indexes are right in between.
func TestPruneThatIsCutOff(t *testing.T) {
	base := memstore.New(memstore.Options{})
	f := newFixture(t, base)
	f.sync(patch("editor", "2.0.0"))
	enrolMany(f, 5)
	for i := range 3 {
		_ = f.enable(definition(job.ID(fmt.Sprint("j", i)), "editor-2.0.0"))
		require.NoError(t, f.DeleteJob(ctx, job.ID(fmt.Sprint("j", i)), false, f.now))
	}
	f.pass(200 * day)
	prune := func(s controller.Store) error {
		_, err := smallSteps(t, s).Prune(ctx, f.now.Add(-controller.PruneAge), f.now)
		return err
	}
	want := base.Clone()
	require.NoError(t, prune(want))
	require.Empty(t, dumpOf(t, want)["orders"])
	require.Empty(t, dumpOf(t, want)["runs"])
	for n := 0; ; n++ {
		s := base.Clone()
		err := prune(&failing{Store: s, after: n})
		require.Empty(t, audit(t, s))
		if err == nil {
			require.Greater(t, n, 3*5, "one order in each transaction")
			break
		}
		require.ErrorIs(t, err, errDied)
		require.NoError(t, prune(s))
		have, all := dumpOf(t, s), dumpOf(t, want)
		delete(have, "events") // each call says what it removed itself
		delete(all, "events")
		require.Equal(t, all, have, "cut off after %d transactions", n)
	}
}

// hiccup is a store whose update number at fails.
type hiccup struct {
	controller.Store
	at int
}

func (s *hiccup) Update(ctx context.Context, fn func(controller.Writer) error) error {
	if s.at--; s.at == 0 {
		return errDied
	}
	return s.Store.Update(ctx, fn)
}

// What a call removed before it failed, and after it, is recorded as well.
func TestPruneThatFailsRecordsWhatItRemoved(t *testing.T) {
	base := memstore.New(memstore.Options{})
	f := newFixture(t, base)
	f.sync(patch("editor", "2.0.0"))
	enrolMany(f, 3)
	f.enable(definition("j", "editor-2.0.0"))
	require.NoError(t, f.DeleteJob(ctx, "j", false, f.now))
	f.pass(200 * day)
	removed, err := smallSteps(t, &hiccup{base, 3}).Prune(ctx, f.now.Add(-controller.PruneAge), f.now)
	require.ErrorIs(t, err, errDied)
	require.Equal(t, controller.Removed{Orders: 2, Events: 7}, removed, "the run stays, and the events go")
	events, err := f.Events(ctx, time.Time{}, 1)
	require.NoError(t, err)
	require.Equal(t, controller.Pruned, events[0].Action)
	require.Contains(t, events[0].Text, "0 runs, 2 orders")
}

// A run whose record is damaged stays, and is named. The others are pruned.
func TestPrunePassesOverDamage(t *testing.T) {
	f := newFixture(t, memstore.New(memstore.Options{}))
	f.sync(patch("editor", "2.0.0"))
	a := f.enrol("a", "all")
	ids := []job.ID{"a-good", "b-bad", "c-good"}
	for _, id := range ids {
		run := f.enable(definition(id, "editor-2.0.0"))
		f.call(a)
		f.ends(a, run, job.InstallerFailed)
	}
	bad := f.runIDs("b-bad")[0]
	f.pass(100 * day)
	for _, id := range ids {
		_, err := f.RunJob(ctx, id, f.now)
		require.NoError(t, err)
	}
	key := "b-bad\x00\x01" + string(bad) + "\x00\x01"
	whole := dump(f)["runs"][key]
	write(t, f.store, "runs", key, []byte("{"))
	defer write(t, f.store, "runs", key, []byte(whole))
	got, err := f.Prune(ctx, start.Add(day), f.now)
	require.ErrorContains(t, err, string(bad))
	require.Equal(t, 2, got.Runs)
	require.NotZero(t, got.Events)
	require.Len(t, f.runIDs("a-good"), 1)
	require.Len(t, f.runIDs("c-good"), 1)
}
