package deb822

import (
	"fmt"
	"strings"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// parse splits a paragraph's text into fields. At holds the number of each
// line.
func parse(text string, at []int) (Paragraph, error) {
	p := Paragraph{Line: at[0], Fields: make([]Field, 0, 24)}
	for i := 0; i < len(at); {
		line, rest, _ := strings.Cut(text, "\n")
		if line[0] == ' ' || line[0] == '\t' {
			return Paragraph{}, &Error{at[i], "a continuation line without a field above it"}
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || !validName(name) {
			return Paragraph{}, &Error{at[i], fmt.Sprintf("want \"Name: value\", not %q", problem.Clip(line, 60))}
		}
		if _, twice := p.Lookup(name); twice {
			return Paragraph{}, &Error{at[i], fmt.Sprintf("the field %s occurs twice in one paragraph", name)}
		}
		if len(p.Fields) == MaxFields {
			return Paragraph{}, &Error{at[i], fmt.Sprintf("more than %d fields in one paragraph", MaxFields)}
		}
		f := Field{Name: name, Value: strings.Trim(value, " \t"), Line: at[i]}
		end, lines := continuation(rest)
		if lines > 0 {
			f.Value = f.Value + unfold(rest[:end])
		}
		p.Fields = append(p.Fields, f)
		text = rest[end:]
		i += 1 + lines
	}
	return p, nil
}

// continuation measures the continuation lines at the beginning of text.
func continuation(text string) (end, lines int) {
	for end < len(text) && (text[end] == ' ' || text[end] == '\t') {
		end += strings.IndexByte(text[end:], '\n') + 1
		lines++
	}
	return end, lines
}

// unfold turns each line " text\n" into "\ntext".
func unfold(lines string) string {
	var b strings.Builder
	b.Grow(len(lines))
	for line := range strings.Lines(lines) {
		b.WriteByte('\n')
		b.WriteString(line[1 : len(line)-1])
	}
	return b.String()
}

// validName checks a field name by Debian's policy: printable ASCII, not
// beginning with "-" or "#". The caller cut off the colon.
func validName(name string) bool {
	if name == "" || name[0] == '-' || name[0] == '#' {
		return false
	}
	for _, c := range []byte(name) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}
