package aptfeed

import (
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog"
)

// ProductID names a package of a channel and architecture: "deb/<channel>/<arch>/<name>". The architecture is the
// asset's native one for a package of architecture "all" too. Whoever takes an asset's inventory makes the same ids.
func ProductID(channel, arch, name string) catalog.ProductID {
	return catalog.ProductID("deb/" + channel + "/" + arch + "/" + name)
}

// PatchID names one version of a product: the product's id, "=" and the version.
func PatchID(product catalog.ProductID, version string) catalog.PatchID {
	return catalog.PatchID(string(product) + "=" + version)
}

// SplitProductID takes a ProductID apart; ok is false when id was not made by ProductID.
func SplitProductID(id catalog.ProductID) (channel, arch, name string, ok bool) {
	parts := strings.Split(string(id), "/")
	if len(parts) != 4 || parts[0] != "deb" {
		return "", "", "", false
	}
	return parts[1], parts[2], parts[3], true
}
