package policyverify_test

import (
	"archive/zip"
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/integritytest"
	"github.com/patchpolicy/patchpolicy/integrity/policyverify"
	"github.com/patchpolicy/patchpolicy/integrity/sigstoreverify"
)

var content = []byte("the content of a patch")

// keyOf makes a key from a seed, and its public half in PEM.
func keyOf(t testing.TB, seed byte) (ed25519.PrivateKey, string) {
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
	der, err := x509.MarshalPKIXPublicKey(private.Public())
	require.NoError(t, err)
	return private, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func sign(t testing.TB, key ed25519.PrivateKey, content []byte) []byte {
	sig, err := sigstoreverify.Sign(key, bytes.NewReader(content))
	require.NoError(t, err)
	return sig
}

// pgp makes an OpenPGP key and returns it with its public half, armored.
func pgp(t testing.TB, name string) (*openpgp.Entity, string) {
	entity, err := openpgp.NewEntity(name, "", name+"@vendor.example", nil)
	require.NoError(t, err)
	var out bytes.Buffer
	w, err := armor.Encode(&out, openpgp.PublicKeyType, nil)
	require.NoError(t, err)
	require.NoError(t, entity.Serialize(w))
	require.NoError(t, w.Close())
	return entity, out.String()
}

// archive is a ZIP archive of empty files.
func archive(t testing.TB, names ...string) []byte {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, name := range names {
		_, err := w.Create(name)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return out.Bytes()
}

// wireguard trusts who signed the test file of golang.org/x/sys.
func wireguard() integrity.Signer {
	return integrity.Signer{Name: "WireGuard", Authenticode: []integrity.AuthenticodeTrust{{
		Anchors:      []string{"sha256:c7460b0edda1b44c8e2164b234ebecc3962a6a37a936b74a6e7d46682938f084"},
		Organization: "WireGuard LLC",
		Timestampers: []string{"sha256:ca8d0f4736454aecbec5deec80998c9ebf41d06c728f3c76cca24151bc62d463"},
	}}}
}

// signedProgram is a Windows program that its vendor signed; it comes with a
// module that this one depends on.
func signedProgram(t testing.TB) []byte {
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "golang.org/x/sys").Output()
	require.NoError(t, err)
	data, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "windows", "testdata", "ev-signed-file.exe"))
	require.NoError(t, err)
	return data
}

func verify(v integrity.SignatureVerifier, content, detached []byte) integrity.Signature {
	return v.Verify(bytes.NewReader(content), int64(len(content)), detached)
}

// The verifier keeps the port's promises as each of the formats' does.
func TestSuite(t *testing.T) {
	key, public := keyOf(t, 1)
	stranger, _ := keyOf(t, 2)
	v, err := policyverify.New(integrity.Policy{Format: 1, Signers: []integrity.Signer{{Name: "Vendor", Sigstore: []integrity.SigstoreTrust{{Keys: []string{public}}}}}})
	require.NoError(t, err)
	module := []byte("a module\x00~Module signature appended~\n")
	script := []byte("'hello'\r\n# SIG # Begin signature block\r\n# AAAA\r\n# SIG # End signature block\r\n")
	for name, content := range map[string][]byte{"text": content, "archive": archive(t, "AppxManifest.xml")} {
		t.Run(name, func(t *testing.T) {
			integritytest.Run(t, integritytest.Fixture{
				Verifier: v, Signer: "Vendor",
				Signed:   integritytest.File{Content: content, Detached: sign(t, key, content)},
				Unsigned: integritytest.File{Content: content},
				Stranger: integritytest.File{Content: content, Detached: sign(t, stranger, content)},
				Nameless: true,
				Bad: map[string]integritytest.File{
					"a package that is signed inside":     {Content: archive(t, "AppxManifest.xml", "AppxSignature.p7x")},
					"a module that is signed inside":      {Content: module},
					"a script that is signed inside":      {Content: script},
					"a script, signed by a stranger, too": {Content: script, Detached: sign(t, stranger, script)},
				},
			})
		})
	}
	// What is signed inside in a way that nobody judges is as good as its signature file.
	got := verify(v, script, sign(t, key, script))
	require.Equal(t, []any{integrity.Valid, "Vendor"}, []any{got.Status, got.Signer}, got.Detail)
}

// What a package or a text carries itself decides, whatever signature file lies
// beside it; and a file that only begins like OpenPGP is none.
func TestInsideBeforeBeside_INT1(t *testing.T) {
	key, public := keyOf(t, 1)
	ring, err := os.ReadFile("../openpgp/testdata/ring.asc")
	require.NoError(t, err)
	plain := integrity.Signer{Name: "Keys", Sigstore: []integrity.SigstoreTrust{{Keys: []string{public}}}}
	known, err := policyverify.New(integrity.Policy{Format: 1, Signers: []integrity.Signer{plain, {Name: "Packages", OpenPGP: []integrity.OpenPGPTrust{{Keyring: string(ring)}}}}})
	require.NoError(t, err)
	unknown, err := policyverify.New(integrity.Policy{Format: 1, Signers: []integrity.Signer{plain}})
	require.NoError(t, err)
	for _, name := range []string{"ed.rpm", "clear.txt"} {
		good, err := os.ReadFile("../openpgp/testdata/" + name)
		require.NoError(t, err)
		changed := bytes.ReplaceAll(good, []byte("e"), []byte("3"))
		if name == "ed.rpm" {
			changed = append(bytes.Clone(good[:len(good)-1]), good[len(good)-1]^1)
		}
		for _, beside := range [][]byte{nil, []byte("hello"), sign(t, key, changed)} {
			got := verify(known, changed, beside)
			require.Equal(t, []any{integrity.Bad, false}, []any{got.Status, got.Untrusted}, "%s beside %.10q: %s", name, beside, got.Detail)
		}
		for _, beside := range [][]byte{nil, []byte("hello"), sign(t, key, good)} {
			got := verify(unknown, good, beside)
			require.Equal(t, []any{integrity.Bad, true}, []any{got.Status, got.Untrusted}, "%s beside %.10q: %s", name, beside, got.Detail)
		}
		got := verify(known, good, sign(t, key, good))
		require.Equal(t, integrity.Valid, got.Status, got.Detail)
	}

	nobody, err := policyverify.New(integrity.Policy{Format: 1})
	require.NoError(t, err)
	for i := range 300 {
		content := fmt.Appendf(nil, "patch %d", i)
		got := verify(nobody, content, sign(t, key, content))
		require.True(t, got.Untrusted, got.Detail)
	}
}

// One policy, three formats: each signature is by the name that the policy gives its signer.
func TestEveryFormatByItsName_INT1(t *testing.T) {
	key, public := keyOf(t, 1)
	entity, ring := pgp(t, "release")
	var detached bytes.Buffer
	require.NoError(t, openpgp.DetachSign(&detached, entity, bytes.NewReader(content), nil))
	program := signedProgram(t)
	v, err := policyverify.New(integrity.Policy{Format: 1, Signers: []integrity.Signer{
		wireguard(),
		{Name: "Keys", Sigstore: []integrity.SigstoreTrust{{Keys: []string{public}}}},
		{Name: "Ring", OpenPGP: []integrity.OpenPGPTrust{{Keyring: ring, Fingerprints: []string{fmt.Sprintf("%x", entity.PrimaryKey.Fingerprint)}}}},
	}})
	require.NoError(t, err)
	got := verify(v, program, nil)
	require.Equal(t, []any{integrity.Valid, "WireGuard", integrity.PE}, []any{got.Status, got.Signer, got.Format}, got.Detail)
	require.Equal(t, "2021-11-23T17:04:26Z", got.SignedAt.Format("2006-01-02T15:04:05Z07:00"))
	got = verify(v, content, sign(t, key, content))
	require.Equal(t, []any{integrity.Valid, "Keys", integrity.Key}, []any{got.Status, got.Signer, got.Format}, got.Detail)
	got = verify(v, content, detached.Bytes())
	require.Equal(t, []any{integrity.Valid, "Ring", integrity.OpenPGP}, []any{got.Status, got.Signer, got.Format}, got.Detail)

	changed := bytes.Clone(program)
	changed[len(changed)/3] ^= 1
	require.Equal(t, integrity.Bad, verify(v, changed, nil).Status)
	require.Equal(t, integrity.Bad, verify(v, append([]byte("x"), content...), detached.Bytes()).Status)
	require.Equal(t, integrity.Absent, verify(v, content, nil).Status)
}

// A damaged file has one answer, and a report with it, whatever byte is damaged.
func TestDamagedFilesAreAnswered_INT9(t *testing.T) {
	key, public := keyOf(t, 1)
	entity, ring := pgp(t, "release")
	v, err := policyverify.New(integrity.Policy{Format: 1, Signers: []integrity.Signer{
		{Name: "Vendor", Sigstore: []integrity.SigstoreTrust{{Keys: []string{public}}}, OpenPGP: []integrity.OpenPGPTrust{{Keyring: ring}}},
	}})
	require.NoError(t, err)
	var detached, armored bytes.Buffer
	require.NoError(t, openpgp.DetachSign(&detached, entity, bytes.NewReader(content), nil))
	require.NoError(t, openpgp.ArmoredDetachSign(&armored, entity, bytes.NewReader(content), nil))
	statement := `{"_type":"https://in-toto.io/Statement/v1","subject":[],"predicateType":"https://slsa.dev/provenance/v1"}`
	envelope, err := json.Marshal(map[string]any{"payloadType": "application/vnd.in-toto+json", "payload": []byte(statement), "signatures": []any{map[string]any{"sig": sign(t, key, content)}}})
	require.NoError(t, err)
	files := map[string]integritytest.File{
		"key": {Content: content, Detached: sign(t, key, content)}, "openpgp": {Content: content, Detached: detached.Bytes()},
		"armored": {Content: content, Detached: armored.Bytes()}, "envelope": {Content: content, Detached: envelope},
		"clear":   {Content: []byte("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nhello\n" + armored.String())},
		"archive": {Content: archive(t, "AppxManifest.xml", "AppxSignature.p7x")},
	}
	for _, pattern := range []string{"../authenticode/testdata/seeds/*.*", "../openpgp/testdata/*"} {
		names, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, name := range names {
			if b, err := os.ReadFile(name); err == nil && len(b) < 1<<17 {
				files[name] = integritytest.File{Content: b}
			}
		}
	}
	require.Greater(t, len(files), 20)
	for name, f := range files {
		whole, part := &f.Content, 37
		if f.Detached != nil {
			whole = &f.Detached
			part = 5
		}
		if testing.Short() {
			part *= 16
		}
		good := *whole
		for i := 0; i < len(good); i += part {
			changed := bytes.Clone(good)
			changed[i] ^= 0x55
			for _, *whole = range [][]byte{changed, good[:i:i]} {
				r, err := v.Inspect(bytes.NewReader(f.Content), int64(len(f.Content)), f.Detached)
				require.NoError(t, err, "%s, byte %d", name, i)
				require.Equal(t, verify(v, f.Content, f.Detached), r.Answer, "%s, byte %d", name, i)
				require.NotZero(t, r.Answer.Status, "%s, byte %d", name, i)
				if r.Answer.Status == integrity.Valid {
					require.NotEmpty(t, r.Answer.Signer)
				} else if r.Answer.Status != integrity.Absent {
					require.NotEmpty(t, r.Answer.Detail)
				}
			}
		}
	}
}

// A policy that trusts nobody in a format does not take its signatures for absent (INT-9).
func TestSignedByNobodyTrustedIsNotUnsigned_INT9(t *testing.T) {
	v, err := policyverify.New(integrity.Policy{Format: 1})
	require.NoError(t, err)
	key, _ := keyOf(t, 1)
	entity, _ := pgp(t, "release")
	var detached bytes.Buffer
	require.NoError(t, openpgp.ArmoredDetachSign(&detached, entity, bytes.NewReader(content), nil))
	clear := "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nhello\n" + detached.String()
	for name, f := range map[string]integritytest.File{
		"program":   {Content: signedProgram(t)},
		"key":       {Content: content, Detached: sign(t, key, content)},
		"openpgp":   {Content: content, Detached: detached.Bytes()},
		"text":      {Content: []byte(clear)},
		"empty":     {Content: content, Detached: []byte{}},
		"of no use": {Content: content, Detached: []byte("hello")},
	} {
		got := verify(v, f.Content, f.Detached)
		require.Contains(t, []integrity.Status{integrity.Bad, integrity.Unsupported}, got.Status, name)
		require.NotEmpty(t, got.Detail, name)
	}
	require.Equal(t, integrity.Absent, verify(v, content, nil).Status)
}

// A signature by a plain key may begin as an OpenPGP packet does, one in fifty;
// it counts as what it is.
func TestSignatureThatLooksLikeAnother_INT1(t *testing.T) {
	key, public := keyOf(t, 1)
	_, ring := pgp(t, "release")
	v, err := policyverify.New(integrity.Policy{Format: 1, Signers: []integrity.Signer{
		{Name: "Keys", Sigstore: []integrity.SigstoreTrust{{Keys: []string{public}}}},
		{Name: "Ring", OpenPGP: []integrity.OpenPGPTrust{{Keyring: ring}}},
	}})
	require.NoError(t, err)
	alike := 0
	for i := 0; alike < 3; i++ {
		content := fmt.Appendf(nil, "patch %d", i)
		sig := sign(t, key, content)
		if b := sig[0]; b != 0xC2 && b>>2 != 0x88>>2 {
			continue
		}
		alike++
		got := verify(v, content, sig)
		require.Equal(t, []any{integrity.Valid, "Keys"}, []any{got.Status, got.Signer}, got.Detail)
		require.NotEqual(t, integrity.Valid, verify(v, append(content, 'x'), sig).Status)
	}
}

// A certificate without a timestamp is judged at the policy's time, and without that not at all.
func TestIdentityIsJudgedAtThePolicysTime_INT9(t *testing.T) {
	key, _ := keyOf(t, 3)
	from := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	der, err := x509.CreateCertificate(nil, &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: from.Add(time.Hour), DNSNames: []string{"vendor.example"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
	}, &x509.Certificate{}, key.Public(), key)
	require.NoError(t, err)
	detached, err := json.Marshal(map[string]any{
		"mediaType":            "application/vnd.dev.sigstore.bundle.v0.3+json",
		"verificationMaterial": map[string]any{"certificate": map[string]any{"rawBytes": der}},
		"messageSignature":     map[string]any{"signature": sign(t, key, content)},
	})
	require.NoError(t, err)
	anchor := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	for _, tc := range []struct {
		at   time.Time
		want integrity.Status
	}{
		{time.Time{}, integrity.Unsupported},
		{from.Add(-time.Second), integrity.Bad},
		{from, integrity.Valid},
		{from.In(time.FixedZone("east", 3600)), integrity.Valid},
		{from.Add(time.Hour + time.Second), integrity.Bad},
	} {
		v, err := policyverify.New(integrity.Policy{Format: 1, Signers: []integrity.Signer{{Name: "Vendor", Sigstore: []integrity.SigstoreTrust{{
			Identities: []integrity.Identity{{Anchors: []string{anchor}, Name: "vendor.example", At: tc.at}},
		}}}}})
		require.NoError(t, err)
		got := v.Verify(bytes.NewReader(content), int64(len(content)), detached)
		require.Equal(t, tc.want, got.Status, "%v: %s", tc.at, got.Detail)
	}
}

// What the formats' verifiers refuse is told where it stands in the policy.
func TestProblemsAreToldInThePolicysWords(t *testing.T) {
	_, public := keyOf(t, 1)
	var many []string
	for i := range sigstoreverify.MaxKeys + 1 {
		_, key := keyOf(t, byte(i))
		many = append(many, key)
	}
	rubbish := "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
	for name, tc := range map[string]struct {
		policy integrity.Policy
		want   []string
	}{
		"not valid itself": {integrity.Policy{}, []string{"format"}},
		"all formats": {integrity.Policy{Format: 1, Signers: []integrity.Signer{
			{Name: "A", Authenticode: []integrity.AuthenticodeTrust{wireguard().Authenticode[0], {Anchors: []string{rubbish}}}},
			{Name: "B", OpenPGP: []integrity.OpenPGPTrust{{Keyring: "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----\n"}}},
			{Name: "C", Sigstore: []integrity.SigstoreTrust{
				{Keys: []string{public, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"}},
				{Identities: []integrity.Identity{{Anchors: []string{rubbish}, Name: "a@vendor.example"}}},
			}},
		}}, []string{"signers[0].authenticode[1].anchors[0]", "signers[1].openpgp[0].keyring", "signers[2].sigstore[0].keys[1]", "signers[2].sigstore[1].identities[0].anchors[0]"}},
		"a key that two signers have": {integrity.Policy{Format: 1, Signers: []integrity.Signer{
			{Name: "A", Sigstore: []integrity.SigstoreTrust{{Keys: []string{public}}}},
			{Name: "B", Sigstore: []integrity.SigstoreTrust{{Keys: []string{public}}}},
		}}, []string{"signers[1].sigstore[0].keys[0]"}},
		"more keys than are taken": {integrity.Policy{Format: 1, Signers: []integrity.Signer{
			{Name: "A", Sigstore: []integrity.SigstoreTrust{{Keys: many}}},
		}}, []string{"signers"}},
	} {
		v, err := policyverify.New(tc.policy)
		require.Nil(t, v, name)
		invalid, ok := errors.AsType[*integrity.Invalid](err)
		require.True(t, ok, "%s: %v", name, err)
		var fields []string
		for _, p := range invalid.Problems {
			fields = append(fields, p.Field)
			require.NotEmpty(t, p.Text)
		}
		require.Equal(t, tc.want, fields, name)
	}
}

func Example() {
	policy, err := integrity.ParsePolicy([]byte(`{"format": 1,
		"signers": [{"name": "Vendor", "sigstore": [{"keys": ["-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAO2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik=\n-----END PUBLIC KEY-----\n"]}]}],
		"clauses": [{"name": "vendor", "vendor": "Vendor", "product": "*", "signers": ["Vendor"]}]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	verifier, err := policyverify.New(policy)
	if err != nil {
		fmt.Println(err)
		return
	}
	file := strings.NewReader("the content of a patch")
	signature, _ := sigstoreverify.Sign(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), file)

	found := verifier.Verify(file, file.Size(), signature)
	terms := integrity.Terms{Vendor: "Vendor", Product: "reader", Own: policy.Excerpt()}
	fmt.Println(terms.Judge(found, nil).Text)
	// Output:
	// The file is validly signed by "Vendor"; there is no checksum to compare (clause "vendor").
}
