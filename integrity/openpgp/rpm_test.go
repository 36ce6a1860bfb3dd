package openpgp

import (
	"bytes"
	"crypto"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// Header and payload are both covered by a good signature, or the package is not valid.
func TestRPM_INT1(t *testing.T) {
	key, stranger := makeKey(t, "vendor", nil), makeKey(t, "stranger", nil)
	v := trusting(t, key, rsaKey())
	payload := []byte("the payload of a package")
	digest := func(sum []byte, number32 uint32) []byte { // a header with another kind of promise
		return header(tagHeaderImmutable, text(1000, "hare"), texts(tagPayloadDigest, hex.EncodeToString(sum)), number(tagPayloadAlgorithm, number32))
	}
	sum256, sum512, sum1 := sha256.Sum256(payload), sha512.Sum512(payload), sha1.Sum(payload)
	head := hareHeader(payload)
	old := header(tagHeaderImmutable, text(1000, "hare"), number(1009, 5)) // as rpm made it before 4.14
	bare256 := header(tagHeaderImmutable, text(1000, "hare"), text(tagPayloadDigest, hex.EncodeToString(sum256[:])))
	bare512 := header(tagHeaderImmutable, text(1000, "hare"), text(tagPayloadDigest, hex.EncodeToString(sum512[:])))
	other := sha256.Sum256([]byte("another payload"))
	headSum, headSum1 := sha256.Sum256(head), sha1.Sum(head)
	both := func(head []byte) []byte { return slices.Concat(head, payload) }
	bySelf := func(data []byte) []byte { return sign(t, data, key, nil) }
	b64 := base64.StdEncoding.EncodeToString
	good := goodRPM(t, payload, key)
	at := func(i int, b byte) []byte { changed := bytes.Clone(good); changed[i] = b; return changed }
	put := func(i int, n uint32) []byte {
		changed := bytes.Clone(good)
		binary.BigEndian.PutUint32(changed[i:], n)
		return changed
	}
	headerAt := bytes.LastIndex(good, []byte(headerMagic))
	many := func(n int) (list []entry) {
		for range n {
			list = append(list, blob(9999, []byte("x")))
		}
		return list
	}
	withData := slices.Concat(head[:12], []byte{0, 0, 0, byte(len(head)-introSize-7*entrySize) + 4}, head[16:], []byte("evil"))

	for _, tt := range []struct {
		name     string
		rpm      []byte
		status   integrity.Status
		text     string
		outcomes string
	}{
		{"over the header", good, integrity.Valid, "", "good"},
		{"over the header, elliptic", rpmPackage(head, payload, blob(tagDSAHeader, bySelf(head))), integrity.Valid, "", "good"},
		{"over the header, in base64", rpmPackage(head, payload, texts(tagOpenPGP, b64(bySelf(head)), b64(sign(t, head, stranger, nil)))), integrity.Valid, "", "good unknown key"},
		{"over the header, version 3", rpmPackage(head, payload, blob(tagRSAHeader, signVersion3(t, head, rsaKey(), 0))), integrity.Valid, "", "good"},
		{"promising SHA-512", rpmPackage(digest(sum512[:], 10), payload, blob(tagRSAHeader, bySelf(digest(sum512[:], 10)))), integrity.Valid, "", "good"},
		{"promising SHA-256 without saying so", rpmPackage(bare256, payload, texts(tagOpenPGP, b64(bySelf(bare256)))), integrity.Valid, "", "good"},
		{"over header and payload", rpmPackage(old, payload, blob(tagPGP, bySelf(both(old)))), integrity.Valid, "", "good"},
		{"over header and payload, elliptic", rpmPackage(old, payload, blob(tagGPG, bySelf(both(old)))), integrity.Valid, "", "good"},
		{"over the header, and over both", rpmPackage(old, payload, blob(tagRSAHeader, bySelf(old)), blob(tagPGP, bySelf(both(old)))), integrity.Valid, "", "not covering good"},
		{"all there is", rpmPackage(head, payload, blob(tagDSAHeader, bySelf(head)), blob(tagRSAHeader, signVersion3(t, head, rsaKey(), 0)), text(tagSHA1Header, hex.EncodeToString(headSum1[:])),
			text(tagSHA256Header, strings.ToUpper(hex.EncodeToString(headSum[:]))), blob(tagPGP, bySelf(both(head)))), integrity.Valid, "", "good good good"},
		{"no payload", rpmPackage(hareHeader(nil), nil, blob(tagRSAHeader, bySelf(hareHeader(nil)))), integrity.Valid, "", "good"},

		{"not signed", rpmPackage(head, payload), integrity.Absent, "", ""},
		{"not signed, with digests", rpmPackage(head, payload, text(tagSHA256Header, hex.EncodeToString(headSum[:]))), integrity.Absent, "", ""},

		{"not signed, another SHA-256 of the header", rpmPackage(head, payload, text(tagSHA256Header, strings.Repeat("0", 64))), integrity.Bad, "the header does not have the SHA-256 digest", ""},
		{"not signed, another payload promised", rpmPackage(digest(other[:], 8), payload), integrity.Bad, "the payload does not have the SHA-256 digest", ""},
		{"by a stranger", goodRPM(t, payload, stranger), integrity.Bad, "not a trusted key", "unknown key"},
		{"the header only", rpmPackage(old, payload, blob(tagRSAHeader, bySelf(old))), integrity.Bad, "covers the header only", "not covering"},
		{"the payload by SHA-1 only", rpmPackage(digest(sum1[:], 2), payload, blob(tagRSAHeader, bySelf(digest(sum1[:], 2)))), integrity.Bad, "covers the header only", "not covering"},
		{"the payload by a digest nobody knows", rpmPackage(digest(sum256[:], 264), payload, blob(tagRSAHeader, bySelf(digest(sum256[:], 264)))), integrity.Bad, "covers the header only", "not covering"},
		{"the header by us, both by a stranger", rpmPackage(old, payload, blob(tagRSAHeader, bySelf(old)), blob(tagPGP, sign(t, both(old), stranger, nil))), integrity.Bad, "covers the header only", "not covering unknown key"},
		{"another payload promised", rpmPackage(digest(other[:], 8), payload, blob(tagRSAHeader, bySelf(digest(other[:], 8)))), integrity.Bad, "the payload does not have the SHA-256 digest", "good"},
		{"another payload promised, but both signed", rpmPackage(digest(other[:], 8), payload, blob(tagPGP, bySelf(both(digest(other[:], 8))))), integrity.Bad, "the payload does not have the SHA-256 digest", "good"},
		{"the header by us and by a stranger", rpmPackage(head, payload, blob(tagDSAHeader, sign(t, head, stranger, nil)), blob(tagRSAHeader, bySelf(head))), integrity.Bad, "has to hold as well: by key " + fingerprint(stranger), "good unknown key"},
		{"promising SHA-512 without saying so", rpmPackage(bare512, payload, blob(tagRSAHeader, bySelf(bare512))), integrity.Bad, "the payload does not have the SHA-256", "good"},
		{"over SHA-1", rpmPackage(head, payload, blob(tagRSAHeader, signAs(t, head, rsaKey(), packet.SigTypeBinary, crypto.SHA1, nil))), integrity.Bad, "SHA-1 is too weak", "weak digest"},
		{"over a text", rpmPackage(head, payload, blob(tagRSAHeader, signAs(t, head, key, packet.SigTypeText, crypto.SHA256, nil))), integrity.Bad, "over a text", "wrong use"},
		{"the header's signature does not hold", rpmPackage(head, payload, blob(tagRSAHeader, bySelf(old)), blob(tagPGP, bySelf(both(head)))), integrity.Bad, "over the header: the signature does not hold", "broken good"},
		{"the other signature does not hold", rpmPackage(head, payload, blob(tagRSAHeader, bySelf(head)), blob(tagPGP, bySelf(both(old)))), integrity.Bad, "over the header and payload: the signature does not hold", "good broken"},
		{"another SHA-256 of the header", rpmPackage(head, payload, blob(tagRSAHeader, bySelf(head)), text(tagSHA256Header, strings.Repeat("0", 64))), integrity.Bad, "the header does not have the SHA-256 digest", "good"},
		{"another SHA-1 of the header", rpmPackage(head, payload, blob(tagRSAHeader, bySelf(head)), text(tagSHA1Header, "")), integrity.Bad, "the header does not have the SHA-1 digest", "good"},
		{"another size", rpmPackage(head, payload, blob(tagRSAHeader, bySelf(head)), number(tagSize, 5)), integrity.Bad, "not what the package says", ""},
		{"a size of no kind", rpmPackage(head, payload, blob(tagRSAHeader, bySelf(head)), text(tagLongSize, "5")), integrity.Bad, "not what the package says", ""},
		{"a byte of the payload changed", at(len(good)-1, 'X'), integrity.Bad, "the payload does not have", "good"},
		{"a byte of the header changed", at(bytes.LastIndex(good, []byte("hare\x00")), 'X'), integrity.Bad, "", "broken"},
		{"a byte added", append(bytes.Clone(good), 0), integrity.Bad, "not what the package says", ""},
		{"a byte cut off", good[:len(good)-1], integrity.Bad, "not what the package says", ""},

		{"only the magic", []byte(leadMagic), integrity.Bad, "cut off", ""},
		{"cut off in the lead", good[:90], integrity.Bad, "cut off", ""},
		{"cut off after the lead", good[:96], integrity.Bad, "cut off", ""},
		{"cut off in the signatures", good[:150], integrity.Bad, "cut off", ""},
		{"cut off after the signatures", good[:headerAt], integrity.Bad, "cut off", ""},
		{"cut off in the header", good[:headerAt+50], integrity.Bad, "cut off", ""},
		{"version 2 in the lead", at(4, 2), integrity.Unsupported, "version 2", ""},
		{"another kind of signature in the lead", at(79, 1), integrity.Unsupported, "kind of signature 1", ""},
		{"version 5 in the lead", at(4, 5), integrity.Bad, "version 5", ""},
		{"a kind of signature in the lead that never was", at(79, 6), integrity.Bad, "kind of signature 6", ""},
		{"no signature header", slices.Concat(lead(), head, payload), integrity.Bad, "the entry of tag 63", ""},
		{"bad magic of the signature header", at(96, 0), integrity.Bad, "a header is missing", ""},
		{"bad magic of the header", at(headerAt+3, 2), integrity.Bad, "a header is missing", ""},
		{"no entries", put(headerAt+8, 0), integrity.Bad, "0 entries", ""},
		{"four billion entries", put(headerAt+8, 0xffffffff), integrity.Bad, "4294967295 entries", ""},
		{"four billion bytes", put(headerAt+12, 0xffffffff), integrity.Bad, "cut off", ""},
		{"as many bytes as can be", put(headerAt+12, MaxRPMHeader), integrity.Bad, "cut off", ""},
		{"entries outside the region", put(headerAt+8, binary.BigEndian.Uint32(head[8:])+1), integrity.Bad, "", ""},
		{"data outside the region", rpmPackage(withData, payload, blob(tagRSAHeader, bySelf(withData))), integrity.Bad, "data outside the region", ""},
		{"another region's count", func() []byte {
			h := bytes.Clone(head)
			h[len(h)-5]--
			return rpmPackage(h, payload, blob(tagRSAHeader, bySelf(h)))
		}(), integrity.Bad, "entries outside the region", ""},
		{"an entry in place of the region", rpmPackage(slices.Concat(head[:16], head[32:48], head[32:]), payload), integrity.Bad, "tag 1000 is not in its place", ""},
		{"an entry of no type", put(headerAt+introSize+entrySize+4, 0), integrity.Bad, "has type 0", ""},
		{"an entry of type 10", put(headerAt+introSize+entrySize+4, 10), integrity.Bad, "has type 10", ""},
		{"an entry of nothing", put(headerAt+introSize+entrySize+12, 0), integrity.Bad, "count 0", ""},
		{"an entry far away", put(headerAt+introSize+entrySize+8, 0x7fffffff), integrity.Bad, "not in its place", ""},
		{"an entry with a huge count", put(headerAt+introSize+5*entrySize+12, 0xffffffff), integrity.Bad, "tag 5092 has type 8 and count 4294967295", ""},
		{"33 entries among the signatures", rpmPackage(head, payload, many(maxSignatureTags)...), integrity.Bad, "a header has 33 entries", ""},
		{"32 entries among the signatures", rpmPackage(head, payload, many(maxSignatureTags-1)...), integrity.Absent, "", ""},
		{"two signatures of one tag", rpmPackage(head, payload, blob(tagRSAHeader, bySelf(head)), blob(tagRSAHeader, bySelf(old))), integrity.Bad, "tag 268 occurs twice", ""},
		{"two signatures in one", rpmPackage(head, payload, blob(tagRSAHeader, append(bySelf(head), bySelf(head)...))), integrity.Bad, "2 signatures; want one", ""},
		{"a signature that is text", rpmPackage(head, payload, text(tagRSAHeader, "hello")), integrity.Bad, "not binary", ""},
		{"a signature that is junk", rpmPackage(head, payload, blob(tagRSAHeader, []byte("hello"))), integrity.Bad, "a signature is broken", ""},
		{"a signature that is too large", rpmPackage(head, payload, blob(tagRSAHeader, make([]byte, maxValue+1))), integrity.Unsupported, "at most 65536", ""},
		{"base64 that is none", rpmPackage(head, payload, texts(tagOpenPGP, "hello!")), integrity.Bad, "tag 278 is broken", ""},
		{"base64 that is binary", rpmPackage(head, payload, blob(tagOpenPGP, bySelf(head))), integrity.Bad, "not texts", ""},
		{"33 in base64", rpmPackage(head, payload, texts(tagOpenPGP, slices.Repeat([]string{b64(bySelf(head))}, 33)...)), integrity.Unsupported, "more than 32", ""},
		{"a long text that ends in the region's trailer", rpmPackage(head, payload, entry{tagSHA256Header, typeString, 1, bytes.Repeat([]byte("a"), maxValue+1)}), integrity.Bad, "is where the region ends", ""},
		{"a text that does not end", rpmOf(regionHeader(0, 0, []entry{{tagSHA256Header, typeString, 1, []byte("a")}}, nil), head, payload), integrity.Bad, "does not end", ""},
		{"a text that is too long", rpmPackage(head, payload, text(tagSHA256Header, strings.Repeat("a", maxValue))), integrity.Unsupported, "at most 65536", ""},
		{"a text that ends in the region's trailer", rpmPackage(head, payload, entry{tagSHA256Header, typeString, 1, []byte("a")}), integrity.Bad, "is where the region ends", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := inspect(t, v, tt.rpm, nil)
			require.Equal(t, tt.status.String(), r.Answer.Status.String(), r.Answer.Detail)
			require.Contains(t, r.Answer.Detail, tt.text)
			require.Equal(t, tt.outcomes, strings.Join(outcomesOf(r), " "))
			require.Equal(t, KindRPM, r.Kind)
			require.Equal(t, integrity.RPM, r.Answer.Format)
			checkAnswer(t, r)
			if tt.status == integrity.Valid {
				require.Equal(t, signTime, r.Answer.SignedAt)
			}
		})
	}
	r := inspect(t, v, good, nil)
	require.Equal(t, []DigestInfo{{"header", "SHA-256", true}, {"payload", "SHA-256", true}}, r.Digests)
	require.Equal(t, "header", r.Signatures[0].Covers)

	// A detached signature over a package is one like others, and decides alone.
	unsigned := rpmPackage(head, payload)
	require.Equal(t, integrity.OpenPGP, inspect(t, v, unsigned, bySelf(unsigned)).Answer.Format)
	require.Equal(t, integrity.Bad, inspect(t, v, good, bySelf(unsigned)).Answer.Status)
}

// Packages that rpmbuild and rpmsign made; each byte of what is signed matters,
// wherever it is changed.
func TestPackagesOfRPM_INT1(t *testing.T) {
	v := testVerifier(t)
	for name, outcomes := range map[string]string{"rsa.rpm": "good", "ed.rpm": "good", "legacy.rpm": "good good"} {
		rpm := testFile(t, name)
		r := inspect(t, v, rpm, nil)
		require.Equal(t, integrity.Valid, r.Answer.Status, r.Answer.Detail)
		require.Equal(t, outcomes, strings.Join(outcomesOf(r), " "))
		for _, d := range r.Digests {
			require.True(t, d.Holds, "%+v", d)
		}
		f, err := openRPM(bytes.NewReader(rpm), int64(len(rpm)))
		require.NoError(t, err)
		for i := int(f.header.start); i < len(rpm); i += 13 {
			changed := bytes.Clone(rpm)
			changed[i] ^= 0x10
			require.Equal(t, integrity.Bad, inspect(t, v, changed, nil).Answer.Status, "%s: byte %d", name, i)
		}
	}
	r := inspect(t, v, testFile(t, "unsigned.rpm"), nil)
	require.Equal(t, integrity.Signature{Status: integrity.Absent, Format: integrity.RPM}, r.Answer)
	require.Len(t, r.Digests, 3)
}
