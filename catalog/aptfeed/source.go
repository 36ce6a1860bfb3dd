package aptfeed

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// source is one suite of one repository, as the entries of an apt configuration name it together.
type source struct {
	file     string   // of the first entry
	line     int      // of the first entry
	uri      string   // of the repository, ending in "/"
	suite    string   // ending in "/" for a flat repository, which has no components
	targets  []target // what is taken of it, in the order of the entries; one without a component for a flat repository
	signedBy []string // keyring files and fingerprints that alone are trusted; empty: the configuration's own keys
	keys     string   // an armored key block given in place
	byHash   string   // whether lists are fetched under their digests: "always", "never", or empty: when the Release file offers it
}

// target is one component for some architectures.
type target struct {
	component     string
	architectures []string // empty: those of the configuration
	add, remove   []string // architectures added to and taken from those of the configuration
}

// flat reports whether the source is a flat repository: no dists folder, no components.
func (s source) flat() bool { return strings.HasSuffix(s.suite, "/") }

// base is the address that the paths in the Release file are relative to.
func (s source) base() string {
	if s.flat() {
		return joinURL(s.uri, strings.TrimPrefix(s.suite, "./"))
	}
	return joinURL(s.uri, "dists/"+s.suite+"/")
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

func (p Problem) Error() string { return p.where() + ": " + p.Text }

func (p Problem) where() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
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
	sources  []source
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
	model := source{file: e.file, line: e.line}
	var wants target
	if !l.options(e, &model, &wants) || !wanted {
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
			s.uri, s.suite = checked, suite
			l.addSuite(s, wants, e.components)
		}
	}
}

// addSuite checks the suite and adds or merges the source.
func (l *list) addSuite(s source, t target, components []string) {
	flat := s.flat()
	switch {
	case s.suite != "/" && s.suite != "./" && !plainPath(strings.TrimPrefix(strings.TrimSuffix(s.suite, "/"), "./")):
		l.refuse(s.file, s.line, "%.80q is no suite", s.suite)
		return
	case flat && len(components) > 0:
		l.refuse(s.file, s.line, "the suite %q ends in \"/\", which means a flat repository: it has no components, but %q is named", s.suite, components[0])
		return
	case !flat && len(components) == 0:
		l.refuse(s.file, s.line, "no component is named for the suite %q", s.suite)
		return
	}
	for _, component := range components {
		t.component = component
		s.targets = append(s.targets, t)
	}
	if flat {
		s.targets = []target{t}
	}
	i := slices.IndexFunc(l.sources, func(o source) bool { return o.uri == s.uri && o.suite == s.suite })
	if i < 0 {
		if len(l.sources) == MaxSources {
			l.refuse(s.file, s.line, "more than %d suites are configured", MaxSources)
			return
		}
		l.sources = append(l.sources, s)
		return
	}
	have := &l.sources[i]
	if !slices.Equal(have.signedBy, s.signedBy) || have.keys != s.keys || have.byHash != s.byHash {
		l.refuse(s.file, s.line, "%s %s is configured at %s:%d with other options (signed-by, by-hash): make them agree", s.uri, s.suite, have.file, have.line)
		return
	}
	have.targets = append(have.targets, s.targets...)
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
		if part == "" || part == "." || part == ".." || strings.Trim(part, nameBytes+"+~:") != "" {
			return false
		}
	}
	return true
}

// nameBytes are what names of files may have in every place.
const nameBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
