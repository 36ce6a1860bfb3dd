package job

import (
	"strings"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// Problem is one thing that is wrong with a value. Field says where, as
// "reboot.interval" or "patches.list[3]"; empty: the whole value.
type Problem = problem.Problem

// Invalid is the error of everything in this package that validates or parses.
// It lists every problem, not only the first.
type Invalid = problem.Invalid

func checkID(l *problem.List, field, s string) {
	switch {
	case s == "":
		l.Add(field, "", "is empty; give it a name")
		return
	case len(s) > MaxID:
		l.Add(field, s, "has %d bytes; at most %d are allowed", len(s), MaxID)
		return
	case s[0] == '.':
		l.Add(field, s, "begins with a dot; begin with a letter or a digit")
		return
	}
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("._-+~", c) >= 0 {
			continue
		}
		l.Add(field, s, "has the character %q; use letters, digits and . _ - + ~", rune(c))
		return
	}
}

func checkText(l *problem.List, field, s string) { l.Text(field, s, MaxText) }
