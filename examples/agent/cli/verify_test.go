package cli

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/examples/agent/inspect"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/sigstoreverify"
)

// The exit code is that of the worst file. Every file is reported, whatever the
// others are.
func TestVerifyCommand_INT2_INT3(t *testing.T) {
	hello, other := put(t, "hello", "hello\n"), put(t, "other", "other\n")
	const digest = "sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
	packages := put(t, "policy.json", anyUnsigned)
	for _, tc := range []struct {
		name     string
		args     []string
		code     int
		out, err []string
	}{
		{"passes by its digest", []string{hello, "--digest", digest}, OK, []string{hello, "PASSED by INT-2"}, nil},
		{"passes by policy and digest", []string{hello, "--digest", digest, "--policy", packages}, OK, []string{`(clause "packages")`, "under policy sha256:"}, nil},
		{"refused by its digest", []string{other, "--digest", digest}, Failed, []string{"REFUSED by INT-2"}, []string{"1 of 1 files did not pass"}},
		{"refused by a policy", []string{hello, "--digest", digest, "--policy", put(t, "n", nobody)}, Failed, []string{"REFUSED by INT-4", `clause "nothing"`}, nil},
		{"two refused", []string{hello, other}, Failed, []string{hello, other, "REFUSED by INT-3"}, []string{"2 of 2"}},
		{"one is not a file", []string{t.TempDir(), hello}, Usage, []string{"cannot be judged", "a folder", hello}, []string{"1 of 2 files could not be judged"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			code, out, err := call(t, append([]string{"verify"}, tc.args...)...)
			require.Equal(t, tc.code, code, err)
			for _, want := range tc.out {
				require.Contains(t, out, want)
			}
			for _, want := range tc.err {
				require.Contains(t, err, want)
			}
		})
	}

	code, out, _ := call(t, "verify", "--json", hello, "/nowhere", other)
	require.Equal(t, Usage, code)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	require.Len(t, lines, 3)
	var files [3]inspect.File
	for i, line := range lines {
		require.NoError(t, json.Unmarshal([]byte(line), &files[i]))
	}
	require.Equal(t, []string{hello, "/nowhere", other}, []string{files[0].Name, files[1].Name, files[2].Name})
	require.Equal(t, integrity.NoEvidence, files[0].Verdict.Reason)
	require.NotEmpty(t, files[1].Error)
	require.Equal(t, digest, files[0].Digests[0].String())
}

var signingKey = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))

// plainKey returns the public half of signingKey in PEM, and its signature over
// the content.
func plainKey(t *testing.T, content []byte) (public, sig []byte) {
	der, err := x509.MarshalPKIXPublicKey(signingKey.Public())
	require.NoError(t, err)
	sig, err = sigstoreverify.Sign(signingKey, bytes.NewReader(content))
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), sig
}

// certificate returns a certificate that the key signed for itself.
func certificate(t *testing.T, key crypto.Signer, change func(*x509.Certificate)) []byte {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
	}
	change(template)
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	return der
}

func encoded(t *testing.T, v any) []byte {
	data, err := json.Marshal(v)
	require.NoError(t, err)
	return data
}

// envelope returns a signed statement that the content is the signer's release.
func envelope(t *testing.T, content []byte) map[string]any {
	const kind = "application/vnd.in-toto+json"
	payload := encoded(t, map[string]any{
		"_type": "https://in-toto.io/Statement/v1", "predicateType": "https://slsa.dev/provenance/v1",
		"subject": []any{map[string]any{"name": "tool", "digest": map[string]string{"sha256": fmt.Sprintf("%x", sha256.Sum256(content))}}},
	})
	over := fmt.Sprintf("DSSEv1 %d %s %d %s", len(kind), kind, len(payload), payload)
	sig := ed25519.Sign(signingKey, []byte(over))
	return map[string]any{"payloadType": kind, "payload": payload, "signatures": []any{map[string]any{"sig": sig}}}
}

// bundle returns a bundle with a signature or an envelope by the certificate's
// key.
func bundle(t *testing.T, der []byte, more map[string]any) []byte {
	more["mediaType"] = "application/vnd.dev.sigstore.bundle.v0.3+json"
	more["verificationMaterial"] = map[string]any{"certificate": map[string]any{"rawBytes": der}}
	return encoded(t, more)
}

func testdata(t *testing.T, parts ...string) []byte {
	data, err := os.ReadFile(filepath.Join(append([]string{"..", "..", "..", "integrity"}, parts...)...))
	require.NoError(t, err)
	return data
}

// damageStride is the distance in bytes between damaged places in seeds.
// PATCHPOLICY_DAMAGE_STRIDE sets another.
func damageStride(t *testing.T) int {
	stride, err := strconv.Atoi(cmp.Or(os.Getenv("PATCHPOLICY_DAMAGE_STRIDE"), "1499"))
	require.NoError(t, err)
	return stride
}

// Whatever is wrong with a file, it gets one line, and the files after it get
// theirs.
func TestEveryFileGetsOneLine(t *testing.T) {
	dir := t.TempDir()
	var names, errs []string
	add := func(name string, data []byte) {
		name = filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(name, data, 0o600))
		names = append(names, name)
	}
	stride := damageStride(t)
	if testing.Short() {
		stride *= 8
	}
	check := func(flags ...string) {
		code, out, text := call(t, append(append([]string{"verify", "--json"}, flags...), names...)...)
		require.Contains(t, []int{OK, Failed, Usage}, code, text)
		lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
		require.Len(t, lines, len(names), "%s %v", text, names)
		passed := true
		for i, line := range lines {
			var f inspect.File
			require.NoError(t, json.Unmarshal([]byte(line), &f), line)
			require.Equal(t, names[i], f.Name)
			passed = passed && f.Verdict != nil && f.Verdict.Passed
			if f.Error != "" {
				errs = append(errs, f.Error)
			}
		}
		require.Equal(t, passed, code == OK, text)
		names = nil
	}
	damaged := func(seed []byte, use func([]byte)) {
		for at := 0; at < len(seed); at += stride {
			for _, change := range []func(byte) byte{func(b byte) byte { return ^b }, func(byte) byte { return 0 }} {
				data := bytes.Clone(seed)
				data[at] = change(data[at])
				use(data)
			}
			use(seed[:at])
		}
	}
	seeds, err := filepath.Glob("../../../integrity/*/testdata/*")
	require.NoError(t, err)
	more, err := filepath.Glob("../../../integrity/*/testdata/*/*")
	require.NoError(t, err)
	for _, seed := range append(seeds, more...) {
		data, err := os.ReadFile(seed)
		if err != nil {
			continue // a folder
		}
		damaged(data, func(changed []byte) { add(strconv.Itoa(len(names)), changed) })
		check()
	}
	const patch = "../../../integrity/openpgp/testdata/patch.txt"
	content := testdata(t, "openpgp", "testdata", "patch.txt")
	_, plain := plainKey(t, content)
	der := certificate(t, signingKey, func(c *x509.Certificate) { c.DNSNames = []string{"vendor.example"} })
	for _, sig := range [][]byte{
		testdata(t, "openpgp", "testdata", "patch.txt.sig"), testdata(t, "openpgp", "testdata", "patch.txt.asc"), plain, encoded(t, envelope(t, content)),
		bundle(t, der, map[string]any{"messageSignature": map[string]any{"signature": plain}}), bundle(t, der, map[string]any{"dsseEnvelope": envelope(t, content)}),
	} {
		for at := 0; at < len(sig); at += max(1, stride/40) {
			data := bytes.Clone(sig)
			data[at] ^= 0x15
			for _, data := range [][]byte{data, sig[:at]} {
				names = []string{patch}
				check("--signature", put(t, "s", string(data)))
			}
		}
	}
	require.Empty(t, errs, "a damaged file can be read")

	add("empty", nil)
	names = append(names, dir, filepath.Join(dir, "missing"), os.DevNull, "")
	add("after them", []byte("x"))
	check()
	require.Len(t, errs, 4)
	names = []string{filepath.Join(dir, "empty")}
	check("--signature", filepath.Join(dir, "missing"))
	require.Contains(t, errs[4], "signature file")
	names = []string{filepath.Join(dir, "empty"), dir}
	check("--policy", filepath.Join(dir, "missing"), "--digest", "sha256:00")
	require.Contains(t, errs[5], "--policy")
	require.Contains(t, errs[6], "--digest")
}

// Codes are printed with their names.
func TestJSONNamesCodes(t *testing.T) {
	_, out, _ := call(t, "verify", "--json", put(t, "x", "x"))
	require.Contains(t, out, `"code":7,"codeName":"FileValidationFailed"`)
}
