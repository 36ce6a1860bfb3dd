package random

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/agentsim"
)

// script is a scenario as lines after its clock.
type script struct {
	clock string // what follows the word clock
	lines []agentsim.Step
}

func (s *script) add(at time.Duration, format string, args ...any) {
	s.lines = append(s.lines, agentsim.Step{At: at, Words: fmt.Sprintf(format, args...)})
}

func (s *script) sort() {
	slices.SortStableFunc(s.lines, func(a, b agentsim.Step) int { return cmp.Compare(a.At, b.At) })
}

func (s script) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "clock %s\n", s.clock)
	last := time.Duration(-1)
	for _, l := range s.lines {
		at := ""
		if l.At != last {
			at = "+" + agentsim.FormatDuration(l.At)
		}
		last = l.At
		fmt.Fprintf(&b, "%-12s %s\n", at, l.Words)
	}
	return b.String()
}

// parse reads a scenario's lines, without comments.
func parse(text string) (script, error) {
	read, err := agentsim.ParseScript("scenario", text)
	if err != nil {
		return script{}, err
	}
	steps := read.Steps()
	return script{clock: strings.TrimPrefix(steps[0].Words, "clock "), lines: steps[1:]}, nil
}
