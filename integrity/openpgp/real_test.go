package openpgp

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// The primary keys of vendors, as they publish them.
const (
	centos6 = "C1DAC52D1664E8A4386DBA430946FCA2C105B9DE"
	centos7 = "6341AB2753D78A78A7C27BB124C6A8A7F4A80EB5"
	rocky9  = "21CB256AE16FC54C6E652949702D426D350D275D"
	// Debian's keys for bookworm: the archive's, that of security updates, and the release's own.
	debianArchive  = "B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8"
	debianSecurity = "05AB90340C0C5E797F44A8C8254CF3B5AEC0A8F0"
	debianStable   = "4D64FEC119C2029067D6E791F8D2585B8783D481"
)

const (
	cavalier = "github.com/cavaliergopher/rpm@v1.3.0"
	relic    = "github.com/sassoftware/relic/v8@v8.2.0"
	rpmutils = "github.com/sassoftware/go-rpmutils@v0.4.0"
)

// real is a package that a vendor signed, inside a Go module.
type real struct {
	module, file string
	ring, pin    string // the keyring in the module, and the key of it that is trusted
	status       integrity.Status
	signed       string // the day; or what is said of it
}

var realPackages = []real{
	{cavalier, "testdata/centos-release-6-0.el6.centos.5.x86_64.rpm", "testdata/RPM-GPG-KEY-CentOS-6", centos6, integrity.Valid, "2011-07-03"},
	{cavalier, "testdata/centos-release-6-0.el6.centos.5.i686.rpm", "testdata/RPM-GPG-KEY-CentOS-6", centos6, integrity.Valid, "2011-07-03"},
	{cavalier, "testdata/centos-release-7-2.1511.el7.centos.2.10.x86_64.rpm", "testdata/RPM-GPG-KEY-CentOS-7", centos7, integrity.Valid, "2015-12-09"},
	{cavalier, "testdata/epel-release-7-5.noarch.rpm", "testdata/RPM-GPG-KEY-CentOS-7", centos7, integrity.Valid, "2014-12-11"},
	{relic, "functest/packages/rocky-basesystem-11-13.el9.noarch.rpm", "functest/testkeys/rocky9.pgp", rocky9, integrity.Valid, "2022-05-11"},
	// What was good enough once, and is not any more.
	{cavalier, "testdata/centos-release-as-2.1AS-4.noarch.rpm", "testdata/RPM-GPG-KEY-CentOS-2", "", integrity.Bad, "the digest SHA-1 is too weak"},
	{cavalier, "testdata/centos-release-3.1-1.i386.rpm", "testdata/RPM-GPG-KEY-CentOS-3", "", integrity.Bad, "the digest SHA-1 is too weak"},
	{cavalier, "testdata/centos-release-4-0.1.x86_64.rpm", "testdata/RPM-GPG-KEY-CentOS-4", "", integrity.Bad, "the digest SHA-1 is too weak"},
	{cavalier, "testdata/centos-release-5-0.0.el5.centos.2.x86_64.rpm", "testdata/RPM-GPG-KEY-CentOS-5", "", integrity.Bad, "the digest SHA-1 is too weak"},
	// A vendor's package by another vendor's keys, and one that nobody signed.
	{cavalier, "testdata/centos-release-7-2.1511.el7.centos.2.10.x86_64.rpm", "testdata/RPM-GPG-KEY-CentOS-6", centos6, integrity.Bad, "24C6A8A7F4A80EB5 is not a trusted key"},
	{rpmutils, "testdata/payload-test-0.1-w3.zstdio.x86_64.rpm", "", "", integrity.Absent, ""},
	{rpmutils, "testdata/simple-1.0.1-1.i386.rpm", "", "", integrity.Absent, ""},
}

// Packages that vendors really shipped, by keys that are pinned; and none of
// them with a byte changed.
func TestRealPackages_INT1(t *testing.T) {
	for _, tt := range realPackages {
		t.Run(filepath.Base(tt.file), func(t *testing.T) {
			dir := moduleDir(t, tt.module)
			rpm, err := os.ReadFile(filepath.Join(dir, tt.file))
			require.NoError(t, err)
			v := new(Verifier)
			if tt.ring != "" {
				ring, err := os.ReadFile(filepath.Join(dir, tt.ring))
				require.NoError(t, err)
				s := signer("Vendor", integrity.OpenPGPTrust{Keyring: string(ring)})
				if tt.pin != "" {
					s.OpenPGP[0].Fingerprints = []string{tt.pin}
				}
				v = verifier(t, s)
			}
			r := inspect(t, v, rpm, nil)
			require.Equal(t, tt.status.String(), r.Answer.Status.String(), r.Answer.Detail)
			if tt.status != integrity.Valid {
				require.Contains(t, r.Answer.Detail, tt.signed)
				return
			}
			require.Equal(t, "Vendor", r.Answer.Signer)
			require.Equal(t, tt.signed, r.Answer.SignedAt.Format("2006-01-02"))
			for _, d := range r.Digests {
				require.True(t, d.Holds, "%+v", d)
			}
			f, err := openRPM(bytes.NewReader(rpm), int64(len(rpm)))
			require.NoError(t, err)
			spoil(t, v, rpm, int(f.header.start))
			require.NotEqual(t, integrity.Valid, inspect(t, new(Verifier), rpm, nil).Answer.Status)
		})
	}
}

// spoil changes a byte here and there from begin on.
func spoil(t *testing.T, v *Verifier, file []byte, begin int) {
	t.Helper()
	for i := begin; i < len(file); i += 1 + (len(file)-begin)/50 {
		changed := bytes.Clone(file)
		changed[i] ^= 0x04
		a := inspect(t, v, changed, nil).Answer
		require.NotEqual(t, integrity.Valid, a.Status, "byte %d", i)
		require.NotEqual(t, integrity.Absent, a.Status, "byte %d", i)
	}
	require.Equal(t, integrity.Bad, inspect(t, v, file[:len(file)-len(file)/10], nil).Answer.Status)
}

// moduleDir fetches a module with the go command, from wherever the machine is configured to.
func moduleDir(t *testing.T, module string) string {
	t.Helper()
	cmd := exec.Command("go", "mod", "download", "-json", module)
	cmd.Dir = t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(cmd.Dir, "go.mod"), []byte("module example.org/none\n"), 0o600))
	out, err := cmd.Output()
	if err != nil {
		missing(t, "cannot fetch "+module+": "+err.Error()+" "+string(out))
	}
	var m struct{ Dir string }
	require.NoError(t, json.Unmarshal(out, &m))
	return m.Dir
}

// missing skips aloud where something is missing, and fails where that must not be.
func missing(t testing.TB, what string) {
	t.Helper()
	require.NotEqual(t, "true", os.Getenv("CI"), what)
	t.Skip("SKIPPED ALOUD: " + what)
}

// Debian's own lists, as apt fetched them here: RSA and Ed25519, several
// signatures each. All that trusts them hangs on these keys.
func TestRealInRelease_INT1(t *testing.T) {
	ring, err := os.ReadFile("/usr/share/keyrings/debian-archive-keyring.gpg")
	if err != nil {
		missing(t, "Debian's keyring is not here: "+err.Error())
	}
	files, err := filepath.Glob("/var/lib/apt/lists/*_dists_bookworm*_InRelease")
	require.NoError(t, err)
	if len(files) == 0 {
		missing(t, "apt has no lists of Debian 12 here")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			message, err := os.ReadFile(file)
			require.NoError(t, err)
			pins := []string{debianArchive}
			switch {
			case strings.Contains(file, "-security"):
				pins = []string{debianSecurity}
			case strings.HasSuffix(file, "_bookworm_InRelease"):
				pins = []string{debianArchive, debianStable}
			}
			v := verifier(t, signer("Debian", integrity.OpenPGPTrust{Keyring: string(ring), Fingerprints: pins, Threshold: len(pins)}))
			plain, r := v.Clearsigned(message)
			require.Equal(t, integrity.Valid, r.Answer.Status, r.Answer.Detail)
			require.Equal(t, "Debian", r.Answer.Signer)
			require.True(t, bytes.HasPrefix(plain, []byte("Origin: Debian\r\n")), "%.40q", plain)
			require.Equal(t, integrity.Valid, inspect(t, v, message, nil).Answer.Status)
			spoil(t, v, message, len(beginSigned))
			changed := bytes.Replace(message, []byte("Suite: "), []byte("Suite: x"), 1)
			require.Equal(t, integrity.Bad, inspect(t, v, changed, nil).Answer.Status)
		})
	}
}
