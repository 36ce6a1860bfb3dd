package execution

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
)

func TestCancel_JOB3_JOB4(t *testing.T) {
	o := orderOf(t, "a")
	o.Pre = []job.Action{{Name: "stop", Command: []string{"true"}}}
	o.Patches[0].Reboot = true
	for _, c := range []struct {
		at   string // the first effect the cancel comes before
		want job.Stage
	}{{"inventory", 0}, {"download a", 0}, {"preflight 1", 0}, {"call", 0}, {"act stop", job.StageDeploy}, {"install a", job.StageDeploy}, {"reboot", job.StageReboot}} {
		t.Run(c.at, func(t *testing.T) {
			w := newWorld(t, o, map[string]string{"a": "1.0.0"})
			cancelled := false
			w.before = func(Effect) bool { return false }
			for w.x.Stage != job.StageDone {
				if len(w.pending) == 0 {
					w.pass(max(w.x.Wake(w.now), time.Second))
					w.event(Tick{})
					continue
				}
				e := w.pending[0]
				w.pending = w.pending[1:]
				if !cancelled && wording(e) == c.at {
					cancelled = true
					w.event(Cancel{})
					w.event(Cancel{}) // the mark comes again with every revision
				}
				if w.x.Stage != job.StageDone {
					w.do(e)
				}
			}
			require.True(t, cancelled)
			if c.want == 0 {
				require.Equal(t, job.Cancelled, w.result())
				require.Equal(t, job.CodeCancelled, w.patch("a").Code)
				require.Equal(t, "1.0.0", w.installed["a"])
				require.NotContains(t, strings.Join(w.log, ","), "act", "nothing that changes the asset happened")
				return
			}
			require.Equal(t, job.Completed, w.result())
			var refusals []job.Stage
			for _, r := range w.reports {
				if r.TooLate != 0 {
					refusals = append(refusals, r.TooLate)
				}
			}
			require.Equal(t, []job.Stage{c.want}, refusals, "refused once, naming the stage")
		})
	}
}

func wording(e Effect) string {
	w := &world{silent: map[string]bool{"call": true}}
	switch e := e.(type) {
	case TakeInventory:
		return "inventory"
	case Download:
		return "download " + e.Patch.Name
	case Preflight:
		return "preflight 1"
	case RunAction:
		return "act " + e.Action.Name
	case Install:
		return "install " + e.Patches[0].Patch.Name
	}
	w.do(e)
	return w.log[0]
}

// How long an answer is waited for is its caller's business: only the end of a
// window ends the wait here, for the agent may be refused for ever.
func TestLastCallIsWaitedFor_MAN7_JOB10(t *testing.T) {
	for _, window := range []time.Duration{0, time.Hour} {
		o := orderOf(t, "a")
		if window > 0 {
			o.End = o.Start.Add(window)
		}
		w := newWorld(t, o, map[string]string{"a": "1.0.0"})
		w.silent["call"] = true
		w.run()
		if window == 0 {
			require.Equal(t, PhaseLastCall, w.x.Phase)
			require.Zero(t, w.x.Wake(w.now), "it waits for nothing else")
			w.event(LastCallDone{w.x.Waiting})
			w.run()
			require.Equal(t, job.Completed, w.result())
			continue
		}
		require.Equal(t, job.Failed, w.result())
		require.Equal(t, job.PatchInstallationSkipped, w.patch("a").Code)
		require.Equal(t, o.End, w.now.UTC)
	}
}

func TestNoLastCall_MAN7(t *testing.T) {
	o := orderOf(t, "a")
	o.NoLastCall = true
	w := newWorld(t, o, map[string]string{"a": "1.0.0"})
	w.run()
	require.Equal(t, job.Completed, w.result())
	require.Zero(t, w.count("call"))
}
