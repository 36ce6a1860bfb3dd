package explore

import (
	"fmt"
	"strconv"
	"strings"
)

// Step is a deviation after a number of default steps.
type Step struct {
	After  int // default steps before it
	Choice Choice
	Of     uint8 // the number of the asset or job that it is about, from zero
}

func (s Step) move() move { return move{s.Choice, s.Of} }

// String returns the choice's name, and the name of its asset or job unless
// that is the first.
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

// Trace is a history: its deviations. After the last one come default steps.
//
// As text it reads "go 7, crash, go 2, cancel weekly": seven default steps, a
// crash of the agent, two default steps, the cancel of job weekly. Without a
// name it is the first asset, web-1, or the first job, nightly.
type Trace []Step

// String returns the text that [ParseTrace] reads. An empty trace is the empty
// text.
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
		s, ok := parseStep(word)
		if !ok {
			return nil, fmt.Errorf("trace: unknown choice %q; write \"go N\" for default steps, or one of: %s; then web-2 or weekly for the second asset or job",
				word, names())
		}
		s.After = after
		t = append(t, s)
		after = 0
	}
	if after > 0 {
		return nil, fmt.Errorf("trace: remove \"go %d\" at the end; default steps follow the last choice anyway", after)
	}
	return t, nil
}

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

// traceOf leaves out the default steps at the end.
func traceOf(path []move) Trace {
	var t Trace
	after := 0
	for _, m := range path {
		if m == byDefault {
			after++
			continue
		}
		t = append(t, Step{after, m.choice, m.of})
		after = 0
	}
	return t
}
