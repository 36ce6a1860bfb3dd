package openpgp

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// What the owner of a key says of it decides whether its signatures count.
func TestKeysThatDoNotCount(t *testing.T) {
	patch := []byte("the patch")
	// outcome signs with a fresh key, then changes the key, and says what becomes of the signature.
	outcome := func(change func(*openpgp.Entity)) (string, string) {
		key := makeKey(t, "vendor", nil)
		sig := sign(t, patch, key, nil)
		change(key)
		r := inspect(t, trusting(t, key), patch, sig)
		return string(r.Signatures[0].Outcome), r.Signatures[0].Problem
	}
	identity := func(key *openpgp.Entity) *openpgp.Identity { return key.PrimaryIdentity() }
	// resign makes a newer self-signature.
	resign := func(key *openpgp.Entity, change func(*packet.Signature)) {
		id := identity(key)
		sig := *id.SelfSignature
		sig.CreationTime = sig.CreationTime.Add(time.Minute)
		change(&sig)
		require.NoError(t, sig.SignUserId(id.UserId.Id, key.PrimaryKey, key.PrivateKey, at(keyTime)))
		id.Signatures = append(id.Signatures, &sig)
	}
	day := uint32(24 * 60 * 60)
	hours := func(n uint32) *uint32 { n *= 3600; return &n }
	for _, tt := range []struct {
		name    string
		change  func(*openpgp.Entity)
		outcome string
		text    string
	}{
		{"as it is", func(*openpgp.Entity) {}, "good", ""},
		{"revoked", func(k *openpgp.Entity) { require.NoError(t, k.RevokeKey(packet.NoReason, "", at(today))) }, "revoked", ""},
		{"revoked, superseded only", func(k *openpgp.Entity) { require.NoError(t, k.RevokeKey(packet.KeySuperseded, "", at(today))) }, "revoked", ""},
		{"expired, by a newer signature", func(k *openpgp.Entity) {
			resign(k, func(s *packet.Signature) { s.KeyLifetimeSecs = hours(1) })
		}, "expired", "had expired, at 2026-05-09T13:00:00Z"},
		{"living longer, by a newer signature", func(k *openpgp.Entity) {
			identity(k).SelfSignature.KeyLifetimeSecs = hours(1)
			resign(k, func(s *packet.Signature) { s.KeyLifetimeSecs = &day })
		}, "good", ""},
		{"of which the signature expires", func(k *openpgp.Entity) {
			resign(k, func(s *packet.Signature) { s.SigLifetimeSecs = hours(1) })
		}, "expired", ""},
		{"no longer meant to sign", func(k *openpgp.Entity) {
			resign(k, func(s *packet.Signature) { s.FlagSign = false })
		}, "wrong use", "not meant to sign files"},
		{"without flags", func(k *openpgp.Entity) {
			resign(k, func(s *packet.Signature) { s.FlagsValid, s.FlagSign, s.FlagCertify = false, false, false })
		}, "good", ""},
		{"without a user id", func(k *openpgp.Entity) { identity(k).Signatures = nil }, "wrong use", "no user id that it signed itself"},
		{"with a false signature of its user id", func(k *openpgp.Entity) { identity(k).Signatures[0].HashTag[0]++; identity(k).UserId.Id += "x" }, "wrong use", "no user id"},
		{"with its user id revoked", func(k *openpgp.Entity) {
			resign(k, func(s *packet.Signature) { s.SigType = packet.SigTypeCertificationRevocation })
		}, "wrong use", "no user id"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, problem := outcome(tt.change)
			require.Equal(t, tt.outcome, got, problem)
			require.Contains(t, problem, tt.text)
		})
	}
}

// emptyEmbedded is a signature packet that carries a signature of no bytes.
var emptyEmbedded = signaturePacket([]byte{4, byte(packet.SigTypeSubkeyBinding), 22, 8, 0, 2, 1, subpacketEmbedded, 0, 0})

// Signatures that are cut short say nothing of the key that they stand behind,
// and change nothing for it.
func TestBrokenSignaturesOfKeys(t *testing.T) {
	key, patch := makeKey(t, "vendor", nil), []byte("the patch")
	ring := slices.Concat(ringOf(t, key), emptyEmbedded, signaturePacket(nil), signaturePacket([]byte{4, 0x18}), signaturePacket([]byte{4, 0x18, 22}),
		packetOf(tagUserID, bytes.Repeat([]byte("x"), maxUserID+1)), emptyEmbedded)
	v := verifier(t, signer("Vendor", integrity.OpenPGPTrust{Keyring: string(ring)}))
	require.Equal(t, integrity.Valid, inspect(t, v, patch, sign(t, patch, key, nil)).Answer.Status)
}

// A subkey signs only if it says so, and signed that it belongs to its primary
// key, and neither was revoked.
func TestSubkeys(t *testing.T) {
	patch := []byte("the patch")
	outcome := func(change func(*openpgp.Entity, *openpgp.Subkey)) (string, string) {
		key := makeKey(t, "vendor", nil)
		addSubkey(t, key, keyTime)
		sub := &key.Subkeys[len(key.Subkeys)-1]
		sig := sign(t, patch, key, nil)
		change(key, sub)
		r := inspect(t, trusting(t, key), patch, sig)
		require.NotEqual(t, fingerprint(key), r.Signatures[0].Fingerprint)
		return string(r.Signatures[0].Outcome), r.Signatures[0].Problem
	}
	rebind := func(key *openpgp.Entity, sub *openpgp.Subkey) {
		require.NoError(t, sub.Sig.SignKey(sub.PublicKey, key.PrivateKey, at(keyTime)))
	}
	hour := uint32(3600)
	for _, tt := range []struct {
		name    string
		change  func(*openpgp.Entity, *openpgp.Subkey)
		outcome string
		text    string
	}{
		{"as it is", func(*openpgp.Entity, *openpgp.Subkey) {}, "good", ""},
		{"primary key revoked", func(k *openpgp.Entity, _ *openpgp.Subkey) {
			require.NoError(t, k.RevokeKey(packet.NoReason, "", at(today)))
		}, "revoked", ""},
		{"revoked", func(k *openpgp.Entity, s *openpgp.Subkey) {
			require.NoError(t, k.RevokeSubkey(s, packet.NoReason, "", at(today)))
		}, "revoked", ""},
		{"primary key expired", func(k *openpgp.Entity, _ *openpgp.Subkey) {
			id := k.PrimaryIdentity()
			id.SelfSignature.KeyLifetimeSecs = &hour
			require.NoError(t, id.SelfSignature.SignUserId(id.UserId.Id, k.PrimaryKey, k.PrivateKey, at(keyTime)))
		}, "expired", ""},
		{"expired", func(k *openpgp.Entity, s *openpgp.Subkey) { s.Sig.KeyLifetimeSecs = &hour; rebind(k, s) }, "expired", ""},
		{"not meant to sign", func(k *openpgp.Entity, s *openpgp.Subkey) { s.Sig.FlagSign = false; rebind(k, s) }, "wrong use", "not meant to sign"},
		{"without its own signature", func(k *openpgp.Entity, s *openpgp.Subkey) { s.Sig.EmbeddedSignature = nil; rebind(k, s) }, "wrong use", "did not sign"},
		{"of another primary key", func(k *openpgp.Entity, s *openpgp.Subkey) { rebind(makeKey(t, "thief", nil), s) }, "wrong use", "did not sign"},
		{"primary key without user id", func(k *openpgp.Entity, s *openpgp.Subkey) { k.PrimaryIdentity().Signatures = nil }, "wrong use", "its primary key: it has no user id"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, problem := outcome(tt.change)
			require.Equal(t, tt.outcome, got, problem)
			require.Contains(t, problem, tt.text)
		})
	}
	// A primary key that only certifies is the ordinary case: testdata's Vendor is one.
	r := inspect(t, testVerifier(t), testFile(t, "patch.txt"), testFile(t, "patch.txt.sig"))
	require.Equal(t, "good", string(r.Signatures[0].Outcome))
	require.Equal(t, "Ed25519", r.Signatures[0].Key)
}
