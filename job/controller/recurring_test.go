package controller_test

import (
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

func daily(t tester, at, zone string) schedule.Schedule {
	clock, err := schedule.ParseTimeOfDay(at)
	require.NoError(t, err)
	return schedule.Schedule{Kind: schedule.Daily, Time: clock, Zone: zone}
}

// tick goes on to when the controller wants to be called, until an instant.
func (f *fixture) tick(until time.Time) {
	f.Helper()
	for {
		next, err := f.Tick(ctx, f.now)
		require.NoError(f, err)
		if next.IsZero() || next.After(until) {
			f.now = until
			return
		}
		f.now = next
	}
}

func (f *fixture) runs(id job.ID) (ids []string, states []ledger.RunState) {
	f.Helper()
	list, err := f.Runs(ctx, id, "", 1000)
	require.NoError(f, err)
	for _, r := range list {
		ids, states = append(ids, string(r.ID)), append(states, r.State)
	}
	return ids, states
}

func TestRecurringRuns_JOB9_MAN1(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		a := f.enrol("a", "all")
		d := definition("nightly", "editor-2.0.0")
		d.Schedule = daily(f, "22:00", "Europe/Berlin")
		f.enable(d)
		f.tick(start.Add(6 * time.Hour)) // the lead before 21:00 UTC began half-way
		f.call(a)
		require.Len(f, a.orders, 1)
		require.Equal(f, time.Date(2026, 3, 1, 21, 0, 0, 0, time.UTC), a.orders[0].Start)
		f.tick(start.Add(3 * 24 * time.Hour))
		ids, states := f.runs("nightly")
		require.Equal(f, []string{"nightly@20260301T220000", "nightly@20260302T220000", "nightly@20260303T220000", "nightly@20260304T220000"}, ids)
		require.Equal(f, []ledger.RunState{ledger.RunMade, ledger.RunMade, ledger.RunMade, ledger.RunPlanned}, states)
		require.NoError(f, f.DisableJob(ctx, "nightly", f.now))
		f.tick(start.Add(10 * 24 * time.Hour))
		ids, states = f.runs("nightly")
		require.Len(f, ids, 4, "a disabled job has no further runs")
		require.Equal(f, ledger.RunWithdrawn, states[3])
	})
}

// A server that was away makes of the runs it missed only the newest (JOB-12).
func TestMissedWhileTheServerWasAway_JOB12(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		a := f.enrol("a", "all")
		d := definition("nightly", "editor-2.0.0")
		d.Schedule = daily(f, "22:00", "UTC")
		f.enable(d)
		f.pass(5 * 24 * time.Hour)
		_, err := f.Tick(ctx, f.now)
		require.NoError(f, err)
		_, states := f.runs("nightly")
		require.Equal(f, []ledger.RunState{ledger.RunMissed, ledger.RunMade, ledger.RunPlanned}, states)
		f.call(a)
		require.Len(f, a.orders, 1)
		require.Equal(f, time.Date(2026, 3, 5, 22, 0, 0, 0, time.UTC), a.orders[0].Start)
	})
}

// A run that is ahead on some asset's clock is planned. Each asset gets its
// order the lead before its own start, and those whose clocks are past it are
// left out, even if a window would still be open.
func TestEachAssetsOwnZone_JOB9_MAN1(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		agents := map[string]*agent{}
		for id, zone := range map[string]string{
			"kiritimati": "Pacific/Kiritimati", "berlin": "Europe/Berlin", "honolulu": "Pacific/Honolulu", "odd": "Mars/Base", "mute": "",
		} {
			a := f.enrolOnly(job.AssetID(id), "all")
			a.zone = zone
			a.install("editor", "1.0.0")
			f.call(a)
			agents[id] = a
		}
		d := definition("night", "editor-2.0.0")
		d.Schedule, d.Window = daily(f, "23:00", schedule.AssetZone), 24*time.Hour
		run := f.enable(d)
		require.Equal(f, job.RunID("night@20260301T230000"), run)
		for _, asset := range []struct {
			id    string
			start time.Time
		}{
			{"berlin", time.Date(2026, 3, 1, 22, 0, 0, 0, time.UTC)}, {"honolulu", time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)},
		} {
			a := agents[asset.id]
			f.tick(asset.start.Add(-3*time.Hour - time.Second))
			f.call(a)
			require.Empty(f, a.orders, "it is not yet time")
			f.tick(asset.start.Add(-3 * time.Hour))
			f.call(a)
			require.Len(f, a.orders, 1, asset.id)
			require.Equal(f, asset.start, a.orders[0].Start)
			require.Equal(f, run, a.orders[0].Run, "one run on all assets")
		}
		row := f.asset(run, "kiritimati")
		require.Equal(f, job.TimedOut, row.Result)
		require.Contains(f, row.Text, "JOB-9")
		for _, id := range []job.AssetID{"odd", "mute"} {
			row := f.asset(run, id)
			require.Equal(f, job.Failed, row.Result)
			require.Contains(f, row.Text, "JOB-20", "what cannot be understood never means now")
		}
		f.tick(start.Add(23 * time.Hour)) // 23:00 in the last zone
		status, err := f.Run(ctx, run)
		require.NoError(f, err)
		require.Equal(f, ledger.RunMade, status.State)
	})
}

// A run by name uses no clock: it starts now, wherever an asset is and whether
// or not it has reported its zone.
func TestRunByNameWhereEachGoesByItsOwnZone_JOB6_JOB9(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		west, mute := f.enrolOnly("a", "all"), f.enrol("b", "all")
		west.zone = "Pacific/Honolulu"
		west.install("editor", "1.0.0")
		f.call(west)
		d := definition("night", "editor-2.0.0")
		d.Schedule = daily(f, "23:00", schedule.AssetZone)
		f.enable(d)
		f.call(mute)
		run, err := f.RunJob(ctx, "night", f.now)
		require.NoError(f, err)
		for _, a := range []*agent{west, mute} {
			f.call(a)
			require.Len(f, a.orders, 1)
			require.Equal(f, run, a.orders[0].Run)
			require.Equal(f, start, a.orders[0].Start)
		}
	})
}

// An asset whose turn has come gets its order with its first inventory, also
// while the run is being made for others.
func TestFirstInventoryWhileZonesAreToCome_JOB9_MAN1(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		a := f.enrolOnly("a", "all")
		a.zone = "America/New_York" // 07:00
		in := a.request(f.now)
		_, err := f.CheckIn(ctx, in, f.now)
		require.NoError(f, err)
		d := definition("noon", "editor-2.0.0")
		d.Schedule = daily(f, "11:00", schedule.AssetZone)
		run := f.enable(d)
		f.tick(start.Add(2 * time.Hour))
		require.True(f, f.asset(run, "a").Waiting)
		a.install("editor", "1.0.0")
		f.call(a)
		require.Len(f, a.orders, 1)
		_, states := f.runs("noon")
		require.Equal(f, ledger.RunMaking, states[0])
	})
}

func TestSpreadAndWindow_JOB9_JOB10(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		d := definition("nightly", "editor-2.0.0")
		d.Schedule = daily(f, "22:00", "UTC")
		d.Schedule.Spread, d.Window = time.Hour, 2*time.Hour
		starts := map[time.Time]bool{}
		for _, id := range []job.AssetID{"a", "b", "c", "d"} {
			f.enrol(id, "all")
		}
		f.enable(d)
		f.tick(start.Add(9 * time.Hour))
		for _, a := range f.agents {
			f.call(a)
			require.Len(f, a.orders, 1)
			o := a.orders[0]
			starts[o.Start] = true
			require.False(f, o.Start.Before(time.Date(2026, 3, 1, 22, 0, 0, 0, time.UTC)))
			require.True(f, o.Start.Before(time.Date(2026, 3, 1, 23, 0, 0, 0, time.UTC)))
			require.Equal(f, time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), o.End)
		}
		require.Greater(f, len(starts), 1)
		run, err := f.Run(ctx, "nightly@20260301T220000")
		require.NoError(f, err)
		require.Equal(f, time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), run.End)
	})
}

func TestZoneThatIsNone_JOB20(t *testing.T) {
	stores(t, func(f *fixture) {
		d := definition("nightly", "editor-2.0.0")
		d.Schedule = daily(f, "22:00", "Europe/Nowhere")
		_, err := f.SaveJob(ctx, d, f.now)
		require.NoError(f, err, "it may be saved: another server may know the zone")
		_, err = f.EnableJob(ctx, "nightly", f.now)
		require.ErrorContains(f, err, "Europe/Nowhere")
		require.ErrorContains(f, err, "JOB-20")
	})
}

// An edit reaches what waits. It does not bring a run of some days ago to
// assets that had nothing to do then, or are new.
func TestEditMakesNoOrdersOfPastRuns_JOB9_MAN2(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		f.enrol("away", "all")
		idle := f.enrolOnly("idle", "all")
		idle.install("editor", "2.0.0", "player", "1.0.0")
		f.call(idle)
		d := definition("nightly")
		d.Patches = job.Patches{Query: &job.Query{}}
		d.Schedule = daily(f, "22:00", "UTC")
		run := f.enable(d)
		f.tick(start.Add(30 * time.Hour))
		require.Equal(f, job.NotApplicable, f.asset(run, "idle").Result)
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		late := f.enrol("late", "all")
		d.Name = "renamed"
		_, err := f.SaveJob(ctx, d, f.now)
		require.NoError(f, err)
		f.call(idle)
		f.call(late)
		require.Empty(f, idle.orders)
		require.Empty(f, late.orders)
		f.call(f.agents["away"])
		require.Equal(f, "renamed", f.agents["away"].orders[0].Name, "its order still waits")
		f.tick(start.Add(36 * time.Hour))
		f.call(idle)
		require.Equal(f, []string{"player-2.0.0"}, idle.patches(), "the next run takes it")
	})
}

// The zone comes with the very call that brings the inventory for which the order waited.
func TestZoneToldWithTheInventory_JOB9(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		a := f.enrolOnly("a", "all")
		a.zone = "Europe/Berlin"
		a.install("editor", "1.0.0")
		d := definition("night", "editor-2.0.0")
		d.Schedule = daily(f, "23:00", schedule.AssetZone)
		run := f.enable(d)
		f.tick(start.Add(24 * time.Hour))
		in := a.request(f.now)
		in.Inventory = &a.inventory
		_, err := f.CheckIn(ctx, in, f.now)
		require.NoError(f, err)
		require.Zero(f, f.asset(run, "a").Result, f.asset(run, "a").Text)
		f.call(a)
		require.Equal(f, time.Date(2026, 3, 1, 22, 0, 0, 0, time.UTC), a.orders[0].Start)
		require.Len(f, a.orders, 1, "the next is due in seven hours")
	})
}

// An asset that enrols while a run is being made zone by zone is part of it if
// its own turn is still to come; else it waits for the next run, as with any
// other job.
func TestAssetThatEnrolsAfterItsTurn_JOB9_MAN1(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		d := definition("night", "editor-2.0.0")
		d.Schedule = daily(f, "16:00", schedule.AssetZone)
		run := f.enable(d) // at 12:00 UTC
		enrol := func(id job.AssetID, zone string) *agent {
			a := f.enrolOnly(id, "all")
			a.zone = zone
			a.install("editor", "1.0.0")
			f.call(a)
			return a
		}
		f.tick(start.Add(2 * time.Hour)) // 14:00 in London, 09:00 in New York
		london, york, tokyo := enrol("london", "Europe/London"), enrol("york", "America/New_York"), enrol("tokyo", "Asia/Tokyo")
		for _, a := range []*agent{london, york, tokyo} {
			require.Empty(f, a.orders, a.id)
		}
		f.tick(start.Add(6 * time.Hour)) // 13:00 in New York
		for _, a := range []*agent{london, york, tokyo} {
			f.call(a)
		}
		require.Empty(f, london.orders, "its turn was over")
		require.Contains(f, f.asset(run, "london").Text, "run were due")
		require.Len(f, york.orders, 1)
		require.Equal(f, run, york.orders[0].Run)
		require.Empty(f, tokyo.orders)
		f.tick(start.Add(16 * time.Hour)) // 04:00 UTC: 13:00 in Tokyo
		f.call(tokyo)
		require.Len(f, tokyo.orders, 1)
		require.Equal(f, job.RunID("night@20260302T160000"), tokyo.orders[0].Run)
	})
}

// A preview says when a recurring job starts on the asset, and why it cannot (JOB-22, JOB-20).
func TestPreviewOfARecurringJob_JOB22_JOB20(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		a := f.enrol("a", "all")
		d := definition("night", "editor-2.0.0")
		d.Schedule = daily(f, "22:00", "Europe/Berlin")
		plan, selected, err := f.Preview(ctx, d, "a", f.now)
		require.NoError(f, err)
		require.True(f, selected)
		require.Equal(f, time.Date(2026, 3, 1, 21, 0, 0, 0, time.UTC), plan.Order.Start)

		d.Schedule.Zone = schedule.AssetZone
		_, _, err = f.Preview(ctx, d, "a", f.now)
		require.ErrorContains(f, err, "has not reported one")
		a.zone = "Asia/Kathmandu"
		f.call(a)
		plan, _, err = f.Preview(ctx, d, "a", f.now)
		require.NoError(f, err)
		require.Equal(f, time.Date(2026, 3, 1, 16, 15, 0, 0, time.UTC), plan.Order.Start, "the next that the asset's clock has not passed")

		d.Schedule.Zone = "Europe/Nowhere"
		_, _, err = f.Preview(ctx, d, "a", f.now)
		require.ErrorContains(f, err, "Europe/Nowhere")
	})
}
