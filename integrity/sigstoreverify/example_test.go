package sigstoreverify_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"fmt"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/sigstoreverify"
)

func Example() {
	// The vendor has a key, publishes its public half, and signs what it ships.
	private := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	der, _ := x509.MarshalPKIXPublicKey(private.Public())
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	patch := []byte("the content of a patch")
	sig, err := sigstoreverify.Sign(private, bytes.NewReader(patch))
	if err != nil {
		fmt.Println(err)
		return
	}

	// The asset trusts that key.
	v, err := sigstoreverify.New(integrity.Signer{Name: "Vendor", Sigstore: []integrity.SigstoreTrust{{Keys: []string{string(public)}}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	good := v.Verify(bytes.NewReader(patch), int64(len(patch)), sig)
	fmt.Println(good.Status, good.Signer)
	fmt.Println(v.Verify(bytes.NewReader(patch), int64(len(patch)), nil).Status)
	patch[0] = 'T'
	bad := v.Verify(bytes.NewReader(patch), int64(len(patch)), sig)
	fmt.Println(bad.Status, bad.Detail)
	// Output:
	// valid Vendor
	// absent
	// bad it is by none of the trusted keys (["Vendor"]), or the file was changed
}
