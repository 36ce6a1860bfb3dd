//go:build unix

package openpgp

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// What any input of up to 1 MiB may cost.
const (
	bombSize   = 1 << 20
	bombTime   = time.Second
	bombMemory = 64 << 20
)

// harmless runs f and holds it to that.
func harmless(t *testing.T, name string, size int, f func()) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		require.LessOrEqual(t, size, bombSize, "the bomb is too large to show anything")
		debug.FreeOSMemory()
		before, begun := held(), cpuTime(t)
		f()
		took, grown := cpuTime(t)-begun, held()-before
		require.LessOrEqual(t, took, bombTime)
		require.LessOrEqual(t, grown, int64(bombMemory))
		t.Logf("%v, %d kB", took, grown>>10)
	})
}

// held is the memory that the process has from the system for its data, which
// goes back only slowly.
func held() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapSys - m.HeapReleased)
}

// cpuTime is the time this process has computed, whatever else the machine does meanwhile.
func cpuTime(t *testing.T) time.Duration {
	var u syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// room is how large a bomb is made: smaller in a short run.
func room() int {
	if testing.Short() {
		return bombSize / 16
	}
	return bombSize
}

// fill repeats a part up to the room, between a beginning and an end.
func fill(begin, part, end string) []byte {
	n := (room() - len(begin) - len(end)) / len(part)
	return []byte(begin + strings.Repeat(part, n) + end)
}

// slowKeys are keys of the kinds that are used most, and of those that take longest to check.
func slowKeys(t testing.TB) map[string]*openpgp.Entity {
	curve := func(c packet.Curve) func(*packet.Config) {
		return func(config *packet.Config) { config.Algorithm, config.Curve = packet.PubKeyAlgoECDSA, c }
	}
	return map[string]*openpgp.Entity{
		"Ed25519":         makeKey(t, "x", nil),
		"RSA":             rsaKey(),
		"P-521":           makeKey(t, "x", curve(packet.CurveNistP521)),
		"brainpoolP512r1": makeKey(t, "x", curve(packet.CurveBrainpoolP512)),
		"Ed448":           makeKey(t, "x", func(c *packet.Config) { c.V6Keys, c.Algorithm = true, packet.PubKeyAlgoEd448 }),
	}
}

func TestBombs(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: hostile files take a while; run without -short")
	}
	v := testVerifier(t)
	answer := func(v *Verifier, content, detached []byte) func() {
		return func() {
			r, err := v.Inspect(bytes.NewReader(content), int64(len(content)), detached)
			require.NoError(t, err)
			checkAnswer(t, r)
			require.NotEqual(t, integrity.Valid, r.Answer.Status)
		}
	}
	megabyte := bytes.Repeat([]byte("x\r"), bombSize/2)
	text := megabyte[:room()]

	// Detached signatures.
	good, patch := testFile(t, "patch.txt.sig"), []byte("another patch")
	for name, sig := range map[string][]byte{
		"many tiny packets":         fill("", "\xc2\x00", ""),
		"many signatures":           fill(string(good), string(good), ""),
		"many armored signatures":   fill("", string(testFile(t, "patch.txt.asc")), ""),
		"many armored lines":        fill(beginSignature+"\n\n", "A\n", endSignature),
		"many armored blank lines":  fill(beginSignature+"\n\n", "\n", endSignature),
		"many armor headers":        fill(beginSignature+"\n", "A: b\n", "\n"+endSignature),
		"many beginnings":           fill("", beginSignature+"\n", ""),
		"one endless line":          fill(beginSignature+"\n\n", "A", ""),
		"a length beyond the end":   []byte("\xc2\xff\xff\xff\xff\xff"),
		"an old length beyond it":   []byte("\x8a\xff\xff\xff\xff"),
		"many subpackets":           signaturePacket(slices.Concat([]byte{4, 0, 22, 8, 0xff, 0xfe}, bytes.Repeat([]byte{1, 100}, 0x7fff), []byte{0, 0, 0, 0})),
		"signatures in a signature": signaturePacket(nested(2000)),
		"a huge number":             signaturePacket(slices.Concat([]byte{4, 0, 1, 8, 0, 6, 5, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0xff, 0xff}, make([]byte, 8192))),
		"compressed data":           fill("", "\xa3\x01\xed\xc1", ""),
	} {
		harmless(t, name, len(sig), answer(v, patch, sig))
	}
	for name, key := range slowKeys(t) {
		sig := bytes.Repeat(signAs(t, text, key, packet.SigTypeText, crypto.SHA512, nil), MaxSignatures) // of no clear text
		harmless(t, "many signatures by "+name, len(sig), answer(trusting(t, key), text, sig))
	}
	version6 := makeKey(t, "6", func(c *packet.Config) { c.V6Keys, c.Algorithm = true, packet.PubKeyAlgoEd25519 })
	var salted []byte
	for range MaxSignatures {
		salted = append(salted, sign(t, patch, version6, func(c *packet.Config) { c.DefaultHash = crypto.SHA3_512 })...)
	}
	harmless(t, "a salt each", len(salted), answer(trusting(t, version6), text, salted))

	// Clear-signed texts.
	head, signature := beginSigned+"\nHash: SHA512\n\n", beginSignature+"\n\n"+base64.StdEncoding.EncodeToString(good)[:64]+"\n"+endSignature+"\n"
	for name, message := range map[string][]byte{
		"many lines":         fill(head, "\n", signature),
		"many dashes":        fill(head, "- \n", signature),
		"many Hash headers":  fill(beginSigned+"\n", "Hash: SHA512\n", "\n"),
		"one long Hash":      fill(beginSigned+"\nHash: SHA512", ",SHA512", "\n\n"),
		"one line":           fill(head, "x", signature),
		"many blanks":        fill(head, " ", signature),
		"many blocks":        fill("", beginSigned+"\n\n", ""),
		"many signatures":    fill(head, signature, ""),
		"a block at the end": fill("", "x", "\n"+beginSigned),
		"many that are not":  fill("", "\n-----BEGIN PGP SIGNED MESSAGE----x", ""),
		"carriage returns":   fill(head, "\r", signature),
	} {
		harmless(t, name, len(message), func() {
			answer(v, message, nil)()
			plain, r := v.Clearsigned(message)
			checkAnswer(t, r)
			require.Nil(t, plain)
		})
	}

	// Keyrings.
	rings := map[string][]byte{
		"many armored keys":      fill("", string(testFile(t, "ring.asc")), ""),
		"many user ids":          fill(string(bare(t, makeKey(t, "x", nil))), "\xcd\x01x", ""),
		"many other user ids":    manyUserIDs(t),
		"many unknown packets":   fill("", "\xfd\x00", ""),
		"many keys of no kind":   fill("", "\xc6\x06\x04\x00\x00\x00\x00\x63", ""),
		"many blocks of nothing": fill("", "-----BEGIN "+armorKeys+"-----\n\n-----END "+armorKeys+"-----\n", ""),
	}
	for name, key := range slowKeys(t) {
		var self bytes.Buffer
		for _, sig := range key.PrimaryIdentity().Signatures {
			broken := *sig // which claims to be the newest
			require.NoError(t, broken.Serialize(&self))
		}
		if self.Len() == 0 {
			self.Write(signAs(t, nil, key, packet.SigTypeDirectSignature, crypto.SHA512, nil))
		}
		begin := bare(t, key)
		var uid bytes.Buffer
		require.NoError(t, packet.NewUserId("y", "", "").Serialize(&uid))
		rings["many signatures of itself by "+name] = fill(string(begin)+uid.String(), self.String(), "")
		if name == "Ed448" {
			rings["many signatures of itself by "+name] = fill(string(begin), string(signAs(t, nil, key, packet.SigTypeDirectSignature, crypto.SHA512, nil)), "")
		}
	}
	long := makeKey(t, "long", nil)
	rings["many signatures of a long user id"] = slices.Concat(bare(t, long), packetOf(tagUserID, bytes.Repeat([]byte("x"), 900_000)),
		bytes.Repeat(signAs(t, nil, long, packet.SigTypeGenericCert, crypto.SHA3_512, nil), 700))
	rings["many subkeys' signatures that do not hold"] = manyBackSignatures(t)
	for name, ring := range rings {
		harmless(t, name, len(ring), func() {
			v, err := New(signer("Vendor", integrity.OpenPGPTrust{Keyring: string(ring)}))
			require.Equal(t, err == nil, v != nil)
		})
	}

	// Packages.
	entries := func(n uint32, tag uint32) []byte { // that many entries of one byte
		out := binary.BigEndian.AppendUint32([]byte(headerMagic), n+1)
		out = binary.BigEndian.AppendUint32(out, n+regionSize)
		out = append(out, regionEntry(tag, n)...)
		for i := range n {
			for _, x := range []uint32{9999, typeBinary, i, 1} {
				out = binary.BigEndian.AppendUint32(out, x)
			}
		}
		out = append(out, make([]byte, n)...)
		return append(out, regionEntry(tag, -(n+1)*entrySize)...)
	}
	strange := func(e entry) []byte {
		h := header(tagHeaderImmutable, e)
		return rpmPackage(h, megabyte[:len(megabyte)-len(h)-200])
	}
	for name, rpm := range map[string][]byte{
		"as many entries as fit":    append(rpmPackage(nil, nil), entries(61_000, tagHeaderImmutable)...),
		"a count beyond all":        strange(entry{tagPayloadDigest, typeStringArray, 0xffffffff, []byte("x\x00")}),
		"a count of all there is":   strange(entry{tagPayloadDigest, typeStringArray, 60_000, make([]byte, 60_000)}),
		"a long text":               strange(entry{tagPayloadDigest, typeStringArray, 1, make([]byte, 900_000)}),
		"as many signatures as fit": rpmPackage(hareHeader(megabyte[:1000]), megabyte[:1000], texts(tagOpenPGP, slices.Repeat([]string{base64.StdEncoding.EncodeToString(good)}, 300)...)),
		"a signature in each tag":   rpmPackage(hareHeader(nil), megabyte[:900_000], blob(tagDSAHeader, good), blob(tagRSAHeader, good), blob(tagPGP, good), blob(tagGPG, good)),
		"a header as large as can be": func() []byte {
			b := rpmPackage(nil, nil)
			return append(b, headerMagic+"\x00\x01\x00\x00\x04\x00\x00\x00"...)
		}(),
	} {
		harmless(t, name, len(rpm), answer(v, rpm, nil))
	}
}

func regionEntry(tag, offset uint32) (out []byte) {
	for _, n := range []uint32{tag, typeBinary, offset, regionSize} {
		out = binary.BigEndian.AppendUint32(out, n)
	}
	return out
}

// nested makes the body of a signature whose embedded signature has an embedded
// signature, and so on.
func nested(depth int) []byte {
	body := []byte{4, 0x18, 1, 8, 0, 0, 0, 0, 0, 0}
	for range depth {
		if len(body) > 60_000 {
			break
		}
		sub := append(binary.BigEndian.AppendUint32([]byte{255}, uint32(len(body)+1)), 32)
		sub = append(sub, body...)
		next := append(binary.BigEndian.AppendUint16([]byte{4, 0x18, 1, 8}, uint16(len(sub))), sub...)
		body = append(next, 0, 0, 0, 0)
	}
	return body
}

// manyBackSignatures makes a key of a fast kind with a subkey of a slow one:
// what the key signed of it holds, and what it signed itself does not.
func manyBackSignatures(t *testing.T) []byte {
	key, config := makeKey(t, "x", nil), at(keyTime)
	config.Algorithm, config.Curve = packet.PubKeyAlgoECDSA, packet.CurveBrainpoolP512
	require.NoError(t, key.AddSigningSubkey(config))
	sub := key.Subkeys[len(key.Subkeys)-1]
	require.NoError(t, sub.Sig.EmbeddedSignature.CrossSignKey(sub.PublicKey, makeKey(t, "y", nil).PrimaryKey, sub.PrivateKey, config))
	require.NoError(t, sub.Sig.SignKey(sub.PublicKey, key.PrivateKey, config))
	var out, binding bytes.Buffer
	require.NoError(t, sub.PublicKey.Serialize(&out))
	require.NoError(t, sub.Sig.Serialize(&binding))
	return slices.Concat(bare(t, key), out.Bytes(), bytes.Repeat(binding.Bytes(), 700))
}

func manyUserIDs(t *testing.T) []byte {
	out := bare(t, makeKey(t, "x", nil))
	for i := range maxPackets - 1 {
		id := fmt.Sprint(i)
		out = append(append(out, 0xC0|tagUserID, byte(len(id))), id...)
	}
	return append(out, bytes.Repeat([]byte{0xfd, 0}, 2)...)
}
