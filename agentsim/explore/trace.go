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
	Asset  job.AssetID // that it happens to; empty where it is made about no asset
	Job    job.ID      // that it is about; empty where it is made about no job
}

// move is the step's choice by number; ok is false when its asset or job is none.
func (s Step) move() (m move, ok bool) {
	m.choice = s.Choice
	switch s.Choice.target() {
	case anAsset:
		for i, name := range assetNames {
			if name == s.Asset {
				m.of, ok = uint8(i), true
			}
		}
		return m, ok && s.Job == ""
	case aJob:
		for j, name := range jobNames {
			if name == s.Job {
				m.of, ok = uint8(j), true
			}
		}
		return m, ok && s.Asset == ""
	}
	return m, choices.Valid(s.Choice) && s.Choice != Go && s.Asset == "" && s.Job == ""
}

// String returns the choice's name, and what it is about if that is not the first asset or job.
func (s Step) String() string {
	of := ""
	switch {
	case s.Job != "" && s.Job != jobNames[0]:
		of = " " + string(s.Job)
	case s.Asset != "" && s.Asset != assetNames[0]:
		of = " " + string(s.Asset)
	}
	return s.Choice.String() + of
}

// stepOf is a move after so many ordinary steps.
func stepOf(after int, m move) Step {
	s := Step{After: after, Choice: m.choice}
	switch m.choice.target() {
	case anAsset:
		s.Asset = assetNames[m.of]
	case aJob:
		s.Job = jobNames[m.of]
	}
	return s
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

// parseStep reads a choice, and what it is about if that is not the first.
func parseStep(word string) (Step, bool) {
	for of := range maxAssets {
		for _, target := range []target{world, anAsset, aJob} {
			name := word
			if of > 0 {
				suffix := string(assetNames[of])
				if target == aJob {
					suffix = string(jobNames[of])
				}
				cut, ok := strings.CutSuffix(word, " "+suffix)
				if !ok || target == world {
					continue
				}
				name = cut
			}
			if c, err := choices.Parse(name); err == nil && c != Go && c.target() == target {
				return stepOf(0, move{c, uint8(of)}), true
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
		t = append(t, stepOf(after, m))
		after = 0
	}
	return t
}
