package random

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/agentsim"
)

// line is one step of a scenario.
type line struct {
	at    time.Duration // from the clock's start
	words string
}

// script is a scenario as lines, the clock in front of them.
type script struct {
	clock string // what stands behind the word clock
	lines []line
}

func (s *script) add(at time.Duration, format string, args ...any) {
	s.lines = append(s.lines, line{at, fmt.Sprintf(format, args...)})
}

// sort puts the lines in the order of their times. What was added first stays first at the same time.
func (s *script) sort() {
	slices.SortStableFunc(s.lines, func(a, b line) int { return cmp.Compare(a.at, b.at) })
}

// String is the scenario's text.
func (s script) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "clock %s\n", s.clock)
	last := time.Duration(-1)
	for _, l := range s.lines {
		at := ""
		if l.at != last {
			at = "+" + agentsim.FormatDuration(l.at)
		}
		last = l.at
		fmt.Fprintf(&b, "%-12s %s\n", at, l.words)
	}
	return b.String()
}

// parse reads a scenario's lines, without comments.
func parse(text string) (script, error) {
	var s script
	var start time.Time
	at := time.Duration(0)
	for i, text := range strings.Split(text, "\n") {
		words := strings.TrimSpace(text)
		if strings.HasPrefix(words, "#") {
			continue
		}
		words, _, _ = strings.Cut(words, " #")
		words = strings.TrimSpace(words)
		if clock, ok := strings.CutPrefix(words, "clock "); ok {
			first, _, _ := strings.Cut(clock, ",")
			t, err := time.Parse(time.RFC3339, first)
			if err != nil {
				return s, fmt.Errorf("line %d: %w", i+1, err)
			}
			s.clock, start = clock, t
			continue
		}
		first, rest, _ := strings.Cut(words, " ")
		offset, isOffset := strings.CutPrefix(first, "+")
		instant, wrong := time.Parse(time.RFC3339, first)
		switch {
		case words == "":
			continue
		case isOffset:
			d, err := agentsim.ParseDuration(offset)
			if err != nil {
				return s, fmt.Errorf("line %d: %w", i+1, err)
			}
			at, words = d, strings.TrimSpace(rest)
		case wrong == nil:
			at, words = instant.Sub(start), strings.TrimSpace(rest)
		}
		s.lines = append(s.lines, line{at, words})
	}
	return s, nil
}
