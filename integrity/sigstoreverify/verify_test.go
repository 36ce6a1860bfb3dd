package sigstoreverify

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"io"
	"math"
	"math/big"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/integritytest"
)

// keys are made once: RSA keys take a while.
var keys = sync.OnceValue(func() (k struct {
	ed, strangerEd           ed25519.PrivateKey
	p256, p384, p521         *ecdsa.PrivateKey
	rsa2048, rsa3072, weaker *rsa.PrivateKey
}) {
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	var err error
	k.ed = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	k.strangerEd = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
	k.p256, k.p384, k.p521 = ecdsaKey(elliptic.P256(), "plain"), ecdsaKey(elliptic.P384(), "plain"), ecdsaKey(elliptic.P521(), "plain")
	k.rsa2048, err = rsa.GenerateKey(rand.Reader, 2048)
	must(err)
	k.rsa3072, err = rsa.GenerateKey(rand.Reader, 3072)
	must(err)
	k.weaker, err = rsa.GenerateKey(rand.Reader, 1024)
	must(err)
	return k
})

func pemOf(t testing.TB, pub crypto.PublicKey) []byte {
	t.Helper()
	p, err := cryptoutils.MarshalPublicKeyToPEM(pub)
	require.NoError(t, err)
	return p
}

// rsaOf makes a public key of so many bits that nobody has the private half of.
func rsaOf(bits int) *rsa.PublicKey {
	n := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
	return &rsa.PublicKey{N: n.SetBit(n, 0, 1), E: 65537}
}

func key(t testing.TB, name string, k crypto.Signer) integrity.Signer {
	return keyed(name, pemOf(t, k.Public()))
}

func keyed(name string, keys ...[]byte) integrity.Signer {
	return signer(name, integrity.SigstoreTrust{Keys: texts(keys...)})
}

func texts(list ...[]byte) (out []string) {
	for _, b := range list {
		out = append(out, string(b))
	}
	return out
}

func signer(name string, t integrity.SigstoreTrust) integrity.Signer {
	return integrity.Signer{Name: name, Sigstore: []integrity.SigstoreTrust{t}}
}

// merged puts all ways of one name together.
func merged(signers ...integrity.Signer) (all []integrity.Signer) {
	for _, s := range signers {
		i := slices.IndexFunc(all, func(other integrity.Signer) bool { return other.Name == s.Name })
		if i < 0 {
			all = append(all, s)
		} else {
			all[i].Sigstore = append(all[i].Sigstore, s.Sigstore...)
		}
	}
	return all
}

func verifier(t testing.TB, signers ...integrity.Signer) *Verifier {
	t.Helper()
	v, err := New(merged(signers...)...)
	require.NoError(t, err)
	return v
}

func verify(v *Verifier, patch, sig []byte) integrity.Signature {
	return v.Verify(bytes.NewReader(patch), int64(len(patch)), sig)
}

var patch = []byte(strings.Repeat("the content of a patch. ", 5000))

// signed is a signature made in one way.
type signed struct {
	way string
	key crypto.Signer
	sig []byte
}

// ways signs patch in every way that is documented, with nothing but the standard library.
func ways(t testing.TB, patch []byte) (out []signed) {
	k := keys()
	add := func(way string, key crypto.Signer, digest []byte, opts crypto.SignerOpts) {
		sig, err := key.Sign(rand.Reader, digest, opts)
		require.NoError(t, err)
		out = append(out, signed{way, key, sig})
	}
	digest := func(h crypto.Hash) []byte {
		w := h.New()
		w.Write(patch)
		return w.Sum(nil)
	}
	add("Ed25519", k.ed, patch, crypto.Hash(0))
	add("Ed25519ph", k.ed, digest(crypto.SHA512), crypto.SHA512)
	for _, h := range []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512} {
		d := digest(h)
		add("P-256 "+h.String(), k.p256, d, h)
		add("P-384 "+h.String(), k.p384, d, h)
		add("P-521 "+h.String(), k.p521, d, h)
		add("PKCS1v15 "+h.String(), k.rsa2048, d, h)
		add("PSS "+h.String(), k.rsa3072, d, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: h})
		add("PSS longest salt "+h.String(), k.rsa2048, d, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto, Hash: h})
	}
	for _, key := range []*ecdsa.PrivateKey{k.p256, k.p384, k.p521} {
		r, s, err := ecdsa.Sign(rand.Reader, key, digest(crypto.SHA256))
		require.NoError(t, err)
		n := (key.Params().BitSize + 7) / 8
		out = append(out, signed{key.Params().Name + " both numbers", key, append(r.FillBytes(make([]byte, n)), s.FillBytes(make([]byte, n))...)})
	}
	return out
}

func TestConformance_INT9(t *testing.T) {
	k := keys()
	patch := patch[:1000]
	stranger, err := Sign(k.strangerEd, bytes.NewReader(patch))
	require.NoError(t, err)
	for _, s := range ways(t, patch) {
		// One of each family; the other ways differ in the digest only and have
		// TestSignerIsTheKeysName_INT1.
		families := []string{"Ed25519", "Ed25519ph", "P-256 SHA-256", "P-256 both numbers", "PKCS1v15 SHA-256", "PSS SHA-512"}
		if !slices.Contains(families, s.way) {
			continue
		}
		line := []byte(base64.StdEncoding.EncodeToString(s.sig) + "\n")
		for form, sig := range map[string][]byte{" raw": s.sig, " base64": line} {
			t.Run(s.way+form, func(t *testing.T) {
				if testing.Short() && slices.Index(families, s.way) > 2 {
					t.Skip("SKIPPED ALOUD: the suite for each family of keys takes a while; run without -short")
				}
				integritytest.Run(t, integritytest.Fixture{
					Verifier: verifier(t, key(t, "Vendor", s.key)),
					Signer:   "Vendor",
					Signed:   integritytest.File{Content: patch, Detached: sig},
					Unsigned: integritytest.File{Content: []byte("unsigned")},
					Stranger: integritytest.File{Content: patch, Detached: stranger},
					Nameless: true,
					Bad: map[string]integritytest.File{
						"of other content": {Content: []byte("other"), Detached: sig},
						"of no content":    {Detached: sig},
						"twice":            {Content: patch, Detached: append(bytes.Clone(sig), sig...)},
						"with a tail":      {Content: patch, Detached: append(bytes.Clone(sig), "xyz"...)},
					},
				})
			})
		}
	}
}

// With many keys the answer names the one that signed, and the several keys of
// one signer are one signer.
func TestSignerIsTheKeysName_INT1(t *testing.T) {
	k := keys()
	v := verifier(t, key(t, "Old and new", k.ed), key(t, "P-256", k.p256), key(t, "P-384", k.p384),
		key(t, "P-521", k.p521), key(t, "RSA", k.rsa2048), key(t, "Old and new", k.rsa3072))
	names := func(s signed) string {
		switch s.key {
		case k.p256:
			return "P-256"
		case k.p384:
			return "P-384"
		case k.p521:
			return "P-521"
		case k.rsa2048:
			return "RSA"
		default:
			return "Old and new"
		}
	}
	for _, s := range ways(t, patch) {
		want := integrity.Signature{Status: integrity.Valid, Format: integrity.Key, Signer: names(s)}
		require.Equal(t, want, verify(v, patch, s.sig), s.way)
		got := verify(v, patch[1:], s.sig)
		require.Equal(t, integrity.Bad, got.Status, s.way)
		require.Contains(t, got.Detail, `"Old and new" "P-256"`)
	}
}

func TestSignIsAccepted(t *testing.T) {
	k := keys()
	for _, private := range []crypto.Signer{k.ed, k.p256, k.p384, k.p521, k.rsa2048, k.rsa3072} {
		v := verifier(t, key(t, "Vendor", private))
		for _, c := range [][]byte{nil, patch[:1], patch} {
			sig, err := Sign(private, bytes.NewReader(c))
			require.NoError(t, err)
			require.Equal(t, integrity.Signature{Status: integrity.Valid, Format: integrity.Key, Signer: "Vendor"}, verify(v, c, sig))
		}
	}
}

func TestSignRefuses(t *testing.T) {
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	require.NoError(t, err)
	for name, private := range map[string]crypto.Signer{
		"none": nil, "cut-off": ed25519.PrivateKey("short"), "weak RSA": keys().weaker, "P-224": p224, "remote": remote{keys().p256},
	} {
		var unsupported *integrity.Invalid
		_, err := Sign(private, bytes.NewReader(nil))
		require.ErrorAs(t, err, &unsupported, name)
		require.NotEmpty(t, unsupported.Problems)
	}
	_, err = Sign(keys().p256, iotest.ErrReader(io.ErrClosedPipe))
	require.ErrorIs(t, err, io.ErrClosedPipe)
}

// remote is a key that is not in memory.
type remote struct{ crypto.Signer }

// Only a missing signature file is absent; anything that lies there is a
// signature that fails (INT-4, INT-9).
func TestSignatureFiles_INT9(t *testing.T) {
	v := verifier(t, key(t, "Vendor", keys().ed))
	for name, tc := range map[string]struct {
		detached []byte
		want     integrity.Status
		detail   string
	}{
		"no file":         {nil, integrity.Absent, ""},
		"empty":           {[]byte{}, integrity.Bad, "empty"},
		"space":           {[]byte(" \r\n"), integrity.Bad, "empty"},
		"zeros":           {make([]byte, 64), integrity.Bad, "none of the trusted keys"},
		"at the limit":    {bytes.Repeat([]byte{1}, MaxSignature), integrity.Unsupported, "of no kind that is known"},
		"past the limit":  {bytes.Repeat([]byte{1}, MaxSignature+1), integrity.Unsupported, "8193 bytes"},
		"OpenPGP":         {[]byte("-----BEGIN PGP SIGNATURE-----\n"), integrity.Unsupported, "armored"},
		"bundle":          {[]byte(`{"mediaType":"application/vnd.dev.sigstore.bundle"}`), integrity.Unsupported, "want a sigstore bundle 0.1 to 0.3"},
		"digits":          {[]byte("1234"), integrity.Unsupported, "of no kind that is known"},
		"looks like JSON": {[]byte("{ not"), integrity.Bad, "JSON that is cut off or damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			got := verify(v, patch, tc.detached)
			require.Equal(t, tc.want, got.Status, got.Detail)
			require.Contains(t, got.Detail, tc.detail)
		})
	}
	require.Equal(t, integrity.Unsupported, v.Verify(nil, 0, make([]byte, 64)).Status)
}

// metered counts what is read, and fails once that is more than the limit.
type metered struct {
	at    io.ReaderAt
	read  *int64
	limit int64
}

func (m metered) ReadAt(p []byte, off int64) (int, error) {
	n, err := m.at.ReadAt(p, off)
	if *m.read += int64(n); *m.read > m.limit {
		return 0, io.ErrClosedPipe
	}
	return n, err
}

// A valid signature of the usual kind costs one reading.
func TestUsualSignatureIsReadOnce(t *testing.T) {
	k := keys()
	for _, private := range []crypto.Signer{k.ed, k.p256, k.p384, k.p521, k.rsa2048} {
		v := verifier(t, key(t, "Vendor", private))
		sig, err := Sign(private, bytes.NewReader(patch))
		require.NoError(t, err)
		var read int64
		got := v.Verify(metered{bytes.NewReader(patch), &read, math.MaxInt64}, int64(len(patch)), sig)
		require.Equal(t, integrity.Valid, got.Status)
		require.EqualValues(t, len(patch)+len(envelopeMark), read)
	}
}

// Content that fails at the second reading, for plain Ed25519, was not judged: not bad.
func TestContentFailsLater_INT9(t *testing.T) {
	k := keys()
	v := verifier(t, key(t, "Vendor", k.ed))
	for _, extra := range []int64{0, 1, int64(len(patch)) - 1} {
		var read int64
		got := v.Verify(metered{bytes.NewReader(patch), &read, int64(len(patch)) + extra}, int64(len(patch)), ed25519.Sign(k.ed, patch))
		require.Equal(t, integrity.Unsupported, got.Status)
		require.Contains(t, got.Detail, io.ErrClosedPipe.Error())
	}
}

// zeros is any number of zero bytes, in no memory.
type zeros struct{}

func (zeros) ReadAt(p []byte, _ int64) (int, error) {
	clear(p)
	return len(p), nil
}

func TestPlainEd25519IsBounded_INT9(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: a large file takes a while; run without -short")
	}
	k := keys()
	v := verifier(t, key(t, "Vendor", k.ed))
	at := make([]byte, MaxPureEd25519)
	sig := ed25519.Sign(k.ed, at)
	require.Equal(t, integrity.Valid, v.Verify(zeros{}, MaxPureEd25519, sig).Status)
	sig = ed25519.Sign(k.ed, append(at, 0))
	got := v.Verify(zeros{}, MaxPureEd25519+1, sig)
	require.Equal(t, integrity.Unsupported, got.Status, "it might be good: not judged is not bad")
	require.Contains(t, got.Detail, "up to 32 MiB")

	// Ed25519ph streams.
	sig, err := Sign(k.ed, io.NewSectionReader(zeros{}, 0, 2*MaxPureEd25519))
	require.NoError(t, err)
	before := allocated()
	require.Equal(t, integrity.Valid, v.Verify(zeros{}, 2*MaxPureEd25519, sig).Status)
	require.Less(t, allocated()-before, uint64(1<<20), "bytes allocated while 64 MiB streamed")
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}
