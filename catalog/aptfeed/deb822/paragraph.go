package deb822

import "strings"

// Field is one field of a paragraph.
type Field struct {
	Name  string // as written
	Value string // without surrounding blanks; each continuation line follows a "\n", without its first blank
	Line  int    // where it begins, from 1
}

// Paragraph is one record. Its texts share memory: use strings.Clone for what
// you keep of a large file.
type Paragraph struct {
	Line   int // of the first field, from 1
	Fields []Field
}

// Lookup returns the field of this name, in any case, and whether it exists.
func (p Paragraph) Lookup(name string) (Field, bool) {
	for _, f := range p.Fields {
		// The cheap test comes first: this runs for every field of every
		// package.
		if len(f.Name) == len(name) && strings.EqualFold(f.Name, name) {
			return f, true
		}
	}
	return Field{}, false
}

// Get returns the value of a field. Empty: there is no such field, or it is
// empty.
func (p Paragraph) Get(name string) string {
	f, _ := p.Lookup(name)
	return f.Value
}
