package openpgp_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/openpgp"
)

// read reads a file of testdata.
func read(name string) []byte {
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		fmt.Println(err)
	}
	return data
}

func Example() {
	// The asset trusts one key of a keyring, and that for one vendor.
	v, err := openpgp.New(integrity.Signer{Name: "Vendor", OpenPGP: []integrity.OpenPGPTrust{{
		Keyring:      string(read("ring.asc")),
		Fingerprints: []string{"12379A644D3AE2D054C3690EF908F3D8512FE43C"},
	}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	patch, signature := read("patch.txt"), read("patch.txt.asc")
	good := v.Verify(bytes.NewReader(patch), int64(len(patch)), signature)
	fmt.Println(good.Status, good.Signer, good.SignedAt.Format("2006-01-02"))
	fmt.Println(v.Verify(bytes.NewReader(patch), int64(len(patch)), nil).Status)
	patch[0] = 'T'
	bad := v.Verify(bytes.NewReader(patch), int64(len(patch)), signature)
	fmt.Println(bad.Status)
	// Output:
	// valid Vendor 2026-11-22
	// absent
	// bad
}

func ExampleVerifier_Inspect() {
	rpm := read("legacy.rpm")
	r, err := new(openpgp.Verifier).Inspect(bytes.NewReader(rpm), int64(len(rpm)), nil)
	if err != nil {
		fmt.Println(err)
	}
	fmt.Println(r.Kind+":", r.Answer.Status)
	for _, s := range r.Signatures {
		fmt.Printf("over the %s, version %d, %s and %s: %s\n", s.Covers, s.Version, s.Key, s.Digest, s.Outcome)
	}
	for _, d := range r.Digests {
		fmt.Printf("%s of the %s holds: %t\n", d.Algorithm, d.Covers, d.Holds)
	}
	// Output:
	// RPM package: bad
	// over the header, version 4, RSA and SHA-512: unknown key
	// over the header and payload, version 4, RSA and SHA-512: unknown key
	// SHA-1 of the header holds: true
	// SHA-256 of the header holds: true
	// SHA-256 of the payload holds: true
}

func ExampleKeys() {
	keys, err := openpgp.Keys(read("ring.asc"))
	if err != nil {
		fmt.Println(err)
	}
	for _, k := range keys {
		fmt.Printf("%s %q %q\n", k.Algorithm, k.UserIDs, k.Problem)
	}
	// Output:
	// Ed25519 ["Vendor <vendor@example.com>"] "it is not meant to sign files"
	// Ed25519 [] ""
	// RSA 2048 ["Builder <builder@example.com>"] ""
}

func ExampleVerifier_Clearsigned() {
	v, err := openpgp.New(integrity.Signer{Name: "Builder", OpenPGP: []integrity.OpenPGPTrust{{Keyring: string(read("ring.asc"))}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	text, r := v.Clearsigned(read("clear.txt"))
	fmt.Printf("%s %q\n", r.Answer.Status, text)
	// Output:
	// valid "the patch\r\n- a dashed line\r\nFrom here\r\n\r\nto the end"
}
