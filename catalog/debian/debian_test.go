package debian_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/debian"
)

func ExampleProductID() {
	product := debian.ProductID("bookworm", "amd64", "openssl")
	fmt.Println(product)
	fmt.Println(debian.PatchID(product, "3.0.17-1~deb12u2"))
	// Output:
	// deb/bookworm/amd64/openssl
	// deb/bookworm/amd64/openssl=3.0.17-1~deb12u2
}

func TestProductID(t *testing.T) {
	id := debian.ProductID("bookworm", "amd64", "libc6")
	require.Equal(t, catalog.ProductID("deb/bookworm/amd64/libc6"), id)
	channel, arch, name, ok := debian.SplitProductID(id)
	require.True(t, ok)
	require.Equal(t, []string{"bookworm", "amd64", "libc6"}, []string{channel, arch, name})
	for _, bad := range []catalog.ProductID{"", "deb/a/b", "rpm/a/b/c", "deb/a/b/c/d", "rpm/9/x86_64/bash"} {
		_, _, _, ok = debian.SplitProductID(bad)
		require.False(t, ok)
	}
}

func TestWhatARootSays(t *testing.T) {
	root := t.TempDir()
	write := func(name, content string) {
		path := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	}
	require.Empty(t, debian.OSRelease(root))
	require.Len(t, debian.Architectures(root), 1, "the program's own")
	require.True(t, debian.ValidArchitecture(debian.Architectures(root)[0]))

	write("usr/lib/os-release", "VERSION_CODENAME=\"trixie\"\nID='debian'\n")
	require.Equal(t, "trixie", debian.OSRelease(root)["VERSION_CODENAME"])
	require.Equal(t, "debian", debian.OSRelease(root)["ID"])
	write("etc/os-release", "VERSION_CODENAME=mine\n")
	require.Equal(t, "mine", debian.OSRelease(root)["VERSION_CODENAME"])

	write("var/lib/dpkg/status", "")
	write("var/lib/dpkg/arch", "riscv64\namd64\n")
	require.Equal(t, []string{"riscv64", "amd64"}, debian.Architectures(root))
	write("var/lib/dpkg/status", "broken\n\nPackage: dpkg\nArchitecture: arm64\n")
	write("var/lib/dpkg/arch", "arm64\narmhf\n\nBAD\n")
	require.Equal(t, []string{"arm64", "armhf"}, debian.Architectures(root))
}
