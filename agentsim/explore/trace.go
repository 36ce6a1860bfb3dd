package explore

import (
	"fmt"
	"strconv"
	"strings"
)

// Step is one choice out of the ordinary, after so many ordinary steps.
type Step struct {
	After  int // ordinary steps before it
	Choice Choice
	Of     uint8 // the number of the asset it happens to, or of the job it is about, from zero
}

func (s Step) move() move { return move{s.Choice, s.Of} }

// String returns the choice's name, and what it is about if that is not the first asset or job.
func (s Step) String() string {
	switch {
	case s.Of == 0:
		return s.Choice.String()
	case s.Choice.target() == aJob && s.Of < maxJobs:
		return s.Choice.String() + " " + string(jobNames[s.Of])
	case s.Choice.target() == anAsset && s.Of < maxAssets:
		return s.Choice.String() + " " + string(assetNames[s.Of])
	}
	return fmt.Sprintf("%s %d", s.Choice, s.Of)
}

// Trace is a history: the choices out of the ordinary. Behind the last one everything goes its ordinary way.
//
// As a text it reads "go 7, crash, go 2, cancel weekly": seven ordinary steps, a crash of the agent, two ordinary steps, the
// cancel of job weekly. Without a name it is the first asset, web-1, and the first job, nightly.
type Trace []Step

// String returns the text that ParseTrace reads; the empty trace is the empty text.
func (t Trace) String() string {
	var parts []string
	for _, s := range t {
		if s.After > 0 {
			parts = append(parts, fmt.Sprintf("go %d", s.After))
		}
		parts = append(parts, s.String())
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
		s, ok := parseStep(word)
		if !ok {
			return nil, fmt.Errorf("trace: %q is no choice; write \"go N\" for ordinary steps, or one of: %s; behind it web-2 or weekly, if it is not about the first",
				word, names())
		}
		s.After = after
		t = append(t, s)
		after = 0
	}
	if after > 0 {
		return nil, fmt.Errorf("trace: ordinary steps at the end go without saying; leave \"go %d\" out", after)
	}
	return t, nil
}

// parseStep reads what Step.String writes.
func parseStep(word string) (Step, bool) {
	for _, c := range choices.All()[1:] {
		for of := range uint8(max(maxAssets, maxJobs)) {
			if s := (Step{Choice: c, Of: of}); s.String() == word && (of == 0 || c.target() != world) {
				return s, true
			}
		}
	}
	return Step{}, false
}

func names() string {
	var list []string
	for _, c := range choices.All()[1:] {
		list = append(list, c.String())
	}
	return strings.Join(list, ", ")
}

// traceOf leaves out the ordinary steps at the end: they go without saying.
func traceOf(path []move) Trace {
	var t Trace
	after := 0
	for _, m := range path {
		if m == ordinarily {
			after++
			continue
		}
		t = append(t, Step{after, m.choice, m.of})
		after = 0
	}
	return t
}
