package execution

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
)

// An inventory that cannot be taken ends the execution 24 h after the first
// failed try, wherever it is needed.
func TestUnverified_JOB18(t *testing.T) {
	type ending struct {
		code job.Code
		text string
	}
	installed := ending{job.UnspecifiedAgentError, "Installed, could not be verified"}
	for name, c := range map[string]struct {
		fails   func(w *world, e Effect) bool // the inventory fails from this effect on; true: the agent crashes, too
		a, b    ending
		reboots int
	}{
		"after the last install": {func(w *world, e Effect) bool {
			if d, ok := e.(Install); ok && d.Patches[0].Index == 1 {
				w.invErr = "database is damaged"
			}
			return false
		}, installed, installed, 0},
		"after the reboot": {func(w *world, e Effect) bool {
			if _, ok := e.(Reboot); ok {
				w.invErr = "database is damaged"
			}
			return false
		}, installed, installed, 1},
		"after an install that was cut off": {func(w *world, e Effect) bool {
			d, ok := e.(Install)
			if ok = ok && d.Patches[0].Index == 1; ok {
				w.invErr = "database is damaged"
			}
			return ok
		}, installed, ending{job.DeployerProcessCrashed, "cut off"}, 0},
		"before the second install": {func(w *world, e Effect) bool {
			d, ok := e.(Install)
			if ok = ok && d.Patches[0].Index == 0; ok {
				w.invErr = "database is damaged"
			}
			return ok
		}, ending{job.DeployerProcessCrashed, "cut off"}, ending{job.PatchInstallationSkipped, "before its installation"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			o := orderOf(t, "a", "b")
			o.Patches[0].Reboot = true
			w := newWorld(t, o, map[string]string{"a": "1.0.0", "b": "1.0.0"})
			var failed time.Time
			w.before = func(e Effect) bool {
				crash := c.fails(w, e)
				if _, ok := e.(TakeInventory); ok && w.invErr != "" && failed.IsZero() {
					failed = w.now.UTC
				}
				return crash
			}
			w.run()
			require.Equal(t, job.Failed, w.result())
			require.WithinRange(t, w.now.UTC, failed.Add(maxUnverified), failed.Add(maxUnverified+inventoryMaxPause))
			for i, want := range []ending{c.a, c.b} {
				p := w.patch([]string{"a", "b"}[i])
				require.Equal(t, job.PatchFailed, p.Status)
				require.Equal(t, want.code, p.Code)
				require.Equal(t, "JOB-18", p.Rule)
				require.Contains(t, p.Text, want.text)
				require.Contains(t, p.Text, "database is damaged")
			}
			require.Equal(t, c.reboots, w.count("reboot"), "nothing that was not looked at is rebooted for")
		})
	}
}

// What was known before the inventory failed stays: only what needed the inventory fails.
func TestUnverifiedKeepsTheRest_JOB18(t *testing.T) {
	o := orderOf(t, "a", "gone", "b")
	o.Post = []job.Action{{Name: "tidy", Command: []string{"true"}}}
	w := newWorld(t, o, map[string]string{"a": "1.0.0", "b": "1.0.0"})
	w.results["b"] = InstallResult{Code: job.InstallerFailed, Text: "no space"}
	w.before = func(e Effect) bool {
		if _, ok := e.(RunAction); ok {
			w.invErr = "database is damaged"
		}
		return false
	}
	w.run()
	require.Equal(t, job.Failed, w.result(), "the action went well, and no patch did")
	require.Equal(t, job.UnspecifiedAgentError, w.patch("a").Code)
	require.Equal(t, job.InstallerFailed, w.patch("b").Code)
	require.Equal(t, job.Inapplicable, w.patch("gone").Status)
}

// The day counts from the first failed try in a row; an asset that was off
// meanwhile tries once more before it gives up.
func TestUnverifiedCountsFromTheFirstFailedTry_JOB18(t *testing.T) {
	w := newWorld(t, orderOf(t, "a"), map[string]string{"a": "1.0.0"})
	for w.x.Phase != PhaseVerify {
		e := w.pending[0]
		w.pending = w.pending[1:]
		w.do(e)
	}
	require.False(t, w.x.Unverified(), "nothing has failed yet")
	w.invErr = "no"
	w.until(20 * time.Hour)
	require.True(t, w.x.Unverified())
	require.Equal(t, job.PendingVerification, w.x.Result)
	w.pass(3 * 24 * time.Hour) // switched off
	w.invErr = ""
	w.crash()
	w.run()
	require.Equal(t, job.Completed, w.result(), "the first try after it counts")
}

// A reboot that somebody made while the inventory could not be taken is the one
// the execution needed.
func TestRebootWhileUnverifiedCounts_RBT8(t *testing.T) {
	for _, needs := range []bool{true, false} {
		o := orderOf(t, "a")
		o.Patches[0].Reboot = needs
		w := newWorld(t, o, map[string]string{"a": "1.0.0"})
		w.before = func(e Effect) bool {
			if _, ok := e.(Install); ok {
				w.invErr = "no"
			}
			return false
		}
		w.until(time.Hour)
		require.True(t, w.x.Unverified())
		w.boot++
		w.invErr, w.before = "", nil
		w.installTo["a"], w.installed["a"] = "1.0.0", "1.0.0" // undone by it
		w.crash()
		w.run()
		require.Equal(t, job.Failed, w.result())
		require.Zero(t, w.count("reboot"), "it has rebooted already")
		want := job.InstallerFailed
		if needs {
			want = job.FailedAfterReboot
		}
		require.Equal(t, want, w.patch("a").Code)
	}
}

// A reboot that turns out to be needed does not cut off another execution that began meanwhile.
func TestRebootWaitsForTheOtherExecution_JOB18_JOB11(t *testing.T) {
	o := orderOf(t, "a")
	o.Patches[0].Reboot = true
	w := newWorld(t, o, map[string]string{"a": "1.0.0"})
	for w.x.Phase != PhaseVerify {
		e := w.pending[0]
		w.pending = w.pending[1:]
		w.do(e)
	}
	w.invErr = "no"
	w.until(time.Minute)
	require.False(t, w.x.AtWork(), "it waits for another try")
	w.invErr, w.c.Busy = "", true
	w.until(3 * time.Hour)
	require.Equal(t, PhaseVerify, w.x.Phase)
	require.False(t, w.x.AtWork(), "two that wait for each other would wait for ever")
	require.False(t, w.x.Unverified(), "and nothing new begins before it")
	w.c.Busy = false
	w.run()
	require.Equal(t, job.Completed, w.result())
	require.Equal(t, 1, w.count("reboot"))
}

// The limit goes with the installer, and what it ended is final: it is not tried again.
func TestInstallLimit_JOB25(t *testing.T) {
	o := orderOf(t, "a", "b")
	o.InstallLimit = 20 * time.Minute
	w := newWorld(t, o, map[string]string{"a": "1.0.0", "b": "1.0.0"})
	w.results["a"] = InstallResult{Code: job.DeployerProcessCrashed, Text: "It ran longer than 20m."}
	w.before = func(e Effect) bool {
		if d, ok := e.(Install); ok {
			require.Equal(t, o.InstallLimit, d.Limit)
		}
		return false
	}
	w.run()
	require.Equal(t, job.CompletedWithFailures, w.result())
	require.Equal(t, job.DeployerProcessCrashed, w.patch("a").Code)
	require.Equal(t, "JOB-25", w.patch("a").Rule)
	require.Equal(t, 1, w.count("install a"))
	require.Equal(t, job.Succeeded, w.patch("b").Status)
}

// An execution that waited for an inventory in the middle says when it is at
// work again: only then can it be stuck.
func TestWorksAgainAfterARecheck_JOB25_JOB18(t *testing.T) {
	w := newWorld(t, orderOf(t, "a"), map[string]string{"a": "1.0.0"})
	w.before = func(e Effect) bool {
		_, is := e.(Install)
		if is = is && w.x.Patches[0].Attempts == 1; is {
			w.invErr = "no"
		}
		return is
	}
	w.until(time.Hour)
	require.Equal(t, job.PendingVerification, w.x.Result)
	w.invErr = ""
	w.run()
	require.Equal(t, job.Completed, w.result())
	progress := w.progress()
	require.Equal(t, job.Deploying, progress[len(progress)-1])
}

// What the actions came to is in every result: name, exit code and the end of
// what they wrote, in a form that can be shown.
func TestActionsAreReported_JOB13(t *testing.T) {
	o := orderOf(t, "a")
	o.Patches[0].Reboot = true
	for _, name := range []string{"stop", "check"} {
		o.Pre = append(o.Pre, job.Action{Name: name, Command: []string{"x"}})
	}
	o.Post = []job.Action{{Name: "start", Command: []string{"x"}}, {Name: "last", Command: []string{"x"}}, {Name: "never", Command: []string{"x"}}}
	w := newWorld(t, o, map[string]string{"a": "1.0.0"})
	w.exits = map[string]int{"check": 77, "last": 12}
	w.outputs = map[string]string{"check": strings.Repeat("x", 9999) + "\r\n\x1b[31mno space\n", "stop": "stopped\n"}
	w.before = func(e Effect) bool {
		r, ok := e.(RunAction)
		return ok && r.Action.Name == "start"
	}
	w.run()
	require.Equal(t, job.CompletedWithFailures, w.result())
	results := 0
	for _, r := range w.reports {
		if r.Result == 0 {
			require.Empty(t, r.Actions)
			continue
		}
		results++
		require.Len(t, r.Actions, 4, "not the one that was not run")
		require.Equal(t, job.ActionOutcome{Name: "stop", Text: "stopped"}, r.Actions[0])
		require.Equal(t, 77, r.Actions[1].Exit)
		require.Len(t, r.Actions[1].Text, job.MaxOutput)
		require.Regexp(t, `^…x+\n\\x1b\[31mno space$`, r.Actions[1].Text)
		require.Equal(t, job.ActionOutcome{Name: "start", Post: true, Exit: 1, Text: "The agent stopped while it ran."}, r.Actions[2])
		require.Equal(t, job.ActionOutcome{Name: "last", Post: true, Exit: 12}, r.Actions[3])
	}
	require.Equal(t, 2, results, "before the reboot and after it")

	w = newWorld(t, orderOf(t, "a"), map[string]string{"a": "1.0.0"})
	w.x.Order.Pre = []job.Action{{Name: "slow", Command: []string{"x"}}}
	m := machine{State: w.x, now: w.now}
	m.acted(0, "half of it\n", "it took longer than 10m")
	require.Equal(t, []job.ActionOutcome{{Name: "slow", Exit: 1, Text: "half of it\nit took longer than 10m"}}, m.Actions)
}

// An execution that ends unverified asks for no reboot, and says if what it
// installed needs one (JOB-18, RBT-11).
func TestUnverifiedOwesItsReboot_JOB18_RBT11(t *testing.T) {
	for _, reboot := range []bool{true, false} {
		o := orderOf(t, "a")
		o.Patches[0].Reboot = reboot
		w := newWorld(t, o, map[string]string{"a": "1.0.0"})
		w.before = func(e Effect) bool {
			if _, ok := e.(Install); ok {
				w.invErr = "database is damaged"
			}
			return false
		}
		w.run()
		require.Equal(t, []any{job.Failed, reboot}, []any{w.x.Result, w.owes})
	}
}
