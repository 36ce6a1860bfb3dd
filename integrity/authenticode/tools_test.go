package authenticode

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// The programs that make the tests' files: what people sign with, so that it is
// not our own idea of the formats that is tested. "openssl ts" answers as a
// timestamp authority, behind a handler on the loopback.

// needTools skips a test, aloud, where the programs are missing; in CI it fails.
func needTools(t testing.TB, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			missing(t, p+" is not installed: apt-get install osslsigncode openssl wixl gcab")
		}
	}
}

// missing ends a test that cannot run here.
func missing(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip("SKIPPED: " + why)
}

func run(t testing.TB, dir, program string, args ...string) string {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s %s\n%s", program, strings.Join(args, " "), out)
	return string(out)
}

// stampServer answers timestamp queries by openssl, as who.
func stampServer(t testing.TB, who identity, above identity) string {
	t.Helper()
	dir := t.TempDir()
	certs, key := who.write(t, dir, above)
	config := filepath.Join(dir, "ts.cnf")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "serial"), []byte("01\n"), 0o600))
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, `[tsa]
default_tsa = a
[a]
serial = %s/serial
signer_cert = %s
certs = %s
signer_key = %s
default_policy = 1.2.3.4
digests = sha256, sha384, sha512, sha1
signer_digest = sha256
ess_cert_id_alg = sha256
`, dir, certs, certs, key), 0o600))
	var one sync.Mutex // openssl counts in a file
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		one.Lock()
		defer one.Unlock()
		query, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		file := filepath.Join(dir, "query")
		if err := os.WriteFile(file, query, 0o600); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		cmd := exec.Command("openssl", "ts", "-reply", "-config", config, "-queryfile", file)
		var complaint bytes.Buffer
		cmd.Stderr = &complaint
		reply, err := cmd.Output()
		if err != nil {
			http.Error(w, complaint.String(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/timestamp-reply")
		w.Write(reply)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// material is what the programs made: unsigned files by format, and a place to sign them.
type material struct {
	dir                string
	unsigned           map[integrity.Format][]byte
	stamps, otherStamp string // addresses
}

var fileNames = map[integrity.Format]string{integrity.PE: "a.exe", integrity.MSI: "a.msi", integrity.CAB: "a.cab"}

// formats are those of this package.
func formats() []integrity.Format {
	return []integrity.Format{integrity.PE, integrity.MSI, integrity.CAB}
}

func newMaterial(t testing.TB) *material {
	t.Helper()
	needTools(t, "osslsigncode", "openssl", "wixl", "gcab")
	m := &material{dir: t.TempDir(), unsigned: map[integrity.Format][]byte{}}
	p := everybody()
	m.stamps, m.otherStamp = stampServer(t, p.stamper, p.stampRoot), stampServer(t, p.otherStamper, p.otherStampRoot)

	payload := make([]byte, 20_000)
	rand.NewChaCha8([32]byte{1}).Read(payload) // nothing that a cabinet makes smaller
	require.NoError(t, os.WriteFile(filepath.Join(m.dir, "payload.bin"), payload, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(m.dir, "small.txt"), []byte("small"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(m.dir, "a.wxs"), []byte(wxs), 0o600))
	run(t, m.dir, "wixl", "-o", "a.msi", "a.wxs")
	run(t, m.dir, "gcab", "-c", "-z", "a.cab", "payload.bin", "small.txt")
	require.NoError(t, os.WriteFile(filepath.Join(m.dir, "a.exe"), program(payload), 0o600))
	for f, name := range fileNames {
		b, err := os.ReadFile(filepath.Join(m.dir, name))
		require.NoError(t, err)
		m.unsigned[f] = b
	}
	return m
}

const wxs = `<?xml version="1.0" encoding="utf-8"?>
<Wix xmlns="http://schemas.microsoft.com/wix/2006/wi">
  <Product Name="Test" Id="ABDD25C2-D0DD-4A8B-8B5A-5C1B3E5F0001" UpgradeCode="ABDD25C2-D0DD-4A8B-8B5A-5C1B3E5F0002"
      Language="1033" Version="1.0.0" Manufacturer="Vendor Inc.">
    <Package InstallerVersion="200" Compressed="yes"/>
    <Media Id="1" Cabinet="a.cab" EmbedCab="yes"/>
    <Directory Id="TARGETDIR" Name="SourceDir"><Directory Id="ProgramFilesFolder"><Directory Id="D" Name="Test">
      <Component Id="C" Guid="ABDD25C2-D0DD-4A8B-8B5A-5C1B3E5F0003"><File Id="F" Source="payload.bin"/></Component>
    </Directory></Directory></Directory>
    <Feature Id="All" Level="1"><ComponentRef Id="C"/></Feature>
  </Product>
</Wix>
`

// sign has osslsigncode sign a file as who; the arguments are osslsigncode's.
func (m *material) sign(t testing.TB, format integrity.Format, content []byte, who identity, above []identity, args ...string) []byte {
	t.Helper()
	dir := t.TempDir()
	certs, key := who.write(t, dir, above...)
	require.NoError(t, os.WriteFile(filepath.Join(dir, fileNames[format]), content, 0o600))
	out := "signed" + filepath.Ext(fileNames[format])
	run(t, dir, "osslsigncode", append([]string{"sign", "-certs", certs, "-key", key, "-in", fileNames[format], "-out", out}, args...)...)
	b, err := os.ReadFile(filepath.Join(dir, out))
	require.NoError(t, err)
	return b
}

// vendorSigned has the vendor sign an unsigned file.
func (m *material) vendorSigned(t testing.TB, format integrity.Format, args ...string) []byte {
	p := everybody()
	return m.sign(t, format, m.unsigned[format], p.vendor, []identity{p.ca}, append([]string{"-h", "sha256", "-ts", m.stamps}, args...)...)
}

// program makes a 64-bit program with one section. It does not run; nobody here would run it.
func program(payload []byte) []byte {
	const headers, pe = 0x400, 0x80
	raw := (len(payload) + 0x1ff) &^ 0x1ff
	b := make([]byte, headers+raw)
	le := binary.LittleEndian
	copy(b, "MZ")
	le.PutUint32(b[peOffsetAt:], pe)
	copy(b[pe:], "PE\x00\x00")
	le.PutUint16(b[pe+4:], 0x8664)
	le.PutUint16(b[pe+6:], 1)       // sections
	le.PutUint16(b[pe+20:], 240)    // size of the optional header
	le.PutUint16(b[pe+22:], 0x0022) // executable, large addresses
	o := b[pe+peFileHeader:]
	le.PutUint16(o, peMagic64)
	le.PutUint32(o[4:], uint32(raw))
	le.PutUint32(o[16:], 0x1000)
	le.PutUint64(o[24:], 0x140000000)
	le.PutUint32(o[32:], 0x1000)
	le.PutUint32(o[36:], 0x200)
	le.PutUint16(o[40:], 6)
	le.PutUint16(o[48:], 6)
	le.PutUint32(o[56:], uint32(0x1000+(raw+0xfff)&^0xfff))
	le.PutUint32(o[60:], headers)
	le.PutUint16(o[68:], 3)
	le.PutUint32(o[108:], 16) // directories
	s := o[240:]
	copy(s, ".text")
	le.PutUint32(s[8:], uint32(len(payload)))
	le.PutUint32(s[12:], 0x1000)
	le.PutUint32(s[16:], uint32(raw))
	le.PutUint32(s[20:], headers)
	le.PutUint32(s[36:], 0x60000020)
	copy(b[headers:], payload)
	return b
}

func verify(v *Verifier, content []byte) integrity.Signature {
	return v.Verify(bytes.NewReader(content), int64(len(content)), nil)
}
