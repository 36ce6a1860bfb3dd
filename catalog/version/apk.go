package version

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Suffixes in their order. The first list sorts before the version without a
// suffix, the second after it.
var (
	apkBefore = []string{"alpha", "beta", "pre", "rc"}
	apkAfter  = []string{"cvs", "svn", "git", "hg", "p"}
)

// How the parts of a version sort after the same beginning: the suffixes before
// the end of the text, then in the reverse of the order in which they may be
// written.
const (
	apkSuffixBefore = 1
	apkEnd          = 10
	apkRevision     = 11
	apkHash         = 12
	apkSuffixNumber = 13
	apkSuffixAfter  = 14
	apkLetter       = 20
	apkLeadingZero  = 21
	apkNumber       = 22
)

func isLower(c byte) bool { return 'a' <= c && c <= 'z' }

// apkKey reads digit{.digit}…{letter}{_suffix{digit}}…{~hash}{-rdigit}.
func apkKey(k key, text string) (key, error) {
	run, s := cutRun(text, isDigit)
	if run == "" {
		return nil, errors.New("it does not begin with a digit")
	}
	k = k.number(apkNumber, run)
	for strings.HasPrefix(s, ".") {
		if run, s = cutRun(s[1:], isDigit); run == "" {
			return nil, errors.New("a dot is not followed by a digit")
		}
		if run[0] == '0' { // a number with a leading zero compares as text and sorts before other numbers
			k = append(k, apkLeadingZero).word(run)
		} else {
			k = k.number(apkNumber, run)
		}
	}
	if s != "" && isLower(s[0]) {
		k, s = append(k, apkLetter, s[0]), s[1:]
	}
	for strings.HasPrefix(s, "_") {
		if run, s = cutRun(s[1:], isLower); slices.Contains(apkBefore, run) {
			k = append(k, apkSuffixBefore+byte(slices.Index(apkBefore, run)))
		} else if slices.Contains(apkAfter, run) {
			k = append(k, apkSuffixAfter+byte(slices.Index(apkAfter, run)))
		} else {
			return nil, fmt.Errorf("suffix %q is not one of %s", run, strings.Join(slices.Concat(apkBefore, apkAfter), ", "))
		}
		if run, s = cutRun(s, isDigit); run != "" {
			k = append(k, apkSuffixNumber).number(apkNumber, run)
		}
	}
	if strings.HasPrefix(s, "~") {
		if run, s = cutRun(s[1:], func(c byte) bool { return isDigit(c) || 'a' <= c && c <= 'f' }); run == "" {
			return nil, errors.New("a tilde is not followed by a commit in lower-case hex")
		}
		k = append(k, apkHash).word(run)
	}
	if strings.HasPrefix(s, "-r") {
		if run, s = cutRun(s[2:], isDigit); run == "" {
			return nil, errors.New(`"-r" is not followed by a digit`)
		}
		k = append(k, apkRevision).number(apkNumber, run)
	}
	if s != "" {
		return nil, fmt.Errorf("%q is out of place", s)
	}
	return append(k, apkEnd), nil
}
