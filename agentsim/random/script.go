package random

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/agentsim"
)

// script is a scenario. Its first line is the clock.
type script []agentsim.Step

func (s *script) add(at time.Duration, format string, args ...any) {
	*s = append(*s, agentsim.Step{At: at, Words: fmt.Sprintf(format, args...)})
}

func (s script) sort() {
	slices.SortStableFunc(s[1:], func(a, b agentsim.Step) int { return cmp.Compare(a.At, b.At) })
}

func (s script) String() string {
	var b strings.Builder
	b.WriteString(s[0].Words + "\n")
	last := time.Duration(-1)
	for _, l := range s[1:] {
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
	s, err := agentsim.ParseScript("scenario", text)
	if err != nil {
		return nil, err
	}
	return s.Steps(), nil
}
