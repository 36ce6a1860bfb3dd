package integrity_test

import (
	"fmt"
	"io"
	"strings"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// A file is digested while it streams, a verifier says what it found out about
// the signature, and Judge decides.
func ExampleJudge() {
	promised := integrity.NewDigester(integrity.SHA256)
	_, _ = io.WriteString(promised, "patch 1.2")
	order := integrity.Expectation{Signer: "Vendor", Digests: promised.Sums(), LatestOnly: true}

	// The vendor serves a newer file from the same address.
	d := integrity.NewDigester(order.Algorithms()...)
	_, _ = io.Copy(d, strings.NewReader("patch 1.3"))

	signed := integrity.Judge(order, integrity.Signature{Status: integrity.Valid, Signer: "Vendor"}, d.Sums())
	fmt.Println(signed.Passed, signed.Rule, signed.Text)

	order.LatestOnly = false // it serves one version alone
	other := integrity.Judge(order, integrity.Signature{Status: integrity.Valid, Signer: "Vendor"}, d.Sums())
	fmt.Println(other.Passed, other.Rule, uint8(other.Code), other.Code, other.Text)

	stripped := integrity.Judge(order, integrity.Signature{Status: integrity.Absent}, d.Sums())
	fmt.Println(stripped.Passed, stripped.Rule, uint8(stripped.Code), stripped.Code, stripped.Text)

	order.Signer = ""
	unsigned := integrity.Judge(order, integrity.Signature{Status: integrity.Absent}, d.Sums())
	fmt.Println(unsigned.Passed, unsigned.Rule, uint8(unsigned.Code), unsigned.Code, unsigned.Text)
	// Output:
	// true INT-1 The file is validly signed by "Vendor"; its checksum does not match by sha256.
	// false INT-5 12 FileHashValidationFailed The file is validly signed by "Vendor", but is not the one ordered: its checksum does not match by sha256.
	// false INT-4 11 FileSignatureFailed The file carries no signature; the order expects one by "Vendor".
	// false INT-2 12 FileHashValidationFailed The file carries no signature, and its checksum does not match by sha256.
}

func ExampleParseDigest() {
	d, err := integrity.ParseDigest("sha1:A9993E364706816ABA3E25717850C26C9CD0D89D")
	fmt.Println(d, d.Algorithm.Legacy(), err)
	_, err = integrity.ParseDigest("sha256:a9993e36")
	fmt.Println(err)
	// Output:
	// sha1:a9993e364706816aba3e25717850c26c9cd0d89d true <nil>
	// invalid digest "sha256:a9993e36": sha256 has 64 hex digits, not 8
}
