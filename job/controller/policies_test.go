package controller_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/baseline"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
	"github.com/patchpolicy/patchpolicy/job/deadline"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// governed is a controller with a baseline that approves after a week, and a
// calendar that is closed for two days.
func governed(t *testing.T, change ...func(*controller.Config)) *fixture {
	c := config()
	c.Baselines = []baseline.Baseline{{Name: "week", Rules: []baseline.Rule{{Delay: 7}}}}
	c.Calendars = []schedule.Calendar{{Name: "freeze", Closed: []schedule.Closed{
		{Name: "audit", Reason: "the auditors are here", From: start.Add(-time.Hour), Until: start.Add(2 * day)},
	}}}
	for _, f := range change {
		f(&c)
	}
	return fixtureOf(t, memstore.New(memstore.Options{Seed: 1}), c)
}

func nightly(patches ...catalog.PatchID) job.Definition {
	d := definition("j", patches...)
	d.Schedule = schedule.Schedule{Kind: schedule.Daily, Time: schedule.Clock(3, 0), Zone: "UTC"}
	return d
}

// A run takes a patch when its baseline approves it (APR-2), and says why it
// leaves it out before.
func TestBaselineOfAJob_APR1_APR2(t *testing.T) {
	f := governed(t)
	f.sync(patch("editor", "2.0.0", fixing(catalog.High, false, "CVE-1")))
	a := f.enrol("a", "all")
	d := nightly("editor-2.0.0")
	d.Baseline = "week"
	f.enable(d)
	w, steps := f.why("editor-2.0.0")
	require.Contains(t, steps, "APR-2 j The job leaves it out.")
	for range 9 {
		f.tick(f.now.Add(day))
		f.call(a)
		if len(a.patches()) > 0 {
			break
		}
	}
	require.Equal(t, []string{"editor-2.0.0"}, a.patches())
	require.GreaterOrEqual(t, a.orders[0].Start.Sub(start), 6*day)
	require.Equal(t, a.orders[0].Start, w.Earliest, "it was known from the first day")
}

// A start in a closed period waits for its end (CAL-1).
func TestCalendarOfAJob_CAL1(t *testing.T) {
	f := governed(t)
	f.sync(patch("editor", "2.0.0"))
	a := f.enrol("a", "all")
	d := definition("j", "editor-2.0.0")
	d.Calendar = "freeze"
	f.enable(d)
	f.call(a)
	require.Len(t, a.orders, 1)
	require.Equal(t, start.Add(2*day), a.orders[0].Start)

	d.ID, d.Window = "short", 4*time.Hour
	kept := f.asset(f.enable(d), "a")
	require.Equal(t, job.NotApplicable, kept.Result)
	require.Equal(t, "Nothing in the job may be installed on this asset in this run; each patch says why.", kept.Text, "it applies to the asset")
}

// What the server does not have cannot be named, and what it lost approves
// nothing and is never open.
func TestUnknownPolicies_APR1_CAL1(t *testing.T) {
	f := governed(t)
	d := nightly("editor-2.0.0")
	d.Calendar, d.RebootHours, d.Baseline = "x", "y", "z"
	var bad *job.Invalid
	_, err := f.SaveJob(ctx, d, f.now)
	require.ErrorAs(t, err, &bad)
	require.Len(t, bad.Problems, 3)

	for _, name := range []func(*job.Definition){
		func(d *job.Definition) { d.Calendar = "freeze" }, func(d *job.Definition) { d.Baseline = "week" },
	} {
		store := memstore.New(memstore.Options{})
		c := config()
		c.Baselines, c.Calendars = []baseline.Baseline{{Name: "week", Rules: []baseline.Rule{{}}}}, []schedule.Calendar{{Name: "freeze"}}
		f := fixtureOf(t, store, c)
		f.sync(patch("editor", "2.0.0"))
		a := f.enrol("a", "all")
		d := nightly("editor-2.0.0")
		name(&d)
		f.enable(d)
		plan, _, err := f.Preview(ctx, d, "a", f.now)
		require.NoError(t, err)
		require.Len(t, plan.Order.Patches, 1)
		lost, err := controller.New(store, config())
		require.NoError(t, err)
		plan, _, err = lost.Preview(ctx, d, "a", f.now)
		require.NoError(t, err)
		require.Empty(t, plan.Order.Patches)
		require.NotEmpty(t, plan.LeftOut[0].Text)
		require.Empty(t, a.orders)
	}

	c := config()
	c.Baselines = []baseline.Baseline{{Name: "week", Rules: []baseline.Rule{{}}}, {Name: "week", Rules: []baseline.Rule{{}}}}
	require.ErrorContains(t, c.Validate(), "the name of another one")
}

// Two assets with the same inventory and another exposure have deadlines of
// their own (JOB-8, DUE-4).
func TestDeadlinesAreOfTheAsset_JOB8_DUE4(t *testing.T) {
	table := deadline.Table{Name: "exposed first", Anchor: deadline.FromPublished, Rows: []deadline.Row{
		{When: deadline.Condition{Exposed: catalog.Yes}, Days: 3}, {Days: 60},
	}}
	f := governed(t, func(c *controller.Config) { c.Deadlines = []deadline.Table{table} })
	f.sync(patch("editor", "2.0.0", fixing(catalog.High, true, "CVE-1")))
	agents := []*agent{f.enrol("a", "all"), f.enrol("b", "all")}
	require.NoError(t, f.ExposeAsset(ctx, "a", catalog.Yes, f.now))
	require.NoError(t, f.ExposeAsset(ctx, "b", catalog.No, f.now))
	f.enable(definition("j", "editor-2.0.0"))
	for i, a := range agents {
		f.call(a)
		require.Equal(t, start.Truncate(day).Add([]time.Duration{4, 61}[i]*day), a.orders[0].Patches[0].Due)
		list, err := f.Due(ctx, a.id, f.now)
		require.NoError(t, err)
		require.Equal(t, list[0].Due, a.orders[0].Patches[0].Due, a.id)
	}
}
