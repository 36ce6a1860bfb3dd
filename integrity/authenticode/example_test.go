package authenticode_test

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/authenticode"
)

func read(name string) []byte {
	b, err := os.ReadFile(filepath.Join("testdata", "seeds", name))
	if err != nil {
		panic(err)
	}
	return b
}

// A policy pins whose signatures count; the verdict follows from it and from
// what the order expects.
func Example() {
	v, err := authenticode.New(integrity.Signer{Name: "Vendor", Authenticode: []integrity.AuthenticodeTrust{{
		Organization: "Vendor Inc.",
		Anchors:      []string{string(read("root.pem"))},
		Timestampers: []string{string(read("stamp-root.pem"))},
	}}})
	if err != nil {
		panic(err)
	}
	for _, name := range []string{"stamped.msi", "unsigned.msi"} {
		file, err := os.Open(filepath.Join("testdata", "seeds", name))
		if err != nil {
			panic(err)
		}
		defer file.Close()
		info, err := file.Stat()
		if err != nil {
			panic(err)
		}
		signature := v.Verify(file, info.Size(), nil)
		verdict := integrity.Judge(integrity.Expectation{Signer: "Vendor"}, signature, nil)
		fmt.Println(name, signature.Status, verdict.Passed, verdict.Reason)
	}
	// Output:
	// stamped.msi valid true SignatureValid
	// unsigned.msi absent false SignatureMissing
}

// What a file says about itself shows what a policy can pin.
func ExampleInspect() {
	file, err := os.Open("testdata/seeds/nested.cab")
	if err != nil {
		panic(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		panic(err)
	}
	report, err := authenticode.Inspect(file, info.Size())
	if err != nil {
		panic(err)
	}
	for _, s := range report.Signatures {
		fmt.Println(report.Format, s.Digest.Algorithm, s.Matches, s.Chain[0].Subject, len(s.Chain), "certificates", cmp.Or(s.Problem, "as it should be"))
		for _, t := range s.Timestamps {
			fmt.Println("  stamped:", !t.Time.IsZero(), t.Time.Location() == time.UTC, t.Chain[0].Subject)
		}
	}
	// Output:
	// cab sha1 true CN=Vendor,O=Vendor Inc. 3 certificates it is made with sha1, which carries no trust
	//   stamped: true true CN=Stamper,O=Vendor Inc.
	// cab sha384 true CN=Vendor,O=Vendor Inc. 3 certificates as it should be
	//   stamped: true true CN=Stamper,O=Vendor Inc.
}
