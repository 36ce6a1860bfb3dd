package version

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// splitPackage splits a version of debian or rpm at the first colon and the
// last hyphen.
func splitPackage(text string) (epoch, upstream, revision string, hasEpoch, hasRevision bool) {
	if i := strings.IndexByte(text, ':'); i >= 0 {
		epoch, text, hasEpoch = text[:i], text[i+1:], true
	}
	if i := strings.LastIndexByte(text, '-'); i >= 0 {
		return epoch, text[:i], text[i+1:], hasEpoch, true
	}
	return epoch, text, "", hasEpoch, false
}

func debianKey(k key, text string) (key, error) {
	epoch, upstream, revision, hasEpoch, hasRevision := splitPackage(text)
	if hasEpoch {
		if err := checkEpoch(epoch, maxEpoch); err != nil {
			return nil, err
		}
	}
	if upstream == "" {
		return nil, errors.New("the upstream version is empty")
	}
	if hasRevision && revision == "" {
		return nil, errors.New("the revision after the last hyphen is empty")
	}
	// A colon is left only after an epoch, where it is allowed.
	k, err := k.number(debianNumber, epoch).debianPart(upstream, ".+-:")
	if err != nil {
		return nil, fmt.Errorf("the upstream version contains %w", err)
	}
	if k, err = k.debianPart(revision, ".+"); err != nil {
		return nil, fmt.Errorf("the revision contains %w", err)
	}
	return k, nil
}

func checkEpoch(epoch string, most uint64) error {
	if !isNumber(epoch) {
		return fmt.Errorf("epoch %q is not a decimal number", epoch)
	}
	if n, err := strconv.ParseUint(epoch, 10, 64); err != nil || n > most {
		return fmt.Errorf("epoch %s is over %d", epoch, most)
	}
	return nil
}

// How characters sort: the tilde, the end of a run of other characters (a
// number, or the end of the text), letters, the others.
const (
	debianTilde  = 1
	debianEnd    = 2
	debianNumber = 3
	debianLetter = debianNumber + numberSpan - 'A' // added to the letter
	debianOther  = debianLetter + 'z' + 1 - '+'    // added to the character; "+" is the first
)

// debianPart takes turns: a run of other characters by weight, then a run of
// digits by value. A missing number at the end is zero. The error is the first
// character that is not a letter, a digit, a tilde or one of others.
func (k key) debianPart(s, others string) (key, error) {
	for first := true; first || s != ""; first = false {
		for ; s != "" && !isDigit(s[0]); s = s[1:] {
			switch c := s[0]; {
			case isLetter(c):
				k = append(k, debianLetter+c)
			case c == '~':
				k = append(k, debianTilde)
			case strings.IndexByte(others, c) >= 0:
				k = append(k, debianOther+c)
			default:
				return nil, outside(s)
			}
		}
		var run string
		run, s = cutRun(s, isDigit)
		k = k.number(debianNumber, run)
	}
	return append(k, debianEnd), nil
}
