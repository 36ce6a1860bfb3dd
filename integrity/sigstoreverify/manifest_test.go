package sigstoreverify_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/sigstore/sigstore/pkg/signature"
	sigstoredsse "github.com/sigstore/sigstore/pkg/signature/dsse"
	"github.com/sigstore/sigstore/pkg/signature/options"
	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity/sigstoreverify"
	"github.com/patchpolicy/patchpolicy/manifest"
)

var (
	_ manifest.Signer   = (*sigstoreverify.ManifestSigner)(nil)
	_ manifest.Verifier = (*sigstoreverify.ManifestVerifier)(nil)
)

// A server seals manifests with a key on P-256; an agent that pins its public half opens them.
func ExampleNewManifestSigner() {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader) // with a key service it is that service's signer
	if err != nil {
		fmt.Println(err)
		return
	}
	key, err := signature.LoadSignerVerifier(private, crypto.SHA256)
	if err != nil {
		fmt.Println(err)
		return
	}
	signer, err := sigstoreverify.NewManifestSigner(key)
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	sealed, err := manifest.Seal(manifest.Document{
		Format: manifest.Format, Asset: "web-1", Revision: 7, Issued: now, Expires: now.Add(manifest.Lifetime),
	}, signer)
	if err != nil {
		fmt.Println(err)
		return
	}

	pinned, err := sigstoreverify.NewManifestVerifier(key) // of the public key alone: signature.LoadVerifier
	if err != nil {
		fmt.Println(err)
		return
	}
	doc, err := manifest.Open(sealed, pinned, "web-1", 6, "", now)
	fmt.Println(doc.Asset, doc.Revision, err)
	_, err = manifest.Open(append(sealed[:len(sealed)-1], ' '), pinned, "web-1", 6, "", now)
	var refused *manifest.Refused
	fmt.Println(errors.As(err, &refused), refused.Reason)
	// Output:
	// web-1 7 <nil>
	// true BadSignature
}

func TestManifestsByEveryKind_MAN5(t *testing.T) {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	pss := []signature.LoadOption{options.WithRSAPSS(&rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}), options.WithHash(crypto.SHA256)}
	kinds := map[string]struct {
		key  crypto.Signer
		opts []signature.LoadOption
	}{
		"Ed25519": {ed, nil}, "Ed25519ph": {ed, []signature.LoadOption{options.WithED25519ph()}},
		"RSA PKCS #1": {rsaKey, nil}, "RSA PSS": {rsaKey, pss},
	}
	for name, curve := range map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		require.NoError(t, err)
		kinds[name] = struct {
			key  crypto.Signer
			opts []signature.LoadOption
		}{key, nil}
	}
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	doc := manifest.Document{Format: manifest.Format, Asset: "web-1", Revision: 7, Issued: now, Expires: now.Add(time.Hour)}
	pins := map[string]*sigstoreverify.ManifestVerifier{}
	sealed := map[string][]byte{}
	for name, k := range kinds {
		s, err := signature.LoadSignerWithOpts(k.key, k.opts...)
		require.NoError(t, err)
		signer, err := sigstoreverify.NewManifestSigner(s)
		require.NoError(t, err)
		sealed[name], err = manifest.Seal(doc, signer)
		require.NoError(t, err)
		v, err := signature.LoadVerifierWithOpts(k.key.Public(), k.opts...)
		require.NoError(t, err)
		pins[name], err = sigstoreverify.NewManifestVerifier(v)
		require.NoError(t, err)
		require.Equal(t, signer.KeyID(), pins[name].KeyID())
	}
	for by, bytes := range sealed {
		for pinned, v := range pins {
			got, err := manifest.Open(bytes, v, "web-1", 0, "", now)
			if by == pinned {
				require.NoError(t, err, by)
				require.Equal(t, doc.Revision, got.Revision)
				continue
			}
			var refused *manifest.Refused
			require.ErrorAs(t, err, &refused, "%s by %s", pinned, by)
			require.Equal(t, manifest.BadSignature, refused.Reason)
		}
	}

	// An Ed25519 key is the same key here and there.
	public := ed.Public().(ed25519.PublicKey)
	require.Equal(t, manifest.Fingerprint(public), pins["Ed25519"].KeyID())
	_, err = manifest.Open(sealed["Ed25519"], manifest.NewVerifier(public), "web-1", 0, "", now)
	require.NoError(t, err)
	there, err := manifest.Seal(doc, manifest.NewSigner(ed))
	require.NoError(t, err)
	_, err = manifest.Open(there, pins["Ed25519"], "web-1", 0, "", now)
	require.NoError(t, err)

	// Others are named by their PKIX form, and their envelopes are DSSE like any other's.
	der, err := x509.MarshalPKIXPublicKey(kinds["P-256"].key.Public())
	require.NoError(t, err)
	sum := sha256.Sum256(der)
	require.Equal(t, "sha256:"+hex.EncodeToString(sum[:]), pins["P-256"].KeyID())
	v, err := signature.LoadVerifier(kinds["P-256"].key.Public(), crypto.SHA256)
	require.NoError(t, err)
	reference, err := dsse.NewEnvelopeVerifier(&sigstoredsse.VerifierAdapter{SignatureVerifier: v, Pub: kinds["P-256"].key.Public(), PubKeyID: pins["P-256"].KeyID()})
	require.NoError(t, err)
	var envelope dsse.Envelope
	require.NoError(t, json.Unmarshal(sealed["P-256"], &envelope))
	_, err = reference.Verify(context.Background(), &envelope)
	require.NoError(t, err)
}

// silent is a key service that does not answer.
type silent struct{ signature.Signer }

func (silent) PublicKey(...signature.PublicKeyOption) (crypto.PublicKey, error) {
	return nil, context.DeadlineExceeded
}

func TestManifestKeysThatAreRefused(t *testing.T) {
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	weak, err := signature.LoadSignerVerifier(short, crypto.SHA256)
	require.NoError(t, err)
	var unsupported *sigstoreverify.UnsupportedKey
	_, err = sigstoreverify.NewManifestSigner(weak)
	require.ErrorAs(t, err, &unsupported)
	require.Contains(t, unsupported.Problem, "RSA key of 1024 bits")
	_, err = sigstoreverify.NewManifestVerifier(weak)
	require.ErrorAs(t, err, &unsupported)
	_, err = sigstoreverify.NewManifestSigner(nil)
	require.ErrorAs(t, err, &unsupported)
	_, err = sigstoreverify.NewManifestVerifier(nil)
	require.ErrorAs(t, err, &unsupported)
	_, err = sigstoreverify.NewManifestSigner(silent{})
	require.ErrorIs(t, err, context.DeadlineExceeded)
}
