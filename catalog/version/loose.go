package version

import (
	"errors"
	"fmt"
	"strings"
)

type looseKind uint8

const (
	looseBefore looseKind = iota // it makes the version older than the bare number: beta
	looseSilent                  // it is ignored
	looseAfter                   // it makes the version newer than the bare number, and older than the next number: patch
)

// looseWords are the words with a meaning of their own, in lower case. Every
// other word of two letters or more is looseBefore. Every other single letter
// is looseAfter, and so are za to zz.
var looseWords = map[string]struct {
	kind looseKind
	as   string // what it is ordered as
}{
	"v": {kind: looseSilent}, "ver": {kind: looseSilent}, "version": {kind: looseSilent},
	"build": {kind: looseSilent}, "update": {kind: looseSilent}, "u": {kind: looseSilent},
	"windows": {kind: looseSilent}, "win": {kind: looseSilent}, "macos": {kind: looseSilent}, "service": {kind: looseSilent},
	"esr": {kind: looseSilent}, "lts": {kind: looseSilent}, "release": {kind: looseSilent}, "final": {kind: looseSilent},
	"ga": {kind: looseSilent}, "stable": {kind: looseSilent},
	"x64": {kind: looseSilent}, "x86": {kind: looseSilent}, "amd64": {kind: looseSilent}, "arm64": {kind: looseSilent},

	"patch": {looseAfter, "patch"}, "p": {looseAfter, "patch"}, "hotfix": {looseAfter, "hotfix"}, "hf": {looseAfter, "hotfix"},
	"sp": {looseAfter, "sp"}, "pack": {looseAfter, "sp"}, "cu": {looseAfter, "cu"},
	"r": {looseAfter, "r"}, "rev": {looseAfter, "r"}, "revision": {looseAfter, "r"},

	"candidate": {looseBefore, "rc"},
}

// looseSeparators separate words and numbers, and do not count.
const looseSeparators = " .,-_+~:/()[]"

// How the parts of a version sort: words that make it older, its end, words
// that make it newer, further numbers.
const (
	looseWordBefore = 1
	looseEnd        = 2
	looseWordAfter  = 3
	looseNumber     = 4
)

type loose struct {
	zeros int // numbers that count only if another number follows
	begun bool
}

func looseKey(k key, text string) (key, error) {
	var l loose
	rest := strings.ToLower(text)
	for rest != "" {
		var run string
		run, rest = cutRun(rest, func(c byte) bool { return isDigit(c) || isLetter(c) })
		if run == "" {
			if strings.IndexByte(looseSeparators, rest[0]) < 0 {
				return nil, fmt.Errorf("it contains %w", outside(rest))
			}
			rest = rest[1:]
			continue
		}
		var err error
		if k, err = l.run(k, run); err != nil {
			return nil, err
		}
	}
	if !l.begun {
		return nil, errors.New("it has no number")
	}
	return append(k, looseEnd), nil
}

// run reads letters and digits without a separator: "3k", "rc1", "x64".
func (l *loose) run(k key, s string) (key, error) {
	if len(s) > 1 && looseWords[s].kind == looseSilent {
		return k, nil
	}
	for s != "" {
		var part string
		if isDigit(s[0]) {
			part, s = cutRun(s, isDigit)
			k = l.number(k, part)
			continue
		}
		part, s = cutRun(s, isLetter)
		var err error
		if k, err = l.word(k, part, s != ""); err != nil {
			return nil, err
		}
	}
	return k, nil
}

func (l *loose) number(k key, digits string) key {
	l.begun = true
	if strings.Trim(digits, "0") == "" {
		l.zeros++
		return k
	}
	for ; l.zeros > 0; l.zeros-- {
		k = k.number(looseNumber, "")
	}
	return k.number(looseNumber, digits)
}

func (l *loose) word(k key, s string, numbered bool) (key, error) {
	w, known := looseWords[s]
	switch {
	case (s == "v" || s == "u") && l.begun && !numbered: // 1.1.1u is a release of its own
		w.kind, w.as = looseAfter, s
	case s == "r" && !l.begun && numbered: // r2083
		w.kind = looseSilent
	case known:
	case numbered && s == "a":
		w.as = "alpha"
	case numbered && s == "b":
		w.as = "beta"
	case len(s) == 1, len(s) == 2 && s[0] == 'z': // after z comes za
		w.kind, w.as = looseAfter, s
	default:
		w.as = s
	}
	switch {
	case w.kind == looseSilent:
		return k, nil
	case !l.begun:
		return nil, fmt.Errorf("it begins with %q, want a number", s)
	}
	l.zeros = 0
	before := byte(looseWordBefore)
	if w.kind == looseAfter {
		before = looseWordAfter
	}
	return append(k, before).word(w.as), nil
}
