// Package problem collects what is wrong with a value, and makes text from
// outside safe to show.
//
// A package that validates exports [Invalid] and [Problem] under its own name,
// like job.Invalid. So callers handle one type of error for everything.
package problem

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Problem is one thing that is wrong with a value.
type Problem struct {
	Field string `json:"field"`           // like "reboot.interval" or "patches.list[3]"; empty: the value as a whole
	Value string `json:"value,omitempty"` // what was found; a long one is cut
	Text  string `json:"text"`            // what is wrong and what to do
}

// Invalid is the error of everything that validates. It has all problems, not
// just the first.
type Invalid struct {
	What     string // "job nightly", "reboot policy"
	Problems []Problem
}

// MaxNamed is how many problems the text of an error names. [Invalid].Problems
// has them all.
const MaxNamed = 20

// Error names the problems, at most [MaxNamed] of them.
func (e *Invalid) Error() string {
	var b strings.Builder
	b.WriteString(e.What + " is not valid")
	sep := ": "
	for i, p := range e.Problems {
		b.WriteString(sep)
		sep = "; "
		if i == MaxNamed {
			fmt.Fprintf(&b, "and %d more", len(e.Problems)-i)
			break
		}
		where := p.Field
		if p.Value != "" {
			where = strings.TrimPrefix(fmt.Sprintf("%s %q", where, p.Value), " ")
		}
		if where != "" {
			b.WriteString(where + ": ")
		}
		b.WriteString(p.Text)
	}
	return b.String()
}

// List collects problems. The zero List is empty.
type List []Problem

// Add adds a problem. Format and args are as in [fmt.Sprintf]; the value is cut
// to [MaxValue] bytes.
func (l *List) Add(field, value, format string, args ...any) {
	if name, unset := strings.CutSuffix(value, "(0)"); unset && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz ") == "" { // a word that is not set, as package enum writes it
		value = ""
	}
	*l = append(*l, Problem{Field: field, Value: Clip(value, MaxValue), Text: fmt.Sprintf(format, args...)})
}

// AddOnce is Add, except that it does nothing if the list has a problem with
// that field.
func (l *List) AddOnce(field, value, format string, args ...any) {
	if !slices.ContainsFunc(*l, func(p Problem) bool { return p.Field == field }) {
		l.Add(field, value, format, args...)
	}
}

// Text adds what is wrong with a text: more than most bytes, invalid UTF-8, or
// control characters.
func (l *List) Text(field, s string, most int) {
	switch {
	case len(s) > most:
		l.Add(field, s, "has %d bytes; at most %d are allowed", len(s), most)
	case !utf8.ValidString(s):
		l.Add(field, "", "is not valid UTF-8")
	case strings.ContainsFunc(s, unicode.IsControl):
		l.Add(field, s, "has a control character; remove it")
	}
}

// Under adds the problems of err below a field. An err that is not an
// *[Invalid] is one problem; nil adds nothing.
func (l *List) Under(field string, err error) {
	if err == nil {
		return
	}
	bad, ok := errors.AsType[*Invalid](err)
	if !ok {
		l.Add(field, "", "%s", err.Error())
		return
	}
	for _, p := range bad.Problems {
		p.Field = strings.Trim(field+"."+p.Field, ".")
		*l = append(*l, p)
	}
}

// Err returns an *[Invalid] about what, or nil if the list is empty.
func (l List) Err(what string) error {
	if len(l) == 0 {
		return nil
	}
	return &Invalid{What: what, Problems: l}
}

// One returns an *[Invalid] with a single problem.
func One(what, field, value, format string, args ...any) error {
	var l List
	l.Add(field, value, format, args...)
	return l.Err(what)
}

// MaxValue is how many bytes of a wrong value a problem quotes.
const MaxValue = 200

// Clip returns s as valid UTF-8 of at most n bytes, and ends it with "…" if it
// was cut. N must be at least 3.
func Clip(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= n {
		return s
	}
	cut := n - len("…")
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

// Tail returns the end of a program's output, in at most n bytes, and begins it
// with "…" if it was cut. It is escaped as by [Printable], except for line
// breaks. N must be at least 3.
func Tail(s string, n int) string {
	if s = Lines(strings.ReplaceAll(strings.TrimSpace(s), "\t", " "), ""); len(s) <= n {
		return s
	}
	s = s[len(s)-n+len("…"):]
	for s != "" && !utf8.RuneStart(s[0]) {
		s = s[1:]
	}
	return "…" + s
}
