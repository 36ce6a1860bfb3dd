package execution

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
)

// A crash before each effect in turn, and again right after it, leads to the same end (JOB-17).
func TestCrashAnywhereResumes_JOB17_JOB21(t *testing.T) {
	o := orderOf(t, "a", "b")
	o.Patches[1].Reboot = true
	o.Pre = []job.Action{{Name: "pre", Command: []string{"x"}}}
	for n := range 30 {
		for _, after := range []bool{false, true} {
			w := newWorld(t, o, map[string]string{"a": "1.0.0", "b": "1.0.0"})
			i, hit := 0, ""
			w.before = func(e Effect) bool {
				i++
				if i != n+1 {
					return false
				}
				hit = wording2(e)
				if d, ok := e.(Install); ok && after { // done, and its result lost
					w.install(d.Patches[0].Patch)
					w.log = append(w.log, "install "+d.Patches[0].Patch.Name)
				}
				return true
			}
			w.run()
			if hit == "" {
				require.Greater(t, n, 10)
				continue
			}
			want := job.Completed
			if hit == "act" { // it may have been cut off: not run again, and counted as failed
				want = job.CompletedWithFailures
			}
			require.Equal(t, want, w.result(), "crash at effect %d (%s)", n, hit)
			for _, name := range []string{"a", "b"} {
				require.Equal(t, job.Succeeded, w.patch(name).Status, "crash at %s", hit)
				require.LessOrEqual(t, w.count("download "+name), 1, "a verified download is not repeated")
				require.LessOrEqual(t, w.count("install "+name), MaxAttempts)
			}
			require.LessOrEqual(t, w.count("reboot"), 1)
		}
	}
}

func wording2(e Effect) string {
	switch e.(type) {
	case RunAction:
		return "act"
	case Install:
		return "deploy"
	}
	return "other"
}

func TestCutOffTwiceFails_JOB17(t *testing.T) {
	w := newWorld(t, orderOf(t, "a", "b"), map[string]string{"a": "1.0.0", "b": "1.0.0"})
	begun := 0
	w.before = func(e Effect) bool {
		if d, ok := e.(Install); ok && d.Patches[0].Patch.Name == "a" {
			begun++
			return true
		}
		return false
	}
	w.run()
	require.Equal(t, MaxAttempts, begun)
	require.Equal(t, job.DeployerProcessCrashed, w.patch("a").Code)
	require.Equal(t, job.Succeeded, w.patch("b").Status)
	require.Equal(t, job.CompletedWithFailures, w.result())
}

// A result nobody waits for, of the wrong kind, or for another id changes nothing.
func TestStrayResultsAreIgnored(t *testing.T) {
	w := newWorld(t, orderOf(t, "a"), map[string]string{"a": "1.0.0"})
	strays := func() {
		before := w.x
		for id := range EffectID(6) {
			for _, ev := range []Event{LastCallDone{id}, Downloaded{ID: id}, PreflightDone{ID: id}, Installed{ID: id}, ActionDone{ID: id}, InventoryTaken{ID: id + 7}} {
				if w.x.Waiting == id && fits(w.x.Phase, ev) {
					continue
				}
				n := len(w.reports)
				w.event(ev)
				require.Equal(t, before, w.x)
				require.Len(t, w.reports, n)
			}
		}
	}
	w.before = func(Effect) bool { strays(); return false }
	w.run()
	require.Equal(t, job.Completed, w.result())
	strays()
}

func fits(p Phase, ev Event) bool {
	switch ev.(type) {
	case LastCallDone:
		return p == PhaseLastCall
	case Downloaded:
		return p == PhaseDownload
	case PreflightDone:
		return p == PhasePreflight
	case Installed:
		return p == PhaseInstall
	case ActionDone:
		return p == PhasePre || p == PhasePost
	}
	return true
}

// What somebody else installed while the agent was away is neither downgraded
// nor installed again (CAT-3, invariant 6).
func TestInventoryIsTakenAnewOnResume_JOB17_CAT3(t *testing.T) {
	for _, at := range []string{"download b", "preflight 2", "call"} {
		w := newWorld(t, orderOf(t, "a", "b"), map[string]string{"a": "1.0.0", "b": "1.0.0"})
		crashed := false
		w.before = func(e Effect) bool {
			if crashed || wording(e) != at && !(at == "preflight 2" && wording(e) == "preflight 1") {
				return false
			}
			crashed = true
			w.installed["a"] = "3.0.0"
			return true
		}
		w.run()
		require.True(t, crashed, at)
		require.Equal(t, job.Completed, w.result(), at)
		require.Equal(t, "3.0.0", w.installed["a"])
		require.Equal(t, job.Inapplicable, w.patch("a").Status)
		require.Equal(t, "CAT-3", w.patch("a").Rule)
		require.Equal(t, 1, w.count("discard 0"), "its file is deleted")
		require.Equal(t, job.Succeeded, w.patch("b").Status)
		require.Zero(t, w.count("install a"))
	}
}
