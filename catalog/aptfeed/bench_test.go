package aptfeed

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog/internal/repository"
)

// packages is a list of n packages of ordinary size.
func packages(n int) []byte {
	var b strings.Builder
	for i := range n {
		b.WriteString(deb(fmt.Sprintf("package-%d", i), fmt.Sprintf("1.%d-2+deb12u1", i), "amd64",
			"Depends: libc6 (>= 2.36), libgcc-s1 (>= 3.0), libstdc++6 (>= 12), zlib1g (>= 1:1.1.4)",
			"Homepage: https://www.example.com/", "Tag: role::program, interface::commandline", "Section: utils", "Priority: optional",
			"Description-md5: d41d8cd98f00b204e9800998ecf8427e", "Installed-Size: 1234", "Multi-Arch: foreign",
			"MD5sum: d41d8cd98f00b204e9800998ecf8427e"))
		b.WriteString("\n")
	}
	return []byte(b.String())
}

// Reading a packed list, beside unpacking it alone: the difference is what
// parsing and digesting cost.
func BenchmarkList(b *testing.B) {
	plain := packages(20_000)
	for _, form := range []string{"", ".gz", ".xz"} {
		packed := pack(b, plain, form)
		b.Run("unpack"+form, func(b *testing.B) {
			b.SetBytes(int64(len(plain)))
			for b.Loop() {
				in, err := repository.Decompress(bytes.NewReader(packed), form)
				require.NoError(b, err)
				_, err = io.Copy(io.Discard, in)
				require.NoError(b, err)
			}
		})
		b.Run("parse"+form, func(b *testing.B) {
			b.SetBytes(int64(len(plain)))
			b.ReportAllocs()
			for b.Loop() {
				in, err := repository.Decompress(bytes.NewReader(packed), form)
				require.NoError(b, err)
				records, _, err := parser{channel: "bookworm", archs: []string{"amd64"}}.packages(in)
				require.NoError(b, err)
				require.Len(b, records, 20_000)
			}
		})
	}
}
