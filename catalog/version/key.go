package version

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// key is a sort key under construction: versions compare as the bytes of their
// keys do. Numbers and words follow each other without separators. If two keys
// agree up to the end of a part, the next part begins at the same place in both,
// and its first byte decides between parts of different kinds.
type key []byte

// keyRoom is enough for the keys of nearly all versions.
const keyRoom = 128

// numberSpan is how many values the first byte of a number may take, from its
// base on.
const numberSpan = 101

// number appends a number of any length. It begins with base plus the number of
// digits, without leading zeros.
func (k key) number(base byte, digits string) key {
	for digits != "" && digits[0] == '0' {
		digits = digits[1:]
	}
	n := len(digits)
	for ; n >= numberSpan-1; n -= numberSpan - 1 {
		k = append(k, base+numberSpan-1)
	}
	return append(append(k, base+byte(n)), digits...)
}

// word appends letters, and an end that sorts before all letters.
func (k key) word(letters string) key { return append(append(k, letters...), 0) }

// dotted appends numbers with dots between, and an end that sorts before a
// further number. Zeros at the end do not count.
func (k key) dotted(numbers string) key {
	const end, number = 1, 2
	zeros := 0
	for part := range strings.SplitSeq(numbers, ".") {
		if strings.Trim(part, "0") == "" {
			zeros++
			continue
		}
		for ; zeros > 0; zeros-- {
			k = k.number(number, "")
		}
		k = k.number(number, part)
	}
	return append(k, end)
}

func dottedKey(k key, text string) (key, error) {
	if n := strings.Count(text, ".") + 1; n > maxComponents {
		return nil, fmt.Errorf("it has %d components, at most %d are allowed", n, maxComponents)
	}
	for part := range strings.SplitSeq(text, ".") {
		if !isNumber(part) {
			return nil, fmt.Errorf("component %q is not a decimal number", part)
		}
	}
	return k.dotted(text), nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

func isNumber(s string) bool {
	_, rest := cutRun(s, isDigit)
	return s != "" && rest == ""
}

func cutRun(s string, is func(byte) bool) (run, rest string) {
	i := 0
	for i < len(s) && is(s[i]) {
		i++
	}
	return s[:i], s[i:]
}

// outside is an error that names the character at the beginning of s, which is
// not allowed there.
func outside(s string) error {
	c, _ := utf8.DecodeRuneInString(s)
	return fmt.Errorf("%q", c)
}
