package explore

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/patchpolicy/patchpolicy/job"
)

// Step is one choice out of the ordinary, after so many ordinary steps.
type Step struct {
	After  int // ordinary steps before it
	Choice Choice
}

// Trace is a history: the choices out of the ordinary. Behind the last one everything goes its ordinary way.
//
// As a text it reads "go 7, crash, go 2, cancel": seven ordinary steps, a crash of the agent, two ordinary steps, the cancel.
type Trace []Step

// String returns the text that ParseTrace reads; the empty trace is the empty text.
func (t Trace) String() string {
	var parts []string
	for _, s := range t {
		if s.After > 0 {
			parts = append(parts, fmt.Sprintf("go %d", s.After))
		}
		parts = append(parts, s.Choice.String())
	}
	return strings.Join(parts, ", ")
}

// ParseTrace reads what Trace.String writes. The error names the word that is not understood.
func ParseTrace(text string) (Trace, error) {
	var t Trace
	after := 0
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	for word := range strings.SplitSeq(text, ",") {
		word = strings.TrimSpace(word)
		if n, ok := strings.CutPrefix(word, "go "); ok {
			steps, err := strconv.Atoi(n)
			if err != nil || steps < 1 || steps > maxOrdinary || after > 0 {
				return nil, fmt.Errorf("trace: %q is no number of ordinary steps from 1 to %d in front of a choice", word, maxOrdinary)
			}
			after = steps
			continue
		}
		c, err := ParseChoice(word)
		if err != nil || c == Go {
			return nil, fmt.Errorf("trace: %q is no choice; write \"go N\" for ordinary steps, or one of: %s", word, names())
		}
		t = append(t, Step{after, c})
		after = 0
	}
	if after > 0 {
		return nil, fmt.Errorf("trace: ordinary steps at the end go without saying; leave \"go %d\" out", after)
	}
	return t, nil
}

func names() string {
	var list []string
	for _, c := range Choices()[1:] {
		list = append(list, c.String())
	}
	return strings.Join(list, ", ")
}

// traceOf leaves out the ordinary steps at the end: they go without saying.
func traceOf(path []Choice) Trace {
	var t Trace
	after := 0
	for _, c := range path {
		if c == Go {
			after++
			continue
		}
		t = append(t, Step{after, c})
		after = 0
	}
	return t
}

// Violation is an invariant that broke, with the history that leads there.
type Violation struct {
	World string
	Trace Trace // shrunk
	Found int   // choices out of the ordinary before it was shrunk
	Broken
	Story string // the shrunk history, a line a step, with times
}

func (v *Violation) Error() string {
	return fmt.Sprintf("world %s: %v\n  replay: %s\n%s", v.World, &v.Broken, v.Trace, v.Story)
}

func (e *explorer) violation(path []Choice, broken *Broken) *Violation {
	found := traceOf(path)
	trace := e.shrink(found, broken.Invariant)
	run := e.play(trace, true)
	if run.broken == nil { // the way was cut short where it broke on a state reached in another way
		trace, run = found, e.play(found, true)
	}
	v := &Violation{World: e.Name, Trace: trace, Found: len(found), Broken: *broken, Story: run.story.String()}
	if run.broken != nil {
		v.Broken = *run.broken
	}
	return v
}

// played is a trace that was carried out.
type played struct {
	broken *Broken
	wrong  error // a choice that its state did not have
	story  strings.Builder
}

// Play carries a trace out in a world, and then lets everything go its ordinary way to its end. It returns the invariant
// that broke, if one did, and the story, a line a step. The error is a trace that the world does not allow.
func Play(w World, t Trace) (broken *Broken, story string, err error) {
	s, err := newScene(w, driver{})
	if err != nil {
		return nil, "", err
	}
	run := s.play(t, true)
	return run.broken, run.story.String(), run.wrong
}

func (s *scene) play(t Trace, tell bool) *played {
	run := &played{}
	st := s.start()
	do := func(c Choice) bool {
		if !s.possible(st, c) {
			run.wrong = fmt.Errorf("%q is not possible at %v from the start", c, st.now.Sub(epoch))
			return false
		}
		after := s.apply(st, c)
		if tell {
			run.tell(st, after, c)
		}
		st = after
		run.broken = st.broken
		return st.broken == nil
	}
	for _, step := range t {
		for range step.After {
			if !do(Go) {
				return run
			}
		}
		if !do(step.Choice) {
			return run
		}
	}
	for range maxOrdinary {
		if st.settled() {
			return run
		}
		if !do(Go) {
			return run
		}
	}
	run.broken = stuck()
	if tell {
		fmt.Fprintf(&run.story, "and so on: %v\n", run.broken)
	}
	return run
}

// tell writes a line about a step: when, what, and what the agent reported.
func (p *played) tell(before, after *state, c Choice) {
	what := c.String()
	if c == Go {
		what = before.ordinarily()
	} else {
		what = strings.ToUpper(what) + " (else: " + before.ordinarily() + ")"
	}
	fmt.Fprintf(&p.story, "%+10v  %s", after.now.Sub(epoch), what)
	for _, r := range after.agent.Reports {
		if r.Sequence <= before.agent.Sequence {
			continue
		}
		switch {
		case r.Progress != 0:
			fmt.Fprintf(&p.story, "; reports %s", r.Progress)
		case r.Result != 0:
			fmt.Fprintf(&p.story, "; reports %s", r.Result)
		case r.TooLate != 0:
			fmt.Fprintf(&p.story, "; reports TooLate(%s)", r.TooLate)
		default:
			fmt.Fprintf(&p.story, "; refuses a manifest")
		}
	}
	p.story.WriteByte('\n')
	if after.broken != nil {
		fmt.Fprintf(&p.story, "%10s  %v\n", "", after.broken)
	}
}

// ordinarily says what the ordinary step of a state is.
func (st *state) ordinarily() string {
	switch {
	case len(st.net) > 0 && st.net[0].answer:
		return "an answer arrives"
	case len(st.net) > 0:
		return "a call reaches the server"
	case len(st.lane) == 0:
		return "time goes on"
	}
	switch e := st.lane[0].Effect.(type) {
	case job.TakeInventory:
		return "inventory"
	case job.Download:
		return "download of " + string(e.Patch.Patch)
	case job.Preflight:
		return "preflight"
	case job.Act:
		return "action " + e.Action.Name
	case job.Deploy:
		return "installation of " + string(e.Patches[0].Patch.Patch)
	case job.Reboot:
		return "reboot"
	default:
		return "discard of staged files"
	}
}

// shrink drops choices and ordinary steps for as long as the same invariant still breaks.
func (s *scene) shrink(t Trace, invariant int) Trace {
	still := func(t Trace) bool {
		run := s.play(t, false)
		return run.wrong == nil && run.broken != nil && run.broken.Invariant == invariant
	}
	for changed := true; changed; {
		changed = false
		for i := len(t) - 1; i >= 0; i-- {
			if shorter, ok := s.without(t, i, still); ok {
				t, changed = shorter, true
			}
		}
		for i := range t {
			for after := range t[i].After {
				sooner := append(Trace(nil), t...)
				sooner[i].After = after
				if still(sooner) {
					t, changed = sooner, true
					break
				}
			}
		}
	}
	return t
}

// without drops one choice; the one behind it may have to come a little later or sooner then.
func (s *scene) without(t Trace, i int, still func(Trace) bool) (Trace, bool) {
	shorter := append(append(Trace(nil), t[:i]...), t[i+1:]...)
	if i == len(shorter) {
		return shorter, still(shorter)
	}
	base := t[i].After + t[i+1].After
	for _, more := range []int{0, 1, 2, 3, -1} {
		if shorter[i].After = base + more; shorter[i].After >= 0 && still(shorter) {
			return shorter, true
		}
	}
	return t, false
}
