package version

import (
	"errors"
	"fmt"
	"strconv"
)

// semverKey orders by precedence. Build metadata does not count.
func semverKey(k key, s string) (key, error) {
	var id string
	for i := range 3 {
		id = ""
		if i == 0 {
			id, s = cutRun(s, isDigit)
		} else if s != "" && s[0] == '.' {
			id, s = cutRun(s[1:], isDigit)
		}
		if id == "" {
			return nil, errors.New("it does not begin with three numbers like 1.2.3")
		}
		if !isStrict(id) {
			return nil, fmt.Errorf("number %s has leading zeros", id)
		}
		if len(id) > 19 { // which may be more than 64 bits
			if _, err := strconv.ParseUint(id, 10, 64); err != nil {
				return nil, fmt.Errorf("number %s does not fit 64 bits", id)
			}
		}
		k = k.number(semverNumber, id)
	}
	if s == "" || s[0] != '-' {
		k = append(k, preNone)
	} else {
		for more := true; more; more = s != "" && s[0] == '.' {
			if id, s = cutRun(s[1:], isIdentifier); id == "" || isNumber(id) && !isStrict(id) {
				return nil, fmt.Errorf("pre-release identifier %q is empty or a number with leading zeros", id)
			}
			k = k.preRelease(id)
		}
		k = append(k, preEnd)
	}
	if s != "" && s[0] == '+' {
		for more := true; more; more = s != "" && s[0] == '.' {
			if id, s = cutRun(s[1:], isIdentifier); id == "" {
				return nil, errors.New("an identifier of the build metadata is empty")
			}
		}
	}
	if s != "" {
		return nil, fmt.Errorf("%w is out of place", outside(s))
	}
	return k, nil
}

func isIdentifier(c byte) bool { return isDigit(c) || isLetter(c) || c == '-' }

func isStrict(digits string) bool { return digits != "" && (digits[0] != '0' || digits == "0") }

const semverNumber = 1

// How the parts of a pre-release sort: a shorter list first, numbers before
// words, and the release last.
const (
	preEnd    = 1
	preNumber = 2
	preWord   = preNumber + numberSpan
	preNone   = preWord + 1
)

func (k key) preRelease(id string) key {
	if isNumber(id) {
		return k.number(preNumber, id)
	}
	return append(k, preWord).word(id)
}
