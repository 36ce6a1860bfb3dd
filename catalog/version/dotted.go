package version

import (
	"fmt"
	"strings"
)

func dottedProblem(text string) string {
	if n := strings.Count(text, ".") + 1; n > MaxComponents {
		return fmt.Sprintf("it has %d components, the most is %d", n, MaxComponents)
	}
	for part := range strings.SplitSeq(text, ".") {
		if !isNumber(part) {
			return fmt.Sprintf("component %q is not a decimal number", part)
		}
	}
	return ""
}

// compareDotted orders component by component, a missing one being zero.
func compareDotted(a, b string) int {
	for a != "" || b != "" {
		var x, y string
		x, a, _ = strings.Cut(a, ".")
		y, b, _ = strings.Cut(b, ".")
		if c := compareNumbers(x, y); c != 0 {
			return c
		}
	}
	return 0
}
