// Package debian is what feeds and assets of Debian and its derivatives must
// agree on: the ids of products and patches, the channel of a suite
// ([Release]), and the release and architectures of a system.
package debian

import (
	"cmp"
	"runtime"
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/aptfeed/deb822"
	"github.com/patchpolicy/patchpolicy/internal/inroot"
)

// ProductID returns the id of a package in a channel and architecture:
// "deb/<channel>/<arch>/<name>". For a package of architecture "all", arch is
// the asset's native one.
func ProductID(channel, arch, name string) catalog.ProductID {
	return catalog.ProductID("deb/" + channel + "/" + arch + "/" + name)
}

// PatchID returns the id of one version of a product: the product's id, "=" and
// the version.
func PatchID(product catalog.ProductID, version string) catalog.PatchID {
	return catalog.PatchID(string(product) + "=" + version)
}

// SplitProductID splits an id that ProductID made. It is not ok for any other
// id.
func SplitProductID(id catalog.ProductID) (channel, arch, name string, ok bool) {
	parts := strings.Split(string(id), "/")
	if len(parts) != 4 || parts[0] != "deb" {
		return "", "", "", false
	}
	return parts[1], parts[2], parts[3], true
}

// maxFile bounds what is read of a small system file, in bytes. Real ones have
// less than 1 kB.
const maxFile = 1 << 20

// lines returns the lines of a small file below root. None: it cannot be read.
func lines(root, name string) []string {
	data, err := inroot.ReadFile(root, name, maxFile)
	if err != nil {
		return nil
	}
	return strings.Split(string(data), "\n")
}

// OSRelease returns the fields of os-release(5) below root, like
// VERSION_CODENAME. It is empty if the file cannot be read.
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

// Architectures returns the architectures of packages below root: first the
// native one, which is that of the installed dpkg, then the foreign ones that
// dpkg is configured for. If both are unknown, it returns that of the running
// program.
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

// installedDpkg returns the architecture of the installed dpkg. Empty: unknown.
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

// ValidArchitecture reports whether s has the form of Debian's architecture
// names: lower-case letters, digits and "-".
func ValidArchitecture(s string) bool {
	return s != "" && len(s) <= 40 && s[0] != '-' && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}
