package inspect

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/sigstoreverify"
)

// signedProgram is a Windows program that its vendor signed and had
// timestamped; it comes with a module that this one depends on.
func signedProgram(t *testing.T) string {
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "golang.org/x/sys").Output()
	require.NoError(t, err)
	return filepath.Join(strings.TrimSpace(string(dir)), "windows", "testdata", "ev-signed-file.exe")
}

func put(t *testing.T, name string, data []byte) string {
	file := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(file, data, 0o600))
	return file
}

func inspect(t *testing.T, c Config, name string) File {
	if c.Now.IsZero() {
		c.Now = time.Now()
	}
	i, err := New(c)
	require.NoError(t, err)
	f := i.File(name)
	var text, line bytes.Buffer
	require.NoError(t, f.Text(&text))
	require.NoError(t, f.JSON(&line))
	require.Equal(t, 1, bytes.Count(line.Bytes(), []byte("\n")), "one line a file")
	var back map[string]any
	require.NoError(t, json.Unmarshal(line.Bytes(), &back))
	require.Equal(t, name, back["file"])
	require.Contains(t, text.String(), name)
	if f.Verdict != nil {
		require.Contains(t, text.String(), f.Verdict.Rule)
		require.Contains(t, text.String(), f.Verdict.Reason.String())
	}
	return f
}

func page1(t *testing.T, f File) string {
	var text bytes.Buffer
	require.NoError(t, f.Text(&text))
	return text.String()
}

// A file by a signer nobody pinned is refused, and what verify prints then is a
// policy that trusts exactly that signer.
func TestWhatIsPrintedToPinIsTrusted_INT1(t *testing.T) {
	program := signedProgram(t)
	f := inspect(t, Config{}, program)
	require.False(t, f.Verdict.Passed)
	require.True(t, f.Signed)
	require.Equal(t, "Windows program or library", f.Kind)
	text := page1(t, f)
	for _, want := range []string{
		`signed    by "WireGuard LLC", in the format pe`, `at 2021-11-23 17:04:26 UTC, says "DigiCert, Inc."`, "it holds, if you trust the signer",
		"sha256:c9e1b3127c2f1312056d49a93ac4bd700393fd323d2bf3b2235aff52bea8d136  2018-12-10 to 2021-12-14",
		"sha256:" + f.Digests[0].Sum, "REFUSED by INT-1", "nobody is trusted", `"organization": "WireGuard LLC"`,
	} {
		require.Contains(t, text, want)
	}
	require.NotNil(t, f.Pin)
	printed, err := json.Marshal(f.Pin)
	require.NoError(t, err)
	policy, err := integrity.ParsePolicy(printed)
	require.NoError(t, err)

	f = inspect(t, Config{Policy: &policy, Vendor: "WireGuard LLC"}, program)
	require.True(t, f.Verdict.Passed, f.Verdict.Text)
	require.Equal(t, "wireguard llc", f.Verdict.Clause)
	require.Nil(t, f.Pin)
	text = page1(t, f)
	require.Contains(t, text, "PASSED by INT-1, SignatureValid")
	require.Contains(t, text, `(clause "wireguard llc")`)
	require.Contains(t, text, "under policy "+policy.Digest().String())

	f = inspect(t, Config{Policy: &policy}, program)
	require.Equal(t, integrity.NoClause, f.Verdict.Reason)
	require.Contains(t, f.Notes[0], "--vendor")

	data, err := os.ReadFile(program)
	require.NoError(t, err)
	data[len(data)/2] ^= 1
	f = inspect(t, Config{Policy: &policy, Vendor: "WireGuard LLC"}, put(t, "changed.exe", data))
	require.Equal(t, integrity.SignatureBad, f.Verdict.Reason)
	require.Nil(t, f.Pin, "what does not hold is not to be pinned")
	require.Contains(t, page1(t, f), "nothing to pin")
}

// A file without a signature passes by a digest alone; a signature file next to it is pointed out.
func TestUnsigned_INT2_INT3(t *testing.T) {
	file := put(t, "tool", []byte("the content of a patch"))
	f := inspect(t, Config{}, file)
	require.Equal(t, integrity.NoEvidence, f.Verdict.Reason)
	require.False(t, f.Signed)
	require.Contains(t, page1(t, f), "signed    no")
	right, wrong := f.Digests[0], integrity.Digest{Algorithm: integrity.SHA256, Sum: strings.Repeat("0", 64)}
	require.True(t, inspect(t, Config{Digests: []integrity.Digest{right}}, file).Verdict.Passed)
	require.Equal(t, integrity.ChecksumMismatch, inspect(t, Config{Digests: []integrity.Digest{wrong}}, file).Verdict.Reason)
	require.True(t, inspect(t, Config{Digests: f.Digests[2:]}, file).Verdict.Passed, "by SHA-512 alone")

	require.NoError(t, os.WriteFile(file+".asc", []byte("x"), 0o600))
	require.Contains(t, page1(t, inspect(t, Config{}, file)), "There is a signature file, "+file+".asc.")
}

// Signature files: who made them is told as far as they tell it, and pinned
// where the key itself is given.
func TestSignatureFiles_INT1(t *testing.T) {
	content := []byte("the content of a patch")
	file := put(t, "tool", content)
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	sig, err := sigstoreverify.Sign(key, bytes.NewReader(content))
	require.NoError(t, err)
	signature := put(t, "tool.sig", sig)
	f := inspect(t, Config{Signature: signature}, file)
	require.False(t, f.Verdict.Passed)
	require.NotNil(t, f.Sigstore)
	require.Equal(t, integrity.NotTrusted, f.Verdict.Reason)
	require.Nil(t, f.Pin)
	require.Contains(t, f.Next, "--key key.pem")
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	require.NoError(t, err)
	public := put(t, "key.pem", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	f = inspect(t, Config{Signature: signature, Key: public}, file)
	require.True(t, f.Verdict.Passed, f.Verdict.Text)
	f = inspect(t, Config{Signature: signature, Policy: f.Pin, Vendor: "SIGNER"}, file)
	require.True(t, f.Verdict.Passed, f.Verdict.Text)

	entity, err := openpgp.NewEntity("release", "", "release@vendor.example", nil)
	require.NoError(t, err)
	var detached, ring bytes.Buffer
	require.NoError(t, openpgp.ArmoredDetachSign(&detached, entity, bytes.NewReader(content), nil))
	w, err := armor.Encode(&ring, openpgp.PublicKeyType, nil)
	require.NoError(t, err)
	require.NoError(t, entity.Serialize(w))
	require.NoError(t, w.Close())
	signature = put(t, "tool.asc", detached.Bytes())
	f = inspect(t, Config{Signature: signature, Vendor: "Vendor"}, file)
	require.NotNil(t, f.OpenPGP)
	text := page1(t, f)
	require.Contains(t, text, "unknown key")
	require.Contains(t, text, "gpg --armor --export")
	f = inspect(t, Config{Signature: signature, Key: public, Vendor: "Vendor"}, file)
	require.False(t, f.Verdict.Passed, "another key")
	require.Contains(t, page1(t, f), "No key in ")
	f = inspect(t, Config{Signature: signature, Key: put(t, "ring.asc", ring.Bytes()), Vendor: "Vendor"}, file)
	require.True(t, f.Verdict.Passed, f.Verdict.Text)
	require.Contains(t, page1(t, f), `by "Vendor", key `)

	f = inspect(t, Config{Signature: put(t, "empty", nil)}, file)
	require.False(t, f.Verdict.Passed)
	require.True(t, f.Signed, "an empty signature file is not none")
	require.Nil(t, f.Pin)
}

func TestKinds(t *testing.T) {
	long := strings.Repeat("a", startSize-1) + "é"
	for want, content := range map[string]string{
		"empty file": "", "text": "hello\n", "data": "\x00\x01", "script": "#!/bin/sh\n", "Debian package": "!<arch>\ndebian-binary   ",
		"ELF program or library": "\x7fELF\x02", "Windows cabinet": "MSCF\x00", "RPM package": "\xed\xab\xee\xdb\x03", "zip archive": "PK\x03\x04",
		"DOS program": "MZ" + strings.Repeat("\x00", 100), "Windows program or library": "MZ" + strings.Repeat("\xff", 62),
	} {
		require.Equal(t, want, kind([]byte(content)), want)
	}
	require.Equal(t, "text", kind([]byte(long)[:startSize]), "a letter that the limit cuts")
	require.Equal(t, "text", kind([]byte("MZ, he said")))
}

// Names are other people's: nothing in them steers the terminal.
func TestTerminalIsSafe(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("SKIPPED: Windows has no such file names")
	}
	file := put(t, "a\x1b[31m\nverdict PASSED", []byte("x"))
	text := page1(t, inspectQuietly(t, file))
	require.NotContains(t, text, "\x1b")
	require.NotContains(t, text, "\nverdict PASSED")
}

func inspectQuietly(t *testing.T, name string) File {
	i, err := New(Config{})
	require.NoError(t, err)
	return i.File(name)
}
