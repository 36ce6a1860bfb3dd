package openpgp

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// testVerifier trusts the keys of testdata.
func testVerifier(t testing.TB) *Verifier {
	t.Helper()
	return verifier(t, signer("Vendor", integrity.OpenPGPTrust{Keyring: string(testFile(t, "ring.asc"))}))
}

// checkAnswer holds any report to what every one must keep.
func checkAnswer(t testing.TB, r Report) {
	t.Helper()
	a := r.Answer
	_, err := a.Status.MarshalText()
	require.NoError(t, err)
	require.Equal(t, a.Status == integrity.Valid, a.Signer != "")
	require.Equal(t, a.Status == integrity.Valid, !a.SignedAt.IsZero())
	require.Equal(t, a.Status == integrity.Bad || a.Status == integrity.Unsupported, a.Detail != "")
	require.LessOrEqual(t, len(r.Signatures), MaxSignatures+1)
	for _, s := range r.Signatures {
		require.NotZero(t, s.Outcome)
		require.Equal(t, s.Outcome == Good, s.Problem == "", "%+v", s)
		if s.Outcome == Broken {
			require.Equal(t, integrity.Bad, a.Status)
		}
	}
	if a.Status == integrity.Absent {
		require.Empty(t, r.Signatures)
	}
}

// Whatever a signature file holds, it is valid only for what was signed; and it is never absent.
func FuzzDetached(f *testing.F) {
	v := testVerifier(f)
	patch := testFile(f, "patch.txt")
	for _, name := range []string{"patch.txt.sig", "patch.txt.asc", "both.sig", "text.asc", "sha1.sig", "clear.txt"} {
		sig := testFile(f, name)
		f.Add(sig, patch)
		f.Add(append(bytes.Clone(sig), sig...), patch)
		f.Add(sig[:len(sig)/2], patch)
		f.Add(sig, append(bytes.Clone(patch), 'x'))
	}
	f.Add(signVersion3(f, patch, rsaKey(), 0), patch)
	f.Fuzz(func(t *testing.T, detached, content []byte) {
		if detached == nil {
			detached = []byte{}
		}
		r := inspect(t, v, content, detached)
		checkAnswer(t, r)
		require.NotEqual(t, integrity.Absent, r.Answer.Status)
		if r.Answer.Status == integrity.Valid {
			require.Equal(t, string(patch), string(bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n"))), "it was never signed")
		}
		stranger := inspect(t, new(Verifier), content, detached)
		checkAnswer(t, stranger)
		require.NotEqual(t, integrity.Valid, stranger.Answer.Status)
	})
}

// Whatever a message looks like, text comes out of it only if it was signed, and then exactly that.
func FuzzClearsigned(f *testing.F) {
	v := testVerifier(f)
	for _, name := range []string{"clear.txt", "clearboth.txt"} {
		message := testFile(f, name)
		f.Add(message)
		f.Add(message[:len(message)/2])
		f.Add(append([]byte("x\n"), message...))
		f.Add(append(bytes.Clone(message), message...))
		f.Add(bytes.ReplaceAll(message, []byte("\n"), []byte("\r\n")))
	}
	const signed = "the patch\r\n- a dashed line\r\nFrom here\r\n\r\nto the end"
	f.Fuzz(func(t *testing.T, message []byte) {
		plain, r := v.Clearsigned(message)
		checkAnswer(t, r)
		require.Equal(t, r.Answer.Status == integrity.Valid, plain != nil)
		if plain != nil {
			require.Equal(t, signed, string(plain))
		}
		require.Equal(t, bytes.Contains(message, []byte(armorBegin)), r.Answer.Status != integrity.Absent)
		whole := inspect(t, v, message, nil)
		checkAnswer(t, whole)
		if plain != nil {
			require.Equal(t, integrity.Valid, whole.Answer.Status)
		}
	})
}

// Whatever a keyring holds, it is read or refused with a reason, and what was
// never signed stays so.
func FuzzKeyring(f *testing.F) {
	ring := testFile(f, "ring.asc")
	f.Add(ring)
	binary, err := Join(ring)
	require.NoError(f, err)
	f.Add(binary)
	f.Add(binary[:len(binary)/2])
	f.Add(append(bytes.Clone(ring), ring...))
	f.Add(ringOf(f, makeKey(f, "x", nil), rsaKey()))
	f.Add(append(bytes.Clone(binary), emptyEmbedded...))
	patch, sig := testFile(f, "patch.txt"), testFile(f, "both.sig")
	f.Fuzz(func(t *testing.T, ring []byte) {
		keys, err := Keys(ring)
		if err != nil {
			var invalid *integrity.Invalid
			require.ErrorAs(t, err, &invalid)
			require.NotEmpty(t, invalid.Problems)
			require.Empty(t, keys)
		}
		joined, err2 := Join(ring)
		require.Equal(t, err == nil, err2 == nil)
		if err != nil {
			return
		}
		again, err := Keys(joined)
		require.NoError(t, err)
		require.Equal(t, keys, again)
		v, err := New(signer("Vendor", integrity.OpenPGPTrust{Keyring: string(ring)}))
		if err != nil {
			return
		}
		checkAnswer(t, inspect(t, v, patch, sig))
		require.NotEqual(t, integrity.Valid, inspect(t, v, append(bytes.Clone(patch), 'x'), sig).Answer.Status)
	})
}

// Whatever a package holds, it is valid only with the header and payload of one that was signed.
func FuzzRPM(f *testing.F) {
	v := testVerifier(f)
	covered := map[string]bool{}
	for _, name := range []string{"rsa.rpm", "legacy.rpm", "ed.rpm", "unsigned.rpm"} {
		rpm := testFile(f, name)
		covered[string(signedPart(f, rpm))] = true
		f.Add(rpm)
		f.Add(rpm[:len(rpm)/2])
		f.Add(append(bytes.Clone(rpm), 0))
	}
	for _, shape := range rpmShapes(f, rsaKey(), makeKey(f, "x", nil)) {
		f.Add(shape.rpm)
	}
	f.Fuzz(func(t *testing.T, rpm []byte) {
		r := inspect(t, v, rpm, nil)
		checkAnswer(t, r)
		if r.Answer.Status == integrity.Valid && r.Kind == KindRPM {
			require.True(t, covered[string(signedPart(t, rpm))], "it was never signed")
		}
	})
}

// signedPart is a package from its header on.
func signedPart(t testing.TB, rpm []byte) []byte {
	f, err := openRPM(bytes.NewReader(rpm), int64(len(rpm)))
	require.NoError(t, err)
	return rpm[f.header.start:]
}
