package job

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Problem is one thing wrong with a definition, an order or an identity.
type Problem struct {
	Field string `json:"field"`           // where, as "reboot.interval" or "patches.list[3]"
	Value string `json:"value,omitempty"` // what was found; a long one is cut
	Text  string `json:"text"`            // what is wrong, and what to do
}

// Invalid is the error of every Validate, ValidX and ParseX that says so: all problems, not the first.
type Invalid struct {
	What     string // "job nightly", "order …"
	Problems []Problem
}

// maxProblems is how many problems the text of an error names; Problems has them all.
const maxProblems = 20

func (e *Invalid) Error() string {
	var b strings.Builder
	b.WriteString(e.What + " is not valid")
	for i, p := range e.Problems {
		if i == maxProblems {
			fmt.Fprintf(&b, "; and %d more", len(e.Problems)-i)
			break
		}
		sep := "; "
		if i == 0 {
			sep = ": "
		}
		b.WriteString(sep + p.Field)
		if p.Value != "" {
			fmt.Fprintf(&b, " %q", p.Value)
		}
		b.WriteString(": " + p.Text)
	}
	return b.String()
}

// problems collects what is wrong.
type problems []Problem

func (p *problems) add(field, value, text string) {
	if len(value) > 200 {
		value = strings.ToValidUTF8(value[:200], "") + "…"
	}
	*p = append(*p, Problem{Field: field, Value: value, Text: text})
}

func (p problems) err(what string) error {
	if len(p) == 0 {
		return nil
	}
	return &Invalid{What: what, Problems: p}
}

// clip cuts s to at most n bytes of valid UTF-8, marking the cut.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	const mark = "…"
	return strings.ToValidUTF8(s[:n-len(mark)], "") + mark
}

func (p *problems) id(field, s string) {
	switch {
	case s == "":
		p.add(field, "", "is empty; give it a name")
		return
	case len(s) > MaxID:
		p.add(field, s, fmt.Sprintf("has %d bytes; at most %d are allowed", len(s), MaxID))
		return
	case s[0] == '.':
		p.add(field, s, "begins with a dot; begin with a letter or a digit")
		return
	}
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("._-+~", c) >= 0 {
			continue
		}
		p.add(field, s, fmt.Sprintf("has the character %q; use letters, digits and . _ - + ~", rune(c)))
		return
	}
}

// text refuses what cannot be printed, and what is too long.
func (p *problems) text(field, s string) {
	switch {
	case len(s) > MaxText:
		p.add(field, s, fmt.Sprintf("has %d bytes; at most %d are allowed", len(s), MaxText))
	case !utf8.ValidString(s):
		p.add(field, "", "is not valid UTF-8")
	case strings.ContainsFunc(s, unicode.IsControl):
		p.add(field, s, "has a control character; remove it")
	}
}
