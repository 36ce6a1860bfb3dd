package execution

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
)

// tidy is an order that reboots for a pending reboot, and upgrades the named products.
func tidy(t *testing.T, names ...string) job.Order {
	o := orderOf(t, names...)
	o.RebootPending = true
	return o
}

// The reboot that was pending is one reason more, the only one also where
// nothing was installed (RBT-2, RBT-11).
func TestRebootsForWhatWasPending_RBT2_RBT11(t *testing.T) {
	for _, c := range []struct {
		name    string
		names   []string
		set     func(o *job.Order, w *world)
		reboots int
		result  job.Result
	}{
		{"nothing else to do", nil, func(_ *job.Order, w *world) { w.required = true }, 1, job.Completed},
		{"nothing pending", nil, func(*job.Order, *world) {}, 0, job.NotApplicable},
		{"another execution waits", nil, func(_ *job.Order, w *world) { w.c.Parked = true }, 1, job.Completed},
		{"it does not say so", []string{"a"}, func(o *job.Order, w *world) { o.RebootPending, w.required = false, true }, 0, job.Completed},
		{"with a patch", []string{"a"}, func(_ *job.Order, w *world) { w.required = true }, 1, job.Completed},
		{"with a patch, nothing pending", []string{"a"}, func(*job.Order, *world) {}, 0, job.Completed},
		{"nothing applies", []string{"a"}, func(_ *job.Order, w *world) { w.required, w.installed["a"] = true, "2.0.0" }, 1, job.Completed},
		{"nothing applies, nothing pending", []string{"a"}, func(_ *job.Order, w *world) { w.installed["a"] = "2.0.0" }, 0, job.NotApplicable},
		{"every download fails", []string{"a", "b"}, func(o *job.Order, w *world) {
			w.required = true
			w.download["a"], w.download["b"] = Downloaded{Code: job.FileDownloadFailed}, Downloaded{Code: job.FileDownloadFailed}
			o.Pre = []job.Action{{Name: "stop", Command: []string{"stop"}}}
		}, 1, job.Failed},
		{"every install fails", []string{"a"}, func(_ *job.Order, w *world) {
			w.required, w.results["a"] = true, InstallResult{Code: job.InstallerFailed}
		}, 1, job.Failed},
		{"every preflight fails, nothing pending", []string{"a"}, func(_ *job.Order, w *world) {
			w.preflight["a"] = PreflightResult{Refused: "no"}
		}, 0, job.Failed},
		{"an action", nil, func(o *job.Order, w *world) {
			w.required = true
			o.Post = []job.Action{{Name: "sweep", Command: []string{"sweep"}}}
		}, 1, job.Completed},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, w := tidy(t, c.names...), newWorld(t, tidy(t), map[string]string{})
			for _, name := range c.names {
				w.installed[name] = "1.0.0"
			}
			c.set(&o, w)
			require.NoError(t, o.Validate())
			w.x, w.pending, w.reports, w.log = State{}, nil, nil, nil
			w.event(Begin{Order: o, BootID: w.bootID(), Sessions: w.sessions})
			w.before = func(e Effect) bool {
				if _, ok := e.(Reboot); ok {
					w.required, w.c.Parked = false, false
				}
				return false
			}
			w.run()
			require.Equal(t, c.result, w.result())
			require.Equal(t, c.reboots, w.count("reboot"))
			require.Equal(t, c.reboots, w.x.Reboots)
			require.Zero(t, w.count("act stop"), "there is no deploy (JOB-2)")
			if last := w.reports[len(w.reports)-1]; c.result == job.NotApplicable {
				require.Contains(t, last.Text, "No reboot is pending any more")
				require.NotContains(t, w.progress(), job.Deploying)
			}
		})
	}
}

// Somebody reboots in front of any effect: the order does not reboot once more (RBT-1, RBT-8).
func TestSomebodyRebootsMeanwhile_RBT8_RBT11(t *testing.T) {
	for n, more := 0, true; more; n++ {
		o := tidy(t, "a")
		o.Post = []job.Action{{Name: "sweep", Command: []string{"sweep"}}}
		w := newWorld(t, o, map[string]string{"a": "1.0.0"})
		w.required = true
		seen, asked := 0, 1
		w.before = func(e Effect) bool {
			if _, ok := e.(Reboot); ok {
				w.required = false
			}
			if seen++; seen != n+1 {
				return false
			}
			asked = w.count("reboot")
			w.required = false
			w.boot++
			return true
		}
		w.run()
		more = seen > n
		require.Contains(t, []job.Result{job.Completed, job.CompletedWithFailures}, w.result(), n)
		require.Equal(t, asked, w.count("reboot"), n)
		require.Equal(t, "2.0.0", w.installed["a"], n)
		require.Less(t, n, 20)
	}
}

// A cancel before the deploy stage leaves the asset up (JOB-3).
func TestCancelledBeforeThePendingReboot_JOB3_RBT11(t *testing.T) {
	w := newWorld(t, tidy(t), map[string]string{})
	w.required, w.silent["call"] = true, true
	w.before = func(e Effect) bool {
		if _, ok := e.(LastCall); ok {
			w.event(Cancel{})
		}
		return false
	}
	w.run()
	require.Equal(t, job.Cancelled, w.result())
	require.Zero(t, w.count("reboot"))
}

// An order that contradicts itself, which no server makes, does not reboot (RBT-7).
func TestSuppressedWhateverIsPending_RBT7_RBT11(t *testing.T) {
	o := tidy(t)
	o.Reboot.Suppress = true
	x, out := Step(Config{}, State{}, Begin{Order: o, BootID: "boot-0"}, start)
	for len(out.Effects) > 0 {
		switch e := out.Effects[0].(type) {
		case TakeInventory:
			x, out = Step(Config{}, x, InventoryTaken{ID: e.ID, RebootRequired: true}, start)
		case LastCall:
			x, out = Step(Config{}, x, LastCallDone(e), start)
		default:
			t.Fatalf("%T", e)
		}
	}
	require.True(t, x.Parked())
}

func TestPromptForAPendingReboot_RBT12(t *testing.T) {
	w := newWorld(t, tidy(t, "a"), map[string]string{"a": "1.0.0"})
	w.required = true
	var shown []Prompt
	w.before = func(e Effect) bool { shown = append(shown, prompts([]Effect{e})...); return false }
	w.until(time.Hour)
	require.Equal(t, "a, a reboot that was pending already", shown[0].Reasons())
}
