package rollout

import (
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/enum"
)

// Answer is what a gate says.
type Answer uint8

// The answers (ROL-2).
const (
	Promote Answer = 1 + iota // the next ring may start; after the last ring, or if nothing is left to do in any, the rollout is done
	Hold                      // not yet
	Stop                      // the rollout must stop, or has
)

var answers = enum.Of[Answer]("answer", "promote", "hold", "stop")

func (a Answer) String() string                   { return answers.String(a) }
func (a Answer) MarshalText() ([]byte, error)     { return answers.MarshalText(a) }
func (a *Answer) UnmarshalText(text []byte) error { return answers.UnmarshalText(text, a) }

// Verdict is the answer of the gate of the last ring that has started.
type Verdict struct {
	Answer Answer
	Reason
	wait time.Duration // after which the answer changes by itself; zero: never
}

// Gate says what keeps the rollout from going on (ROL-2). It changes nothing;
// only a [Tick] does.
func (s State) Gate(p Policy, at time.Time) Verdict {
	if x := (machine{State: s, p: p}); !x.fits() {
		return Verdict{Answer: Hold, Reason: x.out.Reason}
	}
	switch s.Phase {
	case Running:
		return s.judge(p, at)
	case Done:
		return Verdict{Answer: Promote, Reason: s.Why}
	}
	return Verdict{Answer: Stop, Reason: s.Why}
}

// judge is Gate of a running rollout, with a policy that fits.
func (s State) judge(p Policy, at time.Time) Verdict {
	if why := s.mustStop(p); why.Rule != "" {
		return Verdict{Answer: Stop, Reason: why}
	}
	i := s.present() - 1
	if i < 0 {
		return hold("ROL-1", 0, "No ring has started.")
	}
	r, name, gate := s.Rings[i], p.Rings[i].Name, p.Rings[i].Gate.bounded()
	if i < s.Expedited {
		return Verdict{Promote, Reason{"ROL-6", fmt.Sprintf("Soak and gate of ring %q are skipped by a named act.", name)}, 1}
	}
	have, ready := r.conclusive(), at // a gate that was made to want fewer results has them from now on
	if !r.Enough.IsZero() {
		ready = r.Enough
	}
	ready = ready.Add(p.Rings[i].Soak)
	all, last := s.Total(), i == len(s.Rings)-1
	switch {
	case have < gate.Results && all.idle():
		return Verdict{Promote, Reason{"ROL-2", fmt.Sprintf("Ring %q has %s, and nothing is left to do in any ring.", name, results(have))}, 1}
	case have < gate.Results && r.judged()+r.Waiting < gate.Results:
		return hold("ROL-2", 0, "Ring %q has %s, and its gate wants %d. It has only %d assets that can have one; expedite or abandon the rollout.",
			name, results(have), gate.Results, r.judged()+r.Waiting)
	case have < gate.Results:
		return hold("ROL-2", 0, "Ring %q has %s, and its gate wants %d.", name, results(have), gate.Results)
	case r.Verified*100 < gate.Success*r.judged():
		return hold("ROL-2", 0, "In ring %q, %s; its gate wants %d percent.", name, r.success(), gate.Success)
	case at.Before(ready):
		return hold("ROL-2", ready.Sub(at), "In ring %q, %s; it soaks until %s.", name, r.success(), ready.UTC().Format(time.RFC3339))
	case last && all.Waiting > 0:
		return hold("ROL-3", 0, "The last gate is passed, and not all have had a grant: %d wait.", all.Waiting)
	}
	return Verdict{Promote, Reason{"ROL-2", fmt.Sprintf("In ring %q, %s, as its gate wants, and it has soaked for %v.",
		name, r.success(), p.Rings[i].Soak)}, 1}
}

func hold(rule string, wait time.Duration, format string, args ...any) Verdict {
	return Verdict{Hold, Reason{rule, fmt.Sprintf(format, args...)}, wait}
}

// success writes the share that the gate looks at, and what else is in its
// denominator.
func (c Counts) success() string {
	n := c.judged()
	return fmt.Sprintf("%d of %d granted assets succeeded, %d percent (%d failed, %d pending, %d silent)",
		c.Verified, n, c.Verified*100/max(n, 1), c.Failed, c.Granted+c.Begun, c.Silent)
}

func results(n int) string {
	if n == 1 {
		return "1 result"
	}
	return fmt.Sprintf("%d results", n)
}

// mustStop says why a running rollout must stop; without a rule: it need not.
func (s State) mustStop(p Policy) Reason {
	if all := s.Total(); all.bad() >= s.Budget {
		return filled("The budget", s.Budget, all)
	}
	for i, r := range s.Rings[:s.present()] {
		if r.Limit > 0 && r.bad() >= r.Limit {
			return filled(fmt.Sprintf("The limit of ring %q", p.Rings[i].Name), r.Limit, r.Counts)
		}
		n, want := r.judged()+r.Waiting, p.Rings[i].Gate.bounded().Success
		if i >= s.Expedited && (n-r.Failed)*100 < want*n {
			return Reason{"ROL-2", fmt.Sprintf("Ring %q can no longer reach %d percent: %d of its %d assets failed.", p.Rings[i].Name, want, r.Failed, n)}
		}
	}
	return Reason{}
}

func filled(what string, limit int, c Counts) Reason {
	return Reason{"ROL-3", fmt.Sprintf("%s of %d assets at risk is filled by %d failed, %d silent and %d removed ones.", what, limit, c.Failed, c.Silent, c.Lost)}
}
