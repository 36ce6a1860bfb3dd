package dpkg_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job/runner"
	"github.com/patchpolicy/patchpolicy/job/runner/dpkg"
)

// A root chooses its links and its apt's configuration: neither leads dpkg and
// apt of the host out of it.
func TestHostileRootLeadsNowhere(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(outside, []byte("Package: secret\n"), 0o600))
	for name, make := range map[string]func(path string) error{
		"absolute link": func(p string) error { return os.Symlink(outside, p) },
		"dots":          func(p string) error { return os.Symlink("../../../../../../../../../../../../../../../../"+outside, p) },
		"host's folder": func(p string) error { return os.Symlink("/etc", p) },
		"pipe":          func(p string) error { return syscall.Mkfifo(p, 0o600) },
	} {
		for _, at := range []string{"etc/apt/sources.list", "etc/apt/apt.conf.d/x", "var/lib/apt/lists/x_Packages", "var/lib/dpkg/status", "etc", "var/lib/apt"} {
			root := t.TempDir()
			require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(root, at)), 0o755))
			require.NoError(t, make(filepath.Join(root, at)))
			err := dpkg.CheckRoot(t.Context(), root, dpkg.AptReads...)
			require.Error(t, err)
			if at == "etc" && name != "host's folder" {
				continue // no folder at all
			}
			var bad *dpkg.OutsideError
			require.ErrorAs(t, err, &bad, "%s at %s", name, at)
			require.Equal(t, name == "pipe", bad.Target == "", err)
		}
	}
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "etc/apt"), 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(root, "usr/lib"), 0o755))
	require.NoError(t, os.Symlink("../../usr/lib", filepath.Join(root, "etc/apt/in")))
	require.NoError(t, os.Symlink("/nowhere/at/all", filepath.Join(root, "etc/apt/nowhere")))
	require.NoError(t, dpkg.CheckRoot(t.Context(), root, dpkg.AptReads...))
	require.NoError(t, dpkg.CheckRoot(t.Context(), "/", dpkg.AptReads...))
}

func TestAptRunsNoProgramOfARoot(t *testing.T) {
	w := newWorld(t, deb("a", "1"))
	ran := filepath.Join(w.root, "ran")
	write := func(name, text string) {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(w.root, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(w.root, name), []byte(text), 0o755))
	}
	evil := filepath.Join(w.root, "evil")
	write("evil/evil", "#!/bin/sh\ntouch "+ran+"\n")
	write("evil/file", "#!/bin/sh\ntouch "+ran+"\n")
	write("etc/apt/apt.conf", `APT::Solver "evil"; APT::Planner "evil"; Dir::Bin::solvers "`+evil+`"; Dir::Bin::planners "`+evil+`"; Dir::Bin::methods "`+evil+`";
Dir::Bin::dpkg "`+evil+`/evil"; DPkg::Pre-Invoke:: "touch `+ran+`"; APT::Compressor::evil { Name "evil"; Extension ".evil"; Binary "`+evil+`/evil"; Cost "1"; };
Dir::Cache::pkgcache "`+ran+`"; Dir::State::status "/etc/passwd";
`)
	write("etc/apt/sources.list", "deb [trusted=yes] file:"+w.root+"/repo ./\n")
	write("var/lib/apt/lists/x_Packages.evil", "x")
	_, err := w.p.Inventory(t.Context())
	require.NoError(t, err)
	_, err = w.p.Preflight(t.Context(), []runner.Staged{w.staged(0, deb("a", "2"))})
	require.NoError(t, err)
	require.NoFileExists(t, ran)
}

// What is deployed to is not a folder of the host.
func TestDeployToARootThatLeadsOutIsRefused(t *testing.T) {
	w := newWorld(t, deb("a", "1"))
	require.NoError(t, os.Symlink(t.TempDir(), filepath.Join(w.root, "opt")))
	_, err := w.p.Install(t.Context(), []runner.Staged{w.staged(0, deb("a", "2"))}, 0)
	var bad *dpkg.OutsideError
	require.ErrorAs(t, err, &bad)
	require.Equal(t, "opt", bad.Name)
}

// Neither PATH nor TMPDIR of whoever starts the agent is asked.
func TestProgramsAndTemporaryFiles(t *testing.T) {
	w := newWorld(t, deb("a", "1"))
	mine := t.TempDir()
	for _, name := range []string{"dpkg", "dpkg-deb", "apt-get", "apt-cache", "sh"} {
		require.NoError(t, os.WriteFile(filepath.Join(mine, name), []byte("#!/bin/sh\ntouch "+mine+"/ran\n"), 0o755))
	}
	temp := t.TempDir()
	t.Setenv("PATH", mine)
	t.Setenv("TMPDIR", filepath.Join(mine, "nowhere"))
	p, err := dpkg.New(dpkg.Config{Root: w.root, Temp: temp})
	require.NoError(t, err)
	_, err = p.Inventory(t.Context())
	require.NoError(t, err)
	require.NoFileExists(t, filepath.Join(mine, "ran"))
	left, err := os.ReadDir(temp)
	require.NoError(t, err)
	require.Empty(t, left)
	_, err = dpkg.New(dpkg.Config{Root: w.root, Temp: "here"})
	require.ErrorContains(t, err, "want an absolute path")
	for _, bad := range []string{"bin/sh", "./sh", "no-such-program-at-all"} {
		_, err := dpkg.FindProgram("/", bad)
		require.Error(t, err, bad)
	}
}
