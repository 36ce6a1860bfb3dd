package aptfeed

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog/aptfeed/deb822"
)

// readSources reads sources.list and sources.list.d of an apt configuration folder ("/etc/apt"), as sources.list(5) says:
// one-line .list files and deb822 .sources files, by name. It returns every source and every problem. An error means that
// the folder could not be read.
func readSources(in system, dir string) ([]source, []Problem, error) {
	if _, err := in.readDir(dir); err != nil {
		return nil, nil, fail(Refused, dir, err, "the apt configuration cannot be read")
	}
	files := []string{filepath.Join(dir, "sources.list")}
	parts := filepath.Join(dir, "sources.list.d")
	names, err := in.readDir(parts)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fail(Refused, parts, err, "the apt configuration cannot be read")
	}
	for _, name := range names {
		if sourcesName(name.Name()) {
			files = append(files, filepath.Join(parts, name.Name()))
		}
	}
	l := &list{}
	for i, file := range files {
		data, err := in.readFile(context.Background(), file, MaxSourcesFile)
		switch {
		case i == 0 && is(err, Missing):
		case err != nil:
			l.refuse(file, 0, "%s", strings.TrimPrefix(err.Error(), file+": "))
		default:
			l.file(file, string(data))
		}
	}
	return l.sources, l.problems, nil
}

// sourcesName is apt's rule for the names in sources.list.d; others are silently left alone.
func sourcesName(name string) bool {
	return strings.Trim(name, nameBytes) == "" && !strings.HasPrefix(name, ".") && (strings.HasSuffix(name, ".list") || strings.HasSuffix(name, ".sources"))
}

// file parses one sources file; the name tells the format (.list or .sources) and stands in the problems.
func (l *list) file(name, text string) {
	if strings.HasSuffix(name, ".sources") {
		l.stanzas(name, text)
	} else {
		l.lines(name, text)
	}
}

// lines parses one-line entries: type [ "[" options "]" ] uri suite { component }.
func (l *list) lines(name, text string) {
	n := 0
	for line := range strings.Lines(text) {
		n++
		if line = strings.TrimSpace(beforeComment(line)); line == "" {
			continue
		}
		kind, rest, _ := strings.Cut(strings.ReplaceAll(line, "\t", " "), " ")
		e := entry{file: name, line: n, types: []string{kind}}
		rest = strings.TrimSpace(rest)
		if inside, has := strings.CutPrefix(rest, "["); has {
			opts, after, closed := strings.Cut(inside, "]")
			if !closed {
				l.refuse(name, n, "the options have no closing bracket")
				continue
			}
			if !l.oneLineOptions(&e, opts) {
				continue
			}
			rest = after
		}
		words := strings.Fields(rest)
		if len(words) < 2 {
			l.refuse(name, n, "want \"deb URI suite component…\", not %.80q", line)
			continue
		}
		e.uris, e.suites, e.components = words[:1], words[1:2], words[2:]
		l.add(e)
	}
}

// beforeComment cuts a line at the first "#" that is not inside brackets.
func beforeComment(line string) string {
	inside := false
	for i, c := range []byte(line) {
		switch {
		case c == '[':
			inside = true
		case c == ']':
			inside = false
		case c == '#' && !inside:
			return line[:i]
		}
	}
	if i := strings.IndexByte(line, '#'); inside && i >= 0 && strings.TrimSpace(line[:i]) == "" {
		return ""
	}
	return line
}

func (l *list) oneLineOptions(e *entry, text string) bool {
	good := true
	for _, word := range strings.Fields(text) {
		name, value, has := strings.Cut(word, "=")
		o := option{mode: '=', value: value, line: e.line}
		if n, plus := strings.CutSuffix(name, "+"); plus {
			name, o.mode = n, '+'
		} else if n, minus := strings.CutSuffix(name, "-"); minus {
			name, o.mode = n, '-'
		}
		if !has || name == "" {
			l.refuse(e.file, e.line, "the option %.40q is not of the form name=value", word)
			good = false
			continue
		}
		o.name = strings.ToLower(name)
		e.options = append(e.options, o)
	}
	return good
}

// optionNames gives deb822 fields the names of one-line options where they differ.
var optionNames = map[string]string{"architectures": "arch", "languages": "lang", "targets": "target"}

// stanzas parses deb822 entries.
func (l *list) stanzas(name, text string) {
	for p, err := range deb822.NewReader(strings.NewReader(text)).All() {
		if broken, is := errors.AsType[*deb822.Error](err); is {
			l.refuse(name, broken.Line, "%s", broken.Problem)
			continue
		}
		e := entry{file: name, line: p.Line}
		for _, f := range p.Fields {
			field := strings.ToLower(f.Name)
			words := strings.Fields(f.Value)
			switch field {
			case "types":
				e.types = words
			case "uris":
				e.uris = words
			case "suites":
				e.suites = words
			case "components":
				e.components = words
			default:
				e.options = append(e.options, stanzaOption(field, f))
			}
		}
		if len(e.types) == 0 {
			l.refuse(name, p.Line, "the entry has no Types field: want Types, URIs, Suites and Components")
			continue
		}
		l.add(e)
	}
}

func stanzaOption(field string, f deb822.Field) option {
	o := option{mode: '=', line: f.Line}
	if n, has := strings.CutSuffix(field, "-add"); has {
		field, o.mode = n, '+'
	} else if n, has := strings.CutSuffix(field, "-remove"); has {
		field, o.mode = n, '-'
	}
	if n, has := optionNames[field]; has {
		field = n
	}
	o.name, o.value = field, f.Value
	if field == "signed-by" && strings.Contains(f.Value, armorBegin) {
		o.value = strings.TrimSpace(strings.Join(f.Lines(), "\n")) + "\n"
	}
	return o
}
