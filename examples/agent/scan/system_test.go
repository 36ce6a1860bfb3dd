package scan

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// system is a made-up Debian system: a package database, and a signed
// repository that apt has downloaded the lists of. No package exists as a file:
// nothing is ever installed.
type system struct {
	t           *testing.T
	root        string
	conf        string // for apt
	base        string // of the repositories
	status      strings.Builder
	preferences strings.Builder
	lists       map[string]string // paragraphs by suite and architecture
	suites      map[string]suite  // those that are not Debian's own
	release     []string          // further fields of every Release file, "Name=value"
}

// suite is how a suite calls itself and who signs it.
type suite struct {
	repository   string // its folder; each has a key of its own
	origin       string // default Debian; "none": it names none
	codename     string // default its name
	notAutomatic bool
	automaticUp  bool // ButAutomaticUpgrades
}

// publish says how a suite is published before something is offered in it.
func (s *system) publish(name string, as suite) *system {
	s.suites[name] = as
	return s
}

func newSystem(t *testing.T) *system {
	t.Helper()
	s := &system{t: t, root: t.TempDir(), base: t.TempDir(), lists: map[string]string{}, suites: map[string]suite{}}
	s.write("etc/os-release", "ID=debian\nVERSION_CODENAME=bookworm\n")
	s.write("var/lib/dpkg/arch", "amd64\ni386\n")
	s.conf = filepath.Join(t.TempDir(), "apt.conf")
	require.NoError(t, os.WriteFile(s.conf, fmt.Appendf(nil, `Dir "%s"; Dir::State::status "%s/var/lib/dpkg/status"; APT::Architecture "amd64"; APT::Architectures { "amd64"; "i386"; }; APT::Sandbox::User "root"; Acquire::Languages "none";`, s.root, s.root), 0o600))
	for _, dir := range []string{"etc/apt/preferences.d", "etc/apt/apt.conf.d", "etc/apt/trusted.gpg.d", "var/lib/apt/lists/partial", "var/cache/apt/archives/partial"} {
		require.NoError(t, os.MkdirAll(filepath.Join(s.root, dir), 0o755))
	}
	// Without it apt, which looks at the machine's identity, would not put
	// phased updates off in a folder.
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

// install makes a package, "name" or "name:arch", installed; want is dpkg's
// selection, "install" if empty.
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
	s.write("etc/apt/trusted.gpg.d/archive.gpg", string(export(s.t, "")))
	var lines []string
	names := map[string]bool{}
	for _, key := range slices.Sorted(maps.Keys(s.lists)) {
		name, arch, _ := strings.Cut(key, " ")
		as := s.suites[name]
		repository := filepath.Join(s.base, as.repository)
		dir := filepath.Join(repository, "dists", name)
		require.NoError(s.t, os.MkdirAll(filepath.Join(dir, "main/binary-"+arch), 0o755))
		require.NoError(s.t, os.WriteFile(filepath.Join(dir, "main/binary-"+arch, "Packages"), []byte(s.lists[key]), 0o644))
		options := ""
		if name == "untrusted" {
			options = "[trusted=yes] "
		}
		if as.repository != "" {
			s.write("etc/apt/trusted.gpg.d/"+as.repository+".gpg", string(export(s.t, as.repository)))
			_, key, _ := strings.Cut(string(gpg(s.t, as.repository, "--with-colons", "--list-keys")), "\nfpr:::::::::")
			options = "[signed-by=" + key[:strings.IndexByte(key, ':')] + "] "
		}
		if !names[name] {
			names[name] = true
			lines = append(lines, fmt.Sprintf("deb %scopy:%s %s main", options, repository, name))
		}
	}
	for name := range names {
		as := s.suites[name]
		dir := filepath.Join(s.base, as.repository, "dists", name)
		args := []string{"-o", "APT::FTPArchive::Release::Codename=" + cmp.Or(as.codename, name), "-o", "APT::FTPArchive::Release::Suite=" + name,
			"-o", "APT::FTPArchive::Release::Architectures=amd64 i386", "-o", "APT::FTPArchive::Release::Components=main"}
		if as.origin != "none" {
			args = append(args, "-o", "APT::FTPArchive::Release::Origin="+cmp.Or(as.origin, "Debian"))
		}
		if as.notAutomatic || strings.HasSuffix(name, "-backports") {
			args = append(args, "-o", "APT::FTPArchive::Release::NotAutomatic=yes")
		}
		if as.automaticUp || strings.HasSuffix(name, "-backports") {
			args = append(args, "-o", "APT::FTPArchive::Release::ButAutomaticUpgrades=yes")
		}
		for _, field := range s.release {
			args = append(args, "-o", "APT::FTPArchive::Release::"+field)
		}
		out, err := exec.Command("apt-ftparchive", append(args, "release", dir)...).Output()
		require.NoError(s.t, err)
		require.NoError(s.t, os.WriteFile(filepath.Join(dir, "Release"), out, 0o644))
		gpg(s.t, as.repository, "--yes", "--clearsign", "--output", filepath.Join(dir, "InRelease"), filepath.Join(dir, "Release"))
	}
	s.write("etc/apt/sources.list", strings.Join(lines, "\n")+"\n")
	cmd := exec.Command("apt-get", "update", "-o", "Acquire::Check-Valid-Until=false")
	cmd.Env = append(os.Environ(), "LC_ALL=C", "APT_CONFIG="+s.conf)
	out, err := cmd.CombinedOutput()
	require.NoError(s.t, err, string(out))
}

// keys is where the keys of this test process are, one folder for each
// repository.
var keys = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "keys-") })

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == scanner {
		os.Exit(scanHost())
	}
	code := m.Run()
	if folder, err := keys(); err == nil {
		homes, _ := filepath.Glob(folder + "/*")
		for _, home := range homes {
			_ = exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run()
		}
		_ = os.RemoveAll(folder)
	}
	_ = os.RemoveAll(poolDir)
	os.Exit(code)
}

// gpg runs with the key of a repository, which it makes at first.
func gpg(t *testing.T, repository string, args ...string) []byte {
	t.Helper()
	folder, err := keys()
	require.NoError(t, err)
	home := filepath.Join(folder, "of-"+repository)
	run := func(args ...string) []byte {
		cmd := exec.Command("gpg", append([]string{"--batch", "--quiet", "--homedir", home, "--pinentry-mode", "loopback", "--passphrase", ""}, args...)...)
		out, err := cmd.Output()
		require.NoError(t, err)
		return out
	}
	if err := os.Mkdir(home, 0o700); err == nil {
		run("--quick-generate-key", "archive "+repository+" <archive@example.com>", "ed25519", "sign", "never")
	}
	return run(args...)
}

func export(t *testing.T, repository string) []byte { return gpg(t, repository, "--export") }
