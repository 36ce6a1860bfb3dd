package controller_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// small is a fixture whose passes take one asset at a time.
func small(t *testing.T, s controller.Store) *fixture {
	c := config()
	c.Batch = 1
	return fixtureOf(t, s, c)
}

// A run at a local time keeps its name when the zone is edited. Its orders for
// the old zone are withdrawn from every asset all the same, before it is made
// again.
func TestEditedZoneWithdrawsFromEveryAsset_JOB5_JOB9(t *testing.T) {
	f := small(t, memstore.New(memstore.Options{}))
	f.sync(patch("editor", "2.0.0"))
	a, b := f.enrol("a", "all"), f.enrol("b", "all")
	d := definition("n", "editor-2.0.0")
	d.Schedule = daily(f, "22:00", "UTC")
	f.enable(d)
	f.pass(8 * time.Hour)
	_, err := f.Tick(ctx, f.now)
	require.NoError(t, err)
	f.call(a)
	f.call(b)
	require.Len(t, b.orders, 1)
	d.Schedule = daily(f, "22:00", "America/New_York")
	_, err = f.SaveJob(ctx, d, f.now)
	require.NoError(t, err)
	f.call(a)
	f.call(b)
	require.Empty(t, a.orders)
	require.Empty(t, b.orders)
	f.pass(6 * time.Hour)
	_, err = f.Tick(ctx, f.now)
	require.NoError(t, err)
	f.call(a)
	f.call(b)
	require.Equal(t, time.Date(2026, 3, 2, 3, 0, 0, 0, time.UTC), a.orders[0].Start)
	require.Equal(t, a.orders[0].Start, b.orders[0].Start)
}

// limited fails every commit after some.
type limited struct {
	controller.Store
	left int
}

func (s *limited) Update(ctx context.Context, fn func(controller.Writer) error) error {
	if s.left--; s.left < 0 {
		return errFault
	}
	return s.Store.Update(ctx, fn)
}

// A cancel that is cut off is not lost when its job is enabled again: the run
// stays cancelled, and gets no other start.
func TestCutOffCancelSurvivesEnable_JOB3(t *testing.T) {
	store := &limited{memstore.New(memstore.Options{}), 1 << 30}
	f := small(t, store)
	f.sync(patch("editor", "2.0.0"))
	a, b := f.enrol("a", "all"), f.enrol("b", "all")
	d := definition("o", "editor-2.0.0")
	d.Schedule = schedule.Schedule{Kind: schedule.Once, At: start.Add(time.Hour)}
	run := f.enable(d)
	f.call(a)
	f.call(b)
	require.NoError(t, f.DisableJob(ctx, "o", f.now))
	store.left = 1
	_, err := f.CancelRun(ctx, run, f.now)
	require.ErrorAs(t, err, new(*controller.UnfinishedError))
	store.left = 1 << 30
	_, err = f.EnableJob(ctx, "o", f.now)
	require.ErrorAs(t, err, new(*job.Invalid))
	f.call(a)
	f.call(b)
	require.Equal(t, a.patches(), b.patches())
	require.True(t, b.orders[0].Cancelled)
}

// Whoever cancels again with little patience each time gets there.
func TestCancelThatIsCutOffGoesOnWhereItWas_JOB3(t *testing.T) {
	store := &limited{memstore.New(memstore.Options{}), 1 << 30}
	f := small(t, store)
	f.sync(patch("editor", "2.0.0"))
	for _, id := range []job.AssetID{"a", "b", "c", "d", "e"} {
		f.call(f.enrol(id, "all"))
	}
	run := f.enable(definition("now", "editor-2.0.0"))
	var err error
	for range 4 {
		store.left = 2
		if _, err = f.CancelRun(ctx, run, f.now); err == nil {
			break
		}
		require.ErrorAs(t, err, new(*controller.UnfinishedError))
	}
	store.left = 1 << 30
	require.NoError(t, err)
	require.Equal(t, ledger.CancelDone, f.asset(run, "e").Cancel)
}

// One record that cannot be read keeps neither other jobs nor other runs waiting.
func TestDamagedOrderStopsNothingElse(t *testing.T) {
	f := small(t, memstore.New(memstore.Options{}))
	f.sync(patch("editor", "2.0.0"))
	a := f.enrol("a", "all")
	f.enrol("b", "all")
	f.call(a)
	f.call(f.agents["b"])
	bad := f.enable(definition("bad", "editor-2.0.0"))
	f.enable(definition("good", "editor-2.0.0"))
	var at controller.Record
	put := func(value []byte) {
		require.NoError(t, f.store.Update(ctx, func(w controller.Writer) error { return w.Put("orders", at.Key, value) }))
	}
	require.NoError(t, f.store.View(ctx, func(r controller.Reader) error {
		list, err := r.Scan("orders", "", "", 10)
		at = list[1] // of bad, on b
		return err
	}))
	put([]byte("{"))
	require.ErrorAs(t, f.DisableJob(ctx, "bad", f.now), new(*controller.UnfinishedError))
	require.NoError(t, f.DisableJob(ctx, "good", f.now))
	_, err := f.SaveJob(ctx, definition("later", "editor-2.0.0"), f.now)
	require.ErrorAs(t, err, new(*controller.UnfinishedError))
	run, err := f.EnableJob(ctx, "later", f.now)
	require.ErrorAs(t, err, new(*controller.UnfinishedError))
	status, err := f.Run(ctx, run)
	require.NoError(t, err)
	require.Equal(t, ledger.RunMade, status.State)
	require.Equal(t, 2, status.Assets)
	put(at.Value)
	_, err = f.Tick(ctx, f.now)
	require.NoError(t, err)
	require.Equal(t, job.Withdrawn, f.asset(bad, "b").Result)
}

// hook does something just before the next transaction that writes.
type hook struct {
	controller.Store
	before func()
}

func (s *hook) Update(ctx context.Context, fn func(controller.Writer) error) error {
	if do := s.before; do != nil {
		s.before = nil
		do()
	}
	return s.Store.Update(ctx, fn)
}

// The cancel is decided by what is known in the transaction that marks the run.
func TestDeployThatOvertakesACancelIsARefusal_JOB3(t *testing.T) {
	store := &hook{Store: memstore.New(memstore.Options{})}
	f := small(t, store)
	a, run, order := f.ordered("now")
	store.before = func() {
		a.report(job.Report{Order: order, Progress: job.Deploying})
		f.call(a)
	}
	report, err := f.CancelRun(ctx, run, f.now)
	refused, is := errors.AsType[*controller.CancelRefused](err)
	require.True(t, is)
	require.Equal(t, job.StageDeploy, refused.Stage)
	require.Equal(t, ledger.CancelTooLate, report.Assets[0].State)
	status, err := f.Run(ctx, run)
	require.NoError(t, err)
	require.Equal(t, ledger.RunMade, status.State, "it changed nothing")
}

// Nothing waits for an asset that was removed, and its name's next bearer gets nothing of it.
func TestRemovedAssetIsNotWaitedFor(t *testing.T) {
	f := small(t, memstore.New(memstore.Options{}))
	_, run, _ := f.ordered("now")
	require.NoError(t, f.RemoveAsset(ctx, "a", f.now))
	_, err := f.CancelRun(ctx, run, f.now)
	require.ErrorContains(t, err, "its orders have ended", "with the asset (MAN-10)")
	pending, err := f.PendingCancels(ctx, 10)
	require.NoError(t, err)
	require.Empty(t, pending)
	next := f.enrol("a", "all")
	f.call(next)
	require.Empty(t, next.orders)

	f = small(t, memstore.New(memstore.Options{}))
	a, _, order := f.ordered("now")
	require.NoError(t, f.DisableJob(ctx, "now", f.now))
	a.report(job.Report{Order: order, Progress: job.Started})
	a.report(job.Report{Order: order, Result: job.PendingReboot, Patches: []job.PatchOutcome{outcome("editor-2.0.0", job.Installed, 0)}})
	f.call(a)
	require.NoError(t, f.RemoveAsset(ctx, "a", f.now))
	reboots, err := f.PendingReboots(ctx, 10)
	require.NoError(t, err)
	require.Empty(t, reboots)
}
