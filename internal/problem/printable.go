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

// Printable returns s with everything escaped that would not show as itself, so that whoever chose it can neither steer a
// terminal, nor begin a line, nor hide or reorder what is read: control characters (line breaks, tabs, DEL and U+0080 to
// U+009F among them), what sets the direction of text, what has no width or no ink, line separators, characters of no
// meaning, and bytes that are no UTF-8. The escapes are \x1b for a control character of ASCII and for a bad byte, and for
// the others those of JSON: the same text within a JSON string means the same after as before.
func Printable(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return !shows(r) }) {
		return s
	}
	var b strings.Builder
	escape(&b, s, "")
	return b.String()
}

// shows reports whether a character shows as itself.
func shows(r rune) bool {
	const blank = '\u2800' // a pattern of no dots
	return r != utf8.RuneError && r != blank && unicode.IsPrint(r) && !unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// escape writes s as Printable does, but leaves the characters of keep.
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

// Lines is Printable for a text of several lines: each one after the first begins with the indent, so that none passes for
// a line of the program's own.
func Lines(s, indent string) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	for i, line := range lines {
		lines[i] = Printable(strings.TrimRight(line, "\r"))
	}
	return strings.Join(lines, "\n"+indent)
}

// Writer writes text and JSON for a terminal: everything is escaped as by Printable but line breaks and tabs, which are the
// program's. It is the last net below whatever a program prints; texts that a stranger chose go through Printable or Lines
// before, which escape those too. It is safe for concurrent use. A write is reported to be of as many bytes as it was given.
func Writer(w io.Writer) io.Writer { return &writer{w: w} }

type writer struct {
	w    io.Writer
	mu   sync.Mutex
	rest []byte // the beginning of a character
}

func (w *writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := append(w.rest, p...)
	end := len(all)
	for n := 1; n < utf8.UTFMax && n <= len(all); n++ { // a character that the next write completes
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
