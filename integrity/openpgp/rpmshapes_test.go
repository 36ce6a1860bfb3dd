package openpgp

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// rpmkeysWith returns rpmkeys -K with the keys, which says whether it takes a
// package; and its whole report.
func rpmkeysWith(t testing.TB, keys ...[]byte) func(paths ...string) string {
	t.Helper()
	dir := t.TempDir()
	run := func(args ...string) string {
		args = append([]string{"--dbpath", filepath.Join(dir, "db"), "--define", "_pkgverify_level signature"}, args...)
		out, _ := exec.CommandContext(t.Context(), "rpmkeys", args...).CombinedOutput() // it fails if one of many files is bad
		return string(out)
	}
	for _, key := range keys {
		file := filepath.Join(dir, "key")
		require.NoError(t, os.WriteFile(file, key, 0o600))
		require.Empty(t, run("--import", file))
	}
	return run
}

// rpmShape is a package of an odd make.
type rpmShape struct {
	name   string
	rpm    []byte
	status integrity.Status
	text   string // part of the answer's detail
	differ string // why rpmkeys says otherwise; empty: it takes what is valid, and nothing else
}

// rpmShapes are packages as signing servers, old programs and forgers make
// them, signed by key or a stranger.
func rpmShapes(t testing.TB, key, stranger *openpgp.Entity) []rpmShape {
	payload, plain := []byte("the payload of a package"), []byte("the payload, not compressed")
	head := hareHeader(payload)
	sum, other := sha256.Sum256(head), strings.Repeat("0", 64)
	name := text(1000, "hare")
	both := slices.Concat(head, payload)
	signature := blob(tagRSAHeader, sign(t, head, key, nil))
	strange := blob(tagRSAHeader, sign(t, head, stranger, nil))
	digest, size := text(tagSHA256Header, hex.EncodeToString(sum[:])), number(tagSize, uint32(len(both)))
	ima := []entry{texts(tagFileSignatures, strings.Repeat("0302", 70), ""), number(tagFileSignatures+1, 140)}
	list := func(entries ...entry) []entry { return entries }
	region := func(inside, outside []entry) []byte {
		return regionHeader(tagHeaderSignatures, tagHeaderSignatures, inside, outside)
	}
	old := func(inside, outside []entry) []byte {
		return regionHeader(tagHeaderSignatures, tagHeaderImage, inside, outside)
	}
	of := func(signatures []byte) []byte { return rpmOf(signatures, head, payload) }
	changed := func(data []byte, at int, to uint32) []byte { // a number of a header
		data = bytes.Clone(data)
		binary.BigEndian.PutUint32(data[at:], to)
		return data
	}
	trailer := func(signatures []byte, at, to int) []byte {
		return changed(signatures, len(signatures)-regionSize+at, uint32(to))
	}
	const firstOffset = introSize + entrySize + 8
	signed := func(head []byte) []byte {
		return rpmPackage(head, payload, blob(tagRSAHeader, sign(t, head, key, nil)))
	}
	main := func(trailer uint32, outside ...entry) []byte {
		promise := sha256.Sum256(payload)
		return regionHeader(tagHeaderImmutable, trailer, list(name, texts(tagPayloadDigest, hex.EncodeToString(promise[:])), number(tagPayloadAlgorithm, 8)), outside)
	}
	promising := func(digest, alternative []byte) []byte {
		one, two := sha256.Sum256(digest), sha256.Sum256(alternative)
		return header(tagHeaderImmutable, name, texts(tagPayloadDigest, hex.EncodeToString(one[:])), number(tagPayloadAlgorithm, 8),
			texts(tagPayloadPlain, hex.EncodeToString(two[:])))
	}
	three := regionHeader(0, 0, list(name, text(1001, "1"), number(1009, 5)), nil) // the header of format 3
	threeSize := number(tagSize, uint32(len(three)+len(payload)))
	three1002 := blob(tagPGP, sign(t, slices.Concat(three, payload), key, nil))
	const (
		stricter = "rpm takes the first of several values, and other programs may take another"
		noSize   = "rpm does not look at the size"
		format3  = "rpm still judges format 3"
	)
	return []rpmShape{
		// What is outside the region of the signature header counts as what is inside.
		{"IMA signatures outside the region", of(region(list(signature, digest, size), ima)), integrity.Valid, "", ""},
		{"IMA signatures inside it", of(region(append(list(signature, digest, size), ima...), nil)), integrity.Valid, "", ""},
		{"the signature outside it", of(region(list(digest, size), append(list(signature), ima...))), integrity.Valid, "", ""},
		{"the signature outside it, and a trailer of old", of(old(list(digest, size), list(signature, ima[0]))), integrity.Valid, "", ""},
		{"a trailer of old", of(old(list(signature, digest, size), nil)), integrity.Valid, "", ""},
		{"nothing but the region inside it", of(region(nil, list(signature, digest, size))), integrity.Valid, "", ""},
		{"a region of no entries", of(trailer(region(list(signature), nil), 8, 0)), integrity.Valid, "", ""},
		{"no region among the signatures", of(regionHeader(0, 0, list(signature, digest, size), nil)), integrity.Valid, "", ""},
		{"a signature over both, outside the region", of(region(list(digest), list(blob(tagPGP, sign(t, both, key, nil))))), integrity.Valid, "", ""},
		{"the same signature inside and outside", of(region(list(signature), list(signature))), integrity.Valid, "", ""},
		{"outside the region, in base64", of(region(list(digest), list(texts(tagOpenPGP, base64.StdEncoding.EncodeToString(signature.data))))), integrity.Valid, "", "rpm 4.18 does not know tag 278"},

		{"another signature outside", of(region(list(signature), list(strange))), integrity.Bad, "tag 268 occurs twice", stricter},
		{"another signature inside", of(region(list(strange), list(signature))), integrity.Bad, "tag 268 occurs twice", ""},
		{"a stranger's signature outside", of(region(list(digest, size), list(strange))), integrity.Bad, "not a trusted key", ""},
		{"a signature of something else outside", of(region(list(digest), list(blob(tagRSAHeader, sign(t, payload, key, nil))))), integrity.Bad, "does not hold", ""},
		{"one that does not hold outside", of(region(list(signature), list(blob(tagPGP, sign(t, head, key, nil))))), integrity.Bad, "does not hold", ""},
		{"a wrong digest outside", of(region(list(signature), list(text(tagSHA256Header, other)))), integrity.Bad, "the header does not have the SHA-256", ""},
		{"a wrong size outside", of(region(list(signature), list(number(tagSize, 5)))), integrity.Bad, "not what the package says", noSize},
		{"the other header's trailer", of(regionHeader(tagHeaderSignatures, tagHeaderImmutable, list(signature), nil)), integrity.Bad, "trailer", ""},
		{"a region of more entries than there are", of(trailer(region(list(signature), nil), 8, -3*entrySize)), integrity.Bad, "trailer", ""},
		{"a region of half an entry", of(trailer(region(list(signature), nil), 8, -entrySize-8)), integrity.Bad, "trailer", ""},
		{"a region that counts forwards", of(trailer(region(list(signature), nil), 8, 2*entrySize)), integrity.Bad, "trailer", ""},
		{"a trailer of another type", of(trailer(region(list(signature), nil), 4, typeInt32)), integrity.Bad, "trailer", ""},
		{"a region of another type", of(changed(region(list(signature), nil), introSize+4, typeInt32)), integrity.Bad, "region", ""},
		{"a trailer beyond the end", of(changed(region(list(signature), nil), introSize+8, 1<<20)), integrity.Bad, "region", ""},
		{"data over the trailer", of(changed(region(list(signature), list(digest)), firstOffset, 8)), integrity.Bad, "is where the region ends", ""},
		{"texts that overlap", of(changed(region(list(digest, signature), nil), introSize+entrySize+12, 2)), integrity.Bad, "type 6 and count 2", ""},
		{"IMA signatures that run into the next value", of(changed(region(append(list(signature, digest), ima...), nil), introSize+3*entrySize+12, 9)), integrity.Bad, "tag 274 is where the region ends", ""},
		{"data that overlaps", of(changed(region(list(digest, signature), nil), firstOffset+entrySize, 1)), integrity.Bad, "not in its place", ""},

		// The header stays as strict as it is.
		{"an entry outside the header's region", signed(main(tagHeaderImmutable, text(1001, "2"))), integrity.Bad, "outside the region that is signed", ""},
		{"a digest outside the header's region", signed(main(tagHeaderImmutable, texts(tagPayloadPlain, other))), integrity.Bad, "outside the region that is signed", ""},
		{"data alone outside the header's region", signed(append(changed(head, 12, binary.BigEndian.Uint32(head[12:])+4), "evil"...)), integrity.Bad, "data outside the region", ""},
		{"an entry that the header's region does not count", signed(trailer(head, 8, -6*entrySize)), integrity.Bad, "entries outside the region", ""},
		{"a trailer of old in the header", signed(main(tagHeaderImage)), integrity.Bad, "trailer", ""},
		{"the other header's region", signed(regionHeader(tagHeaderSignatures, tagHeaderSignatures, list(name), nil)), integrity.Bad, "the entry of tag 62", ""},

		// The header may promise the payload in two forms.
		{"a payload that is not compressed", func() []byte {
			h := promising(payload, plain)
			return rpmPackage(h, plain, blob(tagRSAHeader, sign(t, h, key, nil)))
		}(), integrity.Valid, "", ""},
		{"a payload that is compressed", signed(promising(payload, plain)), integrity.Valid, "", ""},
		{"a payload that is neither", signed(promising(plain, plain)), integrity.Bad, "the payload does not have", ""},

		// Well formed, and of a kind that is not judged; and the same kinds damaged.
		{"format 3, not signed", rpmOf(regionHeader(0, 0, list(threeSize), nil), three, payload), integrity.Unsupported, "format 3", ""},
		{"format 3, signatures with a region", rpmPackage(three, payload, threeSize), integrity.Unsupported, "format 3", ""},
		{"format 3, signed", rpmOf(regionHeader(0, 0, list(threeSize, three1002), nil), three, payload), integrity.Unsupported, "format 3", format3},
		{"format 3, cut off", rpmPackage(three, payload[1:], threeSize), integrity.Bad, "not what the package says", ""},
		{"format 3, cut off in the header", rpmPackage(three[:40], nil, threeSize), integrity.Bad, "cut off", ""},
		{"format 3 with a broken entry", rpmPackage(changed(three, introSize+entrySize+4, 99), payload, threeSize), integrity.Bad, "type 99", ""},
		{"format 3 with data out of place", rpmPackage(changed(three, introSize+entrySize+8, 0), payload, threeSize), integrity.Bad, "not in its place", ""},
		{"only IMA signatures", of(region(list(digest, size), ima)), integrity.Unsupported, "tag 274 are not judged", ""},
		{"only fs-verity signatures", of(region(list(digest, texts(tagVeritySignatures, "AAAA")), nil)), integrity.Unsupported, "tag 276 are not judged", ""},
		{"a signature of PGP 5", of(region(list(digest, blob(tagPGP5, []byte("x"))), nil)), integrity.Unsupported, "tag 1006 are not judged", ""},
		{"IMA signatures and a wrong digest", of(region(append(list(text(tagSHA256Header, other)), ima...), nil)), integrity.Bad, "the header does not have the SHA-256", ""},
		{"a signature of version 5", of(region(list(blob(tagRSAHeader, signaturePacket(slices.Concat([]byte{5}, make([]byte, 20)))), digest), nil)), integrity.Unsupported, "version 5", ""},
	}
}

// What rpm takes is valid, and what is damaged is bad; what is neither is said to be not judged.
func TestShapesOfRPM_INT9(t *testing.T) {
	key, stranger := rsaKey(), makeKey(t, "stranger", nil)
	v := trusting(t, key)
	shapes := rpmShapes(t, key, stranger)
	dir, said := t.TempDir(), ""
	var paths []string
	for i, tt := range shapes {
		paths = append(paths, filepath.Join(dir, fmt.Sprintf("%02d.rpm", i)))
		require.NoError(t, os.WriteFile(paths[i], tt.rpm, 0o600))
	}
	if _, err := exec.LookPath("rpmkeys"); err == nil {
		said = rpmkeysWith(t, armored(t, armorKeys, ringOf(t, key)))(append([]string{"-K"}, paths...)...)
	}
	for i, tt := range shapes {
		t.Run(tt.name, func(t *testing.T) {
			r := inspect(t, v, tt.rpm, nil)
			require.Equal(t, tt.status.String(), r.Answer.Status.String(), r.Answer.Detail)
			require.Contains(t, r.Answer.Detail, tt.text)
			require.Equal(t, integrity.RPM, r.Answer.Format)
			checkAnswer(t, r)
			if said != "" {
				require.Equal(t, (tt.status == integrity.Valid) != (tt.differ != ""), rpmTakes(said, paths[i]), said)
			}
		})
	}
}

// rpmTakes finds in what rpmkeys -K says whether it takes that package.
func rpmTakes(said, path string) bool {
	return strings.Contains(said, path+": digests signatures OK\n") || strings.Contains(said, path+": signatures OK\n")
}
