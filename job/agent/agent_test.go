package agent

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/reboot"
)

func TestOrderFromQueueToResult_MAN1_JOB16(t *testing.T) {
	o := orderAt(t, "a", epoch)
	w := newWorld(t, o)
	w.until(epoch.Add(-time.Minute))
	require.Equal(t, []string{"Received"}, w.told(o.ID))
	require.Empty(t, w.downloads)
	w.until(epoch.Add(time.Minute))
	require.Equal(t, []string{"Received", "Started", "Downloading", "Downloaded", "Deploying", "Completed"}, w.told(o.ID))
	require.Equal(t, "2.0.0", w.installed["a"])
	require.Empty(t, w.s.Reports)
	require.Equal(t, []Ended{{Order: o.ID, Result: job.Completed, At: epoch, Reported: w.s.Sequence}}, w.s.Ended)
	w.until(epoch.Add(2 * time.Hour))
	require.Equal(t, 1, w.deploys["a"], "and not run again")
	w.publish()
	w.until(epoch.Add(3 * time.Hour))
	require.Len(t, w.s.Ended, 1, "remembered, though no manifest names it")
	require.Empty(t, w.s.Executions)
}

func TestWithdrawnBeforeItStarted_JOB5_MAN4(t *testing.T) {
	o := orderAt(t, "a", epoch)
	w := newWorld(t, o)
	w.until(epoch.Add(-time.Hour))
	w.publish()
	w.until(epoch.Add(time.Hour))
	require.Equal(t, []string{"Received", "Withdrawn"}, w.told(o.ID))
	require.Empty(t, w.downloads, "invariant 3")
}

func TestWithdrawnAfterItStartedGoesOn_JOB5(t *testing.T) {
	o := orderAt(t, "a", epoch)
	w := newWorld(t, o)
	w.until(epoch.Add(-time.Second))
	for len(w.s.Executions) == 0 { // the start, and not a step further
		w.pass(time.Second)
		w.step(Tick{})
		for len(w.calls) > 0 {
			call := w.calls[0]
			w.calls = w.calls[1:]
			w.answer(call)
		}
	}
	w.publish()
	w.until(epoch.Add(time.Hour))
	require.Equal(t, "Completed", last(w.told(o.ID)))
}

func last(list []string) string { return list[len(list)-1] }

// The last call is honoured to the instant of the start, whatever the check-in interval (MAN-7).
func TestLastCallBeforeTheStart_MAN7(t *testing.T) {
	for _, cancelled := range []bool{true, false} {
		o := orderAt(t, "a", epoch)
		w := newWorld(t, o)
		w.c.Every = 12 * time.Hour
		w.until(epoch.Add(-time.Second))
		want := "Withdrawn"
		if cancelled {
			o.Cancelled, want = true, "Cancelled"
			w.publish(o)
		} else {
			w.publish()
		}
		w.until(epoch.Add(time.Hour))
		require.Equal(t, []string{"Received", want}, w.told(o.ID))
		require.Empty(t, w.downloads)
		require.True(t, slices.ContainsFunc(w.requests, func(r manifest.CheckIn) bool { return r.LastCall }))
	}
}

func TestLastCallBeforeStageTwo_MAN7_JOB3(t *testing.T) {
	o := orderAt(t, "a", epoch)
	w := newWorld(t, o)
	w.until(epoch.Add(-time.Second))
	for w.downloads["a"] == 0 {
		w.drain(1)
	}
	o.Cancelled = true
	w.publish(o)
	w.until(epoch.Add(time.Hour))
	require.Equal(t, []string{"Received", "Started", "Downloading", "Downloaded", "Cancelled"}, w.told(o.ID))
	require.Zero(t, w.deploys["a"], "invariant 2")
}

// drain carries out n calls or effects, passing a second when there is none.
func (w *world) drain(n int) {
	for range n {
		switch {
		case len(w.calls) > 0:
			call := w.calls[0]
			w.calls = w.calls[1:]
			w.answer(call)
		case len(w.queue) > 0:
			e := w.queue[0]
			w.queue = w.queue[1:]
			w.do(e)
		default:
			w.pass(time.Second)
			w.step(Tick{})
		}
	}
}

func TestCancelTooLateIsToldOnce_JOB3(t *testing.T) {
	o := orderAt(t, "a", epoch)
	o.Patches[0].Reboot = true
	o.Reboot = reboot.Policy{Deferrals: 3, Interval: time.Hour}
	w := newWorld(t, o)
	w.sessions = reboot.Active
	w.until(epoch.Add(30 * time.Minute))
	o.Cancelled = true
	w.publish(o)
	w.until(epoch.Add(2 * time.Hour))
	w.publish(o)
	w.until(epoch.Add(24 * time.Hour))
	told := w.told(o.ID)
	require.Equal(t, "Completed", last(told))
	require.Equal(t, 1, strings.Count(strings.Join(told, " "), "TooLate(reboot)"))
	require.Equal(t, 1, w.reboots)
}

func TestGoesOnWhileTheServerIsAway_MAN7_MAN6(t *testing.T) {
	o := orderAt(t, "a", epoch)
	w := newWorld(t, o)
	w.until(epoch.Add(-time.Hour))
	w.server.up = false
	w.until(epoch.Add(5 * time.Hour))
	require.Equal(t, "2.0.0", w.installed["a"])
	require.Equal(t, []string{"Received"}, w.told(o.ID))
	require.NotEmpty(t, w.s.Reports)
	w.server.up = true
	w.until(epoch.Add(6 * time.Hour))
	require.Equal(t, "Completed", last(w.told(o.ID)), "nothing was lost")
	require.Empty(t, w.s.Reports)
}

func TestOneAtATime_JOB11(t *testing.T) {
	a, b := orderAt(t, "a", epoch), orderAt(t, "b", epoch.Add(time.Minute))
	a.Patches[0].Reboot = true
	a.Reboot = reboot.Policy{Deferrals: 2, Interval: time.Hour}
	late := orderAt(t, "c", epoch.Add(time.Minute))
	late.End = epoch.Add(time.Hour)
	w := newWorld(t, a, b, late)
	w.sessions = reboot.Active
	w.until(epoch.Add(24 * time.Hour))
	require.Equal(t, []string{"Received", "Blocked", "Started", "Downloading", "Downloaded", "Deploying", "Completed"}, w.told(b.ID))
	require.Equal(t, []string{"Received", "Blocked", "TimedOut"}, w.told(late.ID))
	require.Zero(t, w.downloads["c"])
	for _, r := range w.accepted {
		if r.Progress == job.Blocked {
			require.Contains(t, r.Text, "job a", "it names what it waits for")
		}
	}
}

func TestParkedExecutionBlocksOnlyIfSaid_RBT7_JOB11(t *testing.T) {
	for _, wait := range []bool{false, true} {
		a, b := orderAt(t, "a", epoch), orderAt(t, "b", epoch.Add(time.Hour))
		a.Patches[0].Reboot = true
		a.Reboot = reboot.Policy{Suppress: true}
		w := newWorld(t, a, b)
		w.c.WaitParked = wait
		w.until(epoch.Add(200 * time.Hour))
		require.Equal(t, "PendingReboot", last(w.told(a.ID)))
		require.Zero(t, w.reboots)
		if !wait {
			require.Equal(t, "Completed", last(w.told(b.ID)))
			continue
		}
		require.Equal(t, "Blocked", last(w.told(b.ID)))
		w.at.BootID, w.at.Up = "by hand", 0
		w.crash()
		w.until(epoch.Add(201 * time.Hour))
		require.Equal(t, "Completed", last(w.told(a.ID)))
		require.Equal(t, "Completed", last(w.told(b.ID)))
	}
}

func TestMissedRuns_JOB12(t *testing.T) {
	older, newer := orderAt(t, "a", epoch), orderAt(t, "a", epoch.Add(24*time.Hour))
	windowed := orderAt(t, "b", epoch)
	windowed.End = epoch.Add(time.Hour)
	w := newWorld(t, older, newer, windowed)
	w.until(epoch.Add(-time.Hour))
	w.pass(30 * time.Hour) // the asset was off
	w.at.BootID, w.at.Up = "next", 0
	w.crash()
	w.until(epoch.Add(31 * time.Hour))
	require.Equal(t, []string{"Received", "TimedOut"}, w.told(older.ID))
	require.Equal(t, []string{"Received", "TimedOut"}, w.told(windowed.ID))
	require.Equal(t, "Completed", last(w.told(newer.ID)))
}

// A newer run that can no longer start does not keep an older one from it (JOB-12).
func TestNewestRunThatStillMay_JOB12(t *testing.T) {
	older, newer := orderAt(t, "a", epoch), orderAt(t, "a", epoch.Add(24*time.Hour))
	newer.End = newer.Start.Add(time.Hour)
	w := newWorld(t, older, newer)
	w.until(epoch.Add(-time.Hour))
	w.pass(48 * time.Hour)
	w.at.BootID, w.at.Up = "next", 0
	w.crash()
	w.until(epoch.Add(49 * time.Hour))
	require.Equal(t, []string{"Received", "TimedOut"}, w.told(newer.ID))
	require.Equal(t, "Completed", last(w.told(older.ID)))
}

// Lies are refused, the queue is kept, and the refusal is reported once (MAN-5).
func TestRefusesLies_MAN5(t *testing.T) {
	other := ed25519.NewKeyFromSeed([]byte(strings.Repeat("x", 32)))
	reseal := func(asset job.AssetID, revision manifest.Revision, expires time.Time, key ed25519.PrivateKey) func([]byte) []byte {
		return func([]byte) []byte {
			sealed, err := manifest.Seal(manifest.Document{Format: 1, Asset: asset, Revision: revision, Issued: epoch.Add(-5 * time.Hour), Expires: expires}, manifest.NewSigner(key))
			require.NoError(t, err)
			return sealed
		}
	}
	later := epoch.Add(100 * time.Hour)
	for name, forge := range map[string]func([]byte) []byte{
		"BadSignature: other key":  reseal("web-1", 9, later, other),
		"BadSignature: bit flip":   func(s []byte) []byte { return bytes.Replace(s, []byte(`"sig":"`), []byte(`"sig":"A`), 1) },
		"BadSignature: stripped":   func([]byte) []byte { return []byte(`{"payloadType":"x","payload":"","signatures":[]}`) },
		"WrongAsset":               reseal("web-2", 9, later, private),
		"LowerRevision":            reseal("web-1", 1, later, private),
		"Expired":                  reseal("web-1", 9, epoch.Add(-4*time.Hour), private),
		"TooLarge":                 func([]byte) []byte { return make([]byte, manifest.MaxSealed+1) },
		"BadSignature: half of it": func(s []byte) []byte { return s[:len(s)/2] },
	} {
		t.Run(name, func(t *testing.T) {
			o := orderAt(t, "a", epoch)
			w := newWorld(t)
			w.installed["a"] = "1.0.0"
			w.publish(o)
			w.publish(o) // revision 3
			w.until(epoch.Add(-3 * time.Hour))
			require.Equal(t, manifest.Revision(3), w.s.Revision)
			w.server.forge = forge
			w.publish()
			w.until(epoch.Add(time.Hour))
			require.Equal(t, manifest.Revision(3), w.s.Revision)
			require.Equal(t, "2.0.0", w.installed["a"], "it keeps the queue it has")
			var refusals []string
			for _, r := range w.accepted {
				if r.Refused != "" {
					refusals = append(refusals, r.Refused)
				}
			}
			require.Len(t, refusals, 1, "%v", refusals)
			reason, _, _ := strings.Cut(name, ":")
			require.Contains(t, refusals[0], "("+reason+")")
		})
	}
}

func TestCheckInsAreSpreadAndNeverLate_MAN3(t *testing.T) {
	w := newWorld(t)
	w.until(epoch.Add(40 * time.Hour))
	var gaps []time.Duration
	for i := 1; i < len(w.requests); i++ {
		gaps = append(gaps, w.requests[i].At.Sub(w.requests[i-1].At))
	}
	require.Greater(t, len(gaps), 100)
	require.LessOrEqual(t, slices.Max(gaps), 15*time.Minute)
	require.GreaterOrEqual(t, slices.Min(gaps), 13*time.Minute+30*time.Second)
	require.Greater(t, slices.Max(gaps)-slices.Min(gaps), 30*time.Second)
	require.LessOrEqual(t, manifest.Bound(manifest.Every), 30*time.Minute)
}

func TestBacksOffAndReturns(t *testing.T) {
	w := newWorld(t)
	w.server.up = false
	w.until(epoch)
	commits := w.commits
	w.until(epoch.Add(10 * time.Hour))
	require.Less(t, w.commits-commits, 10*4*3+20, "a server that is away is not hammered")
	w.server.up = true
	w.until(epoch.Add(10*time.Hour + 16*time.Minute))
	require.Zero(t, w.s.Calls.Failures)
}

// A crash right after each commit in turn leads to the same end, with every
// report taken exactly once (JOB-17, JOB-21, MAN-6).
func TestCrashAfterEveryCommit_JOB17_JOB21(t *testing.T) {
	for n := 1; n < 60; n++ {
		a, b := orderAt(t, "a", epoch), orderAt(t, "b", epoch)
		a.Patches[0].Reboot = true
		w := newWorld(t, a, b)
		w.crashAt = n
		w.until(epoch.Add(10 * time.Hour))
		for _, o := range []job.Order{a, b} {
			told := w.told(o.ID)
			require.Equal(t, "Completed", last(told), "crash after commit %d", n)
			require.Equal(t, 1, strings.Count(strings.Join(told, " "), "Completed"))
			name := string(o.Job)
			require.Equal(t, "2.0.0", w.installed[name])
			require.LessOrEqual(t, w.deploys[name], 2, "invariant 8")
		}
		require.Equal(t, 1, w.reboots, "crash after commit %d", n)
		for i, r := range w.accepted {
			require.Equal(t, job.Sequence(i+1), r.Sequence)
		}
		require.Empty(t, w.s.Reports)
		require.Greater(t, w.commits, n)
	}
}

func TestManyReportsGoInSeveralCalls_MAN6(t *testing.T) {
	w := newWorld(t)
	for i := range manifest.MaxReports*2 + 5 {
		w.s.Sequence++
		w.s.Reports = append(w.s.Reports, job.Report{Sequence: w.s.Sequence, Refused: fmt.Sprint(i)})
	}
	w.until(epoch.Add(-5 * time.Hour))
	require.Len(t, w.accepted, manifest.MaxReports*2+5)
	require.Empty(t, w.s.Reports)
}
