package openpgp

import (
	"bytes"
	"crypto"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
)

func TestKeys(t *testing.T) {
	ring := testFile(t, "ring.asc")
	keys, err := Keys(ring)
	require.NoError(t, err)
	created := time.Date(2026, 11, 22, 20, 5, 0, 0, time.UTC)
	for i := range keys {
		require.WithinDuration(t, created, keys[i].Created, time.Minute)
		keys[i].Created = time.Time{}
	}
	vendor, sub, builder := keys[0].Fingerprint, keys[1].Fingerprint, keys[2].Fingerprint
	require.Equal(t, []Key{
		{Fingerprint: vendor, Primary: vendor, Algorithm: "Ed25519", UserIDs: []string{"Vendor <vendor@example.com>"}, Problem: "it is not meant to sign files"},
		{Fingerprint: sub, Primary: vendor, Algorithm: "Ed25519"},
		{Fingerprint: builder, Primary: builder, Algorithm: "RSA 2048", UserIDs: []string{"Builder <builder@example.com>"}},
	}, keys)

	binary, err := Join(ring)
	require.NoError(t, err)
	again, err := Join(armored(t, armorKeys, binary), binary, append([]byte("some text\n"), ring...))
	require.NoError(t, err)
	require.Equal(t, bytes.Repeat(binary, 3), again)
	merged, err := Keys(again)
	require.NoError(t, err)
	require.Len(t, merged, 3, "a key that comes again is the same")
}

// bare is a primary key with nothing said of it.
func bare(t *testing.T, key *openpgp.Entity) []byte {
	var out bytes.Buffer
	require.NoError(t, key.PrimaryKey.Serialize(&out))
	return out.Bytes()
}

func TestInvalidKeyring(t *testing.T) {
	key := makeKey(t, "vendor", nil)
	ring := ringOf(t, key)
	var private bytes.Buffer
	require.NoError(t, key.SerializePrivate(&private, at(keyTime)))
	asc := string(armored(t, armorKeys, ring))
	selfSigned := func(n int) []byte { // a key with many signatures of itself, none of which holds
		sig := signAs(t, nil, key, packet.SigTypeDirectSignature, crypto.SHA256, nil)
		return append(bare(t, key), bytes.Repeat(sig, n)...)
	}
	for _, tt := range []struct {
		name, text string
		ring       []byte
	}{
		{"empty", "has no OpenPGP key", nil},
		{"text", "not an OpenPGP keyring", []byte("hello")},
		{"a signature", "has no OpenPGP key", sign(t, nil, key, nil)},
		{"another packet", "begins with a packet of type 60", []byte{0xC0 | 60, 0}},
		{"cut off", "cut off within a packet", ring[:len(ring)-1]},
		{"armor cut off", "no END line", []byte(asc[:len(asc)/2])},
		{"bad armor", "bad armor", []byte(strings.Replace(asc, "\n\n", "\n\n!", 1))},
		{"a keybox", "gpg --export", []byte("\x00\x00\x00\x20\x01\x01\x00\x02KBXf\x00\x00\x00\x00")},
		{"a private key", "private key", private.Bytes()},
		{"a private key, armored", "private key", armored(t, openpgp.PrivateKeyType, private.Bytes())},
		{"too large", "at most 4194304", make([]byte, MaxKeyring+1)},
		{"too many packets", "more than 16384 packets", bytes.Repeat([]byte{0xC0 | 60, 0}, maxPackets+1)},
		{"too many keys", "more than 256 keys", bytes.Repeat(bare(t, key), MaxKeys+1)},
		{"too many signatures of itself", "too many signatures of themselves", selfSigned(maxCost)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Keys(tt.ring)
			var invalid *integrity.Invalid
			require.ErrorAs(t, err, &invalid)
			require.ErrorContains(t, err, tt.text)
			_, err = Join(tt.ring)
			require.ErrorAs(t, err, &invalid)
			_, err = New(signer("Vendor", integrity.OpenPGPTrust{Keyring: string(tt.ring)}))
			require.ErrorAs(t, err, &invalid)
			require.Equal(t, "signers[0].openpgp[0].keyring", invalid.Problems[0].Field)
			require.ErrorContains(t, err, tt.text)
		})
	}
	keys, err := Keys(selfSigned(maxCost - 1))
	require.NoError(t, err)
	require.Equal(t, "it has no user id that it signed itself", keys[0].Problem)
	_, err = Keys(bytes.Repeat(bare(t, key), MaxKeys))
	require.NoError(t, err)
}

// New reports everything that is wrong, not the first thing.
func TestInvalidSigners(t *testing.T) {
	a, b := makeKey(t, "a", nil), makeKey(t, "b", nil)
	ring := func(keys ...*openpgp.Entity) string { return string(ringOf(t, keys...)) }
	_, err := New(
		signer(" a", integrity.OpenPGPTrust{Keyring: ring(a), Threshold: 2}),
		signer("b", integrity.OpenPGPTrust{Keyring: ring(b, a), Fingerprints: []string{fingerprint(a), strings.Repeat("A", 40), "0xABC"}, Threshold: -1}),
		signer("b", integrity.OpenPGPTrust{}),
		signer("", integrity.OpenPGPTrust{Keyring: ring(b)}),
	)
	var invalid *integrity.Invalid
	require.ErrorAs(t, err, &invalid)
	var got []string
	for _, p := range invalid.Problems {
		got = append(got, p.Field+" "+p.Value+": "+p.Text)
		require.Contains(t, err.Error(), p.Text)
	}
	for i, want := range []string{
		"signers[0].name  a: want UTF-8",
		"signers[1].openpgp[0].fingerprints[2] 0xABC: want 40 or 64 hex digits",
		"signers[1].openpgp[0].threshold -1: want 1 to",
		"signers[2].name b: is the name of another signer",
		"signers[3].name : has 0 bytes",
		"signers[0].openpgp[0].threshold  a: 2; want 1 to 1",
		"signers[1].openpgp[0].keyring b: key " + fingerprint(a) + ` is in another keyring, of " a"`,
		"signers[1].openpgp[0].fingerprints[1] b: the keyring has no key " + strings.Repeat("A", 40),
		"signers[2].openpgp[0].keyring b: it has no OpenPGP key",
	} {
		require.True(t, strings.HasPrefix(got[i], want), "%s\n%s", got[i], want)
	}
	require.Len(t, got, 9)

	_, err = New(integrity.Signer{Name: "x", OpenPGP: make([]integrity.OpenPGPTrust, MaxSigners+1)})
	require.ErrorAs(t, err, &invalid)
	require.Equal(t, "are known in more than 64 ways, which is the limit", invalid.Problems[len(invalid.Problems)-1].Text)
}

// Who is trusted by nothing, in no way or in other formats only, is nobody
// here; the zero Verifier is the same.
func TestNobodyIsTrusted_INT1(t *testing.T) {
	key, patch := makeKey(t, "vendor", nil), []byte("the patch")
	sig := sign(t, patch, key, nil)
	want := new(Verifier).Verify(bytes.NewReader(patch), int64(len(patch)), sig)
	require.Equal(t, integrity.Bad, want.Status)
	require.Contains(t, want.Detail, "not a trusted key")
	for _, list := range [][]integrity.Signer{nil, {{Name: "Vendor", Sigstore: []integrity.SigstoreTrust{{Keys: []string{"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"}}}}}} {
		require.Equal(t, want, verifier(t, list...).Verify(bytes.NewReader(patch), int64(len(patch)), sig))
	}
}

// A key that is in a keyring, and that no fingerprint lists, is nobody's. By it
// what was changed is told all the same, and it does not stand in the way of
// the signer who has it listed.
func TestKeysBesideTheListedOnes_INT1(t *testing.T) {
	key, beside, patch := makeKey(t, "vendor", nil), makeKey(t, "beside", nil), []byte("the patch")
	ring := string(ringOf(t, key, beside))
	one := signer("Vendor", integrity.OpenPGPTrust{Keyring: ring, Fingerprints: []string{fingerprint(key)}})
	two := signer("Other", integrity.OpenPGPTrust{Keyring: ring, Fingerprints: []string{fingerprint(beside)}})
	sig := sign(t, patch, beside, nil)
	ask := func(content string, signers ...integrity.Signer) integrity.Signature {
		return verifier(t, signers...).Verify(strings.NewReader(content), int64(len(content)), sig)
	}
	got := ask("the patch", one)
	require.True(t, got.Status == integrity.Bad && got.Untrusted, "%+v", got)
	require.Contains(t, got.Detail, "the signature holds")
	got = ask("another patch", one)
	require.True(t, got.Status == integrity.Bad && !got.Untrusted, "%+v", got)
	require.Equal(t, "Other", ask("the patch", one, two).Signer)
	require.Equal(t, "Other", ask("the patch", two, one).Signer)
	require.False(t, ask("another patch", one, two).Untrusted)

	weak := signAs(t, patch, beside, packet.SigTypeBinary, crypto.SHA1, nil)
	got = verifier(t, one).Verify(strings.NewReader("the patch"), 9, weak)
	require.Equal(t, integrity.Bad, got.Status)
}

// The ways of one signer do not add up: each has its own threshold. A key is in one of them.
func TestWaysOfOneSigner_INT1(t *testing.T) {
	a, b, c := makeKey(t, "a", nil), makeKey(t, "b", nil), makeKey(t, "c", nil)
	way := func(threshold int, keys ...*openpgp.Entity) integrity.OpenPGPTrust {
		return integrity.OpenPGPTrust{Keyring: string(ringOf(t, keys...)), Threshold: threshold}
	}
	patch := []byte("the patch")
	v := verifier(t, integrity.Signer{Name: "Vendor", OpenPGP: []integrity.OpenPGPTrust{way(2, a, b), way(1, c)}})
	for _, tt := range []struct {
		by   []*openpgp.Entity
		want integrity.Status
	}{
		{[]*openpgp.Entity{a}, integrity.Bad},
		{[]*openpgp.Entity{a, b}, integrity.Valid},
		{[]*openpgp.Entity{c}, integrity.Valid},
		{[]*openpgp.Entity{a, c}, integrity.Valid},
	} {
		var sig []byte
		for _, k := range tt.by {
			sig = append(sig, sign(t, patch, k, nil)...)
		}
		require.Equal(t, tt.want, v.Verify(bytes.NewReader(patch), int64(len(patch)), sig).Status)
	}
	v = verifier(t, integrity.Signer{Name: "Vendor", OpenPGP: []integrity.OpenPGPTrust{way(2, a, b), way(2, c, makeKey(t, "d", nil))}})
	sig := slices.Concat(sign(t, patch, a, nil), sign(t, patch, c, nil))
	require.Equal(t, integrity.Bad, v.Verify(bytes.NewReader(patch), int64(len(patch)), sig).Status)
	_, err := New(integrity.Signer{Name: "Vendor", OpenPGP: []integrity.OpenPGPTrust{way(1, a), way(1, a)}})
	require.ErrorContains(t, err, "signers[0].openpgp[1].keyring")
}

// Keys that are made alike on purpose do not make the verifier try all of them for one signature.
func TestTwins(t *testing.T) {
	key := makeKey(t, "subkey", nil)
	var sub bytes.Buffer
	require.NoError(t, key.Subkeys[0].PublicKey.Serialize(&sub))
	ring := func(n int) (out []byte) { // one subkey below so many primary keys
		for range n {
			out = append(append(out, bare(t, makeKey(t, "primary", nil))...), sub.Bytes()...)
		}
		return out
	}
	_, err := New(signer("Vendor", integrity.OpenPGPTrust{Keyring: string(ring(maxTwins))}))
	require.NoError(t, err)
	_, err = New(signer("Vendor", integrity.OpenPGPTrust{Keyring: string(ring(maxTwins + 1))}))
	require.ErrorContains(t, err, "more than 8 keys have the key id")
}

// A fingerprint stands for a key with its subkeys, or for a very key.
func TestFingerprints(t *testing.T) {
	patch := []byte("the patch")
	key, other := makeKey(t, "vendor", nil), makeKey(t, "other", nil)
	byPrimary := sign(t, patch, key, nil)
	addSubkey(t, key, keyTime.Add(time.Minute))
	bySub := sign(t, patch, key, nil)
	primary, sub := fingerprint(key), ""
	ring := ringOf(t, key, other)
	keys, err := Keys(ring)
	require.NoError(t, err)
	for _, k := range keys {
		if k.Primary == primary && k.Problem == "" && k.Fingerprint != primary {
			sub = k.Fingerprint
		}
	}
	require.NotEmpty(t, sub)
	spaced := strings.ToLower(primary[:20] + " " + primary[20:])
	for _, tt := range []struct {
		pins         []string
		primary, sub bool
	}{
		{nil, true, true},
		{[]string{primary}, true, true},
		{[]string{spaced}, true, true},
		{[]string{primary + "!"}, true, false},
		{[]string{sub}, false, true},
		{[]string{sub + "!"}, false, true},
		{[]string{primary + "!", sub}, true, true},
		{[]string{fingerprint(other)}, false, false},
	} {
		v := verifier(t, signer("Vendor", integrity.OpenPGPTrust{Keyring: string(ring), Fingerprints: tt.pins}))
		valid := func(sig []byte) bool {
			return v.Verify(bytes.NewReader(patch), int64(len(patch)), sig).Status == integrity.Valid
		}
		require.Equal(t, []bool{tt.primary, tt.sub}, []bool{valid(byPrimary), valid(bySub)}, "%v", tt.pins)
	}
}

// A user id that is too long is none.
func TestLongUserIDs(t *testing.T) {
	for length, problem := range map[int]string{maxUserID: "", maxUserID + 1: "it has no user id that it signed itself"} {
		key := makeKey(t, "vendor", nil)
		id := key.PrimaryIdentity()
		id.UserId.Id = strings.Repeat("x", length)
		require.NoError(t, id.SelfSignature.SignUserId(id.UserId.Id, key.PrimaryKey, key.PrivateKey, at(keyTime)))
		keys, err := Keys(ringOf(t, key))
		require.NoError(t, err)
		require.Equal(t, problem, keys[0].Problem)
	}
}

// GnuPG's own output is understood.
func TestGnuPG(t *testing.T) {
	v, patch := testVerifier(t), testFile(t, "patch.txt")
	for name, outcomes := range map[string][]string{
		"patch.txt.sig": {"good"}, "patch.txt.asc": {"good"}, "both.sig": {"good", "good"}, "text.asc": {"good"}, "sha1.sig": {"weak digest"},
	} {
		require.ElementsMatch(t, outcomes, outcomesOf(inspect(t, v, patch, testFile(t, name))), name)
	}
	for name, outcomes := range map[string][]string{"clear.txt": {"good"}, "clearboth.txt": {"good", "good"}} {
		require.Equal(t, outcomes, outcomesOf(inspect(t, v, testFile(t, name), nil)), name)
	}
}
