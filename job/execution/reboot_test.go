package execution

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/reboot"
)

func TestRebootOnceAtTheEnd_RBT1_RBT2(t *testing.T) {
	base := func() job.Order { return orderOf(t, "a", "b") }
	for _, c := range []struct {
		name    string
		set     func(o *job.Order, w *world)
		reboots int
	}{
		{"none needed", func(*job.Order, *world) {}, 0},
		{"both patches declare it", func(o *job.Order, _ *world) { o.Patches[0].Reboot, o.Patches[1].Reboot = true, true }, 1},
		{"the one that declares it failed", func(o *job.Order, w *world) {
			o.Patches[0].Reboot = true
			if w != nil {
				w.results["a"] = InstallResult{Code: job.InstallerFailed, Text: "no"}
			}
		}, 0},
		{"the installer asks", func(_ *job.Order, w *world) {
			if w != nil {
				w.results["b"] = InstallResult{Reboot: true}
			}
		}, 1},
		{"the mark appeared", func(_ *job.Order, w *world) {
			if w != nil {
				w.before = func(e Effect) bool {
					if _, ok := e.(Install); ok {
						w.required = true
					}
					return false
				}
			}
		}, 1},
		{"the mark was there before", func(_ *job.Order, w *world) {
			if w != nil {
				w.required = true
			}
		}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := base()
			c.set(&o, nil)
			w := newWorld(t, o, map[string]string{"a": "1.0.0", "b": "1.0.0"})
			c.set(&o, w)
			w.run()
			require.Equal(t, c.reboots, w.count("reboot"))
			require.Equal(t, c.reboots, w.x.Reboots)
			if c.reboots > 0 {
				require.Less(t, lastIndex(w.log, "install b"), lastIndex(w.log, "reboot"))
				require.Equal(t, job.Completed, w.result())
			}
		})
	}
}

func lastIndex(log []string, line string) int {
	for i := len(log) - 1; i >= 0; i-- {
		if log[i] == line {
			return i
		}
	}
	return -1
}

func TestSuppressedRebootStaysPending_RBT7_RBT8(t *testing.T) {
	o := orderOf(t, "a")
	o.Patches[0].Reboot = true
	o.Reboot = reboot.Policy{Suppress: true}
	w := newWorld(t, o, map[string]string{"a": "1.0.0"})
	w.run()
	require.True(t, w.x.Parked())
	require.Equal(t, job.PendingReboot, w.x.Result)
	w.pass(1000 * time.Hour)
	w.event(Tick{})
	w.run()
	require.Zero(t, w.count("reboot"))
	require.NotContains(t, strings.Join(w.log, ","), "prompt")
	w.boot++ // somebody reboots by hand
	w.crash()
	w.run()
	require.Equal(t, job.Completed, w.result())
}

func TestAfterTheReboot_JOB18_JOB21(t *testing.T) {
	o := orderOf(t, "a", "b")
	o.Patches[0].Reboot = true
	w := newWorld(t, o, map[string]string{"a": "1.0.0", "b": "1.0.0"})
	w.before = func(e Effect) bool {
		if _, ok := e.(Reboot); ok {
			w.installed["b"] = "1.0.0" // rolled back while booting
		}
		return false
	}
	w.run()
	require.Equal(t, job.CompletedWithFailures, w.result())
	require.Equal(t, job.Succeeded, w.patch("a").Status)
	require.Equal(t, job.FailedAfterReboot, w.patch("b").Code)
	var results []job.Result
	for _, r := range w.reports {
		if r.Result != 0 {
			results = append(results, r.Result)
		}
	}
	require.Equal(t, []job.Result{job.PendingReboot, job.CompletedWithFailures}, results, "the result so far was made before the reboot")
}

func TestInventoryMissingAfterRebootIsNoFailure_JOB21(t *testing.T) {
	o := orderOf(t, "a")
	o.Patches[0].Reboot = true
	w := newWorld(t, o, map[string]string{"a": "1.0.0"})
	w.before = func(e Effect) bool {
		if _, ok := e.(Reboot); ok {
			w.invErr = "dpkg is locked"
		}
		return false
	}
	for w.x.Result != job.PendingVerification {
		require.NotEmpty(t, w.pending, "step %v", w.x.Phase)
		e := w.pending[0]
		w.pending = w.pending[1:]
		w.before(e)
		w.do(e)
		if len(w.pending) == 0 && w.x.Result != job.PendingVerification {
			w.pass(w.x.Wake(w.now))
			w.event(Tick{})
		}
	}
	for range 50 {
		w.pass(w.x.Wake(w.now))
		w.event(Tick{})
		if len(w.pending) > 0 {
			e := w.pending[0]
			w.pending = w.pending[1:]
			w.do(e)
		}
	}
	require.Equal(t, job.PendingVerification, w.x.Result)
	w.invErr = ""
	w.run()
	require.Equal(t, job.Completed, w.result())
}

func TestDeferralsReachTheReboot_RBT3_RBT5(t *testing.T) {
	o := orderOf(t, "a")
	o.Patches[0].Reboot = true
	o.Reboot = reboot.Policy{Deferrals: 2, Interval: time.Hour}
	w := newWorld(t, o, map[string]string{"a": "1.0.0"})
	w.sessions = reboot.Locked
	w.run()
	require.Equal(t, job.Completed, w.result())
	require.Equal(t, 2, w.count("prompt reboot.ShowPrompt"))
	require.Equal(t, 1, w.count("reboot"))
}

// An asset that rebooted says that it went down and that it is back, and then
// takes the inventory again.
func TestRebootIsToldBeforeAndBehind_RBT1_JOB18(t *testing.T) {
	o := orderOf(t, "a")
	o.Patches[0].Reboot = true
	o.Reboot = reboot.Policy{}
	w := newWorld(t, o, map[string]string{"a": "1.0.0"})
	w.run()
	require.Equal(t, job.Completed, w.result())
	require.Equal(t, []job.Progress{job.Started, job.Downloading, job.Downloaded, job.Deploying, job.Rebooting, job.Resumed}, w.progress())
	require.True(t, slices.Contains(w.log[lastIndex(w.log, "reboot"):], "inventory"), w.log)
}

// Who is logged in was known, and cannot be found out when the inventory is
// taken: somebody is. A state keeps no value that could not be written down.
func TestWhoeverCannotBeFoundOutIsSomebody_RBT9(t *testing.T) {
	for _, s := range []reboot.Sessions{0, reboot.Unknown, 99} {
		o := orderOf(t, "a")
		o.Patches[0].Reboot = true
		o.Reboot = reboot.Policy{Deferrals: 1}
		w := newWorld(t, o, map[string]string{"a": "1.0.0"})
		w.before = func(e Effect) bool {
			if _, ok := e.(Install); ok {
				w.sessions = s // nobody was there until now
			}
			return false
		}
		w.run()
		require.Equal(t, 1, w.count("prompt reboot.ShowPrompt"), s)
		require.Equal(t, job.Completed, w.result())

		w = newWorld(t, o, map[string]string{"a": "1.0.0"})
		w.event(SessionsChanged{Sessions: s})
		require.Equal(t, reboot.Unknown, w.x.Sessions)
		x, _ := Step(Config{}, State{}, Begin{Order: o, Sessions: s}, start)
		require.Equal(t, reboot.Unknown, x.Sessions)
	}
}

// prompts lists the prompts and countdowns among effects.
func prompts(effects []Effect) (list []Prompt) {
	for _, e := range effects {
		if p, ok := e.(Prompt); ok {
			list = append(list, p)
		}
	}
	return list
}

func TestPromptSaysWhatTheUserNeeds_RBT12(t *testing.T) {
	names := strings.Fields("a b c d e f g h i j k l m")
	o := orderOf(t, names...)
	o.Name = "Patch day"
	o.Post = []job.Action{{Name: "tidy", Command: []string{"tidy"}}, {Name: "sweep", Command: []string{"sweep"}}, {Name: "mop", Command: []string{"mop"}}}
	o.Reboot = reboot.Policy{Deferrals: 2, Interval: time.Hour, Prompt: 10 * time.Minute, Countdown: 5 * time.Minute}
	installed := map[string]string{}
	for _, name := range names {
		installed[name] = "1.0.0"
	}
	installed["a"] = "2.0.0"
	w := newWorld(t, o, installed)
	w.sessions = reboot.Active
	w.results["b"] = InstallResult{Code: job.InstallerFailed}
	w.exits = map[string]int{"tidy": 10, "sweep": 11, "mop": 1}
	var shown []Prompt
	var at []time.Time
	w.before = func(e Effect) bool {
		for _, p := range prompts([]Effect{e}) {
			shown, at = append(shown, p), append(at, w.now.UTC)
		}
		return false
	}
	w.run()
	require.Equal(t, job.CompletedWithFailures, w.result())
	require.Len(t, shown, 6, "two prompts, one countdown, each cleared")
	first, countdown := shown[0], shown[4]
	require.Equal(t, Prompt{Kind: first.Kind, Job: "Patch day", For: names[2:12], More: 3, Last: at[0].Add(2*70*time.Minute + 5*time.Minute)}, first)
	require.Equal(t, "c, d, e, f, g, h, i, j, k, l and 3 more", first.Reasons(), "m, tidy and sweep")
	require.Equal(t, 2, first.Kind.(reboot.ShowPrompt).Remaining)
	require.Equal(t, first.Last, shown[2].Last, "nobody answers")
	require.Equal(t, first.Last, countdown.Last)
	require.Equal(t, first.Last, at[5], "then the reboot was asked for")
	require.Equal(t, Prompt{Kind: reboot.ClearPrompt{}}, shown[5])
}

func TestShortListsAreWhole_RBT12(t *testing.T) {
	o := orderOf(t, "a")
	o.Post = []job.Action{{Name: "tidy", Command: []string{"tidy"}}}
	o.Patches[0].Name = "a\u202e" + strings.Repeat("z", 2*maxName)
	w := newWorld(t, o, map[string]string{"a": "1.0.0"})
	w.exits = map[string]int{"tidy": 10}
	var shown []Prompt
	w.before = func(e Effect) bool { shown = append(shown, prompts([]Effect{e})...); return false }
	w.run()
	require.Equal(t, `a\u202e`+strings.Repeat("z", maxName-len(`a\u202e…`))+"…, action tidy", shown[0].Reasons(), "names come from outside")
	require.Equal(t, "nightly", shown[0].Job, "it has no name")
	require.Zero(t, shown[0].More)
	require.WithinDuration(t, w.now.UTC, shown[0].Last, 0)
}

// The order is asked for its reboot again: the countdown comes again, with its new instant.
func TestRebootAskedForAgainCountsDownAgain_RBT10(t *testing.T) {
	o := orderOf(t, "a")
	o.Patches[0].Reboot = true
	w := newWorld(t, o, map[string]string{"a": "1.0.0"})
	w.rebooted = false
	w.until(12 * time.Minute)
	require.Equal(t, 2, w.count("reboot"))
	require.Equal(t, 2, w.count("prompt reboot.ShowCountdown"))
	require.Equal(t, 2, w.x.Reboots)
	w.crash()
	w.until(2 * time.Minute)
	require.Equal(t, 3, w.count("prompt reboot.ShowCountdown"))
	require.Equal(t, 2, w.count("reboot"))
	w.boot++
	w.crash()
	w.run()
	require.Equal(t, job.Completed, w.result())
}

// Deferral ends by the deadline of a patch that waits for the reboot, and not by
// that of one that does not (RBT-6).
func TestDeferralEndsByTheDeadline_RBT6(t *testing.T) {
	o := orderOf(t, "a", "b")
	o.Reboot = reboot.Policy{Deferrals: 9, Interval: 4 * time.Hour}
	o.Patches[0].Due, o.Patches[1].Due, o.Patches[1].Reboot = start.UTC.Add(2*time.Hour), start.UTC.Add(9*time.Hour), true
	w := newWorld(t, o, map[string]string{"a": "1.0.0", "b": "1.0.0"})
	w.sessions = reboot.Active
	w.event(SessionsChanged{Sessions: reboot.Active})
	w.before = func(e Effect) bool {
		if _, ok := e.(Reboot); ok {
			require.Equal(t, start.UTC.Add(9*time.Hour), w.now.UTC)
		}
		return false
	}
	w.run()
	require.Equal(t, 1, w.x.Reboots)
}
