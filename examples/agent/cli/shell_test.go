//go:build unix

package cli

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/examples/agent/inspect"
	"github.com/patchpolicy/patchpolicy/integrity"
)

const asAgent = "PATCHPOLICY_TEST_AS_AGENT"

// TestMain makes the test binary the agent if a test runs it as one.
func TestMain(m *testing.M) {
	if os.Getenv(asAgent) != "" {
		os.Exit(Run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// shell runs command lines in its own folder, where "agent" is the agent.
type shell struct{ dir, path string }

func newShell(t *testing.T) shell {
	s := shell{t.TempDir(), t.TempDir()}
	self, err := os.Executable()
	require.NoError(t, err)
	require.NoError(t, os.Symlink(self, filepath.Join(s.path, "agent")))
	return s
}

func (s shell) run(t *testing.T, line string) (code int, out string) {
	cmd := exec.CommandContext(t.Context(), "sh", "-c", line)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), asAgent+"=1", "PATH="+s.path+":"+os.Getenv("PATH"))
	data, err := cmd.CombinedOutput()
	if _, exited := err.(*exec.ExitError); !exited {
		require.NoError(t, err)
	}
	return cmd.ProcessState.ExitCode(), string(data)
}

func (s shell) put(t *testing.T, name string, data []byte) {
	require.NoError(t, os.WriteFile(filepath.Join(s.dir, name), data, 0o600))
}

// printed returns the policy and the next command from what a user sees.
func printed(t *testing.T, out string) (policy, next string) {
	if from := strings.Index(out, "\n{\n"); from >= 0 {
		to := strings.Index(out[from:], "\n}\n")
		require.Positive(t, to, out)
		policy = out[from+1 : from+to+3]
	}
	if _, after, found := strings.Cut(out, "\n  next      "); found {
		next, _, _ = strings.Cut(after, "\n")
	}
	require.NotEmpty(t, next, out)
	return policy, next
}

// The policy that verify prints, saved unchanged, and the command that it
// prints, run unchanged, let the file pass: for each format, and whatever the
// file's name. If the file is then changed, it does not pass.
func TestWhatIsPrintedWorks_INT1(t *testing.T) {
	content := []byte("the content of a patch\n")
	public, plain := plainKey(t, content)
	byName := certificate(t, signingKey, func(c *x509.Certificate) {
		c.URIs = []*url.URL{{Scheme: "https", Host: "vendor.example", Path: "/release"}}
	})
	byOrganization := certificate(t, signingKey, func(c *x509.Certificate) { c.Subject = pkix.Name{Organization: []string{"Vendor 'n' Sons"}} })
	signed := func() map[string]any {
		return map[string]any{"messageSignature": map[string]any{"signature": plain}}
	}
	ring := testdata(t, "openpgp", "testdata", "ring.asc")
	for i, tc := range []struct {
		name     string
		file     []byte
		detached []byte
		key      []byte // what the user gets elsewhere
		flags    string
		reason   integrity.Reason // of the first verdict
		asked    []string         // parts of the next command
		unpinned bool             // no policy is printed
	}{
		{name: "pe", file: testdata(t, "authenticode", "testdata", "seeds", "stamped.pe"), asked: []string{"--vendor 'Vendor Inc.'"}},
		{name: "msi", file: testdata(t, "authenticode", "testdata", "seeds", "stamped.msi"), flags: "--product 'a b'", asked: []string{"--product 'a b'"}},
		{name: "cab", file: testdata(t, "authenticode", "testdata", "seeds", "stamped.cab"), flags: `--vendor "Ac'me"`, asked: []string{`--vendor 'Ac'\''me'`}},
		{name: "nested pe", file: testdata(t, "authenticode", "testdata", "seeds", "nested.pe")},
		{name: "pe and a digest", file: testdata(t, "authenticode", "testdata", "seeds", "stamped.pe"), flags: "--digest $(sha256sum \"$F\" | sed 's/ .*//;s/^\\\\*/sha256:/')"},
		{name: "rpm", file: testdata(t, "openpgp", "testdata", "ed.rpm"), key: ring},
		{name: "rpm by RSA", file: testdata(t, "openpgp", "testdata", "rsa.rpm"), key: ring, flags: "--vendor Acme --product acme/tool"},
		{name: "openpgp binary", file: testdata(t, "openpgp", "testdata", "patch.txt"), detached: testdata(t, "openpgp", "testdata", "patch.txt.sig"), key: ring},
		{name: "openpgp armored", file: testdata(t, "openpgp", "testdata", "patch.txt"), detached: testdata(t, "openpgp", "testdata", "patch.txt.asc"), key: ring},
		{name: "clear-signed", file: testdata(t, "openpgp", "testdata", "clear.txt"), key: ring},
		{name: "key", file: content, detached: plain, key: public},
		{name: "key in base64", file: content, detached: []byte(base64.StdEncoding.EncodeToString(plain)), key: public},
		{name: "certificate", file: content, detached: bundle(t, byName, signed())},
		{name: "certificate of an organization", file: content, detached: bundle(t, byOrganization, signed()), asked: []string{`--vendor 'Vendor '\''n'\'' Sons'`}},
		{name: "dsse", file: content, detached: encoded(t, envelope(t, content)), key: public},
		{name: "dsse by a certificate", file: content, detached: bundle(t, byName, map[string]any{"dsseEnvelope": envelope(t, content)})},
		{name: "unsigned", file: content, reason: integrity.NoEvidence, unpinned: true, asked: []string{"--digest sha256:"}},
	} {
		if tc.reason == 0 {
			tc.reason = integrity.NotTrusted
		}
		names := []string{"file", "a file's \"name\" of $HOME; `x` *?", "-rf", "tab\tand\x1b[31m\xff%d\\n"}
		if tc.name != "openpgp armored" {
			names = names[i%len(names):][:1]
		}
		for _, name := range names {
			t.Run(tc.name+"/"+fmt.Sprintf("%q", name), func(t *testing.T) {
				if testing.Short() && (i%8 > 0 || name != names[0]) {
					t.Skip("SKIPPED ALOUD: a process per command takes a while; run without -short")
				}
				sh := newShell(t)
				sh.put(t, name, tc.file)
				sh.put(t, "reference", tc.file)
				line := "F=reference; agent verify " + tc.flags
				if tc.detached != nil {
					sh.put(t, name+".sig", tc.detached)
					line += ` --signature "$N.sig"`
				}
				t.Setenv("N", name)
				code, out := sh.run(t, line+` -- "$N"`)
				require.Equal(t, Failed, code, out)
				require.Contains(t, out, tc.reason.String())
				require.NotContains(t, out, "\x1b")
				policy, next := printed(t, out)
				if tc.key != nil {
					require.Empty(t, policy)
					require.Contains(t, next, "--key key.")
					_, after, _ := strings.Cut(next, "--key ")
					key, _, _ := strings.Cut(after, " ")
					sh.put(t, key, tc.key)
					code, out = sh.run(t, next)
					require.Equal(t, OK, code, next+"\n"+out)
					policy, next = printed(t, out)
				}
				for _, want := range tc.asked {
					require.Contains(t, next, want)
				}
				if !tc.unpinned {
					require.Contains(t, next, "--policy signers.json")
					sh.put(t, "signers.json", []byte(policy))
				}
				code, out = sh.run(t, next)
				require.Equal(t, OK, code, next+"\n"+out)
				require.Contains(t, out, "PASSED")

				changed := bytes.Clone(tc.file)
				at := len(changed) / 4
				if strings.HasPrefix(tc.name, "rpm") {
					at = len(changed) - 1 // in the payload; a quarter of the way in is a reserved space
				}
				changed[at] ^= 1
				sh.put(t, name, changed)
				code, out = sh.run(t, next)
				require.Equal(t, Failed, code, out)
				require.NotContains(t, out, "NotTrusted")
				if named := !strings.HasPrefix(tc.name, "openpgp") && !strings.HasPrefix(tc.name, "clear") && !strings.HasPrefix(tc.name, "key"); named && !tc.unpinned {
					code, out = sh.run(t, line+` -- "$N"`) // without the policy a change is not called an unknown signer's
					require.Equal(t, Failed, code, out)
					require.Contains(t, out, "SignatureBad")
				}
			})
		}
	}
}

// stamp lets openssl timestamp a signature, by an authority whose certificate
// is in the answer.
func (s shell) stamp(t *testing.T, sig []byte) []byte {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	authority := certificate(t, key, func(c *x509.Certificate) {
		c.ExtKeyUsage = nil
		c.ExtraExtensions = []pkix.Extension{{Id: []int{2, 5, 29, 37}, Critical: true, // only for timestamps
			Value: []byte{0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08}}}
		c.Subject = pkix.Name{CommonName: "Clock"}
	})
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	s.put(t, "clock.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority}))
	s.put(t, "clock.key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	s.put(t, "serial", []byte("01\n"))
	s.put(t, "sig", sig)
	s.put(t, "ts.cnf", []byte("[tsa]\ndefault_tsa = a\n[a]\nserial = serial\nsigner_cert = clock.pem\ncerts = clock.pem\nsigner_key = clock.key\n"+
		"default_policy = 1.2.3.4\ndigests = sha256\nsigner_digest = sha256\ness_cert_id_alg = sha256\n"))
	code, out := s.run(t, "openssl ts -query -data sig -sha256 -cert -out query && openssl ts -reply -config ts.cnf -queryfile query -out answer")
	require.Equal(t, OK, code, out)
	answer, err := os.ReadFile(filepath.Join(s.dir, "answer"))
	require.NoError(t, err)
	return answer
}

// If a timestamp says when a certificate's key signed, its authority is pinned,
// so that the policy outlives the certificate.
func TestWhatIsPrintedPinsTheAuthorityOfTimestamps_INT1(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("SKIPPED: openssl is not installed")
	}
	sh := newShell(t)
	content := []byte("the content of a patch\n")
	_, sig := plainKey(t, content)
	der := certificate(t, signingKey, func(c *x509.Certificate) { c.EmailAddresses = []string{"release@vendor.example"} })
	sh.put(t, "tool", content)
	sh.put(t, "tool.bundle", encoded(t, map[string]any{
		"mediaType":        "application/vnd.dev.sigstore.bundle.v0.3+json",
		"messageSignature": map[string]any{"signature": sig},
		"verificationMaterial": map[string]any{
			"certificate":               map[string]any{"rawBytes": der},
			"timestampVerificationData": map[string]any{"rfc3161Timestamps": []any{map[string]any{"signedTimestamp": sh.stamp(t, sig)}}},
		},
	}))
	code, out := sh.run(t, "agent verify tool --signature tool.bundle")
	require.Equal(t, Failed, code, out)
	require.Contains(t, out, "NotTrusted")
	policy, next := printed(t, out)
	require.Contains(t, policy, `"timestampers"`)
	require.NotContains(t, policy, `"at"`)
	sh.put(t, "signers.json", []byte(policy))
	code, out = sh.run(t, next)
	require.Equal(t, OK, code, out)
}

// Each of several files gets its own policy with its own name. Under a policy
// that has a clause for another vendor, verify asks only for the vendor.
func TestWhatIsPrintedForSeveralFilesWorks_INT1(t *testing.T) {
	sh := newShell(t)
	sh.put(t, "a.exe", testdata(t, "authenticode", "testdata", "seeds", "stamped.pe"))
	sh.put(t, "b c.msi", testdata(t, "authenticode", "testdata", "seeds", "stamped.msi"))
	code, out := sh.run(t, "agent verify --json a.exe 'b c.msi'")
	require.Equal(t, Failed, code, out)
	var files [2]inspect.File
	d := json.NewDecoder(strings.NewReader(out))
	for i := range files {
		require.NoError(t, d.Decode(&files[i]))
		sh.put(t, files[i].PinFile, encoded(t, files[i].Pin))
	}
	require.NotEqual(t, files[0].PinFile, files[1].PinFile)
	for _, f := range files {
		code, out := sh.run(t, f.Next)
		require.Equal(t, OK, code, out)
	}
	code, out = sh.run(t, "agent verify --policy signers.json a.exe 'b c.msi'")
	require.Equal(t, Failed, code, out)
	require.Equal(t, 2, strings.Count(out, "NoClause"), out)
	for block := range strings.SplitSeq(strings.TrimSuffix(out, "\n\n"), "\n\n") {
		if !strings.Contains(block, "NoClause") {
			continue
		}
		_, next := printed(t, block+"\n")
		code, out := sh.run(t, next)
		require.Equal(t, OK, code, out)
	}
}
