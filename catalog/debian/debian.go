// Package debian is what feeds and assets of Debian and its kin must agree on: the ids of products
// and patches, the channel of a suite ([Release]), and which release and architectures a system
// has.
package debian

import (
	"cmp"
	"io"
	"runtime"
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/aptfeed/deb822"
	"github.com/patchpolicy/patchpolicy/internal/inroot"
)

// ProductID names a package of a channel and architecture: "deb/<channel>/<arch>/<name>". The architecture is the
// asset's native one for a package of architecture "all" too.
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

// maxFile bounds what is read of a small file of the system, in bytes: real ones have under a kB.
const maxFile = 1 << 20

// lines are those of a small file below root; none when it cannot be read.
func lines(root, name string) []string {
	f, err := inroot.Open(root, name)
	if err != nil {
		return nil
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil
	}
	return strings.Split(string(data), "\n")
}

// OSRelease returns what os-release(5) below root says, as VERSION_CODENAME; what cannot be read is empty.
func OSRelease(root string) map[string]string {
	text := lines(root, "etc/os-release")
	if text == nil {
		text = lines(root, "usr/lib/os-release")
	}
	values := map[string]string{}
	for _, line := range text {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		values[key] = strings.Trim(value, `"'`)
	}
	return values
}

// debianNames are Debian's names of Go's architectures where they differ.
var debianNames = map[string]string{"386": "i386", "arm": "armhf", "ppc64le": "ppc64el", "mips64le": "mips64el"}

// Architectures returns those of the packages below root: the native one, which is that of the installed dpkg, and the
// foreign ones that dpkg was told of. Where neither can be found out it is the running program's.
func Architectures(root string) []string {
	archs := []string{installedDpkg(root)}
	for _, line := range lines(root, "var/lib/dpkg/arch") { // the native one comes first
		archs = append(archs, strings.TrimSpace(line))
	}
	var found []string
	for _, a := range archs {
		if ValidArchitecture(a) && !slices.Contains(found, a) {
			found = append(found, a)
		}
	}
	if found == nil {
		return []string{cmp.Or(debianNames[runtime.GOARCH], runtime.GOARCH)}
	}
	return found
}

// installedDpkg is the architecture of the installed dpkg; empty: it is not known.
func installedDpkg(root string) string {
	f, err := inroot.Open(root, "var/lib/dpkg/status")
	if err != nil {
		return ""
	}
	defer f.Close()
	for p, err := range deb822.NewReader(f).All() {
		if err == nil && p.Get("Package") == "dpkg" && p.Get("Architecture") != "all" {
			return p.Get("Architecture")
		}
	}
	return ""
}

// ValidArchitecture accepts the form of Debian's architecture names: lower-case letters, digits and "-".
func ValidArchitecture(s string) bool {
	return s != "" && len(s) <= 40 && s[0] != '-' && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}
