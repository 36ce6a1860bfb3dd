package version

import (
	"errors"
	"fmt"
	"strings"
)

// splitRpm takes a version apart at the first colon and the last hyphen.
func splitRpm(text string) (epoch, version, release string, hasEpoch, hasRelease bool) {
	if before, after, found := strings.Cut(text, ":"); found {
		epoch, text, hasEpoch = before, after, true
	}
	if i := strings.LastIndexByte(text, '-'); i >= 0 {
		return epoch, text[:i], text[i+1:], hasEpoch, true
	}
	return epoch, text, "", hasEpoch, false
}

func rpmUpstream(text string) string {
	_, version, _, _, _ := splitRpm(text)
	return version
}

func rpmKey(text string) ([]byte, error) {
	epoch, version, release, hasEpoch, hasRelease := splitRpm(text)
	if hasEpoch {
		if err := checkEpoch(epoch, maxRpmEpoch); err != nil {
			return nil, err
		}
	}
	if version == "" {
		return nil, errors.New("the version is empty")
	}
	if hasRelease && release == "" {
		return nil, errors.New("the release after the last hyphen is empty")
	}
	const allowed = "._+~^"
	if c, bad := firstOutside(version, allowed); bad {
		return nil, fmt.Errorf("the version contains %q", c)
	}
	if c, bad := firstOutside(release, allowed); bad {
		return nil, fmt.Errorf("the release contains %q", c)
	}
	k := newKey(text).number(rpmNumber, epoch).rpmPart(version)
	if !hasRelease {
		return append(k, rpmNoRelease), nil
	}
	return k.rpmPart(release), nil
}

// How the segments of a version sort: a tilde before the end, a caret after it, then letters, then numbers. Letters keep
// their own bytes. No release at all sorts before any.
const (
	rpmNoRelease = 0
	rpmTilde     = 1
	rpmEnd       = 2
	rpmCaret     = 3
	rpmNumber    = 'z' + 1
)

// rpmPart takes runs of letters and runs of digits; what separates them does not count.
func (k key) rpmPart(s string) key {
	for s != "" {
		var run string
		switch c := s[0]; {
		case c == '~':
			k, s = append(k, rpmTilde), s[1:]
		case c == '^':
			k, s = append(k, rpmCaret), s[1:]
		case isLetter(c):
			run, s = cutRun(s, isLetter)
			k = k.word(run)
		case isDigit(c):
			run, s = cutRun(s, isDigit)
			k = k.number(rpmNumber, run)
		default:
			s = s[1:]
		}
	}
	return append(k, rpmEnd)
}
