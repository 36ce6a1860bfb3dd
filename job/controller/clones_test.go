package controller_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// copied is a second computer with what an agent has.
func (a *agent) copied() *agent {
	c := *a
	c.unsent, c.boot = append([]job.Report(nil), a.unsent...), "boot-of-the-copy"
	return &c
}

// inTurn lets two computers of one identity call, one after the other, as often as it takes.
func (f *fixture) inTurn(agents ...*agent) {
	f.Helper()
	for range 3 {
		for _, a := range agents {
			f.pass(time.Minute)
			f.call(a)
		}
	}
}

func (f *fixture) cloned() (ids []job.AssetID) {
	f.Helper()
	list, err := f.Cloned(ctx, 10, f.now)
	require.NoError(f, err)
	for _, s := range list {
		require.Contains(f, s.Cloned.Text, "agent enrol --again")
		ids = append(ids, s.ID)
	}
	return ids
}

// While two computers call as one asset, its manifest has nothing that could
// start; its orders wait, and are handed out when the administrator settles it.
// A mark on what has begun stays (MAN-9, JOB-3).
func TestClonedAssetStartsNothing_MAN9(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		a := f.enrol("a", "all")
		one := f.enable(definition("one", "editor-2.0.0"))
		f.call(a)
		require.NotEmpty(f, a.orders)
		b := a.copied()
		f.inTurn(a, b)
		require.Equal(f, []job.AssetID{"a"}, f.cloned())
		require.Empty(f, a.orders)
		require.Empty(f, b.orders)
		for _, x := range []*agent{a, b} {
			x.report(job.Report{Order: job.MakeOrderID(one, "a"), Result: job.Withdrawn})
			f.pass(time.Minute)
			f.call(x)
		}
		require.True(f, f.asset(one, "a").Waiting)
		two := f.enable(definition("two", "player-2.0.0"))
		f.inTurn(a, b)
		require.Empty(f, a.orders)
		require.True(f, f.asset(two, "a").Waiting, "made when it is settled")
		_, err := f.CancelRun(ctx, one, f.now)
		require.NoError(f, err)

		require.NoError(f, f.SettleClone(ctx, "a", f.now))
		var missing *controller.NotFoundError
		require.True(f, errors.As(f.SettleClone(ctx, "a", f.now), &missing))
		require.Empty(f, f.cloned())
		f.pass(time.Minute)
		f.call(a)
		require.Equal(f, []string{"player-2.0.0"}, a.patches())
		require.Equal(f, job.Cancelled, f.asset(one, "a").Result)
		f.inTurn(b, a)
		require.Equal(f, []job.AssetID{"a"}, f.cloned(), "the other one still calls")
		require.NoError(f, f.RemoveAsset(ctx, "a", f.now))
		require.Empty(f, f.cloned())
	})
}

// What had started goes on, and its result counts; the other one's word on it
// does not. A cancel still reaches it (MAN-9, JOB-3).
func TestClonedAssetGoesOnWithWhatItBegan_MAN9(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		a := f.enrol("a", "all")
		one, two := f.enable(definition("one", "editor-2.0.0")), f.enable(definition("two", "player-2.0.0"))
		f.call(a)
		b := a.copied()
		f.inTurn(a, b)
		a.report(job.Report{Order: job.MakeOrderID(one, "a"), Progress: job.Started})
		a.report(job.Report{Order: job.MakeOrderID(two, "a"), Result: job.Withdrawn})
		f.pass(time.Minute)
		f.call(a)
		b.sequence = a.sequence // its numbers go on after the server's
		b.report(job.Report{Order: job.MakeOrderID(one, "a"), Result: job.Withdrawn})
		f.pass(time.Minute)
		f.call(b)
		require.Zero(f, f.asset(one, "a").Result)
		require.Equal(f, job.StageDownload, f.asset(one, "a").Stage)
		_, err := f.CancelRun(ctx, one, f.now)
		require.NoError(f, err)
		f.pass(time.Minute)
		f.call(a)
		require.Equal(f, []string{"editor-2.0.0 (cancelled)"}, a.patches())
		a.sequence = b.sequence
		a.report(job.Report{Order: job.MakeOrderID(one, "a"), Result: job.Cancelled})
		f.pass(time.Minute)
		f.call(a)
		require.Equal(f, job.Cancelled, f.asset(one, "a").Result)
	})
}

// It ends when one of them alone has called for 24 hours. What the other one
// had begun is not known then (MAN-9, JOB-24).
func TestCloneEndsByItself_MAN9(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		a := f.enrol("a", "all")
		one, two := f.enable(definition("one", "editor-2.0.0")), f.enable(definition("two", "player-2.0.0"))
		f.call(a)
		b := a.copied()
		f.inTurn(a, b)
		b.report(job.Report{Order: job.MakeOrderID(one, "a"), Progress: job.Started})
		b.report(job.Report{Order: job.MakeOrderID(two, "a"), Result: job.Withdrawn})
		f.pass(time.Minute)
		f.call(b)
		a.sequence = b.sequence
		for range 24 {
			f.pass(time.Hour)
			require.NotEmpty(f, f.cloned())
			f.call(a)
		}
		require.Empty(f, a.orders)
		f.pass(time.Hour)
		f.call(a)
		require.Empty(f, f.cloned())
		require.Equal(f, job.Failed, f.asset(one, "a").Result, "nobody is left to end it")
		require.Equal(f, []string{"player-2.0.0"}, a.patches())
	})
}

// A call that was made earlier, or comes again, sets nothing back: neither what
// the asset holds nor its boot, zone, inventory and last call; its reports
// count once (W9, MAN-6).
func TestCallOfThePastSetsNothingBack_MAN6(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		a := f.enrol("a", "all")
		a.zone = "Europe/Berlin"
		first := a.request(f.now.Add(time.Second))
		inventory := a.inventory
		first.Inventory = &inventory
		run := f.enable(definition("one", "editor-2.0.0"))
		f.pass(time.Minute)
		a.zone, a.boot = "Asia/Tokyo", "boot-2"
		a.install("editor", "1.5.0")
		f.call(a)
		f.pass(10 * time.Minute)
		a.report(job.Report{Order: job.MakeOrderID(run, "a"), Progress: job.Received})
		second := a.request(f.now)
		f.call(a)
		before := dump(f)
		for range 3 {
			f.pass(time.Hour)
			for _, in := range []manifest.CheckIn{first, second} {
				answer, err := f.CheckIn(ctx, in, f.now)
				require.NoError(f, err)
				require.Empty(f, answer.Manifest)
				require.False(f, answer.WantInventory)
				require.EqualValues(f, 1, answer.Acknowledged)
			}
		}
		require.Equal(f, before, dump(f))
	})
}
