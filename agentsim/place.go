package agentsim

import (
	"fmt"
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog"
)

// place is where a product runs, and what an asset is.
type place struct {
	platform     catalog.Platform
	architecture string
}

// usual is what a patch or an asset is for that names no place.
var usual = place{catalog.Linux, "amd64"}

var architectures = []string{usual.architecture, "arm64", "386"}

// parsePlace reads the words of a place; without an architecture it is the usual one.
func parsePlace(platform, architecture string) (at place, err error) {
	if at.platform, err = catalog.ParsePlatform(platform); err != nil {
		return at, err
	}
	if at.architecture = architecture; architecture == "" {
		at.architecture = usual.architecture
	}
	if !slices.Contains(architectures, at.architecture) {
		return at, fmt.Errorf("%q is no architecture; write one of: %s", architecture, strings.Join(architectures, ", "))
	}
	return at, nil
}

func (at place) String() string {
	if at.architecture == usual.architecture {
		return at.platform.String()
	}
	return at.platform.String() + "/" + at.architecture
}

// fits reports whether a product runs at the place. One without an architecture runs on all.
func (at place) fits(p catalog.Product) bool {
	return p.Platform == at.platform && (p.Architecture == "" || p.Architecture == at.architecture)
}
