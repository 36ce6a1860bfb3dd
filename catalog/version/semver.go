package version

import (
	"strings"

	"github.com/Masterminds/semver/v3"
)

func semverProblem(text string) string {
	if _, err := semver.StrictNewVersion(text); err != nil {
		return err.Error()
	}
	return ""
}

// compareSemver orders by precedence; build metadata takes no part.
func compareSemver(a, b string) int {
	a, _, _ = strings.Cut(a, "+")
	b, _, _ = strings.Cut(b, "+")
	a, aPre, aHas := strings.Cut(a, "-")
	b, bPre, bHas := strings.Cut(b, "-")
	if c := compareDotted(a, b); c != 0 {
		return c
	}
	if !aHas || !bHas {
		switch {
		case aHas:
			return -1
		case bHas:
			return 1
		}
		return 0
	}
	return comparePreRelease(aPre, bPre)
}

// comparePreRelease orders identifier by identifier; of two that agree so far, the longer list is the newer.
func comparePreRelease(a, b string) int {
	for a != "" && b != "" {
		var x, y string
		x, a, _ = strings.Cut(a, ".")
		y, b, _ = strings.Cut(b, ".")
		if c := compareIdentifiers(x, y); c != 0 {
			return c
		}
	}
	switch {
	case b != "":
		return -1
	case a != "":
		return 1
	}
	return 0
}

// compareIdentifiers orders numbers by value, words by bytes, and numbers before words.
func compareIdentifiers(x, y string) int {
	xNumber, yNumber := isNumber(x), isNumber(y)
	if xNumber != yNumber {
		return order(xNumber)
	}
	if xNumber {
		return compareNumbers(x, y)
	}
	return strings.Compare(x, y)
}

func isNumber(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	return s != ""
}
