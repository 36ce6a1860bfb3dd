package controller_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// why asks, and returns each step as "rule text", marked where it stops.
func (f *fixture) why(about string) (w controller.Why, steps string) {
	f.Helper()
	return f.whyOn("a", about)
}

func (f *fixture) whyOn(id job.AssetID, about string) (w controller.Why, steps string) {
	f.Helper()
	w, err := f.Why(ctx, id, about, f.now)
	require.NoError(f, err)
	for _, s := range w.Steps {
		steps += strings.Join(strings.Fields(fmt.Sprint(s.Rule, " ", s.Job, " ", s.Text)), " ")
		if s.Stops {
			steps += " STOPS"
		}
		steps += "\n"
	}
	return w, steps
}

func TestWhyNotYet_RPT3(t *testing.T) {
	once(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0", fixing(catalog.High, true, "CVE-1")), patch("editor", "1.0.0"))
		a := f.enrol("a", "all")
		w, steps := f.why("CVE-1")
		require.Equal(t, catalog.PatchID("editor-2.0.0"), w.Patch)
		require.Zero(t, w.Earliest)
		require.Contains(t, steps, "JOB-7 There is no job. STOPS")

		nightly := definition("nightly", "editor-2.0.0")
		nightly.Schedule = schedule.Schedule{Kind: schedule.Daily, Time: schedule.Clock(3, 0), Zone: "UTC"}
		_, err := f.SaveJob(ctx, nightly, f.now)
		require.NoError(t, err)
		other := definition("other", "editor-2.0.0")
		other.Assets = job.Assets{IncludeTags: []string{"lab"}}
		_, err = f.SaveJob(ctx, other, f.now)
		require.NoError(t, err)
		w, steps = f.why("editor-2.0.0")
		require.Zero(t, w.Earliest)
		require.Contains(t, steps, "JOB-6 nightly The job would install it, and is not enabled. STOPS")
		require.NotContains(t, steps, "other")

		_, err = f.EnableJob(ctx, "nightly", f.now)
		require.NoError(t, err)
		w, steps = f.why("CVE-1")
		require.Contains(t, steps, "JOB-9 nightly The job installs it at its next start.")
		require.Equal(t, 3, w.Earliest.Hour())
		require.Less(t, w.Earliest.Sub(f.now), 24*time.Hour)
		require.True(t, w.Earliest.After(f.now))

		f.now = w.Earliest.Add(-time.Hour)
		_, err = f.Tick(ctx, f.now)
		require.NoError(t, err)
		_, steps = f.why("CVE-1")
		require.Contains(t, steps, "MAN-3 The asset's agent called last. Until it calls again, nothing reaches it. STOPS")
		require.Contains(t, steps, "MAN-3 nightly The order of this run is made.")
		require.Zero(t, f.earliest("CVE-1"), "an agent that is silent starts nothing")
		f.call(a)
		_, steps = f.why("CVE-1")
		require.Contains(t, steps, "MAN-1 nightly The asset may hold the order of this run")
		require.Equal(t, w.Earliest, f.earliest("CVE-1"))

		_, err = f.CancelJob(ctx, "nightly", f.now)
		require.NoError(t, err)
		_, steps = f.why("CVE-1")
		require.Contains(t, steps, "JOB-3 nightly The order of this run was cancelled. STOPS")
		require.Equal(t, w.Earliest.Add(24*time.Hour), f.earliest("CVE-1"), "the next run stays")

		w, steps = f.why("editor-1.0.0")
		require.True(t, w.Installed)
		require.Contains(t, steps, "STOPS")
		require.NotContains(t, steps, "nightly", "no job could change that it is installed")
	})
}

func (f *fixture) earliest(about string) time.Time {
	w, _ := f.why(about)
	return w.Earliest
}

func TestWhyNotFails_RPT3(t *testing.T) {
	once(t, func(f *fixture) {
		a, _, order := f.ordered("j")
		follower := definition("next", "editor-2.0.0")
		follower.After = &job.After{Job: "j", Share: 80}
		_, err := f.SaveJob(ctx, follower, f.now)
		require.NoError(t, err)
		_, err = f.EnableJob(ctx, "next", f.now)
		require.NoError(t, err)
		w, steps := f.why("editor-2.0.0")
		require.False(t, w.Installed)
		require.NotContains(t, steps, "when somebody starts", "its order is on the way")
		require.Contains(t, steps, `JOB-19 next The job installs it after 80 % of the assets of job "j" have succeeded. STOPS`)
		a.report(job.Report{Order: order, Result: job.Failed, Patches: []job.PatchOutcome{outcome("editor-2.0.0", job.PatchFailed, job.InstallerFailed)}})
		f.call(a)
		_, steps = f.why("editor-2.0.0")
		require.Contains(t, steps, "JOB-9 j The job installs it when somebody starts the job. STOPS")
		require.Contains(t, steps, "j The last install failed.")

		var none *controller.NotFoundError
		_, err = f.Why(ctx, "a", "CVE-9", f.now)
		require.ErrorAs(t, err, &none)
		_, err = f.Why(ctx, "b", "editor-2.0.0", f.now)
		require.ErrorAs(t, err, &none)
	})
}

// A blocked patch is explained by each rule, and no job gives it a time.
func TestWhyNotBlocked_CAT15_RPT3(t *testing.T) {
	once(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0", func(p *catalog.Patch) { p.Artifacts[0].Availability, p.Artifacts[0].URL = catalog.Vendor, "" }))
		f.enrol("a", "all")
		f.enable(definition("j", "editor-2.0.0"))
		w, steps := f.why("editor-2.0.0")
		require.Regexp(t, `CAT-\d+ .* STOPS\n`, steps)
		require.Contains(t, steps, "j The job leaves it out. ")
		require.Zero(t, w.Earliest)
	})
}
