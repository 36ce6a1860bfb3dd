package execution

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
)

// What a patch needs is asked again just before its install: top needs base 2.0.0 (JOB-14).
func TestRequirementBeforeTheInstall_JOB14(t *testing.T) {
	for name, c := range map[string]struct {
		order  string // the products of the order
		base   string // installed
		reboot bool
		change func(w *world)
		status job.PatchStatus // of top
		text   string
		result job.Result
	}{
		"there":                    {order: "top", base: "2.0.0", status: job.Succeeded, result: job.Completed},
		"gone":                     {order: "top", base: "1.0.0", status: job.Inapplicable, text: "and 1.0.0 is installed", result: job.NotApplicable},
		"not there":                {order: "top", status: job.Inapplicable, text: "base is not installed", result: job.NotApplicable},
		"installed before":         {order: "base top", base: "1.0.0", status: job.Succeeded, result: job.Completed},
		"installed before, gone":   {order: "base top", base: "1.0.0", change: func(w *world) { w.installTo["base"] = "1.5.0" }, status: job.Inapplicable, text: "and 1.5.0 is installed", result: job.Failed},
		"failed before":            {order: "base top", base: "1.0.0", change: func(w *world) { w.results["base"] = InstallResult{Code: job.InstallerFailed} }, status: job.PatchFailed, text: "base-2, which failed", result: job.Failed},
		"not downloaded":           {order: "base top other", base: "1.0.0", change: func(w *world) { w.download["base"] = Downloaded{Code: job.FileDownloadFailed} }, status: job.PatchFailed, text: "base-2, which failed", result: job.CompletedWithFailures},
		"refused by the platform":  {order: "base top other", base: "1.0.0", change: func(w *world) { w.preflight["base"] = PreflightResult{Refused: "no"} }, status: job.PatchFailed, text: "base-2, which failed", result: job.CompletedWithFailures},
		"failed, though it is new": {order: "base top", base: "2.0.0", status: job.Succeeded, result: job.Completed},
		"behind it":                {order: "top base", base: "1.0.0", status: job.Inapplicable, text: "and 1.0.0 is installed", result: job.Completed},
		"a reboot between":         {order: "base top", base: "1.0.0", reboot: true, status: job.Inapplicable, text: "a reboot between them", result: job.Completed},
		"a reboot of nobody knows": {order: "top", base: "2.0.0", reboot: true, change: func(w *world) { w.required = true }, status: job.Inapplicable, text: "a reboot is pending here", result: job.NotApplicable},
		"its reboot":               {order: "top", base: "2.0.0", reboot: true, change: func(w *world) { w.c.Unconfirmed = []catalog.ProductID{"base"} }, status: job.Inapplicable, text: "which is pending", result: job.NotApplicable},
		"another's reboot":         {order: "top", base: "2.0.0", reboot: true, change: func(w *world) { w.c.Unconfirmed = []catalog.ProductID{"other"} }, status: job.Succeeded, result: job.Completed},
	} {
		t.Run(name, func(t *testing.T) {
			o := orderOf(t, strings.Fields(c.order)...)
			top := slices.IndexFunc(o.Patches, func(p job.OrderPatch) bool { return p.Product == "top" })
			o.Patches[top].Requires = []job.Requirement{{Patch: "base-2", Product: "base", Version: semver(t, "2.0.0"), Reboot: c.reboot}}
			installed := map[string]string{"top": "1.0.0", "other": "1.0.0"}
			if c.base != "" {
				installed["base"] = c.base
			}
			w := newWorld(t, o, installed)
			if c.change != nil {
				c.change(w)
			}
			w.run()
			last := w.reports[len(w.reports)-1]
			require.Equal(t, c.result, last.Result)
			out := last.Patches[top]
			require.Equal(t, c.status, out.Status, "%+v", out)
			require.Contains(t, out.Text, c.text)
			switch c.status {
			case job.PatchFailed:
				require.Equal(t, []any{job.PatchInstallationSkipped, "JOB-14"}, []any{out.Code, out.Rule})
			case job.Inapplicable:
				require.Equal(t, []any{job.Code(0), "JOB-14"}, []any{out.Code, out.Rule})
			}
			require.Equal(t, c.status == job.Succeeded, installed["top"] == "2.0.0")
		})
	}
}

// Patches of one transaction are installed together: one may need another of
// it, and without that the rest goes on.
func TestRequirementInATransaction_JOB14(t *testing.T) {
	for name, c := range map[string]struct {
		refused bool
		want    string
	}{"together": {false, "2.0.0"}, "without": {true, "1.0.0"}} {
		t.Run(name, func(t *testing.T) {
			o := orderOf(t, "base", "top", "other")
			for i := range o.Patches {
				o.Patches[i].Transaction = "dpkg"
			}
			o.Patches[1].Requires = []job.Requirement{{Patch: "base-2", Product: "base", Version: semver(t, "2.0.0")}}
			installed := map[string]string{"base": "1.0.0", "top": "1.0.0", "other": "1.0.0"}
			w := newWorld(t, o, installed)
			if c.refused {
				w.preflight["base"] = PreflightResult{Refused: "it would remove something"}
			}
			w.run()
			require.Equal(t, []string{c.want, "2.0.0"}, []string{installed["top"], installed["other"]})
		})
	}
}

// A crash while the agent asks is no attempt, and an inventory that cannot be
// taken ends the execution after 24 h.
func TestRequirementAndATroubledAgent_JOB14_JOB17_JOB18(t *testing.T) {
	needy := func(t *testing.T) *world {
		o := orderOf(t, "top")
		o.Patches[0].Requires = []job.Requirement{{Patch: "base-2", Product: "base", Version: semver(t, "2.0.0")}}
		return newWorld(t, o, map[string]string{"top": "1.0.0", "base": "2.0.0"})
	}
	asks := func(w *world, e Effect) bool {
		_, inventory := e.(TakeInventory)
		return inventory && w.x.Phase == PhaseRequire
	}
	w, crashes := needy(t), 2
	w.before = func(e Effect) bool {
		crash := asks(w, e) && crashes > 0
		if crash {
			crashes--
		}
		return crash
	}
	w.run()
	require.Equal(t, []any{job.Completed, 1, 0}, []any{w.x.Result, w.x.Patches[0].Attempts, crashes})

	w = needy(t)
	began := w.now
	w.before = func(e Effect) bool {
		if asks(w, e) {
			w.invErr = "database is damaged"
		}
		return false
	}
	w.run()
	require.Equal(t, []any{job.Failed, job.UnspecifiedAgentError}, []any{w.x.Result, w.x.Patches[0].Code})
	require.Less(t, w.now.Steady.Sub(began.Steady), time.Hour)
	for _, r := range w.reports {
		require.NotEqual(t, job.PendingVerification, r.Result, "nothing was installed")
		require.NotEqual(t, job.Deploying, r.Progress)
	}

	o := orderOf(t, "top")
	o.Pre = []job.Action{{Name: "drain", Command: []string{"drain"}}}
	o.Patches[0].Requires = []job.Requirement{{Patch: "base-2", Product: "base", Version: semver(t, "2.0.0")}}
	w = newWorld(t, o, map[string]string{"top": "1.0.0", "base": "2.0.0"})
	w.before = func(e Effect) bool {
		if asks(w, e) && w.x.Stage == job.StageDeploy {
			w.invErr = "database is damaged"
		}
		return false
	}
	w.until(2 * time.Hour)
	require.Equal(t, job.PatchInstallationSkipped, w.x.Patches[0].Code, "after the action it is not known")
}

// A cancel is in time while the agent asks for the first time: nothing has changed (JOB-3, JOB-4).
func TestRequirementIsAskedBeforeTheDeployStage_JOB14_JOB3_JOB4_JOB10(t *testing.T) {
	needy := func() *world {
		o := orderOf(t, "top")
		o.End = epoch.Add(time.Hour)
		o.Patches[0].Requires = []job.Requirement{{Patch: "base-2", Product: "base", Version: semver(t, "2.0.0")}}
		w := newWorld(t, o, map[string]string{"top": "1.0.0", "base": "2.0.0"})
		w.before = func(e Effect) bool {
			_, inventory := e.(TakeInventory)
			w.silent["inventory"] = inventory && w.x.Phase == PhaseRequire
			return false
		}
		w.until(time.Minute)
		require.Equal(t, PhaseRequire, w.x.Phase)
		return w
	}
	w := needy()
	w.event(Cancel{})
	require.Equal(t, job.Cancelled, w.x.Result)
	w = needy()
	w.until(2 * time.Hour)
	require.Equal(t, []any{job.Failed, job.PatchInstallationSkipped}, []any{w.x.Result, w.x.Patches[0].Code}, "the window ended")
}

// What needs a patch that cannot be downloaded is not ready: the download is
// tried again, and when that is given up neither an action runs nor anything is
// deployed (JOB-27, JOB-2).
func TestRequirementAndDownloads_JOB14_JOB27_JOB2(t *testing.T) {
	o := orderOf(t, "base", "top", "roof")
	o.Pre = []job.Action{{Name: "drain", Command: []string{"drain"}}}
	o.Patches[1].Requires = []job.Requirement{{Patch: "base-2", Product: "base", Version: semver(t, "2.0.0")}}
	o.Patches[2].Requires = []job.Requirement{{Patch: "top-2", Product: "top", Version: semver(t, "2.0.0")}}
	w := newWorld(t, o, map[string]string{"base": "1.0.0", "top": "1.0.0", "roof": "1.0.0"})
	w.download["base"] = Downloaded{Code: job.FileDownloadFailed, Text: "down"}
	w.until(time.Hour)
	require.True(t, w.x.Retrying())
	delete(w.download, "base")
	w.run()
	require.Equal(t, job.Completed, w.x.Result)

	w = newWorld(t, o, map[string]string{"base": "1.0.0", "top": "1.0.0", "roof": "1.0.0"})
	w.download["base"] = Downloaded{Code: job.FileDownloadFailed, Text: "down"}
	w.run()
	require.Equal(t, []any{job.Failed, 0}, []any{w.x.Result, w.x.Acted})
	for i, code := range []job.Code{job.FileDownloadFailed, job.PatchInstallationSkipped, job.PatchInstallationSkipped} {
		require.Equal(t, code, w.x.Patches[i].Code)
	}
}
