package version

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// splitDebian takes a version apart at the first colon and the last hyphen.
func splitDebian(text string) (epoch, upstream, revision string) {
	if i := strings.IndexByte(text, ':'); i >= 0 {
		epoch, text = text[:i], text[i+1:]
	}
	if i := strings.LastIndexByte(text, '-'); i >= 0 {
		return epoch, text[:i], text[i+1:]
	}
	return epoch, text, ""
}

func debianProblem(text string) string {
	epoch, upstream, revision := splitDebian(text)
	if strings.Contains(text, ":") {
		if !isNumber(epoch) {
			return fmt.Sprintf("epoch %q is not a decimal number", epoch)
		}
		if n, err := strconv.ParseUint(epoch, 10, 64); err != nil || n > maxEpoch {
			return fmt.Sprintf("epoch %s is over %d", epoch, maxEpoch)
		}
	}
	if upstream == "" {
		return "the upstream version is empty"
	}
	if strings.HasSuffix(text, "-") {
		return "the revision after the last hyphen is empty"
	}
	// A colon gets this far only behind an epoch, where it is allowed.
	if c, bad := firstOutside(upstream, ".+-~:"); bad {
		return fmt.Sprintf("the upstream version contains %q", c)
	}
	if c, bad := firstOutside(revision, ".+~"); bad {
		return fmt.Sprintf("the revision contains %q", c)
	}
	return ""
}

// firstOutside finds the first character that is neither letter, digit nor one of also.
func firstOutside(s, also string) (rune, bool) {
	for _, r := range s {
		if r > 0x7f || !isLetter(byte(r)) && !isDigit(byte(r)) && !strings.ContainsRune(also, r) {
			return r, true
		}
	}
	return 0, false
}

func compareDebian(a, b string) int {
	aEpoch, aUpstream, aRevision := splitDebian(a)
	bEpoch, bUpstream, bRevision := splitDebian(b)
	if c := compareNumbers(aEpoch, bEpoch); c != 0 {
		return c
	}
	if c := compareDebianPart(aUpstream, bUpstream); c != 0 {
		return c
	}
	return compareDebianPart(aRevision, bRevision)
}

// compareDebianPart takes turns: a run of other characters by weight, then a run of digits by value. The end of a text
// is an empty run, which equals the number zero.
func compareDebianPart(a, b string) int {
	for a != "" || b != "" {
		for a != "" && !isDigit(a[0]) || b != "" && !isDigit(b[0]) {
			if c := cmp.Compare(weight(a), weight(b)); c != 0 {
				return c
			}
			a, b = a[1:], b[1:]
		}
		i, j := digits(a), digits(b)
		if c := compareNumbers(a[:i], b[:j]); c != 0 {
			return c
		}
		a, b = a[i:], b[j:]
	}
	return 0
}

// weight is the sorting weight of the first character: tilde, then the end or a digit, then letters, then the rest.
func weight(s string) int {
	switch {
	case s == "" || isDigit(s[0]):
		return 0
	case s[0] == '~':
		return -1
	case isLetter(s[0]):
		return int(s[0])
	}
	return int(s[0]) + 256
}

func digits(s string) int {
	i := 0
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	return i
}
