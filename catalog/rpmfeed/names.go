package rpmfeed

import (
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog"
)

// NoArch is the architecture of packages for every machine.
const NoArch = "noarch"

// ProductID returns the id of a package in a channel and architecture:
// "rpm/<channel>/<arch>/<name>". For a noarch package, arch is the asset's
// native one: an update may change a package from one to the other.
func ProductID(channel, arch, name string) catalog.ProductID {
	return catalog.ProductID("rpm/" + channel + "/" + arch + "/" + name)
}

// patchID returns the id of one version of a product: the product's id, "=" and
// the version.
func patchID(product catalog.ProductID, evr string) catalog.PatchID {
	return catalog.PatchID(string(product) + "=" + evr)
}

// SplitProductID splits an id that ProductID made. It is not ok for any other
// id.
func SplitProductID(id catalog.ProductID) (channel, arch, name string, ok bool) {
	parts := strings.Split(string(id), "/")
	if len(parts) != 4 || parts[0] != "rpm" {
		return "", "", "", false
	}
	return parts[1], parts[2], parts[3], true
}

// EVR returns a version as patches have it: [epoch:]version-release, without an
// epoch of zero. No epoch, and rpm's "(none)", are zero.
func EVR(epoch, version, release string) string {
	if epoch == "" || epoch == "0" || epoch == "(none)" {
		return version + "-" + release
	}
	return epoch + ":" + version + "-" + release
}

// build is one build of a package, as metadata name it.
type build struct{ name, evr, arch string }

const (
	nameBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-._"
	archBytes = "abcdefghijklmnopqrstuvwxyz0123456789_"
	idBytes   = nameBytes + ":"
)

// validName accepts what can be part of an id.
func validName(s, allowed string) bool {
	return s != "" && len(s) <= maxName && s[0] != '.' && s[0] != '-' && strings.Trim(s, allowed) == ""
}
