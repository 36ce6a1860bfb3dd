package agent

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// off takes the asset down, and starts it again after a time on what it had committed.
func (w *world) off(d time.Duration) {
	w.pass(d)
	w.at.BootID, w.at.Up = "boot after "+w.at.Wall.String(), 0
	w.crash()
}

// asleep lets time pass without a tick, and the agent look at the clock only afterwards.
func (w *world) asleep(d time.Duration) {
	w.pass(d)
	w.step(Tick{})
}

// outage cuts the network until an instant, and says when the server came back
// and how often it was called in vain.
func (w *world) outage(end time.Time) (calls int) {
	w.server.up = false
	before := w.s.Calls.Last
	w.until(end)
	w.server.up = true
	return int(w.s.Calls.Last - before)
}

func (w *world) started(id job.OrderID) (at time.Time) {
	w.until(w.at.Wall.Add(time.Hour))
	for _, r := range w.accepted {
		if r.Order == id && r.Progress == job.Started {
			return r.At
		}
	}
	return time.Time{}
}

// A last call that fails is tried again until its time is over, after 1, 2 and
// 4 seconds, before the start and before the deploy stage alike (MAN-7).
func TestLastCallTriesAgain_MAN7(t *testing.T) {
	for _, c := range []struct {
		back  time.Duration // of the network, after the start
		start time.Duration // of the execution
		calls int
	}{{0, 0, 0}, {time.Second, time.Second, 1}, {2 * time.Second, 3 * time.Second, 2}, {6 * time.Second, 7 * time.Second, 3}, {11 * time.Second, 10 * time.Second, 5}} {
		o := orderAt(t, "a", epoch)
		w := newWorld(t, o)
		w.until(epoch.Add(-time.Second))
		require.Equal(t, c.calls, w.outage(epoch.Add(c.back).Add(-time.Millisecond)), c.back)
		require.Equal(t, epoch.Add(c.start), w.started(o.ID).UTC(), c.back)
		require.Equal(t, "Completed", last(w.told(o.ID)))
	}

	o := orderAt(t, "a", epoch) // before the deploy stage: cancelled meanwhile, and honoured though the first calls fail
	w := newWorld(t, o)
	w.until(epoch.Add(-time.Second))
	for len(w.s.Executions) == 0 || w.s.Calls.LastCall.Effect == 0 {
		w.drain(1)
	}
	w.outage(w.at.Wall.Add(5 * time.Second))
	o.Cancelled = true
	w.publish(o)
	w.until(epoch.Add(time.Minute))
	require.Equal(t, "Cancelled", last(w.told(o.ID)))
	require.Equal(t, "1.0.0", w.installed["a"])
}

// Tries that belong to one last call do not put the calls after it off: they
// count as one failure (MAN-3).
func TestTriesOfALastCallCountOnce_MAN3_MAN7(t *testing.T) {
	w := newWorld(t, orderAt(t, "a", epoch))
	w.until(epoch.Add(-time.Second))
	w.outage(epoch.Add(9 * time.Second))
	require.Equal(t, 1, w.s.Calls.Failures)
	require.LessOrEqual(t, w.s.Calls.Next.Sub(w.s.Clock.now(w.at).Steady), w.c.WithDefaults().Retry)
}

// An order whose start passed while the asset was off or asleep waits five
// minutes for an answer, and one that only failed to reach its server at the
// start ten seconds. What was withdrawn in the meantime never starts (MAN-7).
func TestOrderDueWhenTheAssetComesBack_MAN7(t *testing.T) {
	for name, away := range map[string]func(*world){
		"off":                     func(w *world) { w.until(epoch.Add(-time.Hour)); w.off(48 * time.Hour) },
		"the agent alone was off": func(w *world) { w.until(epoch.Add(-time.Hour)); w.pass(48 * time.Hour); w.crash() },
		"asleep":                  func(w *world) { w.until(epoch.Add(-time.Hour)); w.asleep(48 * time.Hour) },
		"a nap":                   func(w *world) { w.until(epoch.Add(-time.Minute)); w.asleep(3 * time.Minute) },
		"asleep right after the first try": func(w *world) {
			w.until(epoch.Add(-time.Second))
			w.server.up = false
			w.until(epoch.Add(time.Second))
			w.asleep(48 * time.Hour)
		},
		"off, and restarted before an answer came": func(w *world) {
			w.until(epoch.Add(-time.Hour))
			w.server.up = false
			w.off(48 * time.Hour)
			w.until(w.at.Wall.Add(4 * time.Minute))
			w.crash()
		},
	} {
		for _, back := range []time.Duration{30 * time.Second, 4 * time.Minute, 6 * time.Minute} {
			o := orderAt(t, "a", epoch)
			w := newWorld(t, o)
			away(w)
			w.publish() // withdrawn long ago
			calls := w.outage(w.at.Wall.Add(back))
			require.LessOrEqual(t, calls, 20, "%s: it hammers", name)
			require.Equal(t, back > lateCall, len(w.s.Executions) > 0 || w.installed["a"] != "1.0.0", "%s, network back after %v", name, back)
			w.until(w.at.Wall.Add(time.Hour))
			want := "Withdrawn"
			if back > lateCall {
				want = "Completed"
			}
			require.Equal(t, want, last(w.told(o.ID)), "%s, network back after %v", name, back)
		}
	}
}

// While no server has answered since, the last call before the deploy stage
// waits as long; afterwards ten seconds are enough.
func TestLastCallBeforeDeployOfALateOrder_MAN7(t *testing.T) {
	o := orderAt(t, "a", epoch)
	w := newWorld(t, o)
	w.until(epoch.Add(-time.Hour))
	w.server.up = false
	w.off(48 * time.Hour)
	w.until(w.at.Wall.Add(lateCall + 20*time.Second))
	require.Len(t, w.s.Executions, 1)
	require.Equal(t, "1.0.0", w.installed["a"], "ten seconds are over, and it still waits")
	o.Cancelled = true
	w.publish(o)
	w.server.up = true
	w.until(w.at.Wall.Add(time.Minute))
	require.Equal(t, "Cancelled", last(w.told(o.ID)))

	w = newWorld(t, orderAt(t, "a", epoch), orderAt(t, "b", epoch.Add(73*time.Hour)))
	w.until(epoch.Add(-time.Hour))
	w.off(48 * time.Hour)
	w.until(epoch.Add(73*time.Hour - time.Second))
	w.outage(epoch.Add(73*time.Hour + time.Minute))
	require.Equal(t, "2.0.0", w.installed["b"], "a server has answered since, so nothing is late any more")
}

// A refusal that is known to come from the server is an answer: what waits for
// it does not begin, whatever fails after it and through restarts, until the
// server answers again. An error of unknown origin is a failed call (MAN-7).
func TestRefusedCall_MAN7(t *testing.T) {
	for _, noLastCall := range []bool{false, true} {
		o := orderAt(t, "a", epoch)
		o.NoLastCall = noLastCall
		w := newWorld(t, o)
		w.until(epoch.Add(-time.Minute))
		w.server.refuses = true
		w.pass(20 * time.Minute)
		w.step(Tick{})
		w.until(epoch.Add(3 * time.Hour))
		require.True(t, w.s.Calls.Refused || noLastCall, "NoLastCall may have begun before the first refusal")
		if noLastCall {
			continue
		}
		require.Equal(t, "1.0.0", w.installed["a"])
		require.Contains(t, w.s.Reports[len(w.s.Reports)-1].Text, "refuses")
		w.crash()
		w.server.refuses = false
		w.outage(epoch.Add(5 * time.Hour))
		require.Equal(t, "1.0.0", w.installed["a"], "a call that fails is no answer")
		w.until(epoch.Add(6 * time.Hour))
		require.Equal(t, "Completed", last(w.told(o.ID)))
	}

	o := orderAt(t, "a", epoch.Add(time.Hour)) // refused before it is due
	o.NoLastCall = true
	w := newWorld(t, o)
	w.server.refuses = true
	w.until(epoch.Add(2 * time.Hour))
	require.Equal(t, "1.0.0", w.installed["a"])
	w.server.refuses = false
	w.until(epoch.Add(3 * time.Hour))
	require.Equal(t, "2.0.0", w.installed["a"])
}

// Before the deploy stage a refusal holds the execution up, and no files of it
// are lost; a window ends the wait (JOB-10).
func TestRefusedBeforeTheDeployStage_MAN7(t *testing.T) {
	for _, window := range []time.Duration{0, time.Hour} {
		o := orderAt(t, "a", epoch)
		if window > 0 {
			o.End = epoch.Add(window)
		}
		w := newWorld(t, o)
		for len(w.s.Executions) == 0 {
			w.drain(1)
		}
		w.server.refuses = true
		w.until(epoch.Add(3 * time.Hour))
		require.Equal(t, "1.0.0", w.installed["a"])
		require.Equal(t, window == 0, len(w.s.Executions) == 1)
		require.Less(t, w.s.Calls.Last, uint64(60), "it does not hammer")
		w.server.refuses = false
		w.until(epoch.Add(4 * time.Hour))
		if window == 0 {
			require.Equal(t, "Completed", last(w.told(o.ID)))
			require.Equal(t, 1, w.downloads["a"])
		} else {
			require.Equal(t, "Failed", last(w.told(o.ID)))
		}
	}
}

// An agent that no server has answered for longer than its manifest is good for
// starts nothing, with or without last calls, and says so; a window ends even
// that. When the server answers, what it still wants starts (MAN-5).
func TestExpiredManifestStartsNothing_MAN5(t *testing.T) {
	for _, away := range []string{"cut off", "off"} {
		late := epoch.Add(8 * 24 * time.Hour)
		a, b, c, d := orderAt(t, "a", late), orderAt(t, "b", late), orderAt(t, "c", late), orderAt(t, "d", late)
		b.NoLastCall = true
		c.End = late.Add(2 * time.Hour)
		w := newWorld(t, a, b, c, d)
		w.until(epoch.Add(-time.Hour))
		w.server.up = false
		if away == "off" {
			w.off(late.Sub(w.at.Wall) + time.Minute)
		}
		w.until(late.Add(24 * time.Hour))
		require.Empty(t, w.s.Executions)
		for id, text := range map[job.OrderID]string{a.ID: "expired", b.ID: "expired", c.ID: "window"} {
			said := false
			for _, r := range w.s.Reports {
				said = said || r.Order == id && len(r.Text) > 0 && (r.Progress == job.Blocked) == (text == "expired")
			}
			require.True(t, said, "%s says nothing of %s", id, text)
		}
		w.publish(a, b, c)
		w.server.up = true
		w.until(late.Add(26 * time.Hour))
		require.Equal(t, "Completed", last(w.told(a.ID)))
		require.Equal(t, "Completed", last(w.told(b.ID)))
		require.Equal(t, "TimedOut", last(w.told(c.ID)))
		require.Equal(t, "Withdrawn", last(w.told(d.ID)))
	}
}

// An execution that has begun goes on though its manifest expires.
func TestExpiryLeavesWhatHasBegun_MAN5(t *testing.T) {
	o := orderAt(t, "a", epoch)
	w := newWorld(t, o)
	w.offline = map[string]bool{"a": true}
	w.until(epoch.Add(time.Hour))
	w.server.up = false
	w.off(8 * 24 * time.Hour)
	w.offline = nil
	w.until(w.at.Wall.Add(2 * time.Hour))
	require.Equal(t, "2.0.0", w.installed["a"])
}

// The same revision with other content, and an expiry that no manifest may
// have, are refused and reported; the queue stays (MAN-5).
func TestManifestsNobodyShouldMake_MAN5(t *testing.T) {
	a, b := orderAt(t, "a", epoch), orderAt(t, "b", epoch)
	w := newWorld(t, a)
	w.until(epoch.Add(-time.Hour))
	answer := func(d manifest.Document) {
		d.Format, d.Asset = 1, "web-1"
		sealed, err := manifest.Seal(d, manifest.NewSigner(private))
		require.NoError(t, err)
		for w.s.Calls.Out == 0 {
			_, out := Step(w.c, w.s, Tick{}, w.at)
			w.pass(out.Wake)
			w.step(Tick{})
		}
		w.step(CallDone{ID: w.s.Calls.Out, Answer: manifest.Answer{At: w.at.Wall, Acknowledged: w.s.Sequence, Manifest: sealed}})
	}
	now := w.at.Wall.Truncate(time.Second)
	answer(manifest.Document{Revision: w.s.Revision, Issued: now, Expires: now.Add(time.Hour), Orders: []job.Order{b}})
	require.Contains(t, w.s.Reports[0].Refused, "OtherContent")
	answer(manifest.Document{Revision: w.s.Revision + 1, Issued: now.Add(300 * 24 * time.Hour), Expires: now.Add(390 * 24 * time.Hour), Orders: []job.Order{b}})
	require.Contains(t, w.s.Reports[0].Refused, "ExpiresLate")
	require.Len(t, w.s.Queue, 1)
	require.Equal(t, a.ID, w.s.Queue[0].ID)
}
