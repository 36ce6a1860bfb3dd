package aptfeed

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
)

// Advisories speak of source packages in the source's version (CAT-18).
func TestSourcePackage_CAT18(t *testing.T) {
	list := strings.Join([]string{
		deb("plain", "1.0-1", "amd64"),
		deb("libhare1", "2.0-1", "amd64", "Source: hare"),
		deb("libhare-perl", "2.0-1+b3", "amd64", "Source: hare (2.0-1)"),
		deb("same", "2.0-1", "amd64", "Source: hare (2.0-1)"),
		deb("linux-image-6.1.0-1-amd64", "6.1.9-1", "amd64", "Source: linux-signed-amd64 (6.1.9+1)"),
		deb("other-signed", "1-1", "amd64", "Source: grub-efi-amd64-signed (1+2)"),
		deb("strange", "1-1", "amd64", "Source: Some Body!"),
		deb("unversioned", "1-1", "amd64", "Source: hare (of old)"),
	}, "\n")
	records, bad, err := parser{channel: "bookworm", archs: []string{"amd64"}}.packages(strings.NewReader(list))
	require.NoError(t, err)
	require.Empty(t, bad.List("f"))
	want := map[string][2]string{
		"plain": {"plain", ""}, "libhare1": {"hare", ""}, "libhare-perl": {"hare", "2.0-1"}, "same": {"hare", ""},
		"linux-image-6.1.0-1-amd64": {"linux", ""}, "other-signed": {"grub-efi-amd64-signed", "1+2"}, "strange": {"", ""}, "unversioned": {"", ""},
	}
	require.Len(t, records, len(want))
	for _, r := range records {
		pkg := catalog.Package{Ecosystem: "Debian:12", Name: want[r.name][0]}
		if pkg.Name == "" {
			pkg = catalog.Package{}
		}
		require.Equal(t, pkg, r.listed("bookworm", "Debian", "Debian:12").Package, r.name)
		require.Zero(t, r.listed("bookworm", "Debian", "").Package)
		var built version.Version
		if text := want[r.name][1]; text != "" {
			built = version.MustParse(version.Debian, text)
		}
		require.Equal(t, built, r.patch(source{}).Source, r.name)
	}
}
