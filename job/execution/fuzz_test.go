package execution

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// history drives an execution by bytes: each chooses what happens next.
// Whatever they are, nothing panics, the invariants of package job/agent hold
// at each step, and once the bytes end and time passes the execution comes to
// its end.
func history(t *testing.T, data []byte) {
	next := func() byte {
		if len(data) == 0 {
			return 0
		}
		b := data[0]
		data = data[1:]
		return b
	}
	o := orderOf(t, "a", "b", "c")
	shape := next()
	o.Patches[0].Reboot = shape&1 != 0
	if shape&2 != 0 {
		o.Patches[0].Transaction, o.Patches[2].Transaction = "x", "x"
	}
	if shape&4 != 0 {
		o.Pre = []job.Action{{Name: "pre", Command: []string{"x"}}}
	}
	if shape&8 != 0 {
		o.Post = []job.Action{{Name: "post", Command: []string{"x"}}}
	}
	if shape&16 != 0 {
		o.End = epoch.Add(time.Duration(next()) * time.Minute)
		if !o.End.After(o.Start) {
			o.End = o.Start.Add(time.Minute)
		}
	}
	o.NoLastCall = shape&32 != 0
	o.Reboot = reboot.Policy{Suppress: shape&64 != 0, Deferrals: int(shape>>7) * 2, Interval: time.Hour}
	pending := next()
	o.RebootPending = pending&1 != 0 && !o.Reboot.Suppress

	w := newWorld(t, o, map[string]string{"a": "1.0.0", "b": "1.0.0", "c": "1.0.0"})
	w.required, w.c.Parked = pending&2 != 0, pending&4 != 0
	watch := &watcher{w: w, installs: map[string]int{}}
	w.before = watch.effect
	for range 300 {
		if len(data) == 0 || w.x.Stage == job.StageDone {
			break
		}
		watch.choose(next(), next)
		watch.check()
	}
	// The world becomes kind, and time passes.
	w.download, w.preflight, w.results, w.invErr = map[string]Downloaded{}, map[string]PreflightResult{}, map[string]InstallResult{}, ""
	w.crash()
	w.run()
	watch.check()
	if w.x.Parked() {
		require.True(t, o.Reboot.Suppress)
		w.boot++
		w.crash()
		w.run()
	}
	require.Equal(t, job.StageDone, w.x.Stage, "stuck at %v", w.x.Phase)
	require.NotContains(t, []job.Result{0, job.PendingReboot, job.PendingVerification}, w.x.Result)
	for _, p := range w.x.Patches {
		require.Contains(t, []job.PatchStatus{job.Succeeded, job.PatchFailed, job.Inapplicable}, p.Status, "%s at the end of %v", p.Patch, w.x.Result)
		require.Equal(t, p.Status == job.PatchFailed, p.Code != 0)
	}
}

// watcher is an observer that remembers.
type watcher struct {
	w         *world
	installs  map[string]int
	cancelled bool
	rebootAt  int // reboots that took place
	seen      int // reports looked at
}

// effect looks at an effect before it is carried out; it never crashes there itself.
func (v *watcher) effect(e Effect) bool {
	t := v.w.t
	switch e := e.(type) {
	case Install:
		require.False(t, v.cancelled, "invariant 2: deployed after it was reported as cancelled")
		require.Zero(t, v.rebootAt, "invariant 4: installed after the reboot")
		require.Equal(t, job.StageDeploy, v.w.x.Stage)
		for _, s := range e.Patches {
			v.installs[s.Patch.Name]++
			require.LessOrEqual(t, v.installs[s.Patch.Name], MaxAttempts, "invariant 8")
			require.Equal(t, []integrity.Digest{good}, s.Digests, "invariant 1")
		}
	case RunAction:
		require.False(t, v.cancelled, "invariant 2")
		require.Zero(t, v.rebootAt)
	case Reboot:
		require.False(t, v.w.x.Order.Reboot.Suppress, "invariant 4")
		require.Zero(t, v.rebootAt, "invariant 4: a second reboot")
		require.True(t, v.w.x.NeedsReboot, "invariant 4")
		v.w.required, v.w.c.Parked = false, false // it boots, or has no more reason to than before
		if v.w.rebooted {
			v.rebootAt++
		}
	}
	return false
}

func (v *watcher) check() {
	t := v.w.t
	for _, r := range v.w.reports[v.seen:] {
		if r.Result == job.Cancelled {
			v.cancelled = true
			deploying := slices.ContainsFunc(v.w.reports, func(r job.Report) bool { return r.Progress == job.Deploying })
			require.False(t, deploying, "invariant 2: cancelled after the deploy stage began")
		}
		set := 0
		for _, is := range []bool{r.Progress != 0, r.Result != 0, r.TooLate != 0, r.Refused != ""} {
			if is {
				set++
			}
		}
		require.Equal(t, 1, set, "%+v", r)
	}
	v.seen = len(v.w.reports)
}

// choose lets one thing happen.
func (v *watcher) choose(b byte, next func() byte) {
	w := v.w
	switch b % 16 {
	case 0, 1, 2, 3, 4, 5: // what the machine asked for is done
		if len(w.pending) > 0 {
			e := w.pending[0]
			w.pending = w.pending[1:]
			v.effect(e)
			w.do(e)
		}
	case 6:
		w.pass(time.Duration(next()) * time.Minute)
		w.event(Tick{})
	case 7:
		w.crash()
	case 8: // done, and its result lost
		if len(w.pending) > 0 {
			e := w.pending[0]
			v.effect(e)
			switch e := e.(type) {
			case Install:
				w.install(e.Patches[0].Patch)
			case Reboot:
				w.boot++
			}
			w.crash()
		}
	case 9:
		w.event(Cancel{})
	case 10:
		w.sessions = []reboot.Sessions{reboot.Unknown, reboot.Nobody, reboot.Active, reboot.Locked}[next()%4]
		w.event(SessionsChanged{w.sessions})
	case 11:
		w.event(PromptAnswered{Later: next()%2 == 0})
	case 12:
		w.download["b"] = Downloaded{Code: job.FileDownloadFailed, Text: "x"}
		w.preflight["c"] = PreflightResult{Refused: "x"}
	case 13:
		w.results["a"] = InstallResult{Code: job.InstallerFailed, Text: "x"}
		w.exits["pre"] = []int{0, 1, 10, 11, 12, 101}[int(next())%6]
	case 14:
		if w.invErr = ""; next()%2 == 0 {
			w.invErr = "x"
		}
	case 15: // a result nobody waits for
		id := EffectID(next())
		if id != w.x.Waiting {
			w.event([]Event{LastCallDone{id}, Downloaded{ID: id}, PreflightDone{ID: id}, Installed{ID: id}, ActionDone{ID: id}, InventoryTaken{ID: id}}[int(next())%6])
		}
	}
}

func FuzzExecution(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{255, 10, 0, 0, 0, 0, 7, 0, 0, 8, 0, 0, 9, 6, 200, 0, 0})
	f.Fuzz(history)
}

func TestRandomHistories(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		data := make([]byte, random.IntN(200))
		for i := range data {
			data[i] = byte(random.Uint32())
		}
		history(t, data)
	}
}
