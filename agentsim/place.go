package agentsim

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog"
)

// place is a platform and an architecture: of an asset, or of a product.
type place struct {
	platform     catalog.Platform
	architecture string
}

// usual is the place of a patch or an asset that names none.
var usual = place{catalog.Linux, "amd64"}

var architectures = []string{usual.architecture, "arm64", "386"}

// parsePlace parses a place; without an architecture it has the usual one.
func parsePlace(platform, architecture string) (at place, err error) {
	if at.platform, err = catalog.ParsePlatform(platform); err != nil {
		return at, err
	}
	if at.architecture = cmp.Or(architecture, usual.architecture); !slices.Contains(architectures, at.architecture) {
		return at, fmt.Errorf("%q is not an architecture; write one of: %s", architecture, strings.Join(architectures, ", "))
	}
	return at, nil
}

func (at place) String() string {
	if at.architecture == usual.architecture {
		return at.platform.String()
	}
	return at.platform.String() + "/" + at.architecture
}

// fits reports whether a product runs at the place. A product without an
// architecture runs on all.
func (at place) fits(p catalog.Product) bool {
	return p.Platform == at.platform && (p.Architecture == "" || p.Architecture == at.architecture)
}
