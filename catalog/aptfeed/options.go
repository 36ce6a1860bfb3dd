package aptfeed

import (
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog/debian"
)

// options applies an entry's options. It reports false when the entry is disabled or refused.
func (l *list) options(e entry, s *source, t *target) bool {
	used := true
	for _, o := range e.options {
		switch o.name {
		case "arch":
			l.architectures(e, o, t)
		case "signed-by":
			used = l.signedBy(e, o, s) && used
		case "enabled":
			on, ok := parseBool(o.value)
			if !ok {
				l.refuse(e.file, o.line, "%.40q is neither yes nor no", o.value)
			}
			used = used && on
		case "by-hash":
			on, ok := parseBool(o.value)
			switch {
			case o.value == "force":
				s.byHash = "always"
			case !ok:
				l.refuse(e.file, o.line, "by-hash is yes, no or force, not %.40q", o.value)
				used = false
			case !on:
				s.byHash = "never"
			}
		case "trusted":
			l.refuse(e.file, o.line, "trusted=%.20s is refused: this feed takes nothing whose signature it cannot check; sign the repository and name its key in signed-by", o.value)
			used = false
		case "include", "exclude", "inrelease-path":
			l.refuse(e.file, o.line, "the option %s is not supported", o.name)
			used = false
		case "snapshot":
			if on, ok := parseBool(o.value); ok && !on || o.value == "enable" {
				break
			}
			l.refuse(e.file, o.line, "snapshots are not supported")
			used = false
		case "allow-insecure", "allow-weak", "allow-downgrade-to-insecure", "check-valid-until", "valid-until-min", "valid-until-max", "check-date", "date-max-future":
			l.note(e.file, o.line, "the option %s is ignored: signatures and dates are always checked", o.name)
		case "lang", "target", "pdiffs", "description", "x-repolib-name": // other indexes than package lists, or remarks
		default:
			if !strings.HasPrefix(o.name, "x-") {
				l.note(e.file, o.line, "the unknown option %.40q is ignored", o.name)
			}
		}
	}
	return used
}

// words are the value's, parted by blanks or commas.
func (o option) words() []string {
	return strings.FieldsFunc(o.value, func(r rune) bool { return strings.ContainsRune(", \t\n", r) })
}

func (l *list) architectures(e entry, o option, t *target) {
	var archs []string
	for _, a := range o.words() {
		if !debian.ValidArchitecture(a) {
			l.refuse(e.file, o.line, "%.40q is no architecture", a)
			continue
		}
		archs = append(archs, a)
	}
	switch o.mode {
	case '+':
		t.add = append(t.add, archs...)
	case '-':
		t.remove = append(t.remove, archs...)
	default:
		t.architectures = archs
	}
}

// wanted are the architectures to take, given those of the configuration.
func (t target) wanted(configured []string) []string {
	archs := slices.Clone(configured)
	if len(t.architectures) > 0 {
		archs = slices.Clone(t.architectures)
	}
	for _, a := range t.add {
		if !slices.Contains(archs, a) {
			archs = append(archs, a)
		}
	}
	return slices.DeleteFunc(archs, func(a string) bool { return slices.Contains(t.remove, a) })
}

// signedBy takes keyring files, fingerprints and a key block in place.
func (l *list) signedBy(e entry, o option, s *source) bool {
	if o.mode != '=' {
		l.refuse(e.file, o.line, "signed-by can only be set as a whole")
		return false
	}
	if strings.Contains(o.value, armorBegin) {
		s.keys = o.value
		return true
	}
	good := true
	for _, key := range o.words() {
		switch {
		case strings.HasPrefix(key, "/"):
			s.signedBy = append(s.signedBy, key)
		case isFingerprint(strings.TrimSuffix(key, "!")):
			s.signedBy = append(s.signedBy, strings.ToUpper(key))
		default:
			l.refuse(e.file, o.line, "signed-by names %.80q: want the absolute path of a keyring or a fingerprint of 40 hex digits", key)
			good = false
		}
	}
	if good && len(s.signedBy) == 0 {
		l.refuse(e.file, o.line, "signed-by names no key")
		return false
	}
	return good
}

// isFingerprint accepts the hex digits of a version 4 or version 6 key's fingerprint.
func isFingerprint(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdefABCDEF") == ""
}

// parseBool reads apt's words for yes and no.
func parseBool(s string) (on, ok bool) {
	switch strings.ToLower(s) {
	case "yes", "true", "with", "on", "enable", "1":
		return true, true
	case "no", "false", "without", "off", "disable", "0":
		return false, true
	default:
		return false, false
	}
}
