package openpgp

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/stretchr/testify/require"
)

// today is the tests' present. Keys are made a day before it and signatures an
// hour before it, unless a test says otherwise.
var (
	today    = time.Date(2026, 5, 10, 12, 0, 0, 0, time.UTC)
	keyTime  = today.Add(-24 * time.Hour)
	signTime = today.Add(-time.Hour)
)

func at(when time.Time) *packet.Config { return &packet.Config{Time: func() time.Time { return when }} }

// makeKey makes a key that signs and has an encryption subkey; change alters what it is made with.
func makeKey(t testing.TB, name string, change func(*packet.Config)) *openpgp.Entity {
	t.Helper()
	config := at(keyTime)
	config.Algorithm = packet.PubKeyAlgoEdDSA
	if change != nil {
		change(config)
	}
	key, err := openpgp.NewEntity(name, "", name+"@example.com", config)
	require.NoError(t, err)
	return key
}

func lifetime(d time.Duration) func(*packet.Config) {
	return func(c *packet.Config) { c.KeyLifetimeSecs = uint32(d / time.Second) }
}

// rsaBits asks for RSA; the library makes short keys only when told so.
func rsaBits(bits int) func(*packet.Config) {
	return func(c *packet.Config) { c.Algorithm, c.RSABits, c.MinRSABits = packet.PubKeyAlgoRSA, bits, 1023 }
}

// addSubkey gives the key a subkey that signs.
func addSubkey(t testing.TB, key *openpgp.Entity, when time.Time) {
	t.Helper()
	config := at(when)
	config.Algorithm = packet.PubKeyAlgoEdDSA
	require.NoError(t, key.AddSigningSubkey(config))
}

// rsaKey is made once: RSA keys take a while.
var rsaKey = sync.OnceValue(func() *openpgp.Entity {
	config := at(keyTime)
	rsaBits(2048)(config)
	key, err := openpgp.NewEntity("rsa", "", "rsa@example.com", config)
	if err != nil {
		panic(err)
	}
	return key
})

// ringOf serializes the public halves.
func ringOf(t testing.TB, keys ...*openpgp.Entity) []byte {
	t.Helper()
	var out bytes.Buffer
	for _, key := range keys {
		require.NoError(t, key.Serialize(&out))
	}
	return out.Bytes()
}

func armored(t testing.TB, kind string, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := armor.Encode(&out, kind, nil)
	require.NoError(t, err)
	_, err = w.Write(data)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return append(out.Bytes(), '\n')
}

func fingerprint(key *openpgp.Entity) string { return fmt.Sprintf("%X", key.PrimaryKey.Fingerprint) }

// trusting returns a verifier of one signer called Vendor.
func trusting(t testing.TB, keys ...*openpgp.Entity) *Verifier {
	t.Helper()
	return verifier(t, signer("Vendor", integrity.OpenPGPTrust{Keyring: string(ringOf(t, keys...))}))
}

// signer is known in one way.
func signer(name string, t integrity.OpenPGPTrust) integrity.Signer {
	return integrity.Signer{Name: name, OpenPGP: []integrity.OpenPGPTrust{t}}
}

func verifier(t testing.TB, signers ...integrity.Signer) *Verifier {
	t.Helper()
	v, err := New(signers...)
	require.NoError(t, err)
	return v
}

// sign makes a detached signature in binary.
func sign(t testing.TB, content []byte, key *openpgp.Entity, change func(*packet.Config)) []byte {
	t.Helper()
	config := at(signTime)
	if change != nil {
		change(config)
	}
	var out bytes.Buffer
	require.NoError(t, openpgp.DetachSign(&out, key, bytes.NewReader(content), config))
	return out.Bytes()
}

// signText signs with line ends as CR LF.
func signText(t testing.TB, content []byte, key *openpgp.Entity) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, openpgp.DetachSignText(&out, key, bytes.NewReader(content), at(signTime)))
	return out.Bytes()
}

// signAs makes a signature of any version 4 type and digest over what is given,
// where the library has no function for it.
func signAs(t testing.TB, content []byte, key *openpgp.Entity, kind packet.SignatureType, digest crypto.Hash, change func(*packet.Signature)) []byte {
	t.Helper()
	sig := &packet.Signature{
		Version: key.PrimaryKey.Version, SigType: kind, PubKeyAlgo: key.PrimaryKey.PubKeyAlgo, Hash: digest,
		CreationTime: signTime, IssuerKeyId: &key.PrimaryKey.KeyId, IssuerFingerprint: key.PrimaryKey.Fingerprint,
	}
	if change != nil {
		change(sig)
	}
	h := digest.New()
	h.Write(content)
	config := at(signTime)
	config.NonDeterministicSignaturesViaNotation = new(bool) // there is no salt for SHA-1
	require.NoError(t, sig.Sign(h, key.PrivateKey, config))
	var out bytes.Buffer
	require.NoError(t, sig.Serialize(&out))
	return out.Bytes()
}

// signVersion3 makes a version 3 signature, which rpm made until long after RFC
// 4880, with an RSA key.
func signVersion3(t testing.TB, content []byte, key *openpgp.Entity, kind byte) []byte {
	t.Helper()
	hashed := binary.BigEndian.AppendUint32([]byte{kind}, uint32(signTime.Unix()))
	sum := sha256.Sum256(append(bytes.Clone(content), hashed...))
	raw, err := rsa.SignPKCS1v15(rand.Reader, key.PrivateKey.PrivateKey.(*rsa.PrivateKey), crypto.SHA256, sum[:])
	require.NoError(t, err)
	body := append([]byte{3, 5}, hashed...)
	body = binary.BigEndian.AppendUint64(body, key.PrimaryKey.KeyId)
	body = append(body, byte(packet.PubKeyAlgoRSA), 8, sum[0], sum[1])
	body = binary.BigEndian.AppendUint16(body, uint16(len(raw)*8))
	return signaturePacket(append(body, raw...))
}

// signAnonymous makes a signature that does not say by which key.
func signAnonymous(t testing.TB, content []byte, key *openpgp.Entity) []byte {
	t.Helper()
	hashed := binary.BigEndian.AppendUint32([]byte{4, 0, byte(packet.PubKeyAlgoRSA), 8, 0, 6, 5, 2}, uint32(signTime.Unix()))
	sum := sha256.Sum256(slices.Concat(content, hashed, []byte{4, 0xff, 0, 0, 0, byte(len(hashed))}))
	raw, err := rsa.SignPKCS1v15(rand.Reader, key.PrivateKey.PrivateKey.(*rsa.PrivateKey), crypto.SHA256, sum[:])
	require.NoError(t, err)
	body := append(hashed, 0, 0, sum[0], sum[1])
	body = binary.BigEndian.AppendUint16(body, uint16(len(raw)*8))
	return signaturePacket(append(body, raw...))
}

// signaturePacket puts the header of a signature packet before a body.
func signaturePacket(body []byte) []byte { return packetOf(tagSignature, body) }

// packetOf puts a packet's header before a body.
func packetOf(tag byte, body []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0xC0 | tag, 255}, uint32(len(body))), body...)
}

// clearSign makes a clear-signed message with a line end after it.
func clearSign(t testing.TB, text string, keys ...*openpgp.Entity) []byte {
	t.Helper()
	return clearSignAt(t, text, at(signTime), keys...)
}

func clearSignAt(t testing.TB, text string, config *packet.Config, keys ...*openpgp.Entity) []byte {
	t.Helper()
	var private []*packet.PrivateKey
	for _, key := range keys {
		private = append(private, key.PrivateKey)
	}
	var out bytes.Buffer
	w, err := clearsign.EncodeMulti(&out, private, config)
	require.NoError(t, err)
	_, err = w.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return append(out.Bytes(), '\n')
}

// testFile reads a file of testdata. They were made on 2026-11-22 by GnuPG 2.2
// and rpm 4.18: ring.asc holds Vendor, an Ed25519 key that certifies with an
// Ed25519 subkey that signs, and Builder, RSA 2048. Vendor signed patch.txt
// (.sig, .asc) and ed.rpm, Builder text.asc (--textmode), sha1.sig
// (--digest-algo SHA1), clear.txt (--clearsign), rsa.rpm and legacy.rpm
// (--rpmv3), and both signed both.sig and clearboth.txt.
func testFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	return data
}

func inspect(t testing.TB, v *Verifier, content, detached []byte) Report {
	t.Helper()
	r, err := v.Inspect(bytes.NewReader(content), int64(len(content)), detached)
	require.NoError(t, err)
	require.Equal(t, r.Answer, v.Verify(bytes.NewReader(content), int64(len(content)), detached))
	return r
}

// outcomesOf lists the outcome of each signature.
func outcomesOf(r Report) (list []string) {
	for _, s := range r.Signatures {
		list = append(list, string(s.Outcome))
	}
	return list
}

// entry is an entry of an RPM header.
type entry struct {
	tag, kind, count uint32
	data             []byte
}

func text(tag uint32, s string) entry { return entry{tag, typeString, 1, append([]byte(s), 0)} }
func texts(tag uint32, list ...string) entry {
	return entry{tag, typeStringArray, uint32(len(list)), []byte(strings.Join(list, "\x00") + "\x00")}
}
func number(tag, n uint32) entry {
	return entry{tag, typeInt32, 1, binary.BigEndian.AppendUint32(nil, n)}
}
func blob(tag uint32, b []byte) entry { return entry{tag, typeBinary, uint32(len(b)), b} }

// header makes an RPM header of entries, with its region.
func header(region uint32, entries ...entry) []byte {
	return regionHeader(region, region, entries, nil)
}

// regionHeader makes an RPM header with entries inside and outside its region;
// trailer is the tag that ends the region. Without a region there are the
// entries alone, as in format 3.
func regionHeader(region, trailer uint32, inside, outside []entry) []byte {
	var index, data []byte
	put := func(tag, kind, offset, count uint32) []byte {
		var out []byte
		for _, n := range []uint32{tag, kind, offset, count} {
			out = binary.BigEndian.AppendUint32(out, n)
		}
		return out
	}
	add := func(entries []entry) {
		for _, e := range entries {
			for int64(len(data))%typeSizes[e.kind] != 0 {
				data = append(data, 0)
			}
			index = append(index, put(e.tag, e.kind, uint32(len(data)), e.count)...)
			data = append(data, e.data...)
		}
	}
	add(inside)
	count := uint32(len(inside) + len(outside))
	if region != 0 {
		count++
		index = append(put(region, typeBinary, uint32(len(data)), regionSize), index...)
		data = append(data, put(trailer, typeBinary, -uint32(len(inside)+1)*entrySize, regionSize)...)
	}
	add(outside)
	out := binary.BigEndian.AppendUint32([]byte(headerMagic), count)
	out = binary.BigEndian.AppendUint32(out, uint32(len(data)))
	return append(append(out, index...), data...)
}

// lead makes the first bytes of a package.
func lead() []byte {
	out := make([]byte, leadSize)
	copy(out, leadMagic+"\x03\x00\x00\x00\x00\x01hare-1-1")
	out[77], out[79] = 1, 5
	return out
}

// rpmPackage puts a package together.
func rpmPackage(head, payload []byte, signatures ...entry) []byte {
	return rpmOf(header(tagHeaderSignatures, signatures...), head, payload)
}

// rpmOf puts a package together of whole headers.
func rpmOf(signatures, head, payload []byte) []byte {
	out := append(lead(), signatures...)
	for len(out)%8 != 0 {
		out = append(out, 0)
	}
	return slices.Concat(out, head, payload)
}

// hareHeader is a header that promises the payload.
func hareHeader(payload []byte) []byte {
	sum := sha256.Sum256(payload)
	return header(tagHeaderImmutable, text(1000, "hare"), text(1001, "1"), text(1002, "1"), number(1009, 5),
		texts(tagPayloadDigest, hex.EncodeToString(sum[:])), number(tagPayloadAlgorithm, 8))
}

// goodRPM is a package as rpm makes them now, signed over the header by the key.
func goodRPM(t testing.TB, payload []byte, key *openpgp.Entity) []byte {
	head := hareHeader(payload)
	sum := sha256.Sum256(head)
	return rpmPackage(head, payload, blob(tagRSAHeader, sign(t, head, key, nil)), text(tagSHA256Header, hex.EncodeToString(sum[:])),
		number(tagSize, uint32(len(head)+len(payload))))
}
