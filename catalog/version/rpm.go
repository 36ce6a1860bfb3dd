package version

import (
	"errors"
	"fmt"
)

func rpmKey(k key, text string) (key, error) {
	epoch, version, release, hasEpoch, hasRelease := splitPackage(text)
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
	k, err := k.number(rpmNumber, epoch).rpmPart(version)
	if err != nil {
		return nil, fmt.Errorf("the version contains %w", err)
	}
	if !hasRelease {
		return append(k, rpmNoRelease), nil
	}
	if k, err = k.rpmPart(release); err != nil {
		return nil, fmt.Errorf("the release contains %w", err)
	}
	return k, nil
}

// How the segments of a version sort: a tilde before the end, a caret after it,
// then letters, then numbers. Letters keep their own bytes. No release sorts
// before any release.
const (
	rpmNoRelease = 0
	rpmTilde     = 1
	rpmEnd       = 2
	rpmCaret     = 3
	rpmNumber    = 'z' + 1
)

// rpmPart takes runs of letters and runs of digits. Separators do not count.
// The error is the first character that is not allowed.
func (k key) rpmPart(s string) (key, error) {
	for s != "" {
		var run string
		switch c := s[0]; {
		case isDigit(c):
			run, s = cutRun(s, isDigit)
			k = k.number(rpmNumber, run)
		case isLetter(c):
			run, s = cutRun(s, isLetter)
			k = k.word(run)
		case c == '.', c == '_', c == '+':
			s = s[1:]
		case c == '~':
			k, s = append(k, rpmTilde), s[1:]
		case c == '^':
			k, s = append(k, rpmCaret), s[1:]
		default:
			return nil, outside(s)
		}
	}
	return append(k, rpmEnd), nil
}
