package aptfeed

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog/aptfeed/deb822"
	"github.com/patchpolicy/patchpolicy/catalog/fault"
	"github.com/patchpolicy/patchpolicy/catalog/internal/fetch"
)

// readSources reads sources.list and sources.list.d of an apt configuration
// directory ("/etc/apt"), as sources.list(5) says: one-line .list files and
// deb822 .sources files, by name. It returns every source and every problem.
// Archs are the wanted architectures, the native one first.
// The error means that the directory could not be read.
func readSources(in fetch.System, dir string, archs []string) ([]source, []Problem, error) {
	if _, err := in.ReadDir(dir); err != nil {
		return nil, nil, fault.New(fault.Refused, dir, err, "the apt configuration cannot be read")
	}
	files := []string{filepath.Join(dir, "sources.list")}
	parts := filepath.Join(dir, "sources.list.d")
	names, err := in.ReadDir(parts)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fault.New(fault.Refused, parts, err, "the apt configuration cannot be read")
	}
	for _, name := range names {
		name := name.Name() // apt ignores other names silently
		if strings.Trim(name, nameBytes) == "" && !strings.HasPrefix(name, ".") && (strings.HasSuffix(name, ".list") || strings.HasSuffix(name, ".sources")) {
			files = append(files, filepath.Join(parts, name))
		}
	}
	l := &list{archs: archs}
	for i, file := range files {
		data, err := in.ReadFile(context.Background(), file, maxSourcesFile)
		switch {
		case i == 0 && fault.Is(err, fault.Missing):
		case err != nil:
			l.refuse(file, 0, "%s", strings.TrimPrefix(err.Error(), file+": "))
		default:
			l.file(file, string(data))
		}
	}
	return l.sources, l.problems, nil
}

// file parses one sources file; the name gives the format (.list or .sources)
// and stands in the problems.
func (l *list) file(name, text string) {
	if strings.HasSuffix(name, ".sources") {
		l.stanzas(name, text)
	} else {
		l.lines(name, text)
	}
}

// lines parses one-line entries: type [ "[" options "]" ] uri suite { component
// }.
func (l *list) lines(name, text string) {
	n := 0
	for line := range strings.Lines(text) {
		n++
		if line = strings.TrimSpace(beforeComment(line)); line == "" {
			continue
		}
		kind, rest, _ := quotedWord(line)
		e := entry{file: name, line: n, types: []string{kind}}
		if inside, has := strings.CutPrefix(rest, "["); has {
			var good bool
			if rest, good = l.oneLineOptions(&e, inside); !good {
				continue
			}
		}
		var words []string
		for word, more, ok := quotedWord(rest); ok; word, more, ok = quotedWord(more) {
			words = append(words, word)
		}
		if len(words) < 2 {
			l.refuse(name, n, "want \"deb URI suite component…\", not %.80q", line)
			continue
		}
		e.uris, e.suites, e.components = words[:1], words[1:2], words[2:]
		l.add(e)
	}
}

// beforeComment cuts a line at the first "#" outside brackets.
func beforeComment(line string) string {
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case '#':
			return line[:i]
		case '[':
			i += max(strings.IndexByte(line[i:], ']'), 0)
		}
	}
	return line
}

// quotedWord cuts off the first word as apt does: blanks within quotes or
// brackets belong to it, quotes are removed, and "%" with two hex digits is a
// character. It returns false if there is no word, or if it does not end.
func quotedWord(s string) (word, rest string, ok bool) {
	const blanks = " \t\r\n\v\f"
	s = strings.TrimLeft(s, blanks)
	end := 0
	for ; end < len(s) && !strings.Contains(blanks, s[end:end+1]); end++ {
		closing, opens := map[byte]byte{'"': '"', '[': ']'}[s[end]]
		if !opens {
			continue
		}
		n := strings.IndexByte(s[end+1:], closing)
		if n < 0 {
			return "", "", false
		}
		end += n + 1
	}
	var b strings.Builder
	for i := 0; i < end; i++ {
		if s[i] == '%' && i+2 < end {
			if c, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(c))
				i += 2
				continue
			}
		}
		if s[i] != '"' {
			b.WriteByte(s[i])
		}
	}
	return b.String(), strings.TrimLeft(s[end:], blanks), end > 0
}

func (l *list) oneLineOptions(e *entry, text string) (rest string, good bool) {
	if !strings.Contains(text, "]") {
		l.refuse(e.file, e.line, "the options have no closing bracket")
		return "", false
	}
	good = true
	for done := false; !done; {
		var word string
		var ok bool
		if word, text, ok = quotedWord(text); !ok {
			l.refuse(e.file, e.line, "a quote or bracket in the options is not closed")
			return "", false
		}
		if word, done = strings.CutSuffix(word, "]"); word == "" {
			continue
		}
		name, value, has := strings.Cut(word, "=")
		o := optionOf(name, "+", "-")
		if !has || o.name == "" {
			l.refuse(e.file, e.line, "the option %.40q is not of the form name=value", word)
			good = false
			continue
		}
		o.value, o.line = value, e.line
		e.options = append(e.options, o)
	}
	return text, good
}

// optionOf returns an option without its value. The name ends in plus or minus
// if the value is added to the default or removed from it.
func optionOf(name, plus, minus string) option {
	name = strings.ToLower(name)
	if n, adds := strings.CutSuffix(name, plus); adds {
		return option{name: n, mode: '+'}
	}
	if n, removes := strings.CutSuffix(name, minus); removes {
		return option{name: n, mode: '-'}
	}
	return option{name: name, mode: '='}
}

// optionNames maps deb822 fields to the names of one-line options that differ.
var optionNames = map[string]string{"architectures": "arch", "languages": "lang", "targets": "target"}

func (l *list) stanzas(name, text string) {
	for p, err := range deb822.NewReader(strings.NewReader(text)).All() {
		if broken, is := errors.AsType[*deb822.Error](err); is {
			l.refuse(name, broken.Line, "%s", broken.Problem)
			continue
		}
		e := entry{file: name, line: p.Line}
		lists := map[string]*[]string{"types": &e.types, "uris": &e.uris, "suites": &e.suites, "components": &e.components}
		for _, f := range p.Fields {
			if words := lists[strings.ToLower(f.Name)]; words != nil {
				*words = strings.Fields(f.Value)
			} else {
				e.options = append(e.options, stanzaOption(f))
			}
		}
		if len(e.types) == 0 {
			l.refuse(name, p.Line, "the entry has no Types field: want Types, URIs, Suites and Components")
			continue
		}
		l.add(e)
	}
}

func stanzaOption(f deb822.Field) option {
	o := optionOf(f.Name, "-add", "-remove")
	o.name, o.value, o.line = cmp.Or(optionNames[o.name], o.name), f.Value, f.Line
	if o.name == "signed-by" && strings.Contains(f.Value, armorBegin) {
		lines := strings.Split(f.Value, "\n")
		for i, line := range lines {
			if lines[i] = strings.TrimSpace(line); lines[i] == "." { // an empty line
				lines[i] = ""
			}
		}
		o.value = strings.TrimSpace(strings.Join(lines, "\n")) + "\n"
	}
	return o
}
