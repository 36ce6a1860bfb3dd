package version

import (
	"cmp"
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
	a, aPre, _ := strings.Cut(a, "-")
	b, bPre, _ := strings.Cut(b, "-")
	if c := compareDotted(a, b); c != 0 {
		return c
	}
	if aPre == "" || bPre == "" { // what has a pre-release comes before what has none
		return cmp.Compare(len(bPre), len(aPre))
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
	return cmp.Compare(len(a), len(b))
}

// compareIdentifiers orders numbers by value, words by bytes, and numbers before words.
func compareIdentifiers(x, y string) int {
	switch xNumber, yNumber := isNumber(x), isNumber(y); {
	case xNumber && yNumber:
		return compareNumbers(x, y)
	case xNumber:
		return -1
	case yNumber:
		return 1
	}
	return strings.Compare(x, y)
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
