package controller_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
	"github.com/patchpolicy/patchpolicy/job/deadline"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// dated is a controller with the deadlines of CISA.
func dated(t *testing.T) *fixture {
	c := config()
	c.Deadlines = []deadline.Table{deadline.BOD2604()}
	return fixtureOf(t, memstore.New(memstore.Options{Seed: 1}), c)
}

// statusOf is the state of a vulnerability on asset a.
func (f *fixture) statusOf(cve string) controller.DueOn {
	f.Helper()
	list, err := f.Due(ctx, "a", f.now)
	require.NoError(f, err)
	for _, d := range list {
		if d.CVE == cve {
			return d
		}
	}
	require.Fail(f, "not due", "%s in %v", cve, list)
	return controller.DueOn{}
}

func TestOverdueHasOneCause_DUE5_RPT3(t *testing.T) {
	nightly := func(f *fixture) job.Definition {
		d := definition("j", "editor-2.0.0")
		d.Schedule = schedule.Schedule{Kind: schedule.Daily, Time: schedule.Clock(3, 0), Zone: "UTC"}
		return d
	}
	for cause, do := range map[deadline.Cause]func(f *fixture, a *agent){
		deadline.NoJob: func(f *fixture, a *agent) { f.pass(4 * day); f.call(a) },
		deadline.NotReached: func(f *fixture, a *agent) {
			f.enable(nightly(f))
			f.pass(4 * day)
		},
		deadline.NoWindow: func(f *fixture, a *agent) {
			f.pass(4 * day)
			f.enable(nightly(f))
			f.call(a)
		},
		deadline.NoPatch: func(f *fixture, a *agent) {
			f.sync(patch("editor", "2.0.0", fixing(catalog.High, true, "CVE-1"),
				func(p *catalog.Patch) { p.Artifacts[0].Availability, p.Artifacts[0].URL = catalog.Vendor, "" }))
			f.enable(nightly(f))
			f.pass(4 * day)
			f.call(a)
		},
		deadline.Cancelled: func(f *fixture, a *agent) {
			_, err := f.SaveJob(ctx, nightly(f), f.now)
			require.NoError(f, err)
			f.pass(4 * day)
			f.call(a)
		},
		deadline.Failed: func(f *fixture, a *agent) {
			run := f.enable(definition("j", "editor-2.0.0"))
			f.call(a)
			a.report(job.Report{Order: job.MakeOrderID(run, "a"), Result: job.Failed, Patches: []job.PatchOutcome{outcome("editor-2.0.0", job.PatchFailed, job.InstallerFailed)}})
			f.pass(4 * day)
			f.call(a)
		},
		deadline.PendingReboot: func(f *fixture, a *agent) {
			run := f.enable(definition("j", "editor-2.0.0"))
			f.call(a)
			done := outcome("editor-2.0.0", job.Installed, 0)
			done.From, done.To = ver("1.0.0"), ver("2.0.0")
			a.report(job.Report{At: f.now, Order: job.MakeOrderID(run, "a"), Result: job.PendingReboot, Patches: []job.PatchOutcome{done}})
			a.install("editor", "2.0.0")
			f.pass(4 * day)
			f.call(a)
		},
	} {
		t.Run(cause.String(), func(t *testing.T) {
			f := dated(t)
			f.sync(patch("editor", "2.0.0", fixing(catalog.High, true, "CVE-1")))
			a := f.enrol("a", "all")
			require.Equal(t, deadline.Open, f.statusOf("CVE-1").State)
			do(f, a)
			got := f.statusOf("CVE-1")
			require.Equal(t, deadline.Overdue, got.State)
			require.Equal(t, cause.String(), got.Cause.String())

			fleet, err := f.DueFleet(ctx, f.now)
			require.NoError(t, err)
			require.Equal(t, controller.FleetDue{
				Assets: 1, Overdue: 1, Causes: []controller.CauseCount{{Cause: cause, Count: 1}},
				CVEs: []controller.OverdueCVE{{CVE: "CVE-1", Due: got.Due, Assets: 1}},
			}, fleet)
		})
	}
}

// What is installed and confirmed is no longer due.
func TestMetIsNotDue_DUE5(t *testing.T) {
	f := dated(t)
	f.sync(patch("editor", "2.0.0", fixing(catalog.High, true, "CVE-1")))
	a := f.enrol("a", "all")
	f.enrolOnly("new", "all")
	f.pass(day)
	require.Equal(t, deadline.DueSoon, f.statusOf("CVE-1").State, "exploited, so it is due at the end of the third day (DUE-1)")
	a.install("editor", "2.0.0")
	f.pass(3 * day)
	f.call(a)
	fleet, err := f.DueFleet(ctx, f.now)
	require.NoError(t, err)
	require.Equal(t, controller.FleetDue{Assets: 2, NoInventory: 1, Causes: []controller.CauseCount{}, CVEs: []controller.OverdueCVE{}}, fleet)
}

// A re-release does not move a deadline, nor does the loss of the first fix.
func TestRereleaseKeepsTheDeadline_DUE3(t *testing.T) {
	f := dated(t)
	f.sync(patch("editor", "2.0.0", fixing(catalog.High, true, "CVE-1")))
	f.enrol("a", "all")
	due := f.statusOf("CVE-1").Due
	f.pass(2 * day)
	later := func(p *catalog.Patch) { p.Published = f.now }
	f.sync(patch("editor", "2.0.0", fixing(catalog.High, true, "CVE-1")), patch("editor", "2.0.1", fixing(catalog.High, true, "CVE-1"), later))
	require.Equal(t, due, f.statusOf("CVE-1").Due)
	f.sync(patch("editor", "2.0.1", fixing(catalog.High, true, "CVE-1"), later))
	got := f.statusOf("CVE-1")
	require.Equal(t, due, got.Due)
	require.Equal(t, catalog.PatchID("editor-2.0.1"), got.Patch)
}

func TestExposureAndExceptions_DUE4_DUE6(t *testing.T) {
	f := dated(t)
	f.sync(patch("editor", "2.0.0", fixing(catalog.High, true, "CVE-1")))
	a := f.enrol("a", "all")
	due := f.statusOf("CVE-1").Due
	require.NoError(t, f.ExposeAsset(ctx, "a", catalog.No, f.now))
	status, err := f.Controller.Asset(ctx, "a", f.now)
	require.NoError(t, err)
	require.Equal(t, catalog.No, status.Exposed)
	require.False(t, f.statusOf("CVE-1").Due.Before(due), "an unknown exposure is the worse one")
	require.NoError(t, f.ExposeAsset(ctx, "a", 0, f.now))
	require.Equal(t, due, f.statusOf("CVE-1").Due)

	f.pass(4 * day)
	f.call(a)
	e := controller.Excepted{CVE: "CVE-1", Exception: deadline.Exception{Owner: "alice", Reason: "vendor's fix breaks printing", Until: f.now.Add(day), ExposureChanges: true}}
	require.NoError(t, f.Except(ctx, e, f.now))
	require.Equal(t, deadline.Excepted, f.statusOf("CVE-1").State, "on every asset")
	e.Asset, e.Until = "a", f.now.Add(2*day)
	require.NoError(t, f.Except(ctx, e, f.now))
	require.Equal(t, e.Until, f.statusOf("CVE-1").At, "the asset's own counts")
	require.NoError(t, f.ExposeAsset(ctx, "a", catalog.Yes, f.now))
	require.Equal(t, deadline.Overdue, f.statusOf("CVE-1").State, "a trigger ended it early")
	list, err := f.Exceptions(ctx, 10)
	require.NoError(t, err)
	require.Len(t, list, 2)

	require.NoError(t, f.RemoveAsset(ctx, "a", f.now))
	list, err = f.Exceptions(ctx, 10)
	require.NoError(t, err)
	require.Len(t, list, 1, "the next computer of that name is another one")
	require.NoError(t, f.EndException(ctx, "CVE-1", "", f.now))
	var none *controller.NotFoundError
	require.ErrorAs(t, f.EndException(ctx, "CVE-1", "", f.now), &none)
	require.ErrorAs(t, f.ExposeAsset(ctx, "a", catalog.Yes, f.now), &none)
	var bad *job.Invalid
	require.ErrorAs(t, f.Except(ctx, controller.Excepted{}, f.now), &bad)
	require.Len(t, bad.Problems, 4, "owner, reason, end and vulnerability are missing")
}
