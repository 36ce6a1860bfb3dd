package version

import (
	"fmt"
	"strings"
)

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
