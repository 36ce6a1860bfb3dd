package openpgp

import (
	"bytes"
	"compress/flate"
	"crypto"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// Every way in which a signature file can be good or not, and what is said of it.
func TestDetached_INT9(t *testing.T) {
	patch := []byte("the patch\r\nits second line\n")
	key, other, stranger := makeKey(t, "vendor", nil), makeKey(t, "other", nil), makeKey(t, "stranger", nil)
	expired := makeKey(t, "expired", lifetime(22*time.Hour)) // two hours before today, an hour before it signs
	revoked := makeKey(t, "revoked", nil)
	sigRevoked := sign(t, patch, revoked, nil)
	require.NoError(t, revoked.RevokeKey(packet.KeySuperseded, "", at(today.Add(-time.Minute))))
	byExpired := signAs(t, patch, expired, packet.SigTypeBinary, crypto.SHA256, nil)
	short := makeKey(t, "short", rsaBits(1024))
	version6 := makeKey(t, "version 6", func(c *packet.Config) { c.V6Keys, c.Algorithm = true, packet.PubKeyAlgoEd25519 })
	ecdsa := makeKey(t, "ecdsa", func(c *packet.Config) { c.Algorithm, c.Curve = packet.PubKeyAlgoECDSA, packet.CurveNistP256 })
	v := trusting(t, key, other, expired, revoked, short, version6, ecdsa, rsaKey())

	good := sign(t, patch, key, nil)
	asc := armored(t, armorSignature, good)
	edit := func(from, to string) []byte {
		changed := bytes.Replace(asc, []byte(from), []byte(to), 1)
		require.NotEqual(t, asc, changed)
		return changed
	}
	var compressed bytes.Buffer
	w, err := packet.SerializeCompressed(nopCloser{&compressed}, packet.CompressionZIP, nil)
	require.NoError(t, err)
	_, err = w.Write(good)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	many := func(n int, sig []byte) []byte { return bytes.Repeat(sig, n) }
	version := func(n byte) []byte { b := bytes.Clone(good); b[2] = n; return b } // the header has two bytes
	require.EqualValues(t, 4, good[2])

	for _, tt := range []struct {
		name     string
		sig      []byte
		status   integrity.Status
		text     string // in the answer's detail
		outcomes string
	}{
		{"binary", good, integrity.Valid, "", "good"},
		{"armored", asc, integrity.Valid, "", "good"},
		{"armored, with a comment and DOS line ends", bytes.ReplaceAll(edit("-----\n", "-----\nVersion: 1\nComment: by hand\n"), []byte("\n"), []byte("\r\n")), integrity.Valid, "", "good"},
		{"armored, blank lines around it", []byte("\n\n" + string(asc) + "\n \n"), integrity.Valid, "", "good"},
		{"RSA", sign(t, patch, rsaKey(), nil), integrity.Valid, "", "good"},
		{"ECDSA", sign(t, patch, ecdsa, nil), integrity.Valid, "", "good"},
		{"SHA-512", sign(t, patch, key, func(c *packet.Config) { c.DefaultHash = crypto.SHA512 }), integrity.Valid, "", "good"},
		{"SHA-384", signAs(t, patch, key, packet.SigTypeBinary, crypto.SHA384, nil), integrity.Valid, "", "good"},
		{"version 6", sign(t, patch, version6, nil), integrity.Valid, "", "good"},
		{"version 3", signVersion3(t, patch, rsaKey(), 0), integrity.Valid, "", "good"},
		{"over text", signText(t, patch, key), integrity.Valid, "", "good"},
		{"over text, version 3", signVersion3(t, []byte("the patch\r\nits second line\r\n"), rsaKey(), 1), integrity.Valid, "", "good"},
		{"one good of two, the other by a stranger", append(sign(t, patch, stranger, nil), good...), integrity.Valid, "", "unknown key good"},
		{"one good of two, the other by an expired key", append(bytes.Clone(good), byExpired...), integrity.Valid, "", "good expired"},
		{"one good of two, the other over SHA-1", append(bytes.Clone(good), signAs(t, patch, rsaKey(), packet.SigTypeBinary, crypto.SHA1, nil)...), integrity.Valid, "", "good weak digest"},
		{"two armored blocks", append(bytes.Clone(asc), armored(t, armorSignature, sign(t, patch, other, nil))...), integrity.Valid, "", "good good"},
		{"32 signatures", many(32, good), integrity.Valid, "", strings.TrimSpace(strings.Repeat("good ", 32))},

		{"one of two does not hold", append(bytes.Clone(good), sign(t, append([]byte("x"), patch...), other, nil)...), integrity.Bad, "does not hold", "good broken"},
		{"33 signatures, one good first", many(33, good), integrity.Valid, "", strings.Repeat("good ", 32) + "excess"},
		{"33 signatures by strangers", many(33, sign(t, patch, stranger, nil)), integrity.Bad, "not a trusted key", strings.Repeat("unknown key ", 32) + "excess"},
		{"over something else", sign(t, []byte("x"), key, nil), integrity.Bad, "was changed", "broken"},
		{"by a stranger", sign(t, patch, stranger, nil), integrity.Bad, fingerprint(stranger) + " is not a trusted key", "unknown key"},
		{"by nobody named", signAnonymous(t, patch, rsaKey()), integrity.Bad, "an unnamed key is not a trusted key", "unknown key"},
		{"over SHA-1", signAs(t, patch, rsaKey(), packet.SigTypeBinary, crypto.SHA1, nil), integrity.Bad, "the digest SHA-1 is too weak", "weak digest"},
		{"over SHA-224", signAs(t, patch, rsaKey(), packet.SigTypeBinary, crypto.SHA224, nil), integrity.Bad, "the digest SHA-224 is too weak", "weak digest"},
		{"over MD5", func() []byte { b := signVersion3(t, patch, rsaKey(), 0); b[6+16] = 1; return b }(), integrity.Bad, "the digest MD5 is too weak", "weak digest"},
		{"over a digest nobody knows, beside a good one by the same key", func() []byte { b := bytes.Clone(good); b[2+3] = 77; return append(b, good...) }(), integrity.Unsupported, "beside a good signature", "unjudged good"},
		{"over a digest nobody knows, by a stranger, beside a good one", func() []byte { b := sign(t, patch, stranger, nil); b[2+3] = 77; return append(b, good...) }(), integrity.Valid, "", "unjudged good"},
		{"over a digest nobody knows", func() []byte { b := bytes.Clone(good); b[2+3] = 77; return b }(), integrity.Unsupported, "digest algorithm 77 is unknown", "unjudged"},
		{"by a short RSA key", sign(t, patch, short, nil), integrity.Bad, "RSA with 1024 bits; want 2048", "weak key"},
		{"by an expired key", byExpired, integrity.Bad, "when its key had expired", "expired"},
		{"before its key was there", signAs(t, patch, key, packet.SigTypeBinary, crypto.SHA256, func(sig *packet.Signature) { sig.CreationTime = keyTime.Add(-time.Second) }), integrity.Bad, "before its key", "expired"},
		{"by a revoked key, before that", sigRevoked, integrity.Bad, "the key was revoked", "revoked"},
		{"of a key, not of a file", signAs(t, patch, key, packet.SigTypeDirectSignature, crypto.SHA256, nil), integrity.Bad, "type 0x1f", "wrong use"},
		{"with an unknown critical notation", signAs(t, patch, key, packet.SigTypeBinary, crypto.SHA256, notation), integrity.Unsupported, "critical notation", "unjudged"},
		{"version 2", version(2), integrity.Unsupported, "version 2", "unjudged"},
		{"version 5", version(5), integrity.Unsupported, "version 5", "unjudged"},
		{"version 6 of a version 4 signature", version(6), integrity.Bad, "broken", "broken"},
		{"version 3, cut short", signVersion3(t, patch, rsaKey(), 0)[:20], integrity.Bad, "cut off", ""},
		{"a packet that is too short", signaturePacket([]byte{4, 0, 1}), integrity.Bad, "cut off", "broken"},
		{"a version 3 packet that is too short", signaturePacket([]byte{3, 5, 0, 0, 0, 0, 0}), integrity.Bad, "broken", "broken"},
		{"junk within the packet", signaturePacket(append(bytes.Clone(good[2:]), 0)), integrity.Bad, "junk at the end", "broken"},

		{"another fingerprint", func() []byte {
			b := bytes.Clone(good)
			b[bytes.Index(b, key.PrimaryKey.Fingerprint)]++
			return b
		}(), integrity.Bad, "another fingerprint", "broken"},
		{"another key id", func() []byte {
			b := bytes.Clone(good)
			b[bytes.Index(b, append([]byte{9, 16}, key.PrimaryKey.Fingerprint[12:]...))+5]++
			return b
		}(), integrity.Bad, "names several keys", "broken"},

		{"empty", []byte{}, integrity.Bad, "empty", ""},
		{"blank", []byte(" \n\t\n"), integrity.Bad, "empty", ""},
		{"cut off", good[:len(good)-1], integrity.Bad, "cut off within a packet", ""},
		{"junk after it", append(bytes.Clone(good), "junk"...), integrity.Bad, "not OpenPGP data", ""},
		{"a marker before it", append([]byte{0xC0 | tagMarker, 3, 'P', 'G', 'P'}, good...), integrity.Unsupported, "not OpenPGP", ""},
		{"a marker after it", append(bytes.Clone(good), 0xC0|tagMarker, 3, 'P', 'G', 'P'), integrity.Unsupported, "packet of type 10", ""},
		{"padding after it", append(bytes.Clone(good), 0xC0|tagPadding, 1, 0), integrity.Unsupported, "packet of type 21", ""},
		{"a packet of a later version after it", append(bytes.Clone(good), 0xC0|60, 1, 0), integrity.Unsupported, "packet of type 60", ""},
		{"its content after it", append(bytes.Clone(good), 0xC0|tagLiteral, 1, 'x'), integrity.Unsupported, "packet of type 11", ""},
		{"junk after it", append(bytes.Clone(good), "\ncontent"...), integrity.Bad, "not OpenPGP data", ""},
		{"armored, indented", []byte("\t" + string(asc)), integrity.Bad, "outside the armored block", ""},
		{"a user id after it", append(bytes.Clone(good), 0xC0|tagUserID, 1, 'x'), integrity.Bad, "packet of type 13", ""},
		{"its length in parts", append([]byte{0xC0 | tagSignature, 224}, good[2:]...), integrity.Bad, "no length of its own", ""},
		{"without a length", append([]byte{0x80 | tagSignature<<2 | 3}, good[2:]...), integrity.Bad, "no length of its own", ""},
		{"armored, empty", armored(t, armorSignature, nil), integrity.Bad, "empty", ""},
		{"armored, cut off", asc[:len(asc)/2], integrity.Bad, "no END line", ""},
		{"armored, without its END line", edit("-----END", "-----EMD"), integrity.Bad, "bad armor", ""},
		{"armored, text before", append([]byte("hello\n"), asc...), integrity.Unsupported, "not OpenPGP", ""},
		{"armored, text after", append(bytes.Clone(asc), "hello\n"...), integrity.Bad, "outside the armored block", ""},
		{"armored, text between", append(append(bytes.Clone(asc), "hello\n"...), asc...), integrity.Bad, "outside the armored block", ""},
		{"armored, bad checksum", edit("\n=", "\n=x"), integrity.Bad, "bad armor", ""},
		{"armored, another checksum", append(bytes.Clone(asc[:bytes.LastIndex(asc, []byte("\n="))]), "\n=AAAA\n"+endSignature...), integrity.Bad, "checksum does not match", ""},
		{"armored, more after the checksum", edit(endSignature, "AAAA\n"+endSignature), integrity.Bad, "after the checksum", ""},
		{"armored, bad header", edit("-----\n", "-----\nhello\n"), integrity.Bad, "is not a header", ""},
		{"armored, a long line", edit("-----\n\n", "-----\n\n"+strings.Repeat("A", 100)+"\n"), integrity.Bad, "line of 100", ""},
		{"armored as a key", armored(t, armorKeys, good), integrity.Unsupported, "PUBLIC KEY BLOCK", ""},
		{"a clear-signed text", clearSign(t, "the patch", key), integrity.Unsupported, "SIGNED MESSAGE", ""},
		{"compressed", compressed.Bytes(), integrity.Unsupported, "not OpenPGP", ""},
		{"JSON", []byte(`{"mediaType":"bundle"}`), integrity.Unsupported, "not OpenPGP", ""},
		{"PEM", []byte("-----BEGIN SIGNATURE-----\nAAAA\n-----END SIGNATURE-----\n"), integrity.Unsupported, "not OpenPGP", ""},
		{"as large as can be", armored(t, armorSignature, make([]byte, 700_000)), integrity.Bad, "not OpenPGP data", ""},
		{"too large", make([]byte, MaxDetached+1), integrity.Unsupported, "at most 1048576", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := inspect(t, v, patch, tt.sig)
			require.Equal(t, tt.status.String(), r.Answer.Status.String(), r.Answer.Detail)
			require.Contains(t, r.Answer.Detail, tt.text)
			require.Equal(t, KindDetached, r.Kind)
			require.Equal(t, strings.TrimSpace(tt.outcomes), strings.Join(outcomesOf(r), " "))
			checkAnswer(t, r)
			if tt.status == integrity.Valid {
				require.Equal(t, integrity.OpenPGP, r.Answer.Format)
				require.Equal(t, "Vendor", r.Answer.Signer)
				require.Equal(t, signTime, r.Answer.SignedAt)
				require.Equal(t, integrity.Bad, v.Verify(strings.NewReader("x"+string(patch)), int64(len(patch)+1), tt.sig).Status)
			}
			// Whoever knows no key finds nothing valid, and never nothing at all.
			blind, err := new(Verifier).Inspect(bytes.NewReader(patch), int64(len(patch)), tt.sig)
			require.NoError(t, err)
			require.NotEqual(t, integrity.Valid, blind.Answer.Status)
			require.NotEqual(t, integrity.Absent, blind.Answer.Status)
		})
	}
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

func notation(sig *packet.Signature) {
	sig.Notations = []*packet.Notation{{Name: "condition@example.com", Value: []byte("x"), IsCritical: true, IsHumanReadable: true}}
}

// A text's line ends may change on the way, and nothing else. Where programs
// differ in what a text is, nobody is believed.
func TestDetachedOverText(t *testing.T) {
	key := makeKey(t, "vendor", nil)
	v := trusting(t, key)
	sig := signText(t, []byte("a  \nb\n\nc"), key)
	for content, status := range map[string]integrity.Status{
		"a  \nb\n\nc":         integrity.Valid,
		"a  \r\nb\n\r\nc":     integrity.Valid,
		"a\nb\n\nc":           integrity.Bad,
		"a  \nb\nc":           integrity.Bad,
		"a  \nb\n\nc\n":       integrity.Bad,
		"a  \r\r\nb\n\nc":     integrity.Bad,
		"a  \r\nb\r\n\r\nc\r": integrity.Bad,
	} {
		for _, r := range []io.ReaderAt{strings.NewReader(content), oneByte{content}} {
			require.Equal(t, status.String(), v.Verify(r, int64(len(content)), sig).Status.String(), "%q", content)
		}
	}
	stray := "a\rb\n"
	r := inspect(t, v, []byte(stray), signAs(t, []byte("a\rb\r\n"), key, packet.SigTypeText, crypto.SHA256, nil))
	require.Equal(t, integrity.Unsupported, r.Answer.Status)
	require.Contains(t, r.Answer.Detail, "carriage return")

	// In a program a byte more is another program, so no such signature covers one.
	for _, program := range []string{"MZ\x00\nx", "MZ\x00\r\nx"} {
		r := inspect(t, v, []byte(program), signAs(t, []byte("MZ\x00\r\nx"), key, packet.SigTypeText, crypto.SHA256, nil))
		require.Equal(t, integrity.Unsupported, r.Answer.Status)
		require.Contains(t, r.Answer.Detail, "it has a NUL")
		require.Equal(t, integrity.Bad, inspect(t, v, []byte(program+"x"), signAs(t, []byte(program), key, packet.SigTypeText, crypto.SHA256, nil)).Answer.Status)
	}

	d := (&subject{}).want(crypto.SHA256, true, nil)
	for _, part := range []string{"a\r", "\nb", "\r", "\nc\n", "", "\n"} { // a line end that falls between two reads
		d.writeText([]byte(part))
	}
	whole := (&subject{}).want(crypto.SHA256, true, nil)
	whole.writeText([]byte("a\r\nb\r\nc\n\n"))
	require.Equal(t, whole.state.Sum(nil), d.state.Sum(nil))
	require.False(t, d.ambiguous())
	d.writeText([]byte("\r"))
	require.True(t, d.ambiguous())
}

// oneByte reads like strings.Reader, with an EOF beside the last bytes.
type oneByte struct{ s string }

func (o oneByte) ReadAt(p []byte, off int64) (int, error) {
	n := copy(p, o.s[min(int(off), len(o.s)):])
	if int(off)+n == len(o.s) {
		return n, io.EOF
	}
	return n, nil
}

// Judged at an instant, what expired by then or comes from after it does not count.
func TestAt(t *testing.T) {
	patch := []byte("the patch")
	key := makeKey(t, "vendor", lifetime(48*time.Hour)) // until a day after today
	v := trusting(t, key)
	sig := sign(t, patch, key, func(c *packet.Config) { c.SigLifetimeSecs = uint32((3 * time.Hour).Seconds()) }) // until two hours after today
	status := func(v *Verifier, sig []byte) string {
		a := v.Verify(bytes.NewReader(patch), int64(len(patch)), sig)
		return a.Status.String() + " " + a.Detail
	}
	require.Equal(t, "valid ", status(v, sig))
	for _, tt := range []struct {
		now  time.Time
		text string
	}{
		{signTime.Add(-time.Second), "check the clock"},
		{signTime, "valid "},
		{today.Add(2*time.Hour - time.Second), "valid "},
		{today.Add(2 * time.Hour), "it expired at 2026-05-10T14:00:00Z"},
	} {
		require.Contains(t, status(v.At(tt.now), sig), tt.text)
	}
	forever := sign(t, patch, key, nil)
	require.Equal(t, "valid ", status(v.At(today.Add(24*time.Hour-time.Second)), forever))
	require.Contains(t, status(v.At(today.Add(24*time.Hour)), forever), "its key expired at 2026-05-11T12:00:00Z")
	require.Equal(t, "valid ", status(v, forever), "At makes another verifier")
}

// So many people have to sign, each with a key of their own.
func TestThreshold(t *testing.T) {
	patch := []byte("the patch")
	keys := []*openpgp.Entity{makeKey(t, "a", nil), makeKey(t, "b", nil), makeKey(t, "c", nil)}
	var sigs [][]byte
	for i, key := range keys {
		sigs = append(sigs, sign(t, patch, key, func(c *packet.Config) { c.Time = at(signTime.Add(time.Duration(i) * time.Minute)).Time }))
	}
	addSubkey(t, keys[0], keyTime)
	again := sign(t, patch, keys[0], nil) // by the subkey of the same person
	v := verifier(t, signer("Two of three", integrity.OpenPGPTrust{Keyring: string(ringOf(t, keys...)), Threshold: 2}))
	for _, tt := range []struct {
		name   string
		sigs   []int
		status integrity.Status
		signed time.Time
	}{
		{"one", []int{1}, integrity.Bad, time.Time{}},
		{"the same twice", []int{1, 1}, integrity.Bad, time.Time{}},
		{"two", []int{2, 0}, integrity.Valid, signTime.Add(2 * time.Minute)},
		{"three", []int{0, 1, 2}, integrity.Valid, signTime.Add(2 * time.Minute)},
		{"one key and its subkey", []int{0, 3}, integrity.Bad, time.Time{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var sig []byte
			for _, i := range tt.sigs {
				sig = append(sig, append(sigs, again)[i]...)
			}
			r := inspect(t, v, patch, sig)
			require.Equal(t, tt.status, r.Answer.Status)
			require.Equal(t, tt.signed, r.Answer.SignedAt)
			if tt.status == integrity.Bad {
				require.Contains(t, r.Answer.Detail, `1 of the 2 keys of "Two of three" that it takes have signed`)
			}
		})
	}

	// Of several signers, the first whose threshold is met is named.
	v = verifier(t, signer("A and B", integrity.OpenPGPTrust{Keyring: string(ringOf(t, keys[:2]...)), Threshold: 2}), signer("C", integrity.OpenPGPTrust{Keyring: string(ringOf(t, keys[2]))}))
	c := inspect(t, v, patch, append(bytes.Clone(sigs[0]), sigs[2]...)).Answer
	require.Equal(t, integrity.Signature{Status: integrity.Valid, Format: integrity.OpenPGP, Signer: "C", SignedAt: signTime.Add(2 * time.Minute)}, c)
	require.Equal(t, "A and B", inspect(t, v, patch, bytes.Join(sigs, nil)).Answer.Signer)
}

// Trouble with the file is told as such, whatever was found.
func TestUnreadableFile_INT9(t *testing.T) {
	key := makeKey(t, "vendor", nil)
	v := trusting(t, key)
	patch := []byte("the patch")
	broken := errors.New("the disk is broken")
	reader := func() io.ReaderAt { return failing{broken} }
	for name, sig := range map[string][]byte{"by a known key": sign(t, patch, key, nil), "by a stranger": sign(t, patch, makeKey(t, "x", nil), nil), "none": nil} {
		r, err := v.Inspect(reader(), int64(len(patch)), sig)
		require.ErrorIs(t, err, broken, name)
		require.Equal(t, integrity.Unsupported, r.Answer.Status)
		require.Contains(t, r.Answer.Detail, "the disk is broken")
		_, err = v.Inspect(bytes.NewReader(patch), int64(len(patch))+1, sig)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF, name)
		_, err = v.Inspect(nil, 0, sig)
		require.Error(t, err)
	}
}

type failing struct{ err error }

func (f failing) ReadAt([]byte, int64) (int, error) { return 0, f.err }

// A file that is a message with its content inside is not called unsigned.
func TestInlineSigned_INT9(t *testing.T) {
	key := makeKey(t, "vendor", nil)
	var binary bytes.Buffer
	w, err := openpgp.Sign(&binary, key, nil, at(signTime))
	require.NoError(t, err)
	_, err = w.Write([]byte("the patch"))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	zip := func(data []byte) []byte { // as GnuPG does
		var out bytes.Buffer
		w, err := flate.NewWriter(&out, flate.BestCompression)
		require.NoError(t, err)
		_, err = w.Write(append(data, strings.Repeat("The quick brown fox jumps over the lazy dog. ", 100)...))
		require.NoError(t, err)
		require.NoError(t, w.Close())
		return out.Bytes()
	}
	require.Equal(t, integrity.Absent, inspect(t, trusting(t, key), append([]byte("\xa3\x01"), zip([]byte("\xcb\x05no"))...), nil).Answer.Status)
	require.Equal(t, integrity.Absent, inspect(t, trusting(t, key), []byte("\xa3\x01junk"), nil).Answer.Status)
	require.Equal(t, integrity.Absent, inspect(t, trusting(t, key), []byte("\xa3\x02\x78"), nil).Answer.Status, "cut off before the data")
	for name, content := range map[string][]byte{"binary": binary.Bytes(), "armored": armored(t, "PGP MESSAGE", binary.Bytes()),
		"ZIP": append([]byte("\xa3\x01"), zip(binary.Bytes())...), "ZLIB": append([]byte("\xa3\x02\x78\xda"), zip(binary.Bytes())...)} {
		r := inspect(t, trusting(t, key), content, nil)
		require.Equal(t, integrity.Unsupported, r.Answer.Status, name)
		require.Equal(t, KindInline, r.Kind)
	}
	require.Equal(t, KindNone, inspect(t, trusting(t, key), []byte("hello"), nil).Kind)
}

// A Debian package carries no signature, as a rule; one that does is not called unsigned.
func TestDebianPackages_INT9(t *testing.T) {
	member := func(name, content string) string {
		m := fmt.Sprintf("%-16s%-12d%-6d%-6d%-8s%-10d`\n%s", name, 0, 0, 0, "100644", len(content), content)
		return m + strings.Repeat("\n", len(m)%2)
	}
	plain := arMagic + member("debian-binary", "2.0\n") + member("control.tar.xz", "control") + member("data.tar.xz", "data")
	for name, tt := range map[string]struct {
		deb    string
		status integrity.Status
	}{
		"ordinary":        {plain, integrity.Absent},
		"signed":          {plain + member("_gpgorigin", "signature"), integrity.Unsupported},
		"signed first":    {arMagic + member("_gpgbuilder", "s") + plain[len(arMagic):], integrity.Unsupported},
		"only the magic":  {arMagic, integrity.Absent},
		"broken":          {arMagic + strings.Repeat("x", 100), integrity.Absent},
		"of many members": {arMagic + strings.Repeat(member("x", ""), 100) + member("_gpgorigin", "s"), integrity.Absent},
	} {
		r := inspect(t, new(Verifier), []byte(tt.deb), nil)
		require.Equal(t, tt.status, r.Answer.Status, name)
		require.Equal(t, tt.status == integrity.Unsupported, r.Kind == KindDebian)
	}
}

// What a person should know is told, though it decides nothing.
func TestOdd(t *testing.T) {
	patch, key := []byte("the patch"), makeKey(t, "vendor", nil)
	v := trusting(t, key, rsaKey())
	asc := bytes.Replace(armored(t, armorSignature, sign(t, patch, key, nil)), []byte("-----\n"), []byte("-----\nComment: trust me\nVersion: \x7f\n"), 1)
	r := inspect(t, v, patch, asc)
	require.Equal(t, integrity.Valid, r.Answer.Status)
	require.Equal(t, []string{`the armor says "Comment: trust me", which nobody signed`, `the armor says "Version: \x7f", which nobody signed`}, r.Odd)
	many := bytes.Replace(asc, []byte("Comment: trust me\n"), bytes.Repeat([]byte("Comment: x\n"), 1000), 1)
	require.Len(t, inspect(t, v, patch, many).Odd, maxOdd)
	require.Equal(t, []string{oddVersion3}, inspect(t, v, patch, bytes.Repeat(signVersion3(t, patch, rsaKey(), 0), 2)).Odd)

	message := bytes.Replace(clearSign(t, "the patch", key), []byte(beginSignature+"\n"), []byte(beginSignature+"\nComment: x\n"), 1)
	_, r = v.Clearsigned(message)
	require.Equal(t, []string{`the armor says "Comment: x", which nobody signed`}, r.Odd)

	old := header(tagHeaderImmutable, text(1000, "hare"))
	require.Contains(t, inspect(t, v, rpmPackage(old, nil), nil).Odd[0], "no digest of the payload")
	require.Empty(t, inspect(t, v, goodRPM(t, nil, key), nil).Odd)
}
