package sigstoreverify

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"slices"
	"testing"

	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/internal/cms"
)

func TestNewFindsEveryProblem(t *testing.T) {
	k := keys()
	private, err := cryptoutils.MarshalPrivateKeyToPEM(k.ed)
	require.NoError(t, err)
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	require.NoError(t, err)
	dh, err := ecdh.X25519().GenerateKey(rand.Reader)
	require.NoError(t, err)
	good := pemOf(t, k.ed.Public())
	given := []struct {
		signer integrity.Signer
		want   string
	}{
		{keyed("Vendor", good), ""},
		{keyed("Again", good), `same key as signers[0].sigstore[0].keys[0]`},
		{keyed("", pemOf(t, k.p256.Public())), "has 0 bytes"},
		{keyed("a\nb", pemOf(t, k.p384.Public())), "without control characters"},
		{keyed("Empty", nil), "want one PEM block PUBLIC KEY"},
		{keyed("Junk", []byte("ssh-ed25519 AAAA")), "want one PEM block PUBLIC KEY"},
		{keyed("Private", private), "keep the private key secret"},
		{keyed("Two", append(bytes.Clone(good), good...)), "more than one PEM block"},
		{keyed("Certificate", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})), "want one PEM block PUBLIC KEY"},
		{keyed("Cut off", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte{0x30, 0x2a}})), "want a PUBLIC KEY block"},
		{keyed("Weak", pemOf(t, k.weaker.Public())), "an RSA key of 1024 bits; want 2048 to 4096"},
		{keyed("Just too weak", pemOf(t, rsaOf(cms.MinRSA-1))), "an RSA key of 2047 bits; want 2048 to 4096"},
		{keyed("Too slow", pemOf(t, rsaOf(MaxRSA+1))), "an RSA key of 4097 bits; want 2048 to 4096"},
		{keyed("Curve", pemOf(t, p224.Public())), "an ECDSA key on P-224"},
		{keyed("No signing", pemOf(t, dh.Public())), "want Ed25519, ECDSA or RSA"},
		{keyed("Long", append(bytes.Clone(good), bytes.Repeat([]byte("\n"), MaxPEM)...)), "at most 16384"},
		{keyed("Nothing"), "neither keys nor identities"},
		{signer("Three of one", integrity.SigstoreTrust{Keys: texts(pemOf(t, k.p521.Public())), Threshold: 3}), "want 1 to 1"},
		{signer("Minus", integrity.SigstoreTrust{Keys: texts(pemOf(t, k.rsa2048.Public())), Threshold: -1}), "want 1 to 1"},
		{signer("Nothing to say", integrity.SigstoreTrust{Keys: texts(pemOf(t, k.rsa3072.Public())), Predicates: []string{""}}), "none of them empty"},
	}
	var all []integrity.Signer
	for _, g := range given {
		all = append(all, g.signer)
	}
	_, err = New(all...)
	var invalid *integrity.Invalid
	require.ErrorAs(t, err, &invalid)
	require.Len(t, invalid.Problems, len(given)-1)
	for _, p := range invalid.Problems {
		var of int
		_, err := fmt.Sscanf(p.Field, "signers[%d]", &of)
		require.NoError(t, err)
		require.Contains(t, p.Text, given[of].want)
		given[of].want = "told already"
	}
	require.NotContains(t, fmt.Sprint(invalid.Problems), string(private[40:60]), "a private key never reaches a log")
}

func TestNewAtItsLimits(t *testing.T) {
	var many []integrity.Signer
	var keys [][]byte
	for i := range max(MaxSigners, MaxKeys) + 1 {
		public, _, err := ed25519.GenerateKey(rand.Reader)
		require.NoError(t, err)
		keys = append(keys, pemOf(t, public))
		many = append(many, keyed(fmt.Sprint("Vendor ", i/2), keys[len(keys)-1]))
	}
	_, err := New(merged(many...)...)
	require.ErrorContains(t, err, `signers: are known in more than 32 ways`)
	_, err = New(merged(many[:MaxSigners]...)...)
	require.NoError(t, err)
	_, err = New(keyed("Vendor", keys...))
	require.ErrorContains(t, err, "33 keys")
	_, err = New(keyed("Vendor", keys[:MaxKeys]...))
	require.NoError(t, err)
	chatty := integrity.SigstoreTrust{Keys: texts(keys[0]), Predicates: slices.Repeat([]string{"https://vendor.example/shipped"}, MaxPredicates+1)}
	_, err = New(signer("Vendor", chatty))
	require.ErrorContains(t, err, "up to 16 predicate types")
	chatty.Predicates = chatty.Predicates[1:]
	_, err = New(signer("Vendor", chatty))
	require.NoError(t, err)
}

// Who is trusted by nothing, in no way or in other formats only, is nobody
// here; the zero Verifier is the same.
func TestNobodyIsTrusted_INT1(t *testing.T) {
	want := verify(new(Verifier), patch, make([]byte, 64))
	require.Equal(t, integrity.Bad, want.Status)
	for _, list := range [][]integrity.Signer{nil, {{Name: "Vendor", OpenPGP: []integrity.OpenPGPTrust{{Keyring: "a ring"}}}}} {
		require.Equal(t, want, verify(verifier(t, list...), patch, make([]byte, 64)))
	}
}
