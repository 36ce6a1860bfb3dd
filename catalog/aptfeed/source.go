package aptfeed

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Source is one suite of one repository, as the entries of an apt configuration name it together.
type Source struct {
	File     string    // of the first entry
	Line     int       // of the first entry
	URI      string    // of the repository, ending in "/"
	Suite    string    // ending in "/" for a flat repository, which has no components
	Targets  []Target  // what is taken of it, in the order of the entries; empty for a flat repository
	SignedBy []string  // keyring files and fingerprints that alone are trusted; empty: the configuration's own keys
	Keys     string    // an armored key block given in place
	ByHash   ByHashUse // the entry's own word on by-hash addresses
}

// Target is one component for some architectures.
type Target struct {
	Component     string
	Architectures []string // empty: those of the configuration
	Add, Remove   []string // architectures added to and taken from those of the configuration
}

// ByHashUse says whether lists are fetched under their digests, as by-hash of sources.list(5).
type ByHashUse uint8

// The uses.
const (
	ByHashOffered ByHashUse = iota // when the Release file offers it
	ByHashNever
	ByHashAlways
)

// Flat reports whether the source is a flat repository: no dists folder, no components.
func (s Source) Flat() bool { return strings.HasSuffix(s.Suite, "/") }

// base is the address that the paths in the Release file are relative to.
func (s Source) base() string {
	if s.Flat() {
		return joinURL(s.URI, strings.TrimPrefix(s.Suite, "./"))
	}
	return joinURL(s.URI, "dists/"+s.Suite+"/")
}

// joinURL appends a relative path, escaping it.
func joinURL(base, path string) string {
	if path == "/" || path == "" {
		return base
	}
	return base + (&url.URL{Path: path}).EscapedPath()
}

// Problem is something in the configuration that is not as apt would take it.
type Problem struct {
	File    string
	Line    int // zero: the file as a whole
	Text    string
	Refused bool // the entry, or the file, is not used; else only the part that the text names is ignored
}

func (p Problem) Error() string {
	if p.Line == 0 {
		return p.File + ": " + p.Text
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text)
}

// entry is one line or stanza before it is spread over its URIs and suites.
type entry struct {
	file       string
	line       int
	types      []string
	uris       []string
	suites     []string
	components []string
	options    []option
}

// option is one setting of an entry, under the name that one-line entries use.
type option struct {
	name  string // lower case: "arch", "signed-by" …
	mode  byte   // '=', '+' or '-'
	value string
	line  int
}

// list gathers sources and problems.
type list struct {
	sources  []Source
	problems []Problem
}

func (l *list) refuse(file string, line int, format string, args ...any) {
	l.problems = append(l.problems, Problem{file, line, fmt.Sprintf(format, args...), true})
}

func (l *list) note(file string, line int, format string, args ...any) {
	l.problems = append(l.problems, Problem{file, line, fmt.Sprintf(format, args...), false})
}

// add checks an entry and merges it into the sources.
func (l *list) add(e entry) {
	before := len(l.problems)
	wanted := false
	for _, t := range e.types {
		switch t {
		case "deb":
			wanted = true
		case "deb-src": // source code is never deployed
		default:
			l.refuse(e.file, e.line, "unknown type %.40q: want deb or deb-src", t)
		}
	}
	model := Source{File: e.file, Line: e.line}
	target := Target{}
	if !l.options(e, &model, &target) || !wanted {
		return
	}
	if len(e.uris) == 0 {
		l.refuse(e.file, e.line, "no URI is named")
	}
	if len(e.suites) == 0 {
		l.refuse(e.file, e.line, "no suite is named")
	}
	for _, component := range e.components {
		if !plainPath(component) {
			l.refuse(e.file, e.line, "%.80q is no component", component)
		}
	}
	for _, p := range l.problems[before:] {
		if p.Refused {
			return
		}
	}
	for _, uri := range e.uris {
		checked, problem := checkURI(uri)
		if problem != "" {
			l.refuse(e.file, e.line, "%s", problem)
			continue
		}
		for _, suite := range e.suites {
			s := model
			s.URI, s.Suite = checked, suite
			l.addSuite(s, target, e.components)
		}
	}
}

// addSuite checks the suite and adds or merges the source.
func (l *list) addSuite(s Source, target Target, components []string) {
	flat := s.Flat()
	switch {
	case s.Suite != "/" && s.Suite != "./" && !plainPath(strings.TrimPrefix(strings.TrimSuffix(s.Suite, "/"), "./")):
		l.refuse(s.File, s.Line, "%.80q is no suite", s.Suite)
		return
	case flat && len(components) > 0:
		l.refuse(s.File, s.Line, "the suite %q ends in \"/\", which means a flat repository: it has no components, but %q is named", s.Suite, components[0])
		return
	case !flat && len(components) == 0:
		l.refuse(s.File, s.Line, "no component is named for the suite %q", s.Suite)
		return
	}
	for _, component := range components {
		t := target
		t.Component = component
		s.Targets = append(s.Targets, t)
	}
	if flat {
		s.Targets = []Target{target}
	}
	i := slices.IndexFunc(l.sources, func(o Source) bool { return o.URI == s.URI && o.Suite == s.Suite })
	if i < 0 {
		if len(l.sources) == MaxSources {
			l.refuse(s.File, s.Line, "more than %d suites are configured", MaxSources)
			return
		}
		l.sources = append(l.sources, s)
		return
	}
	have := &l.sources[i]
	if !slices.Equal(have.SignedBy, s.SignedBy) || have.Keys != s.Keys || have.ByHash != s.ByHash {
		l.refuse(s.File, s.Line, "%s %s is configured at %s:%d with other options (signed-by, by-hash): make them agree", s.URI, s.Suite, have.File, have.Line)
		return
	}
	have.Targets = append(have.Targets, s.Targets...)
}

// checkURI returns the URI in the form that other places use, or the problem with it.
func checkURI(uri string) (checked, problem string) {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme == "" {
		return "", fmt.Sprintf("%.200q is no URI", uri)
	}
	switch u.Scheme {
	case "http", "https":
		if u.Host == "" {
			return "", fmt.Sprintf("%.200q names no host", uri)
		}
	case "file", "copy":
		path := u.Path
		if u.Opaque != "" || u.Host != "" || !strings.HasPrefix(path, "/") {
			return "", fmt.Sprintf("%.200q: want an absolute path, as in file:///srv/repository", uri)
		}
		u = &url.URL{Scheme: "file", Path: path}
	default:
		return "", fmt.Sprintf("%.200q: the scheme %s is not supported: want http, https, file or copy", uri, u.Scheme)
	}
	switch {
	case u.User != nil:
		return "", "a user or password in the URI is not supported: it would be handed to every agent with the packages' addresses"
	case u.RawQuery != "" || u.Fragment != "":
		return "", fmt.Sprintf("%.200q: a query or fragment has no meaning here", uri)
	case strings.Contains(u.Path, "$("):
		return "", fmt.Sprintf("%.200q: $(…) is not supported: write the architecture out", uri)
	}
	return strings.TrimRight(u.String(), "/") + "/", ""
}

// plainPath accepts a relative path of ordinary names: what a suite or component is.
func plainPath(path string) bool {
	for part := range strings.SplitSeq(path, "/") {
		if part == "" || part == "." || part == ".." {
			return false
		}
		for _, c := range []byte(part) {
			if !isNameByte(c) {
				return false
			}
		}
	}
	return true
}

func isNameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.' || c == '+' || c == '~' || c == ':'
}
