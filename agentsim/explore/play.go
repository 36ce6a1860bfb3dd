package explore

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/execution"
)

// Violation is an invariant that broke, with the history that led there.
type Violation struct {
	World string
	Trace Trace // the history, shrunk
	Found int   // deviations before it was shrunk
	Broken
	Story string // the shrunk history with times, one line per step

	// Scenario is the history in the language of package agentsim, where it breaks
	// the same invariant with the production server. Empty: none was found.
	Scenario string
}

func (v *Violation) Error() string {
	return fmt.Sprintf("world %s: %v\n  replay: %s\n%s", v.World, &v.Broken, v.Trace, v.Story)
}

func (e *explorer) violation(path []move, broken *Broken) *Violation {
	found := traceOf(path)
	trace := e.shrink(found, broken.Invariant)
	run := e.play(trace, true)
	if run.broken == nil { // it broke on a state that was reached in another way
		trace, run = found, e.play(found, true)
	}
	v := &Violation{World: e.Name, Trace: trace, Found: len(found), Broken: *broken, Story: run.story.String()}
	if run.broken != nil {
		v.Broken = *run.broken
	}
	v.Scenario = e.scenario(trace, &v.Broken)
	return v
}

type played struct {
	broken *Broken
	wrong  error // a choice that was not possible
	story  strings.Builder
}

// Play carries out a trace in a world, then default steps to the end. It
// returns the invariant that broke, or nil, and the story with one line per
// step. The error names a choice that is not possible there.
func Play(w World, t Trace) (broken *Broken, story string, err error) {
	s, err := newScene(w, driver{})
	if err != nil {
		return nil, "", err
	}
	run := s.play(t, true)
	return run.broken, run.story.String(), run.wrong
}

func (s *scene) play(t Trace, story bool) *played {
	run := &played{}
	st := s.start()
	do := func(m move) bool {
		if !s.possible(st, m) {
			run.wrong = fmt.Errorf("%q is not possible at %v from the start", m.choice, st.now.Sub(epoch))
			return false
		}
		after := s.apply(st, m)
		if story {
			run.line(s, st, after, m)
		}
		st = after
		run.broken = st.broken
		return st.broken == nil
	}
	for _, deviation := range t {
		for range deviation.After {
			if !do(byDefault) {
				return run
			}
		}
		if deviation.Choice == Go {
			run.wrong = fmt.Errorf("%q is not a choice: write \"go N\" before a choice, for N default steps", Go)
			return run
		}
		if !do(deviation.move()) {
			return run
		}
	}
	for range maxDefault {
		ended := s.settled(st)
		if run.broken = st.broken; run.broken != nil && story {
			fmt.Fprintf(&run.story, "%10s  %v\n", "", run.broken)
		}
		if ended || run.broken != nil || !do(byDefault) {
			return run
		}
	}
	run.broken = stuck()
	if story {
		fmt.Fprintf(&run.story, "and so on: %v\n", run.broken)
	}
	return run
}

// line writes a line about a step: when, what, and what the agents reported.
func (p *played) line(s *scene, before, after *state, m move) {
	what := s.describeDefault(before)
	if m != byDefault {
		what = strings.ToUpper(Deviation{0, m.choice, m.of}.String()) + " (instead of: " + what + ")"
	}
	fmt.Fprintf(&p.story, "%+10v  %s", after.now.Sub(epoch), what)
	for i, h := range after.hosts[:s.Assets] {
		for _, r := range h.agent.Reports {
			if r.Sequence <= before.hosts[i].agent.Sequence {
				continue
			}
			fmt.Fprintf(&p.story, "; %s", s.describe(i, r))
		}
	}
	p.story.WriteByte('\n')
	if after.broken != nil {
		fmt.Fprintf(&p.story, "%10s  %v\n", "", after.broken)
	}
}

// describe names a report, with its asset and job where the world has several.
func (s *scene) describe(asset int, r job.Report) string {
	who, of := "", ""
	if s.Assets > 1 {
		who = string(assetNames[asset]) + " "
	}
	if j := s.job(r.Order); s.Jobs > 1 && j >= 0 {
		of = " of " + string(s.tasks[j].id)
	}
	what := "TooLate(" + r.TooLate.String() + ")"
	switch {
	case r.Refused != "":
		return who + "refuses a manifest"
	case r.Progress != 0:
		what = r.Progress.String()
	case r.Result != 0:
		what = r.Result.String()
	}
	return who + "reports " + what + of
}

// describeDefault names the default step of a state.
func (s *scene) describeDefault(st *state) string {
	i := st.turn(s)
	if i < 0 {
		return "time advances"
	}
	h, at := st.hosts[i], ""
	if s.Assets > 1 {
		at = " (" + string(assetNames[i]) + ")"
	}
	what := strings.TrimPrefix(fmt.Sprintf("%T", h.next()), "execution.")
	switch e := h.next().(type) {
	case execution.Download:
		what += " " + string(e.Patch.Patch)
	case execution.RunAction:
		what += " " + e.Action.Name
	case execution.Install:
		what += " " + string(e.Patches[0].Patch.Patch)
	}
	if len(h.net) > 0 {
		what = map[bool]string{true: "an answer arrives", false: "a call reaches the server"}[h.net[0].answer]
	}
	return what + at
}

// shrink drops deviations and default steps while the invariant still breaks.
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

// without drops one deviation. The next may then come a little later or sooner.
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

// Deviation is a choice other than the default step, and when it is made.
type Deviation struct {
	After  int // default steps before it
	Choice Choice
	Of     uint8 // the number of the asset or job that it is about, from zero
}

func (d Deviation) move() move { return move{d.Choice, d.Of} }

// String returns the choice's name, and the name of its asset or job unless
// that is the first.
func (d Deviation) String() string {
	switch {
	case d.Of == 0:
		return d.Choice.String()
	case d.Choice.target() == aJob && d.Of < maxJobs:
		return d.Choice.String() + " " + string(jobNames[d.Of])
	case d.Choice.target() == anAsset && d.Of < maxAssets:
		return d.Choice.String() + " " + string(assetNames[d.Of])
	}
	return fmt.Sprintf("%s %d", d.Choice, d.Of)
}

// Trace is a history: its deviations. After the last one come default steps.
//
// As text it reads "go 7, crash, go 2, cancel weekly": seven default steps, a
// crash of the agent, two default steps, the cancel of job weekly. Without a
// name it is the first asset, web-1, or the first job, nightly.
type Trace []Deviation

// String returns the text that [ParseTrace] reads. An empty trace is the empty
// text.
func (t Trace) String() string {
	var parts []string
	for _, d := range t {
		if d.After > 0 {
			parts = append(parts, fmt.Sprintf("go %d", d.After))
		}
		parts = append(parts, d.String())
	}
	return strings.Join(parts, ", ")
}

// ParseTrace reads what [Trace.String] writes. The error names the word that it
// does not understand.
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
			if err != nil || steps < 1 || steps > maxDefault || after > 0 {
				return nil, fmt.Errorf("trace: %q: write \"go N\" before a choice, with N from 1 to %d default steps", word, maxDefault)
			}
			after = steps
			continue
		}
		d, ok := parseDeviation(word)
		if !ok {
			return nil, fmt.Errorf("trace: unknown choice %q; write \"go N\" for default steps, or one of: %s; then web-2 or weekly for the second asset or job",
				word, names())
		}
		d.After = after
		t = append(t, d)
		after = 0
	}
	if after > 0 {
		return nil, fmt.Errorf("trace: remove \"go %d\" at the end; default steps follow the last choice anyway", after)
	}
	return t, nil
}

func parseDeviation(word string) (Deviation, bool) {
	for _, c := range choices.All()[1:] {
		for of := range uint8(max(maxAssets, maxJobs)) {
			if d := (Deviation{Choice: c, Of: of}); d.String() == word && (of == 0 || c.target() != world) {
				return d, true
			}
		}
	}
	return Deviation{}, false
}

func names() string {
	var list []string
	for _, c := range choices.All()[1:] {
		list = append(list, c.String())
	}
	return strings.Join(list, ", ")
}

// traceOf leaves out the default steps at the end.
func traceOf(path []move) Trace {
	var t Trace
	after := 0
	for _, m := range path {
		if m == byDefault {
			after++
			continue
		}
		t = append(t, Deviation{after, m.choice, m.of})
		after = 0
	}
	return t
}
