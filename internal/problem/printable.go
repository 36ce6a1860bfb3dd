package problem

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Printable returns s with every character escaped that does not show as
// itself. So whoever chose s cannot control a terminal, begin a line, or hide
// or reorder text. It escapes control characters (among them line breaks, tabs,
// DEL and U+0080 to U+009F), characters that set the direction of text,
// characters without width or ink, line separators, unassigned characters, and
// bytes that are not valid UTF-8. An ASCII control character or an invalid byte
// becomes an escape like \x1b. The others become those of JSON, so a text
// within a JSON string keeps its meaning.
func Printable(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return !shows(r) }) {
		return s
	}
	var b strings.Builder
	escape(&b, s, "")
	return b.String()
}

func shows(r rune) bool {
	const blank = '\u2800' // a pattern of no dots
	return r != utf8.RuneError && r != blank && unicode.IsPrint(r) && !unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// escape is Printable, except that it leaves the characters of keep.
func escape(b *strings.Builder, s, keep string) {
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			fmt.Fprintf(b, `\x%02x`, s[i])
		case r == utf8.RuneError || shows(r) || strings.ContainsRune(keep, r):
			b.WriteRune(r)
		case r < ' ':
			fmt.Fprintf(b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(b, `\u%04x`, r)
		default:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(b, `\u%04x\u%04x`, high, low)
		}
	}
}

// Lines is [Printable] for a text of several lines. Each line after the first
// begins with the indent, so none looks like a line of the program's own.
func Lines(s, indent string) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	for i, line := range lines {
		lines[i] = Printable(strings.TrimRight(line, "\r"))
	}
	return strings.Join(lines, "\n"+indent)
}

// Writer returns a writer for a terminal. It escapes everything as [Printable]
// does, except the program's own line breaks and tabs. It is the last line of
// defence: text that a stranger chose goes through Printable or [Lines] first,
// which escape those too. It is safe for concurrent use. Write returns the
// number of bytes it was given.
func Writer(w io.Writer) io.Writer { return &writer{w: w} }

type writer struct {
	w    io.Writer
	mu   sync.Mutex
	rest []byte // the beginning of an incomplete character
}

func (w *writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := append(w.rest, p...)
	end := len(all)
	for n := 1; n < utf8.UTFMax && n <= len(all); n++ { // the next write may complete the character
		if utf8.RuneStart(all[len(all)-n]) {
			if !utf8.FullRune(all[len(all)-n:]) {
				end = len(all) - n
			}
			break
		}
	}
	w.rest = append([]byte(nil), all[end:]...)
	var b strings.Builder
	escape(&b, string(all[:end]), "\n\t")
	if _, err := io.WriteString(w.w, b.String()); err != nil {
		return 0, err
	}
	return len(p), nil
}
