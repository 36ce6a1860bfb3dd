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
	case len(s) > MaxID:
		l.Add(field, s, "has %d bytes; at most %d are allowed", len(s), MaxID)
	case s[0] == '.':
		l.Add(field, s, "begins with a dot; begin with a letter or a digit")
	default:
		for _, bad := range strings.TrimLeft(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+~") {
			l.Add(field, s, "has the character %q; use letters, digits and . _ - + ~", bad)
			return
		}
	}
}

func checkText(l *problem.List, field, s string) { l.Text(field, s, MaxText) }
