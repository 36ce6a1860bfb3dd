package aptfeed

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A repository made by Debian's own tools is read, and the patch is the very
// file: built by dpkg-deb, indexed by apt-ftparchive, signed by gpg.
func TestRepositoryOfDebiansTools(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: Debian's tools at work take a while; run without -short")
	}
	for _, program := range []string{"dpkg-deb", "apt-ftparchive", "gpg"} {
		if _, err := exec.LookPath(program); err != nil {
			require.NotEqual(t, "true", os.Getenv("CI"), "CI has to have %s", program)
			t.Skipf("SKIPPED ALOUD: there is no %s here", program)
		}
	}
	dir, gnupg, system := t.TempDir(), t.TempDir(), t.TempDir()
	run := func(program string, args ...string) []byte {
		t.Helper()
		cmd := exec.Command(program, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GNUPGHOME="+gnupg)
		out, err := cmd.Output()
		require.NoError(t, err, "%s %v", program, args)
		return out
	}
	writeFile(t, filepath.Join(dir, "tree/DEBIAN/control"), "Package: hare\nVersion: 1:2.0-1\nArchitecture: all\nMaintainer: x <x@example.com>\nDescription: fast\n and long\n")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "pool"), 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "dists/bookworm/main/binary-amd64"), 0o755))
	run("dpkg-deb", "--root-owner-group", "--build", "tree", "pool/hare_2.0-1_all.deb")
	writeFile(t, filepath.Join(dir, "dists/bookworm/main/binary-amd64/Packages"), string(run("apt-ftparchive", "packages", "pool")))
	run("gzip", "--keep", "dists/bookworm/main/binary-amd64/Packages")
	writeFile(t, filepath.Join(dir, "Release"), string(run("apt-ftparchive", "-o", "APT::FTPArchive::Release::Codename=bookworm", "-o", "APT::FTPArchive::Release::Origin=Debian", "release", "dists/bookworm")))
	gpg := []string{"--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""}
	run("gpg", append(gpg, "--quick-generate-key", "archive <archive@example.com>", "rsa3072", "sign", "never")...)
	t.Cleanup(func() { _ = exec.Command("gpgconf", "--homedir", gnupg, "--kill", "all").Run() })
	run("gpg", append(gpg, "--clearsign", "--output", "dists/bookworm/InRelease", "Release")...)
	writeFile(t, filepath.Join(system, "keys.gpg"), string(run("gpg", "--export")))

	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(server.Close)
	writeFile(t, filepath.Join(system, "etc/apt/sources.list"), "deb [signed-by=/keys.gpg] "+server.URL+" bookworm main\n")
	f := open(t, Config{Root: system, Architectures: []string{"amd64"}, Now: func() time.Time { return time.Now().Add(time.Second) }})[0]
	b := fetched(t, f)
	require.Equal(t, []string{"deb/bookworm/amd64/hare=1:2.0-1"}, ids(b))
	artifact := b.Patches[0].Artifacts[0]
	require.Equal(t, "hare_2.0-1_all.deb", artifact.Name)
	resp, err := http.Get(artifact.URL)
	require.NoError(t, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.EqualValues(t, artifact.Size, len(data))
	sum := sha256.Sum256(data)
	require.Equal(t, artifact.Digests[0].Sum, hex.EncodeToString(sum[:]))
	require.True(t, fetched(t, f).Unchanged, "the server's Last-Modified is enough")
}
