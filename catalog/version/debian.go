package version

import (
	"errors"
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

func debianUpstream(text string) string {
	_, upstream, _ := splitDebian(text)
	return upstream
}

func debianKey(text string) ([]byte, error) {
	epoch, upstream, revision := splitDebian(text)
	if strings.Contains(text, ":") {
		if err := checkEpoch(epoch, maxEpoch); err != nil {
			return nil, err
		}
	}
	if upstream == "" {
		return nil, errors.New("the upstream version is empty")
	}
	if strings.HasSuffix(text, "-") {
		return nil, errors.New("the revision after the last hyphen is empty")
	}
	// A colon gets this far only after an epoch, where it is allowed.
	if c, bad := firstOutside(upstream, ".+-~:"); bad {
		return nil, fmt.Errorf("the upstream version contains %q", c)
	}
	if c, bad := firstOutside(revision, ".+~"); bad {
		return nil, fmt.Errorf("the revision contains %q", c)
	}
	return newKey(text).number(debianNumber, epoch).debianPart(upstream).debianPart(revision), nil
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

// How characters sort: the tilde, then the end of a run of other characters, which is a number or the end of the text,
// then letters, then the rest.
const (
	debianTilde  = 1
	debianEnd    = 2
	debianNumber = 3
	debianLetter = debianNumber + numberSpan - 'A' // added to the letter
	debianOther  = debianLetter + 'z' + 1 - '+'    // added to the character; "+" is the first
)

// debianPart takes turns: a run of other characters by weight, then a run of digits by value. A number that is missing
// at the end is zero.
func (k key) debianPart(s string) key {
	for first := true; first || s != ""; first = false {
		var run string
		run, s = cutRun(s, func(c byte) bool { return !isDigit(c) })
		for _, c := range []byte(run) {
			switch {
			case c == '~':
				k = append(k, debianTilde)
			case isLetter(c):
				k = append(k, debianLetter+c)
			default:
				k = append(k, debianOther+c)
			}
		}
		run, s = cutRun(s, isDigit)
		k = k.number(debianNumber, run)
	}
	return append(k, debianEnd)
}
