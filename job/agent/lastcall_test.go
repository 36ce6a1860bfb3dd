package agent

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/manifest"
)

// startsWithoutAnAnswer loses every call from here on, and returns when the order starts.
func startsWithoutAnAnswer(t *testing.T, w *world) time.Time {
	for range 100 {
		w.calls = nil // they are lost, and nobody says so
		for len(w.queue) > 0 {
			e := w.queue[0]
			w.queue = w.queue[1:]
			w.do(e)
		}
		if len(w.s.Executions) > 0 {
			return w.at.Wall
		}
		_, out := Step(w.c, w.s, Tick{}, w.at)
		w.pass(out.Wake)
		w.step(Tick{})
	}
	t.Fatal("it never starts")
	return time.Time{}
}

// A call that is neither answered nor known to have failed holds a start up for
// ten seconds and no longer (MAN-7).
func TestLastCallIsWaitedForAndNoLonger_MAN7(t *testing.T) {
	w := newWorld(t, orderAt(t, "a", epoch))
	w.until(epoch.Add(-time.Second))
	require.Equal(t, 10*time.Second, startsWithoutAnAnswer(t, w).Sub(epoch))
}

// An answer lets the order go on at once, before the start and before the deploy stage.
func TestLastCallAnswered_MAN7(t *testing.T) {
	w := newWorld(t, orderAt(t, "a", epoch))
	w.until(epoch)
	require.Equal(t, "2.0.0", w.installed["a"])
	require.Equal(t, epoch, w.at.Wall, "nothing was waited for")
}

// A last call whose answer is slower than the time between two calls is
// followed by the next one, and that one's answer lets the order go on.
func TestLastCallOvertakenByTheNextCall_MAN7(t *testing.T) {
	w := newWorld(t, orderAt(t, "a", epoch))
	w.c.Every = 2 * time.Second
	w.until(epoch.Add(-time.Millisecond))
	w.pass(time.Millisecond)
	w.step(Tick{})
	require.Len(t, w.calls, 1)
	require.True(t, w.calls[0].Request.LastCall)
	w.calls = nil // its answer is still under way
	w.until(epoch.Add(3 * time.Second))
	require.Equal(t, "Completed", last(w.told("a@20260302T060000Z/web-1")), "and not after ten seconds")
}

// What answers another call than the one that is out changes nothing.
func TestAnswerToAnotherCallIsIgnored(t *testing.T) {
	w := newWorld(t, orderAt(t, "a", epoch))
	w.until(epoch.Add(-time.Hour))
	w.pass(20 * time.Minute)
	_, out := Step(w.c, w.s, Tick{}, w.at)
	call := out.Effects[0].(Call)
	w.step(Tick{})
	before := w.s
	for _, id := range []uint64{0, call.ID - 1, call.ID + 1} {
		for _, ev := range []Event{CallFailed{ID: id}, CallDone{ID: id, Answer: manifest.Answer{At: epoch.Add(99 * time.Hour), Acknowledged: 1}}} {
			w.step(ev)
			require.Equal(t, before.Calls, w.s.Calls)
			require.Equal(t, before.Reports, w.s.Reports)
			require.Equal(t, before.Clock.Offset, w.s.Clock.Offset)
		}
	}
}

// Early downloads come one at a time, and none while an order is being carried out (JOB-23).
func TestEarlyDownloadsTakeTurns_JOB23(t *testing.T) {
	a, b := orderAt(t, "a", epoch), orderAt(t, "b", epoch)
	a.Early, b.Early = true, true
	running := orderAt(t, "c", epoch.Add(-time.Hour))
	w := newWorld(t, a, b, running)
	fetching := func() int {
		n := 0
		for _, e := range w.s.Early {
			if e.Waiting {
				n++
			}
		}
		return n
	}
	for w.at.Wall.Before(epoch) {
		require.LessOrEqual(t, fetching(), 1)
		if len(w.s.Executions) > 0 {
			for _, e := range w.queue {
				_, ok := e.(DownloadEarly)
				require.False(t, ok, "an early download begins while an order is carried out")
			}
		}
		w.drain(1)
	}
	require.Equal(t, map[string]int{"a": 1, "b": 1, "c": 1}, w.downloads)
}

// An order that is withdrawn while its last call is out takes the wait with it:
// the next order gets a call of its own.
func TestLastCallOfAWithdrawnOrder_MAN7(t *testing.T) {
	a, b := orderAt(t, "a", epoch), orderAt(t, "b", epoch)
	w := newWorld(t, a, b)
	w.until(epoch.Add(-time.Second))
	w.publish(b)
	w.until(epoch.Add(time.Minute))
	require.Equal(t, "Withdrawn", last(w.told(a.ID)))
	require.Equal(t, "Completed", last(w.told(b.ID)))
	calls := 0
	for _, r := range w.requests {
		if r.LastCall {
			calls++
		}
	}
	require.Equal(t, 3, calls, "one before a, one before b, one before b's deploy stage")
}
