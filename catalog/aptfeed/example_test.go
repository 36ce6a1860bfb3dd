package aptfeed_test

import (
	"fmt"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog/aptfeed"
)

func ExampleProductID() {
	product := aptfeed.ProductID("bookworm", "amd64", "openssl")
	fmt.Println(product)
	fmt.Println(aptfeed.PatchID(product, "3.0.17-1~deb12u2"))
	// Output:
	// deb/bookworm/amd64/openssl
	// deb/bookworm/amd64/openssl=3.0.17-1~deb12u2
}

// What cannot be used is told with file and line, and costs only itself.
func ExampleParseSources() {
	sources, problems := aptfeed.ParseSources("vendor.list", strings.NewReader(`
deb [arch=amd64 signed-by=/etc/apt/keyrings/vendor.gpg] https://packages.example.com/debian bookworm main
deb [trusted=yes] https://packages.example.org/debian bookworm main
`))
	for _, s := range sources {
		fmt.Println(s.URI, s.Suite, s.Targets[0].Component, s.SignedBy)
	}
	for _, p := range problems {
		fmt.Println(p)
	}
	// Output:
	// https://packages.example.com/debian/ bookworm main [/etc/apt/keyrings/vendor.gpg]
	// vendor.list:3: trusted=yes is refused: this feed takes nothing whose signature it cannot check; sign the repository and name its key in signed-by
}
