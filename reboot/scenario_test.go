package reboot

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// TestScenarios runs testdata/scenarios, one file for each of RBT-3, RBT-4,
// RBT-5, RBT-6, RBT-7, RBT-8, RBT-9, RBT-10 and RBT-12. A scenario begins with
//
//	policy [suppress] [deferrals=N] [interval=D] [prompt=D] [countdown=D]
//
// and goes on with one event per block, each with after=D for the time since
// the one before: due [boot=X] [sessions=S], sessions S, defer, accept, booted
// X, tick; suppress changes the policy from then on. "wait" ticks exactly when
// the machine asked for it, once or rounds=N times. Every output line is the
// time since the beginning, the phase, what it lasts until, and the effects.
// "go test -rewrite" writes the outputs again.
func TestScenarios(t *testing.T) {
	datadriven.Walk(t, filepath.Join("testdata", "scenarios"), func(t *testing.T, path string) {
		var w world
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string { return w.run(t, d) })
	})
}

// start is any instant but zero.
const start schedule.Steady = 1

func at(now schedule.Steady) schedule.At { return schedule.At{Steady: now} }

// wake is when a machine in state s wants a Tick: an event that it does not know changes nothing.
func wake(s State, now schedule.Steady) time.Duration {
	_, out := Step(Policy{}, s, nil, at(now))
	return out.Wake
}

type world struct {
	policy Policy
	state  State
	now    schedule.Steady
}

func (w *world) run(t *testing.T, d *datadriven.TestData) string {
	duration := func(key string, d *datadriven.TestData) (v time.Duration) {
		if !d.HasArg(key) {
			return 0
		}
		var s string
		d.ScanArgs(t, key, &s)
		v, err := time.ParseDuration(s)
		require.NoError(t, err, d.Pos)
		return v
	}
	name := func(i int) string {
		require.Greater(t, len(d.CmdArgs), i, d.Pos)
		return d.CmdArgs[i].Key
	}
	users := func(s string) Sessions {
		v, err := sessions.Parse(s)
		require.NoError(t, err, d.Pos)
		return v
	}
	w.now = w.now.Add(duration("after", d))
	switch d.Cmd {
	case "policy":
		*w = world{now: start}
		w.policy.Suppress = d.HasArg("suppress")
		d.MaybeScanArgs(t, "deferrals", &w.policy.Deferrals)
		w.policy.Interval, w.policy.Prompt, w.policy.Countdown = duration("interval", d), duration("prompt", d), duration("countdown", d)
		if err := w.policy.Validate(); err != nil {
			return err.Error()
		}
		return "valid"
	case "due":
		e := Due{BootID: "A", Sessions: Unknown}
		d.MaybeScanArgs(t, "boot", &e.BootID)
		var s string
		if d.MaybeScanArgs(t, "sessions", &s) {
			e.Sessions = users(s)
		}
		return w.step(e)
	case "suppress":
		w.policy.Suppress = true
		return "suppressed from now on"
	case "sessions":
		return w.step(SessionsChanged{users(name(0))})
	case "defer":
		return w.step(Defer{})
	case "accept":
		return w.step(Accept{})
	case "booted":
		return w.step(Booted{name(0)})
	case "tick":
		return w.step(Tick{})
	case "wait":
		rounds := 1
		d.MaybeScanArgs(t, "rounds", &rounds)
		var lines []string
		for range rounds {
			wake := wake(w.state, w.now)
			if wake == 0 {
				lines = append(lines, "waits for no time")
				break
			}
			w.now = w.now.Add(wake)
			lines = append(lines, w.step(Tick{}))
		}
		return strings.Join(lines, "\n")
	default:
		t.Fatalf("%s: unknown command %s", d.Pos, d.Cmd)
		return ""
	}
}

func (w *world) step(e Event) string {
	var out Out
	w.state, out = Step(w.policy, w.state, e, at(w.now))
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", since(w.now), w.state.Phase)
	if !w.state.Until.IsZero() {
		fmt.Fprintf(&b, " until %s", since(w.state.Until))
	}
	if w.state.Used > 0 {
		fmt.Fprintf(&b, ", %d used", w.state.Used)
	}
	for _, e := range out.Effects {
		switch e := e.(type) {
		case ShowPrompt:
			fmt.Fprintf(&b, " | show prompt for %s, %d left, %s at the latest", e.Wait, e.Remaining, since(e.Last))
		case ShowCountdown:
			fmt.Fprintf(&b, " | show countdown of %s", e.Left)
		case ClearPrompt:
			b.WriteString(" | clear")
		case Reboot:
			b.WriteString(" | REBOOT")
		}
	}
	return b.String()
}

func since(t schedule.Steady) string { return "+" + t.Sub(start).String() }
