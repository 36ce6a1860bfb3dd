package version

import (
	"errors"
	"fmt"
	"strings"
)

// looseKind is what a word does to the order.
type looseKind uint8

const (
	looseBefore looseKind = iota // it makes the version older than the bare number: beta
	looseSilent                  // it says nothing about the order
	looseAfter                   // it makes the version newer than the bare number, and older than the next number: patch
)

// looseWords are the words that have a meaning of their own, in lower case. Every other word of two letters and more is
// looseBefore, every other single letter looseAfter.
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

// How the parts of a version sort: words that make it older, its end, words that make it newer, further numbers.
const (
	looseWordBefore = 1
	looseEnd        = 2
	looseWordAfter  = 3
	looseNumber     = 4
)

// loose makes the key of a version.
type loose struct {
	key   key
	zeros int // numbers that count only if another number follows
	begun bool
}

func looseKey(text string) ([]byte, error) {
	if c, bad := firstOutside(text, looseSeparators); bad {
		return nil, fmt.Errorf("it contains %q", c)
	}
	l := loose{key: newKey(text)}
	rest := strings.ToLower(text)
	for rest != "" {
		var run string
		run, rest = cutRun(rest, func(c byte) bool { return isDigit(c) || isLetter(c) })
		if run == "" {
			rest = rest[1:]
			continue
		}
		if err := l.run(run); err != nil {
			return nil, err
		}
	}
	if !l.begun {
		return nil, errors.New("it has no number")
	}
	return append(l.key, looseEnd), nil
}

// run takes letters and digits without a separator: "3k", "rc1", "x64".
func (l *loose) run(s string) error {
	if looseWords[s].kind == looseSilent {
		return nil
	}
	for s != "" {
		var part string
		if isDigit(s[0]) {
			part, s = cutRun(s, isDigit)
			l.number(part)
			continue
		}
		part, s = cutRun(s, isLetter)
		if err := l.word(part, s != ""); err != nil {
			return err
		}
	}
	return nil
}

func (l *loose) number(digits string) {
	l.begun = true
	if strings.Trim(digits, "0") == "" {
		l.zeros++
		return
	}
	for ; l.zeros > 0; l.zeros-- {
		l.key = l.key.number(looseNumber, "")
	}
	l.key = l.key.number(looseNumber, digits)
}

func (l *loose) word(s string, numbered bool) error {
	w, known := looseWords[s]
	switch {
	case known:
	case numbered && s == "a":
		w.as = "alpha"
	case numbered && s == "b":
		w.as = "beta"
	case len(s) == 1:
		w.kind, w.as = looseAfter, s
	default:
		w.as = s
	}
	switch {
	case w.kind == looseSilent:
		return nil
	case !l.begun:
		return fmt.Errorf("it begins with %q, want a number", s)
	}
	l.zeros = 0
	before := byte(looseWordBefore)
	if w.kind == looseAfter {
		before = looseWordAfter
	}
	l.key = append(l.key, before).word(w.as)
	return nil
}
