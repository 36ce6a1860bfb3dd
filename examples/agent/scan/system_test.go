package scan

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// system is a made-up Debian system: a package database, and a signed repository that apt has downloaded the lists of. No
// package exists as a file: nothing is ever installed.
type system struct {
	t           *testing.T
	root        string
	conf        string // for apt
	repository  string
	status      strings.Builder
	preferences strings.Builder
	lists       map[string]string // paragraphs by suite and architecture
	release     []string          // further fields of every Release file, "Name=value"
}

func newSystem(t *testing.T) *system {
	t.Helper()
	s := &system{t: t, root: t.TempDir(), repository: t.TempDir(), lists: map[string]string{}}
	s.write("etc/os-release", "ID=debian\nVERSION_CODENAME=bookworm\n")
	s.write("var/lib/dpkg/arch", "amd64\ni386\n")
	s.conf = filepath.Join(t.TempDir(), "apt.conf")
	require.NoError(t, os.WriteFile(s.conf, fmt.Appendf(nil, `Dir "%s"; Dir::State::status "%s/var/lib/dpkg/status"; APT::Architecture "amd64"; APT::Architectures { "amd64"; "i386"; }; APT::Sandbox::User "root"; Acquire::Languages "none";`, s.root, s.root), 0o600))
	for _, dir := range []string{"etc/apt/preferences.d", "etc/apt/apt.conf.d", "etc/apt/trusted.gpg.d", "var/lib/apt/lists/partial", "var/cache/apt/archives/partial"} {
		require.NoError(t, os.MkdirAll(filepath.Join(s.root, dir), 0o755))
	}
	// Without it apt, which looks at the machine's identity, would not put phased updates off in a folder.
	s.write("etc/apt/apt.conf.d/phases", "APT::Get::Never-Include-Phased-Updates \"true\";\n")
	s.install("dpkg", "1.21", "")
	return s
}

func (s *system) write(name, content string) {
	s.t.Helper()
	name = filepath.Join(s.root, name)
	require.NoError(s.t, os.MkdirAll(filepath.Dir(name), 0o755))
	require.NoError(s.t, os.WriteFile(name, []byte(content), 0o644))
}

func split(name string) (string, string) {
	if name, arch, has := strings.Cut(name, ":"); has {
		return name, arch
	}
	return name, "amd64"
}

// install makes a package, "name" or "name:arch", installed; want is dpkg's selection, "install" if empty.
func (s *system) install(name, version, want string) *system {
	name, arch := split(name)
	if want == "" {
		want = "install"
	}
	fmt.Fprintf(&s.status, "Package: %s\nStatus: %s ok installed\nArchitecture: %s\nMulti-Arch: same\nVersion: %s\nMaintainer: x <x@example.com>\nDescription: x\n\n", name, want, arch, version)
	return s
}

// offer lists a package in a suite, with one further field.
func (s *system) offer(suite, name, version, field string) *system {
	name, arch := split(name)
	if field != "" {
		field += "\n"
	}
	paragraph := fmt.Sprintf("Package: %s\nArchitecture: %s\nVersion: %s\nMulti-Arch: same\nMaintainer: x <x@example.com>\nDescription: x\nFilename: pool/%s_%s_%s.deb\nSize: 1000\nSHA256: %064x\n%s\n",
		name, arch, version, name, version, arch, len(name), field)
	if arch == "all" {
		paragraph = strings.Replace(paragraph, "Multi-Arch: same\n", "", 1)
		arch = "amd64"
	}
	s.lists[suite+" "+arch] += paragraph
	return s
}

// prefer is an entry of apt's preferences.
func (s *system) prefer(name, pin string, priority int) *system {
	fmt.Fprintf(&s.preferences, "Package: %s\nPin: %s\nPin-Priority: %d\n\n", name, pin, priority)
	return s
}

// update publishes and signs the repository, and lets apt download its lists.
func (s *system) update() {
	s.t.Helper()
	s.write("var/lib/dpkg/status", s.status.String())
	s.write("etc/apt/preferences", s.preferences.String())
	gnupg := s.t.TempDir()
	gpg := func(args ...string) []byte {
		cmd := exec.Command("gpg", append([]string{"--batch", "--quiet", "--homedir", gnupg, "--pinentry-mode", "loopback", "--passphrase", ""}, args...)...)
		out, err := cmd.Output()
		require.NoError(s.t, err)
		return out
	}
	gpg("--quick-generate-key", "archive <archive@example.com>", "ed25519", "sign", "never")
	s.t.Cleanup(func() { _ = exec.Command("gpgconf", "--homedir", gnupg, "--kill", "all").Run() })
	s.write("etc/apt/trusted.gpg.d/archive.gpg", string(gpg("--export")))
	var lines []string
	for _, key := range slices.Sorted(func(yield func(string) bool) {
		for key := range s.lists {
			if !yield(key) {
				return
			}
		}
	}) {
		suite, arch, _ := strings.Cut(key, " ")
		dir := filepath.Join(s.repository, "dists", suite)
		require.NoError(s.t, os.MkdirAll(filepath.Join(dir, "main/binary-"+arch), 0o755))
		require.NoError(s.t, os.WriteFile(filepath.Join(dir, "main/binary-"+arch, "Packages"), []byte(s.lists[key]), 0o644))
		options := ""
		if suite == "untrusted" {
			options = "[trusted=yes] "
		}
		if line := fmt.Sprintf("deb %scopy:%s %s main", options, s.repository, suite); !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	for _, line := range lines {
		words := strings.Fields(line)
		suite := words[len(words)-2]
		dir := filepath.Join(s.repository, "dists", suite)
		args := []string{"-o", "APT::FTPArchive::Release::Codename=" + suite, "-o", "APT::FTPArchive::Release::Suite=" + suite, "-o", "APT::FTPArchive::Release::Origin=Debian",
			"-o", "APT::FTPArchive::Release::Architectures=amd64 i386", "-o", "APT::FTPArchive::Release::Components=main"}
		if strings.HasSuffix(suite, "-backports") {
			args = append(args, "-o", "APT::FTPArchive::Release::NotAutomatic=yes", "-o", "APT::FTPArchive::Release::ButAutomaticUpgrades=yes")
		}
		for _, field := range s.release {
			args = append(args, "-o", "APT::FTPArchive::Release::"+field)
		}
		out, err := exec.Command("apt-ftparchive", append(args, "release", dir)...).Output()
		require.NoError(s.t, err)
		require.NoError(s.t, os.WriteFile(filepath.Join(dir, "Release"), out, 0o644))
		gpg("--yes", "--clearsign", "--output", filepath.Join(dir, "InRelease"), filepath.Join(dir, "Release"))
	}
	s.write("etc/apt/sources.list", strings.Join(lines, "\n")+"\n")
	cmd := exec.Command("apt-get", "update", "-o", "Acquire::Check-Valid-Until=false")
	cmd.Env = append(os.Environ(), "LC_ALL=C", "APT_CONFIG="+s.conf)
	out, err := cmd.CombinedOutput()
	require.NoError(s.t, err, string(out))
}
