package version_test

import (
	"cmp"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/patchpolicy/patchpolicy/catalog/version"
)

// references order two versions without keys, as the schemes' own programs do:
// the keys must order them alike.
var references = map[version.Scheme]func(a, b string) int{
	version.Debian: referenceDebian,
	version.Rpm:    referenceRpm,
	version.Semver: func(a, b string) int { return semver.MustParse(a).Compare(semver.MustParse(b)) },
}

// numbers orders two runs of digits by value.
func numbers(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

func digit(s string) bool { return s != "" && '0' <= s[0] && s[0] <= '9' }

func letter(s string) bool {
	return s != "" && (s[0]|0x20) >= 'a' && (s[0]|0x20) <= 'z'
}

// while cuts off the beginning of s that is so.
func while(s string, is func(string) bool) (run, rest string) {
	i := 0
	for is(s[i:]) {
		i++
	}
	return s[:i], s[i:]
}

func referenceDebian(a, b string) int {
	split := func(s string) (epoch, upstream, revision string) {
		if i := strings.IndexByte(s, ':'); i >= 0 {
			epoch, s = s[:i], s[i+1:]
		}
		if i := strings.LastIndexByte(s, '-'); i >= 0 {
			return epoch, s[:i], s[i+1:]
		}
		return epoch, s, ""
	}
	aEpoch, aUpstream, aRevision := split(a)
	bEpoch, bUpstream, bRevision := split(b)
	return cmp.Or(numbers(aEpoch, bEpoch), verrevcmp(aUpstream, bUpstream), verrevcmp(aRevision, bRevision))
}

// verrevcmp is dpkg's loop.
func verrevcmp(a, b string) int {
	weight := func(s string) int {
		switch {
		case s == "" || digit(s):
			return 0
		case s[0] == '~':
			return -1
		case letter(s):
			return int(s[0])
		}
		return int(s[0]) + 256
	}
	for a != "" || b != "" {
		for a != "" && !digit(a) || b != "" && !digit(b) {
			if c := cmp.Compare(weight(a), weight(b)); c != 0 {
				return c
			}
			a, b = a[1:], b[1:]
		}
		var x, y string
		x, a = while(a, digit)
		y, b = while(b, digit)
		if c := numbers(x, y); c != 0 {
			return c
		}
	}
	return 0
}

func referenceRpm(a, b string) int {
	split := func(s string) (epoch, version, release string, has bool) {
		if i := strings.IndexByte(s, ':'); i >= 0 {
			epoch, s = s[:i], s[i+1:]
		}
		if i := strings.LastIndexByte(s, '-'); i >= 0 {
			return epoch, s[:i], s[i+1:], true
		}
		return epoch, s, "", false
	}
	aEpoch, aVersion, aRelease, aHas := split(a)
	bEpoch, bVersion, bRelease, bHas := split(b)
	if c := cmp.Or(numbers(aEpoch, bEpoch), rpmvercmp(aVersion, bVersion)); c != 0 {
		return c
	}
	switch {
	case aHas && !bHas:
		return 1
	case !aHas && bHas:
		return -1
	}
	return rpmvercmp(aRelease, bRelease)
}

// rpmvercmp is rpm's loop.
func rpmvercmp(a, b string) int {
	separator := func(s string) bool { return s != "" && !digit(s) && !letter(s) && s[0] != '~' && s[0] != '^' }
	for a != "" || b != "" {
		_, a = while(a, separator)
		_, b = while(b, separator)
		if x, y := strings.HasPrefix(a, "~"), strings.HasPrefix(b, "~"); x || y {
			if !x {
				return 1
			}
			if !y {
				return -1
			}
			a, b = a[1:], b[1:]
			continue
		}
		if x, y := strings.HasPrefix(a, "^"), strings.HasPrefix(b, "^"); x || y {
			switch {
			case a == "":
				return -1
			case b == "":
				return 1
			case !x:
				return 1
			case !y:
				return -1
			}
			a, b = a[1:], b[1:]
			continue
		}
		if a == "" || b == "" {
			break
		}
		kind, order := letter, strings.Compare
		if digit(a) {
			kind, order = digit, numbers
		}
		var x, y string
		x, a = while(a, kind)
		y, b = while(b, kind)
		if y == "" {
			if digit(x) {
				return 1
			}
			return -1
		}
		if c := order(x, y); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a), len(b))
}
