package agent

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// lies answers every call with a time that is so far from the right one, and a
// manifest that was made then.
func (w *world) lies(by ...time.Duration) (calls int) {
	for _, d := range by {
		w.server.offset = d
		w.calls = nil
		for w.s.Calls.Out == 0 {
			_, out := Step(w.c, w.s, Tick{}, w.at)
			w.pass(out.Wake)
			w.step(Tick{})
		}
		calls++
		w.calls = nil
		w.answer(Call{ID: w.s.Calls.Out, Request: manifest.CheckIn{Asset: "web-1", At: w.at.Wall}})
	}
	w.server.offset = 0
	return calls
}

// An answer whose time is more than five minutes away changes nothing until a
// second one agrees: no start follows it, and the manifest beside it is neither
// taken nor refused. The agent calls again at once, and only once (MAN-12).
func TestJumpNeedsASecondAnswer_MAN12(t *testing.T) {
	start := epoch.Add(48 * time.Hour)
	for _, jump := range []time.Duration{manifest.MaxSkew + time.Second, -manifest.MaxSkew - time.Second, 3 * 24 * time.Hour, -30 * 24 * time.Hour, 20 * 365 * 24 * time.Hour, -20 * 365 * 24 * time.Hour} {
		w := newWorld(t, orderAt(t, "a", start))
		w.until(epoch)
		w.publish(orderAt(t, "a", start), orderAt(t, "b", start))
		before := w.s
		w.lies(jump)
		require.Equal(t, before.Revision, w.s.Revision)
		require.Equal(t, before.Clock.Offset, w.s.Clock.Offset)
		require.Empty(t, w.s.Refusal)
		require.NotZero(t, w.s.Calls.Out, "it calls again at once")
		w.lies(-jump)
		require.Equal(t, before.Clock.Offset, w.s.Clock.Offset, "the second does not agree")
		require.Zero(t, w.s.Calls.Out, "and is not followed at once by a third")
		require.Greater(t, w.s.Calls.Next.Sub(w.s.Clock.now(w.at).Steady), time.Minute)
		w.lies(0)
		require.Equal(t, before.Clock.Offset, w.s.Clock.Offset)
		require.Zero(t, w.s.Clock.Jump)
		require.Greater(t, w.s.Revision, before.Revision, "the right time brings its manifest")
		require.Empty(t, w.s.Executions)

		w.lies(jump, jump)
		require.Equal(t, jump, w.s.Clock.Offset, "two that agree are believed")
	}
}

// Up to the bound one answer is enough.
func TestSmallJump_MAN8_MAN12(t *testing.T) {
	for _, jump := range []time.Duration{manifest.MaxSkew, -manifest.MaxSkew} {
		w := newWorld(t, orderAt(t, "a", epoch))
		w.until(epoch.Add(-time.Hour))
		w.lies(jump)
		require.Equal(t, jump, w.s.Clock.Offset)
	}
}

// A server that gives another time at every call is called as often as any other.
func TestNoHasteAgainstALyingServer_MAN12(t *testing.T) {
	w := newWorld(t, orderAt(t, "a", epoch.Add(10*24*time.Hour)))
	w.until(epoch)
	began := w.at.Wall
	for i := range 40 {
		w.lies(time.Duration(i+1) * time.Hour)
	}
	require.Greater(t, w.at.Wall.Sub(began), 38*13*time.Minute)
	for i := range 40 { // one that lies every other time has one call more for each lie
		w.lies(time.Duration(i%2) * time.Hour)
	}
	require.Greater(t, w.at.Wall.Sub(began), (38+20)*13*time.Minute)
	require.Zero(t, w.s.Clock.Offset)
}

// The first answer ever is believed at once only if the system's clock agrees with it.
func TestFirstAnswerIsAJumpToo_MAN12(t *testing.T) {
	for skew, calls := range map[time.Duration]int{0: 1, manifest.MaxSkew: 1, 2 * time.Hour: 2, -20 * 365 * 24 * time.Hour: 2, 30 * 365 * 24 * time.Hour: 2} {
		w := newWorld(t, orderAt(t, "a", epoch.Add(skew)))
		w.server.offset = skew
		w.until(w.at.Wall.Add(time.Second))
		require.Equal(t, skew, w.s.Clock.Offset)
		if require.GreaterOrEqual(t, len(w.requests), calls); calls == 2 {
			require.Equal(t, w.requests[0].At, w.requests[1].At, "again at once")
			require.Zero(t, w.requests[1].Held, "with the manifest of the first answer not taken")
		}
		require.Len(t, w.s.Queue, 1)
		require.Empty(t, w.s.Refusal)
	}
}

// A last call that is answered with a time to be confirmed goes on to the next
// answer, and what that one brings is honoured.
func TestLastCallAndAJump_MAN7_MAN12(t *testing.T) {
	for name, times := range map[string][]time.Duration{"a lie, and then the truth": {24 * time.Hour, 0}, "two lies": {24 * time.Hour, 48 * time.Hour, 0}} {
		o := orderAt(t, "a", epoch)
		w := newWorld(t, o)
		w.until(epoch.Add(-time.Second))
		w.publish()
		w.lies(times...)
		w.until(epoch.Add(time.Minute))
		require.Equal(t, "Withdrawn", last(w.told(o.ID)), name)
	}
}

// No number of an answer harms an agent: it counts on above an acknowledged
// one, and what would use its numbers up, or wrap them, makes the answer a
// failed call (MAN-12).
func TestNumbersOfAnAnswer_MAN12(t *testing.T) {
	const half = manifest.MaxNumber / 2
	for _, c := range []struct {
		acknowledged job.Sequence
		at           time.Time // zero: the right one
		taken        bool
	}{
		{100, time.Time{}, true}, {half, time.Time{}, true}, {half + 1, time.Time{}, false}, {manifest.MaxNumber, time.Time{}, false},
		{manifest.MaxNumber + 1, time.Time{}, false}, {math.MaxUint64, time.Time{}, false}, {math.MaxUint64 - 1, time.Time{}, false},
		{1, time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC), false}, {1, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), false},
	} {
		w := newWorld(t, orderAt(t, "a", epoch))
		w.until(epoch.Add(-time.Hour))
		w.deaf = true
		for w.s.Calls.Out == 0 {
			_, out := Step(w.c, w.s, Tick{}, w.at)
			w.pass(out.Wake)
			w.step(Tick{})
		}
		before, at := w.s, c.at
		if at.IsZero() {
			at = w.at.Wall
		}
		w.calls = nil
		w.step(CallDone{ID: w.s.Calls.Out, Answer: manifest.Answer{At: at, Acknowledged: c.acknowledged}})
		if !c.taken {
			require.Equal(t, before.Sequence, w.s.Sequence, c.acknowledged)
			require.Equal(t, before.Reports, w.s.Reports)
			require.Equal(t, 1, w.s.Calls.Failures)
			require.Equal(t, before.Clock.Offset, w.s.Clock.Offset)
		}
		w.deaf, w.gaps = false, true
		w.until(epoch.Add(time.Hour))
		require.Equal(t, "2.0.0", w.installed["a"], fmt.Sprint(c.acknowledged))
		require.LessOrEqual(t, w.s.Sequence, job.Sequence(manifest.MaxNumber))
		require.Empty(t, w.s.Reports, "an honest server takes all of them")
	}
}

// A clock that is out by decades is reported within the bounds of a number, and
// the sum is the right time (MAN-8, MAN-12).
func TestOffsetOfAHopelessClock_MAN12(t *testing.T) {
	w := newWorld(t, orderAt(t, "a", epoch))
	w.server.offset = 30 * 365 * 24 * time.Hour
	w.until(w.at.Wall.Add(time.Hour))
	require.Equal(t, w.server.offset, w.s.Clock.Offset)
	in := w.requests[len(w.requests)-1]
	require.NoError(t, in.Validate())
	require.EqualValues(t, manifest.MaxNumber, in.Offset)
	require.WithinDuration(t, w.at.Wall.Add(w.server.offset), in.At.Add(in.Offset), time.Hour)
}

// The clock the agent goes by is the server's; durations run on steadily
// whatever is done to its own (MAN-8).
func TestClock_MAN8(t *testing.T) {
	o := orderAt(t, "a", epoch)
	w := newWorld(t, o)
	w.server.offset = 2 * time.Hour // the asset is two hours slow
	w.until(epoch.Add(-2*time.Hour - time.Minute))
	require.Empty(t, w.downloads)
	w.until(epoch.Add(-2*time.Hour + time.Minute))
	require.Equal(t, 1, w.downloads["a"], "started by the server's clock")
	require.Equal(t, 2*time.Hour, w.s.Clock.Offset)
	require.Equal(t, 2*time.Hour, w.requests[len(w.requests)-1].Offset, "and it reports the offset")
	done := w.accepted[len(w.accepted)-1]
	require.WithinDuration(t, epoch, done.At, time.Minute)

	c := Clock{}.anchor(Moment{Wall: epoch, BootID: "b", Up: time.Hour})
	for _, m := range []struct {
		at   Moment
		want time.Duration
	}{
		{Moment{Wall: epoch.Add(time.Minute), BootID: "b", Up: time.Hour + time.Minute}, time.Minute},
		{Moment{Wall: epoch.Add(99 * time.Hour), BootID: "b", Up: time.Hour + time.Minute}, time.Minute},
		{Moment{Wall: epoch.Add(-99 * time.Hour), BootID: "b", Up: time.Hour + time.Minute}, time.Minute},
		{Moment{Wall: epoch.Add(time.Hour), BootID: "c", Up: time.Second}, time.Hour}, // off time counts
		{Moment{Wall: epoch.Add(-time.Hour), BootID: "c", Up: time.Second}, 0},
		{Moment{Wall: epoch.AddDate(500, 0, 0), BootID: "c", Up: time.Second}, maxOff},
	} {
		require.Equal(t, m.want, c.now(m.at).Steady.Sub(c.Steady))
	}
}

// A clock that is set while an order waits moves no start, neither within a
// boot nor across one; what the server said of the time before counts until it
// says otherwise (MAN-8).
func TestClockIsSet_MAN8(t *testing.T) {
	for _, noCall := range []bool{false, true} {
		for _, by := range []time.Duration{5 * time.Hour, -5 * time.Hour, time.Second} {
			o := orderAt(t, "a", epoch)
			o.NoLastCall = noCall
			w := newWorld(t, o)
			w.until(epoch.Add(-time.Hour))
			w.server.offset -= by // true time is Wall+offset
			w.at.Wall = w.at.Wall.Add(by)
			w.step(Tick{})
			w.crash()
			w.until(epoch.Add(by - time.Minute))
			require.Zero(t, w.downloads["a"], "%v: not before its start", by)
			w.until(epoch.Add(by + time.Minute))
			require.Equal(t, 1, w.downloads["a"], "%v: at its start", by)
			require.InDelta(t, float64(-by), float64(w.requests[len(w.requests)-1].Offset), float64(offsetGrain))
		}
	}

	// The computer comes up with a clock that went wrong while it was off: the
	// last call corrects it before anything starts.
	w := newWorld(t, orderAt(t, "a", epoch))
	w.until(epoch.Add(-time.Hour))
	w.server.offset -= 5 * time.Hour
	w.at = Moment{Wall: w.at.Wall.Add(5 * time.Hour), BootID: "boot-9"}
	w.crash()
	w.until(epoch.Add(5*time.Hour - time.Minute))
	require.Zero(t, w.downloads["a"])
	w.until(epoch.Add(5*time.Hour + time.Minute))
	require.Equal(t, 1, w.downloads["a"])

	// No server has answered yet: the system's clock is all there is, and a
	// correction of it counts.
	c := Clock{}.anchor(Moment{Wall: epoch, BootID: "b"})
	require.Equal(t, epoch.Add(time.Hour), c.now(Moment{Wall: epoch.Add(time.Hour), BootID: "b", Up: time.Second}).UTC)
}
