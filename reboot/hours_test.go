package reboot

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/patchpolicy/patchpolicy/job/schedule"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// after is a time of a machine that begins at noon.
func after(d time.Duration) schedule.At {
	return schedule.At{UTC: noon.Add(d), Steady: schedule.Steady(1).Add(d)}
}

func span(from, until time.Duration) schedule.Span {
	return schedule.Span{From: noon.Add(from), Until: noon.Add(until)}
}

// unattended plays a machine until it asks for the reboot, and returns when, and
// the phases on the way.
func unattended(t *testing.T, p Policy, who Sessions) (asked time.Duration, phases []Phase) {
	s, out := Step(p, State{}, Due{BootID: "A", Sessions: who}, after(0))
	for range 10_000 {
		if len(phases) == 0 || phases[len(phases)-1] != s.Phase {
			phases = append(phases, s.Phase)
		}
		if s.Phase == Asked {
			return asked, phases
		}
		require.Positive(t, out.Wake)
		asked += out.Wake
		s, out = Step(p, s, Tick{}, after(asked))
	}
	t.Fatal("it never asks")
	return 0, nil
}

func TestRebootHours_RBT6_RBT10(t *testing.T) {
	const day = 24 * time.Hour
	nights := []schedule.Span{span(10*time.Hour, 18*time.Hour), span(34*time.Hour, 42*time.Hour)}
	for _, c := range []struct {
		name   string
		p      Policy
		who    Sessions
		asked  time.Duration
		phases []Phase
	}{
		{"nobody is there", Policy{Hours: &Hours{Open: nights}}, Nobody, 10*time.Hour + 5*time.Minute, []Phase{Waiting, Counting, Asked}},
		{"the prompts fit", Policy{Hours: &Hours{Open: nights}, Deferrals: 2}, Active, 12*time.Hour + 15*time.Minute,
			[]Phase{Waiting, Prompting, Deferred, Prompting, Deferred, Counting, Asked}},
		{"a deferral goes over the end", Policy{Hours: &Hours{Open: nights}, Deferrals: 1, Interval: 9 * time.Hour}, Active, 34*time.Hour + 5*time.Minute,
			[]Phase{Waiting, Prompting, Deferred, Waiting, Counting, Asked}},
		{"a countdown is cut off and shown again", Policy{Hours: &Hours{Open: []schedule.Span{span(0, time.Minute), span(day, 2*day)}}}, Active, day + 5*time.Minute,
			[]Phase{Counting, Waiting, Counting, Asked}},
		{"no opening is known: the bound", Policy{Hours: &Hours{}}, Active, MaxDeferral, []Phase{Waiting, Counting, Asked}},
		{"the deadline outranks openings", Policy{Hours: &Hours{Open: nights}, Deadline: noon.Add(3 * time.Hour)}, Active, 3 * time.Hour, []Phase{Waiting, Counting, Asked}},
		{"no deadline outranks a closed period", Policy{Hours: &Hours{Open: nights, Closed: []schedule.Span{span(-day, 7*time.Hour)}}, Deadline: noon.Add(3 * time.Hour)}, Active,
			7*time.Hour + 5*time.Minute, []Phase{Waiting, Counting, Asked}},
		{"nor does the bound, and the countdown is whole", Policy{Hours: &Hours{Open: []schedule.Span{span(0, time.Minute)}, Closed: []schedule.Span{span(time.Minute, 9*day)}}, Deferrals: 1}, Active,
			9*day + 5*time.Minute, []Phase{Prompting, Waiting, Counting, Asked}},
		{"a deadline ends deferral", Policy{Deferrals: 9, Interval: 5 * time.Hour, Deadline: noon.Add(12 * time.Hour)}, Active, 12 * time.Hour,
			[]Phase{Prompting, Deferred, Prompting, Deferred, Prompting, Deferred, Counting, Asked}},
		{"a past deadline leaves the countdown", Policy{Deferrals: 9, Deadline: noon.Add(-day), Countdown: time.Hour}, Active, time.Hour, []Phase{Counting, Asked}},
		{"so does one that is near", Policy{Deferrals: 9, Deadline: noon.Add(time.Minute), Countdown: time.Hour}, Active, time.Hour, []Phase{Counting, Asked}},
	} {
		require.NoError(t, c.p.Validate(), c.name)
		asked, phases := unattended(t, c.p, c.who)
		require.Equal(t, c.asked, asked, c.name)
		require.Equal(t, c.phases, phases, c.name)
	}
	bad := Policy{Hours: &Hours{Open: []schedule.Span{span(2, 1), span(3, 4), span(3, 5)}, Closed: make([]schedule.Span, schedule.MaxSpans+1)}}
	require.ErrorContains(t, bad.Validate(), "hours.open[0]")
	require.ErrorContains(t, bad.Validate(), "hours.open[2]")
	require.ErrorContains(t, bad.Validate(), "hours.closed")
}

// Whatever users do: nothing is shown and nothing asked in a closed period, nor
// outside the openings before deferral ends; and without closed periods the
// reboot comes by the deadline, or after one whole countdown.
func TestAnyHistoryInHours_RBT6_RBT10(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		minutes := func(most int, label string) time.Duration {
			return time.Duration(rapid.IntRange(0, most).Draw(t, label)) * time.Minute
		}
		p := Policy{Deferrals: rapid.IntRange(0, 4).Draw(t, "deferrals"), Interval: time.Minute + minutes(300, "interval"), Countdown: minutes(30, "countdown") - time.Minute}
		if rapid.Bool().Draw(t, "deadline") {
			p.Deadline = noon.Add(minutes(6000, "due") - time.Hour)
		}
		spans := func(label string) (list []schedule.Span) {
			at := time.Duration(0)
			for range rapid.IntRange(0, 4).Draw(t, label) {
				from := at + minutes(1500, label+" from")
				at = from + time.Minute + minutes(1500, label+" length")
				list = append(list, span(from, at))
			}
			return list
		}
		if rapid.Bool().Draw(t, "hours") {
			p.Hours = &Hours{Open: spans("open"), Closed: spans("closed")}
		}
		now, screen, first := time.Duration(0), false, schedule.Steady(0)
		s, out := Step(p, State{}, Due{BootID: "A", Sessions: Active}, after(0))
		for range 400 {
			at := after(now)
			if !s.FirstOffer.IsZero() && first.IsZero() {
				first = s.FirstOffer
			}
			countdown := max(p.WithDefaults().Countdown, 0)
			bound := noon.AddDate(100, 0, 0)
			if !first.IsZero() {
				bound = noon.Add(first.Sub(1) + MaxDeferral)
			}
			if !p.Deadline.IsZero() && p.Deadline.Before(bound) {
				bound = p.Deadline
			}
			mayAt := func(at time.Time) bool {
				if p.Hours == nil {
					return true
				}
				_, closed := in(p.Hours.Closed, at)
				_, open := in(p.Hours.Open, at)
				return !closed && (open || !at.Before(bound.Add(-countdown)))
			}
			may := mayAt(at.UTC)
			require.True(t, !shown(s.Phase) || mayAt(at.UTC.Add(out.Wake-1)), "it wakes when the hours end")
			asks := false
			for _, e := range out.Effects {
				switch e.(type) {
				case ClearPrompt:
					screen = false
				case Reboot:
					asks = true
				default:
					screen = true
				}
				_, clears := e.(ClearPrompt)
				require.True(t, may || clears, "%T at +%v in %v", e, now, s.Phase)
			}
			require.Equal(t, screen, shown(s.Phase))
			require.True(t, may || !screen)
			if asks {
				if p.Hours == nil || len(p.Hours.Closed) == 0 {
					latest := bound
					if least := noon.Add(countdown); least.After(latest) {
						latest = least
					}
					require.False(t, at.UTC.After(latest), "asked at +%v, and deferral ends at +%v", now, latest.Sub(noon))
				}
				return
			}
			require.Positive(t, out.Wake)
			var e Event = Tick{}
			if rapid.IntRange(0, 3).Draw(t, "early") == 0 {
				now += time.Duration(rapid.Int64Range(0, int64(out.Wake)).Draw(t, "wait"))
				e = rapid.SampledFrom([]Event{Defer{}, SessionsChanged{Active}, SessionsChanged{Locked}, Booted{BootID: "A"}}).Draw(t, "event")
			} else {
				now += out.Wake
			}
			s, out = Step(p, s, e, after(now))
		}
		t.Fatalf("it never asks: %+v", s)
	})
}

// A user who says when has the reboot then, up to the last instant that the
// prompt shows, and sees no prompt before it (RBT-6, RBT-10).
func TestRebootAtAGivenTime_RBT10(t *testing.T) {
	const last = 2*(5*time.Minute+time.Hour) + 5*time.Minute // of two deferrals with their prompts, and the countdown
	for _, c := range []struct {
		name  string
		p     Policy
		at    time.Duration
		asked time.Duration
	}{
		{"within the bounds", Policy{}, 100 * time.Minute, 100 * time.Minute},
		{"as late as can be", Policy{}, last, last},
		{"later than that", Policy{}, 48 * time.Hour, last},
		{"sooner than the countdown is long", Policy{}, 3 * time.Minute, 6 * time.Minute},
		{"in the past", Policy{}, -time.Hour, 6 * time.Minute},
		{"after a deadline", Policy{Deadline: noon.Add(time.Hour)}, 2 * time.Hour, time.Hour},
		{"outside the reboot hours", Policy{Hours: &Hours{Open: []schedule.Span{span(0, time.Hour), span(24*time.Hour, 48*time.Hour)}}}, 90 * time.Minute, 24*time.Hour + 5*time.Minute},
		{"in a closed period", Policy{Hours: &Hours{Open: []schedule.Span{span(0, 48*time.Hour)}, Closed: []schedule.Span{span(time.Hour, 9*time.Hour)}}}, 90 * time.Minute, 9*time.Hour + 5*time.Minute},
	} {
		c.p.Deferrals = 2
		s, out := Step(c.p, State{}, Due{BootID: "A", Sessions: Active}, after(0))
		now := time.Minute
		s, out = Step(c.p, s, Defer{At: noon.Add(c.at)}, after(now))
		for range 100 {
			require.NotEqual(t, Prompting, s.Phase, c.name)
			if s.Phase == Asked {
				break
			}
			now += out.Wake
			s, out = Step(c.p, s, Tick{}, after(now))
		}
		require.Equal(t, c.asked, now, c.name)
	}
}
