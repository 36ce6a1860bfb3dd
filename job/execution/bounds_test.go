package execution

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
)

// What both ends of a wire hold each other to does not change by accident.
func TestBoundsAreThoseOfTheBook(t *testing.T) {
	for name, c := range map[string]struct{ have, want any }{
		"maxReportText":  {maxReportText, 2_097_152},
		"MaxAttempts":    {MaxAttempts, 2},
		"inventoryPause": {inventoryPause, 15_000 * time.Millisecond}, "inventoryMaxPause": {inventoryMaxPause, 900 * time.Second},
		"inventoryTries": {inventoryTries, 5}, "maxUnverified": {maxUnverified, 86_400 * time.Second},
	} {
		require.EqualValues(t, c.want, c.have, name)
	}
}

// A window that ends after the last check leaves nothing to deploy: no deploy
// stage, so no action either.
func TestWindowEndsBeforeStageTwo_JOB2_JOB10(t *testing.T) {
	o := orderOf(t, "a")
	o.End = epoch.Add(time.Hour)
	o.Pre = []job.Action{{Name: "stop", Command: []string{"true"}}}
	for name, crash := range map[string]bool{"during the last call": false, "while the agent was down": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, o, map[string]string{"a": "1.0.0"})
			w.before = func(e Effect) bool {
				if _, ok := e.(LastCall); !ok || w.now.UTC.After(o.End) {
					return false
				}
				w.pass(2 * time.Hour)
				return crash
			}
			w.run()
			require.Equal(t, job.Failed, w.result())
			require.Equal(t, job.PatchInstallationSkipped, w.patch("a").Code)
			require.Equal(t, "JOB-10", w.patch("a").Rule)
			require.Zero(t, w.count("act stop"), "nothing is left to deploy")
			require.NotContains(t, w.progress(), job.Deploying)
		})
	}
}

// Two spellings of one version are one version: nobody served a newer one.
func TestSameVersionSpeltDifferently_CAT7(t *testing.T) {
	o := orderOf(t, "a")
	o.Patches[0].Version = semver(t, "2.0.0+build.7")
	w := newWorld(t, o, map[string]string{"a": "1.0.0"})
	w.installTo["a"] = "2.0.0"
	w.run()
	require.Equal(t, job.Completed, w.result())
	require.Equal(t, "INT-2", w.patch("a").Rule)
	require.NotContains(t, w.patch("a").Text, "newer")
}

// A report that no server would take is a report lost, and every later one with
// it: long explanations of many patches are cut, those of few are not.
func TestLargestReportCanBeDelivered_JOB21(t *testing.T) {
	trouble := strings.Repeat("x", job.MaxText)
	for _, c := range []struct{ patches, most int }{{job.MaxPatches, 4 << 20}, {1, 8 << 10}} {
		names := make([]string, c.patches)
		installed := map[string]string{}
		for i := range names {
			names[i] = fmt.Sprint("product-", i)
			installed[names[i]] = "1.0.0"
		}
		o := orderOf(t, names...)
		now := start
		x, out := Step(Config{}, State{}, Begin{Order: o, BootID: "boot-0"}, now)
		var reports []job.Report
		for range inventoryTries {
			for _, e := range out.Effects {
				if take, ok := e.(TakeInventory); ok {
					x, out = Step(Config{}, x, InventoryTaken{ID: take.ID, Err: trouble}, now)
				}
			}
			reports = append(reports, out.Reports...)
			now.Steady = now.Steady.Add(time.Hour)
			if x.Stage != job.StageDone {
				x, out = Step(Config{}, x, Tick{}, now)
			}
		}
		require.Equal(t, job.StageDone, x.Stage)
		last := reports[len(reports)-1]
		require.Len(t, last.Patches, c.patches)
		require.Contains(t, last.Patches[0].Text, "xxx")
		b, err := json.Marshal(last)
		require.NoError(t, err)
		require.Less(t, len(b), c.most)
		if c.patches == 1 {
			require.Greater(t, len(b), job.MaxText)
		}
	}
}

// An agent that stops keeps what an action or an installer returned, and begins
// nothing: the next start goes on after it.
func TestStopKeepsResults_JOB17_JOB21_RBT2(t *testing.T) {
	o := orderOf(t, "a", "b")
	o.Pre = []job.Action{{Name: "one", Command: []string{"x"}}, {Name: "two", Command: []string{"x"}}}
	o.Post = []job.Action{{Name: "three", Command: []string{"x"}}}
	w := newWorld(t, o, map[string]string{"a": "1.0.0", "b": "1.0.0"})
	w.before = func(e Effect) bool {
		w.c.Stopping = true
		defer func() { w.c.Stopping = false }()
		switch e := e.(type) {
		case RunAction:
			w.say("act %s", e.Action.Name)
			w.event(ActionDone{ID: e.ID, Exit: map[string]int{"one": 0, "two": 101, "three": 0}[e.Action.Name]})
		case Install:
			w.say("install %s", e.Patches[0].Patch.Name)
			w.install(e.Patches[0].Patch)
			w.event(Installed{ID: e.ID, Results: []InstallResult{{Index: e.Patches[0].Index, Reboot: true}}})
		default:
			return false
		}
		for _, next := range w.pending {
			require.IsType(t, TakeInventory{}, next, "nothing that changes the asset is begun")
		}
		return true
	}
	w.run()
	require.Equal(t, job.Completed, w.result(), "no action counts as failed")
	for _, line := range []string{"act one", "act two", "install a", "install b", "act three"} {
		require.Equal(t, 1, w.count(line), line)
	}
	require.Equal(t, 1, w.count("reboot"), "the installers asked for it")
}

// What Validate lets through, nothing panics on, whatever comes next.
func TestOddStatesDoNotPanic(t *testing.T) {
	o := orderOf(t, "a")
	bare := orderOf(t, "a")
	bare.Patches[0].Files = nil
	sums := []Evidence{{Digests: []integrity.Digest{good}, Signature: integrity.Signature{Status: integrity.Absent}}}
	for name, x := range map[string]State{
		"downloads nothing":      {Order: orderOf(t), Stage: job.StageDownload, Phase: PhaseDownload, Waiting: 1},
		"downloads what is over": {Order: o, Stage: job.StageDownload, Phase: PhaseDownload, Waiting: 1, Patches: []PatchState{{PatchOutcome: job.PatchOutcome{Status: job.Succeeded}}}},
		"downloads no file":      {Order: bare, Stage: job.StageDownload, Phase: PhaseDownload, Waiting: 1, Patches: []PatchState{{PatchOutcome: job.PatchOutcome{Status: job.Pending}}}},
		"tried less than never":  {Order: o, Stage: job.StageDownload, Phase: PhaseInventory, Waiting: 1, Tries: -9, Patches: make([]PatchState, 1)},
		"acted more than it can": {Order: o, Stage: job.StageDeploy, Phase: PhasePre, Waiting: 1, Acted: 1, Patches: make([]PatchState, 1)},
	} {
		t.Run(name, func(t *testing.T) {
			if x.Validate() != nil {
				return
			}
			for _, ev := range []Event{Downloaded{ID: 1}, Downloaded{ID: 1, Files: sums}, InventoryTaken{ID: 1, Err: "x"}, ActionDone{ID: 1}, Tick{}, Restarted{BootID: "b"}} {
				Step(Config{}, x, ev, start)
			}
		})
	}
}
