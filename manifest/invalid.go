package manifest

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// checkWord refuses what is too long or cannot be printed.
func checkWord(l *problem.List, field, s string, most int) {
	switch {
	case len(s) > most:
		l.Add(field, s, "has %d bytes; at most %d are allowed", len(s), most)
	case !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl):
		l.Add(field, s, "has characters that cannot be printed; remove them")
	}
}
