package deb822

import "strings"

// Field is one field of a paragraph.
type Field struct {
	Name  string // as written
	Value string // without surrounding blanks; continuation lines follow after "\n", each without its first blank
	Line  int    // where it begins, counted from 1
}

// Paragraph is one record. Its texts share memory: strings.Clone what is kept of a large file.
type Paragraph struct {
	Line   int // of the first field, counted from 1
	Fields []Field
}

// Lookup finds a field, whatever the case of its name, and tells whether it is there.
func (p Paragraph) Lookup(name string) (Field, bool) {
	for _, f := range p.Fields {
		// The cheap test comes first: names are compared for every field of every package.
		if len(f.Name) == len(name) && strings.EqualFold(f.Name, name) {
			return f, true
		}
	}
	return Field{}, false
}

// Get returns a field's value, empty when the field is absent.
func (p Paragraph) Get(name string) string {
	f, _ := p.Lookup(name)
	return f.Value
}

// Lines returns a field's value as lines, with the lines of "." alone made empty.
func (f Field) Lines() []string {
	lines := strings.Split(f.Value, "\n")
	for i, line := range lines {
		if strings.TrimSpace(line) == "." {
			lines[i] = ""
		}
	}
	return lines
}
