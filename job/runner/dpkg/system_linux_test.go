package dpkg_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/debian"
	"github.com/patchpolicy/patchpolicy/internal/debroot"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/job/runner"
	"github.com/patchpolicy/patchpolicy/job/runner/dpkg"
	"github.com/patchpolicy/patchpolicy/reboot"
)

func TestInventoryIsWhatIsInstalled_CAT5(t *testing.T) {
	all := deb("docs", "1:2-3")
	all.Architecture = "all"
	w := newWorld(t, deb("app", "1"), all, deb("held", "3"))
	w.selections("held hold")
	inv, err := w.p.Inventory(t.Context())
	require.NoError(t, err)
	require.Equal(t, catalog.Linux, inv.Platform)
	require.Equal(t, []catalog.Installed{
		{Product: w.product("app"), Version: debVersion(t, "1")},
		{Product: w.product("docs"), Version: debVersion(t, "1:2-3")},
		{Product: w.product("held"), Version: debVersion(t, "3"), Held: true},
	}, slices.Collect(inv.Installed()))
}

// The machine's own inventory is what dpkg-query says, taken without changing
// anything.
func TestInventoryOfTheHost(t *testing.T) {
	need(t)
	p, err := dpkg.New(dpkg.Config{})
	require.NoError(t, err)
	inv, err := p.Inventory(t.Context())
	require.NoError(t, err)
	out, err := exec.Command("dpkg-query", "-W", "-f", "${db:Status-Status} ${Package} ${Architecture} ${Version}\n").Output()
	require.NoError(t, err)
	installed := 0
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if f[0] != "installed" {
			continue
		}
		installed++
		arch := f[2]
		if arch == "all" {
			arch = debian.Architectures("/")[0]
		}
		found, ok := inv.Find(debian.ProductID(debian.OSRelease("/")["VERSION_CODENAME"], arch, f[1]))
		require.True(t, ok, line)
		require.Equal(t, f[3], found.Version.String(), line)
	}
	require.Equal(t, installed, inv.Len())
	s, err := p.Status(t.Context())
	require.NoError(t, err)
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	require.NoError(t, err)
	require.Equal(t, strings.TrimSpace(string(boot)), s.BootID)
	require.ErrorIs(t, p.Reboot(t.Context()), runner.ErrRebootNotAllowed)
}

// Pins are apt's own policy over a real repository of the root.
func TestPinsOfARoot_CAT5(t *testing.T) {
	w := newWorld(t, deb("free", "1"), deb("pinned", "1"), deb("forbidden", "1"))
	repo := filepath.Join(w.root, "repo") // apt keeps a link to the list of a file: repository, and none leads out (OutsideError)
	require.NoError(t, os.Mkdir(repo, 0o755))
	var packages strings.Builder
	for _, name := range []string{"free", "pinned", "forbidden"} {
		for _, v := range []string{"2", "3"} {
			path, err := deb(name, v).Build(t.Context(), repo)
			require.NoError(t, err)
			fields, err := exec.Command("dpkg-deb", "-f", path).Output()
			require.NoError(t, err)
			fmt.Fprintf(&packages, "%sFilename: ./%s\nSize: 1\nSHA256: %064d\n\n", fields, filepath.Base(path), 0)
		}
	}
	require.NoError(t, os.WriteFile(filepath.Join(repo, "Packages"), []byte(packages.String()), 0o644))
	write := func(name, text string) {
		require.NoError(t, os.MkdirAll(filepath.Join(w.root, filepath.Dir(name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(w.root, name), []byte(text), 0o644))
	}
	write("etc/apt/sources.list", "deb [trusted=yes] file:"+repo+" ./\n")
	write("etc/apt/preferences", "Package: pinned\nPin: version 2\nPin-Priority: 1001\n\nPackage: forbidden\nPin: version *\nPin-Priority: -1\n")
	write("apt.conf", fmt.Sprintf("Dir %q;\nDir::State::status %q;\nAPT::Sandbox::User \"root\";\n", w.root, filepath.Join(w.root, "var/lib/dpkg/status")))
	for _, d := range []string{"var/lib/apt/lists/partial", "var/cache/apt/archives/partial", "etc/apt/apt.conf.d", "etc/apt/preferences.d", "etc/apt/trusted.gpg.d"} {
		require.NoError(t, os.MkdirAll(filepath.Join(w.root, d), 0o755))
	}
	update := exec.Command("apt-get", "update")
	update.Env = append(os.Environ(), "APT_CONFIG="+filepath.Join(w.root, "apt.conf"), "LC_ALL=C")
	out, err := update.CombinedOutput()
	require.NoError(t, err, string(out))

	inv, err := w.p.Inventory(t.Context())
	require.NoError(t, err)
	pins := map[catalog.ProductID]string{}
	for in := range inv.Installed() {
		pins[in.Product] = in.PinnedTo
	}
	require.Equal(t, map[catalog.ProductID]string{w.product("free"): "", w.product("pinned"): "2", w.product("forbidden"): "1"}, pins)
}

func TestActRunsInsideTheRootAndIsBounded_JOB13(t *testing.T) {
	w := newWorld(t)
	exit, _, err := w.p.RunAction(t.Context(), job.Action{Name: "a", Command: []string{"sh", "-c", "echo $0 $DEBIAN_FRONTEND > /inside", "arg"}})
	require.NoError(t, err)
	require.Zero(t, exit)
	require.Equal(t, "arg noninteractive\n", w.file("inside"))

	_, output, err := w.p.RunAction(t.Context(), job.Action{Name: "loud", Command: []string{"sh", "-c", "while [ ${#x} -lt 5000 ]; do x=x$x-; done; echo $x; echo why >&2; exit 3"}})
	require.NoError(t, err)
	require.Len(t, output, job.MaxOutput)
	require.True(t, strings.HasSuffix(output, "-\nwhy\n"), output)

	began := time.Now()
	_, _, err = w.p.RunAction(t.Context(), job.Action{Name: "slow", Command: []string{"sh", "-c", "sleep 60 & sleep 60"}, Timeout: 200 * time.Millisecond})
	require.ErrorContains(t, err, `the action "slow" was ended: the action took longer than its timeout of 200ms`)
	require.Less(t, time.Since(began), 50*time.Second)

	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, _, err = w.p.RunAction(ctx, job.Action{Name: "cut", Command: []string{"/bin/sleep", "60"}, Timeout: time.Minute})
	require.ErrorIs(t, err, context.DeadlineExceeded)

	_, _, err = w.p.RunAction(t.Context(), job.Action{Name: "empty"})
	require.ErrorContains(t, err, "no command")
	_, _, err = w.p.RunAction(t.Context(), job.Action{Name: "relative", Command: []string{"../sh"}})
	require.ErrorContains(t, err, "absolute path")
	exit, _, err = w.p.RunAction(t.Context(), job.Action{Name: "killed", Command: []string{"sh", "-c", "kill -9 $$"}})
	require.Error(t, err, "exit %d", exit)
}

func TestBootOfARootFolder_RBT8(t *testing.T) {
	w := newWorld(t)
	host, err := w.p.Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, reboot.Nobody, host.Sessions)
	require.NoError(t, os.WriteFile(filepath.Join(w.root, "run/patchpolicy-boot-id"), []byte("second\n"), 0o644))
	own, err := w.p.Status(t.Context())
	require.NoError(t, err)
	require.NotEqual(t, host.BootID, own.BootID)
	require.Equal(t, "second", own.BootID)
}

func TestRebootOnlyAsTheSettingsSay_RBT7(t *testing.T) {
	w := newWorld(t)
	require.ErrorIs(t, w.p.Reboot(t.Context()), runner.ErrRebootNotAllowed)
	allowed, err := dpkg.New(dpkg.Config{Root: w.root, AllowReboot: true})
	require.NoError(t, err)
	err = allowed.Reboot(t.Context())
	require.ErrorIs(t, err, runner.ErrRebootNotAllowed, "the host must not be rebooted for a root folder")
	require.ErrorContains(t, err, "set RebootCommand")

	told, err := dpkg.New(dpkg.Config{Root: w.root, AllowReboot: true, RebootCommand: []string{"touch", filepath.Join(w.root, "rebooted")}})
	require.NoError(t, err)
	require.NoError(t, told.Reboot(t.Context()))
	require.FileExists(t, filepath.Join(w.root, "rebooted"))
	require.NoError(t, told.Prompt(t.Context(), execution.Prompt{Kind: reboot.ClearPrompt{}}, func(execution.PromptAnswered) {}))

	broken, err := dpkg.New(dpkg.Config{Root: w.root, AllowReboot: true, RebootCommand: []string{"false"}})
	require.NoError(t, err)
	require.ErrorContains(t, broken.Reboot(t.Context()), "false: exit status 1")
}

// A package of a foreign architecture is another product, and the resolver
// knows the architecture.
func TestForeignArchitectures(t *testing.T) {
	w := newWorld(t)
	foreign := "i386"
	if w.arch == foreign {
		foreign = "amd64"
	}
	out, err := exec.Command("dpkg", "--root="+w.root, "--add-architecture", foreign).CombinedOutput()
	require.NoError(t, err, string(out))
	lib := func(v string) debroot.Deb {
		d := deb("lib", v, "Multi-Arch: same")
		d.Architecture = foreign
		return d
	}
	require.NoError(t, debroot.Install(t.Context(), w.root, w.build(lib("1"))))
	p, err := dpkg.New(dpkg.Config{Root: w.root})
	require.NoError(t, err)
	w.p = p
	require.Equal(t, w.arch, debian.Architectures(w.root)[0])
	s := w.staged(0, lib("2"))
	require.Contains(t, w.refused(s)[0], "contains lib for "+foreign)
	s.Patch.Product = catalog.ProductID("deb/tiny/" + foreign + "/lib")
	require.Empty(t, w.refused(s))
	require.Zero(t, w.deploy(s)[0].Code)
	require.Equal(t, "ii 2", w.version("lib:"+foreign))
}
