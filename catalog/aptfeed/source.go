package aptfeed

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog/debian"
	"github.com/patchpolicy/patchpolicy/catalog/internal/repository"
)

// source is one suite of one repository, merged from all entries that name it.
type source struct {
	file      string        // of the first entry
	line      int           // of the first entry
	uri       string        // of the repository, ending in "/", without credentials
	listsOnly string        // why this package cannot fetch from the URI; empty: it can
	suite     string        // ending in "/" for a flat repository, which has no components
	targets   []target      // in the order of the entries; of a flat repository one without a component
	signedBy  []string      // the only trusted keyring files and fingerprints; empty: the keys of the configuration
	keys      string        // an embedded armored key block
	byHash    string        // fetch lists at by-hash addresses: "always", "never", or empty: if the Release file offers it
	maxAge    time.Duration // of its Release file; zero: that of the configuration
}

type target struct {
	component string
	archs     []string
}

// union appends to a list what it lacks of another.
func union(list, more []string) []string {
	for _, s := range more {
		if !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}

// flat reports whether the source is a flat repository, without a dists
// directory and components.
func (s source) flat() bool { return strings.HasSuffix(s.suite, "/") }

// base returns the address that the paths in the Release file are relative to.
func (s source) base() string {
	if s.flat() {
		return joinURL(s.uri, strings.TrimPrefix(s.suite, "./"))
	}
	return joinURL(s.uri, "dists/"+s.suite+"/")
}

// listName returns apt's name for the file with this path in the Release file.
func (s source) listName(path string) string {
	base := s.base()
	if s.flat() {
		base = s.uri + strings.TrimPrefix(s.suite, "/") // apt takes the "./" of a flat suite into the name
	}
	return debian.ListName(base + path)
}

// authority returns who vouches for the source: the origin, and the keyring as
// the entry names it. So it stays the same when the keys in the file are
// renewed (CAT-17).
func (s source) authority(origin, dir string) string {
	keyring := "the keys of " + dir
	if s.keys != "" {
		keyring = "the key block " + repository.Sum([]byte(strings.Join(strings.Fields(s.keys), "\n"))).Digest.Sum[:16]
	} else if len(s.signedBy) > 0 {
		keyring = strings.Join(slices.Compact(slices.Sorted(slices.Values(s.signedBy))), ", ")
	}
	return fmt.Sprintf("%s, signed by %s", strings.Join(strings.Fields(origin), " "), keyring)
}

// joinURL appends a relative path and escapes it.
func joinURL(base, path string) string {
	if path == "/" || path == "" {
		return base
	}
	return base + (&url.URL{Path: path}).EscapedPath()
}

// Problem is a part of the configuration that is not used as apt would use it.
type Problem struct {
	File    string
	Line    int // zero: the whole file
	Text    string
	Refused bool // the entry or file is not used; otherwise only the part that Text names is ignored
}

func (p Problem) Error() string { return p.where() + ": " + p.Text }

func (p Problem) where() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// entry is one line or stanza, before it is split by URI and suite.
type entry struct {
	file       string
	line       int
	types      []string
	uris       []string
	suites     []string
	components []string
	options    []option
}

// option is one setting of an entry, under its name in one-line entries.
type option struct {
	name  string // lower case: "arch", "signed-by" …
	mode  byte   // '=', '+' or '-'
	value string
	line  int
}

// words returns the value's words, separated by blanks or commas.
func (o option) words() []string {
	return strings.FieldsFunc(o.value, func(r rune) bool { return strings.ContainsRune(", \t\n", r) })
}

type list struct {
	archs    []string // those of the configuration; the first one is for $(ARCH)
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
	archs, used := l.options(e, &model)
	if !used || !wanted {
		return
	}
	if len(e.uris) == 0 {
		l.refuse(e.file, e.line, "the entry names no URI")
	}
	if len(e.suites) == 0 {
		l.refuse(e.file, e.line, "the entry names no suite")
	}
	for _, component := range e.components {
		if !plainPath(component) {
			l.refuse(e.file, e.line, "%.80q is not a component", component)
		}
	}
	if slices.ContainsFunc(l.problems[before:], func(p Problem) bool { return p.Refused }) {
		return
	}
	arch := strings.NewReplacer("$(ARCH)", l.archs[0])
	for _, uri := range e.uris {
		s := model
		var problem string
		if s.uri, s.listsOnly, problem = checkURI(arch.Replace(uri)); problem != "" {
			l.refuse(e.file, e.line, "%s", problem)
			continue
		}
		for _, suite := range e.suites {
			s.suite = arch.Replace(suite)
			l.addSuite(s, archs, e.components)
		}
	}
}

func (l *list) addSuite(s source, archs, components []string) {
	flat := s.flat()
	switch {
	case s.suite != "/" && s.suite != "./" && !plainPath(strings.TrimPrefix(strings.TrimSuffix(s.suite, "/"), "./")):
		l.refuse(s.file, s.line, "%.80q is not a suite", s.suite)
		return
	case flat && len(components) > 0:
		l.refuse(s.file, s.line, "the suite %q ends in \"/\", which means a flat repository, which has no components: remove %q or the slash", s.suite, components[0])
		return
	case !flat && len(components) == 0:
		l.refuse(s.file, s.line, "the entry names no component for the suite %q", s.suite)
		return
	}
	s.targets = nil
	for _, component := range components {
		s.targets = append(s.targets, target{component, archs})
	}
	if flat {
		s.targets = []target{{archs: archs}}
	}
	i := slices.IndexFunc(l.sources, func(o source) bool { return o.uri == s.uri && o.suite == s.suite })
	if i < 0 {
		if len(l.sources) == maxSources {
			l.refuse(s.file, s.line, "more than %d suites are configured: this one is not used", maxSources)
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
	have.maxAge = cmp.Or(min(have.maxAge, s.maxAge), have.maxAge, s.maxAge)
}

// checkURI returns the URI in its usual form and why it can only be read from
// apt's lists, or what is wrong with it.
func checkURI(uri string) (checked, listsOnly, problem string) {
	scheme, rest, has := strings.Cut(uri, ":")
	if !has || scheme == "" || strings.Trim(scheme, "abcdefghijklmnopqrstuvwxyz0123456789+-.") != "" {
		return "", "", fmt.Sprintf("%.200q is not a URI", uri)
	}
	if host, path, _ := strings.Cut(strings.TrimPrefix(rest, "//"), "/"); strings.HasPrefix(rest, "//") {
		if at := strings.LastIndexByte(host, '@'); at >= 0 {
			uri = scheme + "://" + host[at+1:] + "/" + path
			listsOnly = "a user or password in the URI is not supported, because every agent would get it with the addresses of packages"
		}
	}
	whole := strings.TrimRight(uri, "/") + "/"
	u, err := url.Parse(uri)
	switch {
	case scheme != "http" && scheme != "https" && scheme != "file" && scheme != "copy":
		return whole, cmp.Or(listsOnly, fmt.Sprintf("%.200q: the scheme %s is not supported: want http, https, file or copy", uri, scheme)), ""
	case err != nil:
		return "", "", fmt.Sprintf("%.200q is not a URI", uri)
	case (scheme == "file" || scheme == "copy") && (u.Opaque != "" || u.Host != "" || !strings.HasPrefix(u.Path, "/")):
		return "", "", fmt.Sprintf("%.200q: want an absolute path, as in file:///srv/repository", uri)
	case scheme == "file" || scheme == "copy":
		u = &url.URL{Scheme: "file", Path: u.Path}
	case u.Host == "":
		return "", "", fmt.Sprintf("%.200q names no host", uri)
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", "", fmt.Sprintf("%.200q has a query or fragment: remove it", uri)
	}
	return strings.TrimRight(u.String(), "/") + "/", listsOnly, ""
}

// options applies an entry's options, the last of repeated ones, and returns the
// architectures that it is for. It is not used if it is disabled or refused.
func (l *list) options(e entry, s *source) (archs []string, used bool) {
	byMode := map[byte][]string{}
	used = true
	refuse := func(o option, format string, args ...any) {
		l.refuse(e.file, o.line, format, args...)
		used = false
	}
	for i, o := range e.options {
		if slices.ContainsFunc(e.options[i+1:], func(later option) bool { return later.name == o.name && later.mode == o.mode }) {
			continue
		}
		on, isBool := debian.ParseBool(o.value)
		switch o.name {
		case "arch":
			byMode[o.mode] = o.words()
			for _, a := range byMode[o.mode] {
				if !debian.ValidArchitecture(a) {
					l.refuse(e.file, o.line, "%.40q is not an architecture", a)
				}
			}
		case "signed-by":
			if problem := s.trust(o); problem != "" {
				refuse(o, "%s", problem)
			}
		case "enabled":
			if !isBool {
				l.refuse(e.file, o.line, "enabled is yes or no, not %.40q", o.value)
			}
			used = used && on
		case "by-hash":
			switch {
			case o.value == "force":
				s.byHash = "always"
			case !isBool:
				refuse(o, "by-hash is yes, no or force, not %.40q", o.value)
			case !on:
				s.byHash = "never"
			}
		case "valid-until-max":
			seconds, err := strconv.ParseInt(o.value, 10, 32)
			if err != nil || seconds < 0 {
				refuse(o, "valid-until-max is a number of seconds, not %.40q", o.value)
			}
			s.maxAge = time.Duration(seconds) * time.Second
		case "trusted":
			refuse(o, "trusted=%.20s is refused, because a feed uses only what it can verify: sign the repository and name its key in signed-by", o.value)
		case "include", "exclude", "inrelease-path":
			refuse(o, "the option %s is not supported", o.name)
		case "snapshot":
			if (!isBool || on) && o.value != "enable" {
				refuse(o, "snapshots are not supported")
			}
		case "allow-insecure", "allow-weak", "allow-downgrade-to-insecure", "check-valid-until", "valid-until-min", "check-date", "date-max-future":
			l.note(e.file, o.line, "the option %s is ignored: signatures and dates are always checked", o.name)
		case "lang", "target", "pdiffs", "description": // for other indexes than package lists
		default:
			if !strings.HasPrefix(o.name, "x-") {
				l.note(e.file, o.line, "the unknown option %.40q is ignored", o.name)
			}
		}
	}
	if archs = byMode['=']; len(archs) == 0 {
		archs = l.archs
	}
	archs = union(slices.Clone(archs), byMode['+'])
	return slices.DeleteFunc(archs, func(a string) bool { return slices.Contains(byMode['-'], a) }), used
}

// trust reads keyring files, fingerprints or an embedded key block, or returns
// what is wrong with them.
func (s *source) trust(o option) string {
	if o.mode != '=' {
		return "signed-by can only be set with =, not += or -="
	}
	if strings.Contains(o.value, armorBegin) {
		s.keys = o.value
		return ""
	}
	for _, key := range o.words() {
		switch {
		case strings.HasPrefix(key, "/"):
			s.signedBy = append(s.signedBy, key)
		case keyFingerprint.MatchString(key):
			s.signedBy = append(s.signedBy, strings.ToUpper(key))
		default:
			return fmt.Sprintf("signed-by names %.80q: want the absolute path of a keyring or a fingerprint of 40 hex digits", key)
		}
	}
	if len(s.signedBy) == 0 {
		return "signed-by names no key"
	}
	return ""
}

// keyFingerprint is that of a version 4 or version 6 key.
var keyFingerprint = regexp.MustCompile(`^([0-9a-fA-F]{40}|[0-9a-fA-F]{64})!?$`)

// plainPath accepts a relative path of plain names, as suites and components
// have it.
func plainPath(path string) bool {
	return !slices.ContainsFunc(strings.Split(path, "/"), func(part string) bool {
		return part == "" || part == "." || part == ".." || strings.Trim(part, nameBytes+"+~:") != ""
	})
}

// nameBytes are the bytes that file names may have anywhere.
const nameBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
