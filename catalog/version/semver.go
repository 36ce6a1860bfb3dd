package version

import (
	"strings"

	"github.com/Masterminds/semver/v3"
)

// semverKey orders by precedence; build metadata takes no part.
func semverKey(text string) ([]byte, error) {
	if _, err := semver.StrictNewVersion(text); err != nil {
		return nil, err
	}
	text, _, _ = strings.Cut(text, "+")
	core, pre, isPre := strings.Cut(text, "-")
	k := newKey(text).dotted(core)
	if !isPre {
		return append(k, preNone), nil
	}
	for id := range strings.SplitSeq(pre, ".") {
		k = k.preRelease(id)
	}
	return append(k, preEnd), nil
}

// How the parts of a pre-release sort: a shorter list first, numbers before words, and the release after all of them.
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
