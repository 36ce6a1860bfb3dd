package reboot

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// history is one machine's life: check looks at every step from outside,
// knowing only what the rules say.
type history struct {
	policy   Policy
	state    State
	now      schedule.Steady
	boot     string
	screen   string // what the user sees, by the effects alone
	prompts  int    // new prompts shown
	offered  schedule.Steady
	asked    bool
	last     schedule.Steady // the earliest last instant that was shown (RBT-12)
	counted  schedule.Steady // when the countdown on the screen began; zero: there is none
	punctual bool            // no tick ever came later than Out.Wake
}

// fataler is what rapid.T and testing.T have in common.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

func (h *history) step(t fataler, e Event) {
	t.Helper()
	before := h.state
	after, out := Step(h.policy, h.state, e, at(h.now))
	if h.state != before {
		t.Fatalf("Step changed its input")
	}
	if again, same := Step(h.policy, h.state, e, at(h.now)); again != after || !reflect.DeepEqual(same, out) {
		t.Fatalf("the same step gave %+v %v and %+v %v", after, out, again, same)
	}
	h.state = after
	h.check(t, before, e, out)
}

func (h *history) check(t fataler, before State, e Event, out Out) {
	t.Helper()
	fail := func(what string) {
		t.Fatalf("%s\n%+v at %d: %T%+v\n-> %+v %v", what, before, h.now, e, e, h.state, out)
	}
	reboots, order := 0, 0
	for _, effect := range out.Effects {
		rank := 0
		switch effect := effect.(type) {
		case ClearPrompt:
			if h.screen == "" {
				fail("cleared nothing")
			}
			h.screen, rank = "", 1
		case ShowPrompt:
			if effect.Remaining < 1 || effect.Wait <= 0 {
				fail("a prompt without a choice or time")
			}
			if before.Phase != Prompting || h.state.Until != before.Until {
				h.prompts++
			}
			if h.offered.IsZero() {
				h.offered = h.now
			}
			h.screen, rank = "prompt", 2
			h.checkLast(fail, effect.Last)
		case ShowCountdown:
			if effect.Left <= 0 {
				fail("a countdown of no time")
			}
			if before.Phase != Counting {
				h.counted = h.now
			}
			if effect.Last != h.now.Add(effect.Left) { // RBT-12
				fail("a countdown to another instant than its last")
			}
			if before.Asks == 0 {
				h.checkLast(fail, effect.Last)
			}
			h.screen, rank = "countdown", 2
		case Reboot:
			reboots, rank = reboots+1, 3
		}
		if rank <= order {
			fail("effects out of order or twice")
		}
		order = rank
	}
	if want := map[Phase]string{Prompting: "prompt", Counting: "countdown"}[h.state.Phase]; h.screen != want {
		fail("the screen shows " + h.screen)
	}
	if h.policy.Suppress && len(out.Effects) > 0 { // RBT-7
		fail("effects although suppressed")
	}
	if reboots > 0 && h.state.Phase != Asked {
		fail("a reboot outside Asked")
	}
	// RBT-10: a reboot that is asked for again has shown the whole countdown again.
	if whole := h.policy.bounded().Countdown; reboots > 0 && before.Asks > 0 && whole > 0 {
		if before.Phase != Counting || h.counted.IsZero() || h.now.Sub(h.counted) < whole {
			fail("asked again without a whole countdown")
		}
	}
	if h.state.Phase != Counting {
		h.counted = 0
	}
	h.asked = h.asked || reboots > 0
	// RBT-3, RBT-5: no more deferrals than promised, and none without a prompt.
	if allowed := min(max(h.policy.Deferrals, 0), MaxDeferrals); h.state.Used > allowed || h.state.Used > h.prompts || h.state.Used < before.Used {
		fail("deferrals used")
	}
	if h.state.Used > before.Used+1 {
		fail("one event used two deferrals")
	}
	// RBT-4: nobody is asked when nobody is there.
	if (h.state.Phase == Prompting || h.state.Phase == Deferred) && h.state.Sessions == Nobody {
		fail("deferral with nobody there")
	}
	// RBT-6.
	if h.offered != h.state.FirstOffer {
		fail("the first offer is misremembered")
	}
	waiting := h.state.Phase == Prompting || h.state.Phase == Deferred || h.state.Phase == Counting && h.state.Asks == 0
	again := h.state.Phase == Asked || h.state.Phase == Counting && h.state.Asks > 0
	if end := h.offered.Add(MaxDeferral); !h.offered.IsZero() && waiting {
		if h.state.Until > end {
			fail("waits beyond 168 h")
		}
		if _, again := e.(Due); !again && !h.now.Before(end) { // a second Due means nothing at any time
			fail("still waiting after 168 h")
		}
	}
	if first := reboots > 0 && before.Asks == 0; h.punctual && first && !h.offered.IsZero() && h.now > min(h.offered.Add(MaxDeferral), h.last) {
		fail("asked later than 168 h, or than the last instant that was shown")
	}
	if out.Wake != wake(h.state, h.now) || (out.Wake > 0) != (waiting || again) {
		fail("wake")
	}
	// The state is small, and its text form is all of it.
	data, err := json.Marshal(h.state)
	var back State
	if err != nil || json.Unmarshal(data, &back) != nil || back != h.state || len(data) > 256 {
		fail("the state does not survive: " + string(data))
	}
}

// checkLast looks at a last instant that is shown before the reboot was ever asked for (RBT-12).
func (h *history) checkLast(fail func(string), last schedule.Steady) {
	switch {
	case last <= h.now:
		fail("a last instant that is past")
	case !h.offered.IsZero() && last > h.offered.Add(MaxDeferral):
		fail("a last instant beyond 168 h")
	case h.punctual && !h.last.IsZero() && last > h.last:
		fail("a last instant that moves on")
	}
	h.last = last
}

func genPolicy(t *rapid.T) Policy {
	durations := rapid.OneOf(
		rapid.SampledFrom([]time.Duration{0, -1, 1, time.Second, time.Minute, time.Hour, 24 * time.Hour, 100 * time.Hour, 168 * time.Hour,
			math.MaxInt64, math.MinInt64}),
		rapid.Map(rapid.Int64Range(int64(time.Second), int64(200*time.Hour)), func(n int64) time.Duration { return time.Duration(n) }),
	)
	return Policy{
		Suppress:  rapid.IntRange(0, 9).Draw(t, "suppress") == 0,
		Deferrals: rapid.OneOf(rapid.IntRange(0, 4), rapid.SampledFrom([]int{-1, math.MinInt, math.MaxInt, 1000, 50})).Draw(t, "deferrals"),
		Interval:  durations.Draw(t, "interval"),
		Prompt:    durations.Draw(t, "prompt"),
		Countdown: durations.Draw(t, "countdown"),
	}
}

// TestAnyHistory_RBT3_RBT4_RBT5_RBT6_RBT7 drives machines by random events and
// then leaves them alone: whatever came before, they ask for the reboot (or are
// parked) within their bounds, and end at the next boot.
func TestAnyHistory_RBT3_RBT4_RBT5_RBT6_RBT7(t *testing.T) {
	ended := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		h := &history{policy: genPolicy(t), now: start, boot: "boot-1", punctual: rapid.Bool().Draw(t, "punctual")}
		users := rapid.SampledFrom(sessions.All())
		h.step(t, Due{BootID: h.boot, Sessions: users.Draw(t, "at first")})
		for range rapid.IntRange(0, 40).Draw(t, "events") {
			late := rapid.SampledFrom([]time.Duration{0, 1, time.Second, time.Minute, time.Hour, 20 * time.Hour, 200 * time.Hour}).Draw(t, "later")
			wake := wake(h.state, h.now)
			if h.punctual && wake > 0 && late >= wake {
				h.now = h.now.Add(wake)
				h.step(t, Tick{})
				continue
			}
			h.now = h.now.Add(late)
			h.step(t, rapid.OneOf(
				rapid.Just[Event](Tick{}), rapid.Just[Event](Defer{}), rapid.Just[Event](Accept{}),
				rapid.Just[Event](Booted{h.boot}), rapid.Just[Event](Booted{}), rapid.Just[Event](Due{BootID: "other"}),
				rapid.Map(users, func(s Sessions) Event { return SessionsChanged{s} }),
			).Draw(t, "event"))
		}
		for steps := 0; h.state.Phase != Asked && h.state.Phase != Parked; steps++ {
			if steps > 2*MaxDeferrals+3 {
				t.Fatalf("does not end: %+v", h.state)
			}
			h.now = h.now.Add(wake(h.state, h.now))
			h.step(t, Tick{})
		}
		for range rapid.IntRange(0, 5).Draw(t, "rounds in vain") {
			if wake := wake(h.state, h.now); wake > 0 {
				h.now = h.now.Add(wake)
				h.step(t, Tick{})
			}
		}
		if parked := h.state.Phase == Parked; parked != h.policy.Suppress || parked == h.asked {
			t.Fatalf("suppressed %v, asked %v, at the end %+v", h.policy.Suppress, h.asked, h.state)
		}
		ended[h.state.Phase.String()]++
		h.step(t, Booted{"boot-2"})
		if h.state.Phase != Rebooted {
			t.Fatalf("a new boot did not end it: %+v", h.state)
		}
	})
	if ended["asked"] == 0 || ended["parked"] == 0 {
		t.Fatalf("one-sided: %v", ended)
	}
}

// FuzzStep gives the machine states no machine was ever in: it must not panic,
// and never reboot what is suppressed.
func FuzzStep(f *testing.F) {
	f.Add(uint8(2), uint8(1), int64(0), int64(1), 0, 3, int64(time.Hour), uint8(5), false)
	f.Add(uint8(5), uint8(3), int64(math.MinInt64), int64(math.MaxInt64), math.MinInt, math.MaxInt, int64(-1), uint8(0), true)
	f.Fuzz(func(t *testing.T, phase, users uint8, first, until int64, used, deferrals int, interval int64, event uint8, suppress bool) {
		p := Policy{Suppress: suppress, Deferrals: deferrals, Interval: time.Duration(interval), Prompt: time.Duration(until), Countdown: time.Duration(first)}
		s := State{Phase: Phase(phase), BootID: "A", Sessions: Sessions(users), FirstOffer: start.Add(time.Duration(first)), Used: used,
			Until: start.Add(time.Duration(until)), Asks: deferrals}
		events := []Event{Due{BootID: "A", Sessions: Sessions(users)}, SessionsChanged{Sessions(users)}, Defer{}, Accept{}, Booted{"A"}, Booted{"B"}, Booted{}, Tick{}, nil}
		after, out := Step(p, s, events[int(event)%len(events)], at(start))
		for i, e := range out.Effects {
			if e == (Reboot{}) && (suppress || i != len(out.Effects)-1 || after.Phase != Asked) {
				t.Fatalf("%+v %v", after, out)
			}
		}
		if (phase == 0 || phase > uint8(Rebooted)) && len(out.Effects) > 0 && event%9 != 0 {
			t.Fatalf("effects from phase %d: %v", phase, out)
		}
		if out.Wake < 0 {
			t.Fatalf("wake in %s", out.Wake)
		}
	})
}
