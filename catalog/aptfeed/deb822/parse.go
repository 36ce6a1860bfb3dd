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
		var more strings.Builder
		for i, text = i+1, rest; text != "" && (text[0] == ' ' || text[0] == '\t'); i++ {
			line, text, _ = strings.Cut(text, "\n")
			more.WriteByte('\n')
			more.WriteString(line[1:])
		}
		f.Value += more.String()
		p.Fields = append(p.Fields, f)
	}
	return p, nil
}

// validName checks a field name by Debian's policy: printable ASCII, not
// beginning with "-" or "#". The caller cut off the colon.
func validName(name string) bool {
	return name != "" && name[0] != '-' && name[0] != '#' && !strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c > '~' })
}
