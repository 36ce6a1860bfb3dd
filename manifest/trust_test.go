package manifest_test

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/manifest"
)

// seed is the n-th key of these tests.
func seed(n byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize))
}

func named1(n byte) manifest.PublicKey {
	return manifest.Ed25519(seed(n).Public().(ed25519.PublicKey))
}

func exchangeOf(t testing.TB, n byte) *ecdh.PrivateKey {
	k, err := ecdh.X25519().NewPrivateKey(bytes.Repeat([]byte{n}, 32))
	require.NoError(t, err)
	return k
}

// firstTrust has root keys 10, 11 and 12, of which two must sign, and manifest
// key 1.
func firstTrust(t testing.TB) manifest.Trust {
	d := manifest.NewTrust(named1(10), named1(1), exchangeOf(t, 9).PublicKey().Bytes(), t0)
	d.Root, d.Threshold = []manifest.PublicKey{named1(10), named1(11), named1(12)}, 2
	return d
}

func sealTrust(t testing.TB, d manifest.Trust, roots ...byte) []byte {
	var signers []manifest.Signer
	for _, n := range roots {
		signers = append(signers, manifest.NewSigner(seed(n)))
	}
	sealed, err := manifest.SealTrust(d, signers...)
	require.NoError(t, err)
	return sealed
}

// next is the version after d, with another manifest key.
func next(d manifest.Trust, signing byte) manifest.Trust {
	d.Version++
	d.Manifest = []manifest.PublicKey{named1(signing)}
	return d
}

func distrusted(t testing.TB, err error) {
	t.Helper()
	_, ok := err.(*manifest.Distrusted)
	require.True(t, ok, "error is %T: %v", err, err)
	require.Less(t, len(err.Error()), 1000)
}

// An agent that missed some versions follows them one by one. A new agent needs
// the fingerprint of any one of them.
func TestTrustIsFollowed_MAN13(t *testing.T) {
	first := firstTrust(t)
	second := next(first, 2)
	third := next(second, 3)
	third.Root, third.Threshold = []manifest.PublicKey{named1(13)}, 1 // the root has a new owner
	fourth := next(third, 4)
	chain := manifest.Chain{
		sealTrust(t, first, 10, 11), sealTrust(t, second, 12, 10), sealTrust(t, third, 11, 12, 13), sealTrust(t, fourth, 13),
	}
	got, err := chain.Newest()
	require.NoError(t, err)
	require.Equal(t, fourth, got)

	held, err := manifest.OpenTrust(chain[0])
	require.NoError(t, err)
	got, sealed, err := held.FollowAll(chain)
	require.NoError(t, err)
	require.Equal(t, fourth, got)
	require.Equal(t, []byte(chain[3]), sealed)
	got, sealed, err = got.FollowAll(chain)
	require.NoError(t, err)
	require.Equal(t, fourth, got)
	require.Nil(t, sealed, "nothing new")

	for i := range chain {
		got, sealed, err := chain.Pin(manifest.TrustFingerprint(chain[i]))
		require.NoError(t, err)
		require.Equal(t, fourth, got)
		require.Equal(t, []byte(chain[3]), sealed)
	}
	_, _, err = chain.Pin("sha256:00")
	distrusted(t, err)
	_, _, err = manifest.Chain{}.Pin("")
	distrusted(t, err)
	require.Len(t, chain.After(1), 3)
	require.Empty(t, chain.After(4))
	require.Empty(t, chain.After(1<<64-1))
}

// What an attacker can do who has too few root keys, or holds versions back.
func TestTrustIsNotFollowed_MAN13(t *testing.T) {
	first := firstTrust(t)
	second := next(first, 2)
	own := second // the attacker's keys
	own.Root, own.Threshold, own.Manifest = []manifest.PublicKey{named1(66)}, 1, []manifest.PublicKey{named1(66)}
	good := sealTrust(t, second, 10, 11)
	twice := func() []byte { // one root key's signature, twice
		var e struct {
			PayloadType string `json:"payloadType"`
			Payload     []byte `json:"payload"`
			Signatures  []any  `json:"signatures"`
		}
		require.NoError(t, json.Unmarshal(sealTrust(t, second, 10), &e))
		e.Signatures = append(e.Signatures, e.Signatures[0])
		b, err := json.Marshal(e)
		require.NoError(t, err)
		return b
	}()
	for name, sealed := range map[string][]byte{
		"not signed":                     sealTrust(t, second),
		"signed by one":                  sealTrust(t, second, 10),
		"by one, twice":                  twice,
		"by one and a stranger":          sealTrust(t, second, 10, 66),
		"by the manifest key":            sealTrust(t, second, 1, 2),
		"by the attacker's own keys":     sealTrust(t, own, 66),
		"one root key is known, not two": sealTrust(t, own, 66, 10),
		"a version later":                sealTrust(t, next(second, 3), 10, 11),
		"the same version":               sealTrust(t, first, 10, 11),
		"nothing":                        nil,
		"no JSON":                        []byte("<html>"),
		"a manifest":                     seal(t, document()),
		"too long":                       append(bytes.Clone(good), bytes.Repeat([]byte(" "), manifest.MaxTrust)...),
		"changed":                        bytes.Replace(good, []byte(`"payload":"`), []byte(`"payload":"e30`), 1),
		"deep nesting":                   bytes.Repeat([]byte("["), 30_000),
	} {
		_, err := first.Follow(sealed)
		distrusted(t, err)
		require.Error(t, err, name)
	}
	got, err := first.Follow(good)
	require.NoError(t, err)
	require.Equal(t, second, got)
}

// A version that its own new root keys did not sign is not followed: perhaps
// nobody has them.
func TestNewRootKeysMustSign_MAN13(t *testing.T) {
	first := firstTrust(t)
	second := next(first, 2)
	second.Root, second.Threshold = []manifest.PublicKey{named1(20), named1(21)}, 2
	_, err := first.Follow(sealTrust(t, second, 10, 11, 20))
	distrusted(t, err)
	sealed := sealTrust(t, second, 10, 11)
	for _, n := range []byte{20, 21, 21} { // each holder signs alone
		sealed, err = manifest.SignTrust(sealed, manifest.NewSigner(seed(n)))
		require.NoError(t, err)
	}
	_, err = first.Follow(sealed)
	require.NoError(t, err)
	require.Equal(t, manifest.TrustFingerprint(sealTrust(t, second)), manifest.TrustFingerprint(sealed), "signatures do not change it")
}

// Keys of unknown kinds are skipped: they sign nothing here, and signatures by
// the others count.
func TestKeysOfLaterReleases_MAN11_MAN13(t *testing.T) {
	first := firstTrust(t)
	second := next(first, 2)
	strange := manifest.PublicKey{Kind: "ml-dsa-65", Bytes: []byte("x")}
	second.Root, second.Manifest = append(second.Root[:2:2], strange), append(second.Manifest, strange)
	got, err := first.Follow(sealTrust(t, second, 10, 11))
	require.NoError(t, err)
	require.Equal(t, []string{named1(2).ID()}, manifest.Keys(got.Manifest).KeyIDs())
}

// An expired document stays trusted, and a newer one is followed.
func TestExpiredTrust_MAN13(t *testing.T) {
	first := firstTrust(t)
	require.False(t, first.Expired(first.Expires.Add(-1)))
	require.True(t, first.Expired(first.Expires))
	second := next(first, 2)
	second.Issued, second.Expires = first.Expires.AddDate(1, 0, 0), first.Expires.AddDate(2, 0, 0)
	_, err := first.Follow(sealTrust(t, second, 10, 11))
	require.NoError(t, err)
}

func TestTrustBounds(t *testing.T) {
	for field, spoil := range map[string]func(*manifest.Trust){
		"format":   func(d *manifest.Trust) { d.Format = 2 },
		"version":  func(d *manifest.Trust) { d.Version = 0 },
		"expires":  func(d *manifest.Trust) { d.Expires = d.Issued },
		"root":     func(d *manifest.Trust) { d.Root, d.Threshold = nil, 0 },
		"manifest": func(d *manifest.Trust) { d.Manifest = make([]manifest.PublicKey, manifest.MaxTrustKeys+1) },
		"root[2]":  func(d *manifest.Trust) { d.Root[2] = d.Root[1] },
		"manifest[0]": func(d *manifest.Trust) {
			d.Manifest = []manifest.PublicKey{{Kind: manifest.KindEd25519, Bytes: []byte("x")}}
		},
		"threshold": func(d *manifest.Trust) { d.Threshold = 4 },
		"exchange":  func(d *manifest.Trust) { d.Exchange = d.Exchange[1:] },
	} {
		d := firstTrust(t)
		spoil(&d)
		require.ErrorContains(t, d.Validate(), field)
		_, err := manifest.SealTrust(d)
		require.Error(t, err, field)
	}
}

// A key service's P-256 key signs manifests and trust documents like an Ed25519
// key.
func TestP256_MAN13(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	hsm, err := manifest.NewP256Signer(private)
	require.NoError(t, err)
	public, err := manifest.P256(&private.PublicKey)
	require.NoError(t, err)
	require.Equal(t, public.ID(), hsm.KeyID())

	d := firstTrust(t)
	d.Root, d.Threshold, d.Manifest = []manifest.PublicKey{public}, 1, []manifest.PublicKey{named1(1), public}
	sealed, err := manifest.SealTrust(d, hsm)
	require.NoError(t, err)
	trust, err := manifest.OpenTrust(sealed)
	require.NoError(t, err)
	for _, signer := range []manifest.Signer{hsm, manifest.NewSigner(seed(1))} {
		order, err := manifest.Seal(document(), signer)
		require.NoError(t, err)
		_, err = manifest.Open(order, manifest.Keys(trust.Manifest), asset, 7, "", t0)
		require.NoError(t, err)
		_, err = manifest.Open(order, manifest.Keys{named1(3)}, asset, 7, "", t0)
		require.Error(t, err)
	}
	other, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	_, err = manifest.NewP256Signer(other)
	require.Error(t, err)
	_, err = manifest.NewP256Signer(seed(1))
	require.Error(t, err)
	_, err = manifest.NewP256Signer(nil)
	require.ErrorContains(t, err, "is missing")
	require.Error(t, manifest.PublicKey{Kind: manifest.KindP256, Bytes: make([]byte, 65)}.Validate())
}

// Agent and server agree on a secret that nobody else has: not another asset,
// not another key, and not someone who sees both public keys.
func TestSecret_MAN12(t *testing.T) {
	agent, server := seed(1), exchangeOf(t, 9)
	public, err := manifest.AgentExchange(agent)
	require.NoError(t, err)
	id := manifest.Fingerprint(agent.Public().(ed25519.PublicKey))
	own, err := manifest.AgentSecret(agent, asset, server.PublicKey().Bytes())
	require.NoError(t, err)
	both := []*ecdh.PrivateKey{exchangeOf(t, 8), server}
	theirs, err := manifest.ServerSecrets(both, asset, id, public)
	require.NoError(t, err)
	require.Len(t, theirs, 2)
	require.Equal(t, own, theirs[1])

	seen := map[manifest.Secret]string{own: "own"}
	add := func(name string, s manifest.Secret, err error) {
		require.NoError(t, err)
		require.NotContains(t, seen, s, name)
		seen[s] = name
	}
	s, err := manifest.AgentSecret(agent, "web-2", server.PublicKey().Bytes())
	add("another asset", s, err)
	s, err = manifest.AgentSecret(seed(2), asset, server.PublicKey().Bytes())
	add("another key", s, err)
	s, err = manifest.AgentSecret(agent, asset, exchangeOf(t, 8).PublicKey().Bytes())
	add("another server", s, err)
	theirs, err = manifest.ServerSecrets(both[1:], asset, "sha256:00", public)
	add("another key's name", theirs[0], err)

	for _, bad := range [][]byte{nil, make([]byte, 31), make([]byte, 32)} { // the last is of small order
		_, err := manifest.AgentSecret(agent, asset, bad)
		require.ErrorIs(t, err, manifest.ErrExchange)
		_, err = manifest.ServerSecrets(both, asset, id, bad)
		require.ErrorIs(t, err, manifest.ErrExchange)
	}
	_, err = manifest.ServerSecrets([]*ecdh.PrivateKey{nil}, asset, id, public)
	require.ErrorIs(t, err, manifest.ErrExchange)
	_, err = manifest.AgentExchange(agent[:5])
	require.ErrorIs(t, err, manifest.ErrBadKey)
	require.NotEqual(t, own.MAC("a", "b", "c"), own.MAC("a", "b\nc", ""))
	require.NotEqual(t, own.MAC("a", "b"), own.MAC("b", "b"))
}

func FuzzTrust(f *testing.F) {
	first := firstTrust(f)
	f.Add(sealTrust(f, next(first, 2), 10, 11))
	f.Add([]byte(fmt.Sprintf(`{"payloadType":%q,"payload":%q,"signatures":[]}`, manifest.TrustPayloadType, base64.StdEncoding.EncodeToString([]byte("{}")))))
	f.Fuzz(func(t *testing.T, sealed []byte) {
		if got, err := first.Follow(sealed); err != nil {
			distrusted(t, err)
		} else {
			require.Equal(t, uint64(2), got.Version)
		}
		_ = manifest.TrustFingerprint(sealed)
	})
}
