package openpgp

import (
	"bytes"
	"crypto/rsa"
	"fmt"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// RSA keys from the shortest that is trusted to the longest, and one bit beyond.
func TestBitsOfRSA(t *testing.T) {
	key := func(bits int) *packet.PublicKey { // of which nobody has the private half
		n := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
		return packet.NewRSAPublicKey(keyTime, &rsa.PublicKey{N: n.SetBit(n, 0, 1), E: 65537})
	}
	for bits, trusted := range map[int]bool{MinRSA: true, MinRSA - 1: false, MaxRSA: true, MaxRSA + 1: false} {
		require.Equal(t, trusted, weakness(key(bits)) == "", bits)
	}
	require.Equal(t, "RSA with 2047 bits; want 2048 to 16384", weakness(key(2047)))
	require.Equal(t, "RSA 16384", describeKey(key(MaxRSA)))

	// A short one counts as what it is, even if it is written as a long one.
	packets, more, err := splitPackets(bare(t, makeKey(t, "short", rsaBits(1024))), 1)
	require.NoError(t, err)
	require.False(t, more)
	body := packets[0].body
	padded := slices.Concat(body[:6], []byte{MinRSA >> 8, MinRSA & 0xff}, make([]byte, 128), body[8:])
	keys, err := Keys(packetOf(tagPublicKey, padded))
	require.NoError(t, err)
	require.Equal(t, "RSA with 1024 bits; want 2048 to 16384", keys[0].Problem)
	require.Equal(t, "RSA 1024", keys[0].Algorithm)
}

// At the bounds of what is configured and read, and one beyond.
func TestBounds(t *testing.T) {
	var signers []integrity.Signer
	for i := range MaxSigners {
		signers = append(signers, signer(fmt.Sprint(i), integrity.OpenPGPTrust{Keyring: string(ringOf(t, makeKey(t, "x", nil)))}))
	}
	_, err := New(signers...)
	require.NoError(t, err)
	_, err = New(append(signers, signer("x", integrity.OpenPGPTrust{Keyring: string(ringOf(t, makeKey(t, "x", nil)))}))...)
	var invalid *integrity.Invalid
	require.ErrorAs(t, err, &invalid)
	require.Equal(t, "signers", invalid.Problems[0].Field)

	key := makeKey(t, "vendor", nil)
	patch := []byte("the patch")
	asc := armored(t, armorSignature, sign(t, patch, key, nil))
	largest := append(bytes.Clone(asc), bytes.Repeat([]byte("\n"), MaxDetached-len(asc))...)
	require.Equal(t, integrity.Valid, inspect(t, trusting(t, key), patch, largest).Answer.Status)
	require.Equal(t, integrity.Unsupported, inspect(t, trusting(t, key), patch, append(largest, '\n')).Answer.Status)

	ring := armored(t, armorKeys, ringOf(t, key))
	largest = append(bytes.Clone(ring), bytes.Repeat([]byte("\n"), MaxKeyring-len(ring))...)
	_, err = Keys(largest)
	require.NoError(t, err)
	_, err = Keys(append(largest, '\n'))
	require.ErrorContains(t, err, "at most 4194304")
}

// What Keys tells of keys that will not do for ever.
func TestKeysThatEnd(t *testing.T) {
	expiring, revoked := makeKey(t, "expiring", lifetime(48*time.Hour)), makeKey(t, "revoked", nil)
	require.NoError(t, revoked.RevokeKey(packet.NoReason, "", at(today)))
	keys, err := Keys(ringOf(t, expiring, revoked))
	require.NoError(t, err)
	require.Len(t, keys, 4)
	for i, k := range keys {
		require.Equal(t, keyTime, k.Created)
		require.Equal(t, i >= 2, k.Revoked, "its subkeys are, too")
		if i < 2 {
			require.Equal(t, keyTime.Add(48*time.Hour), k.Expires, "so do its subkeys")
		} else {
			require.Zero(t, k.Expires)
		}
	}
	_, err = New(signer("a long name", integrity.OpenPGPTrust{Keyring: string([]byte("x"))}))
	var invalid *integrity.Invalid
	require.ErrorAs(t, err, &invalid)
	require.Equal(t, "a long name", invalid.Problems[0].Value)
}
