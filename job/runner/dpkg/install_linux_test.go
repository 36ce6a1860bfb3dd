package dpkg_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/debroot"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/job/runner"
	"github.com/patchpolicy/patchpolicy/job/runner/dpkg"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// selections sets the wanted state of packages, "name hold".
func (w *world) selections(lines ...string) {
	w.t.Helper()
	cmd := exec.Command("dpkg", "--root="+w.root, "--set-selections")
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	out, err := cmd.CombinedOutput()
	require.NoError(w.t, err, string(out))
}

func (w *world) audit() string {
	w.t.Helper()
	out, err := exec.Command("dpkg", "--root="+w.root, "--audit").CombinedOutput()
	require.NoError(w.t, err)
	return string(out)
}

func (w *world) file(name string) string {
	w.t.Helper()
	b, err := os.ReadFile(filepath.Join(w.root, name))
	require.NoError(w.t, err)
	return string(b)
}

func TestDeployIsOneTransactionInAptsOrder_JOB1(t *testing.T) {
	docs := func(v string) debroot.Deb {
		d := deb("docs", v, "Depends: lib (>= "+v+")")
		d.Architecture = "all"
		return d
	}
	w := newWorld(t, deb("lib", "1"), deb("app", "1", "Depends: lib"), docs("1"))
	by := w.deploy(
		w.staged(2, docs("2")),
		w.staged(0, deb("app", "2", "Pre-Depends: lib (>= 2)")),
		w.staged(1, withScript(deb("lib", "2"), "postinst", "echo $DEBIAN_FRONTEND $DPKG_MAINTSCRIPT_PACKAGE > /env; test -x /usr/sbin/policy-rc.d")))
	require.Equal(t, map[int]execution.InstallResult{0: {Index: 0}, 1: {Index: 1}, 2: {Index: 2}}, by)
	require.Equal(t, "ii 2", w.version("docs"))
	require.Equal(t, "ii 2", w.version("app"))
	require.Equal(t, "ii 2", w.version("lib"))
	require.Equal(t, "noninteractive lib\n", w.file("env"))
	require.NoFileExists(t, filepath.Join(w.root, "usr/sbin/policy-rc.d"))
	require.Empty(t, w.audit())
}

func TestPostinstFailureIsThatPatchsAlone_JOB2(t *testing.T) {
	w := newWorld(t, deb("bad", "1"), deb("needs", "1", "Depends: bad"), deb("good", "1"))
	by := w.deploy(
		w.staged(0, withScript(deb("bad", "2"), "postinst", "echo the licence server is away >&2; exit 7")),
		w.staged(1, deb("needs", "2", "Depends: bad (>= 2)")),
		w.staged(2, deb("good", "2")))
	require.Equal(t, job.InstallerFailed, by[0].Code)
	require.Contains(t, by[0].Text, "the licence server is away")
	require.Contains(t, by[0].Text, "post-installation script subprocess returned error exit status 7")
	require.Contains(t, by[0].Text, "dpkg --root="+w.root+" --configure -a")
	require.Equal(t, job.InstallerFailed, by[1].Code)
	require.Contains(t, by[1].Text, "needs depends on bad (>= 2)")
	require.NotContains(t, by[1].Text, "licence server")
	require.Equal(t, execution.InstallResult{Index: 2}, by[2])
	require.NotEmpty(t, w.audit())
	inv, err := w.p.Inventory(t.Context())
	require.NoError(t, err)
	in, there := inv.Find(w.product("bad"))
	require.True(t, there)
	require.Equal(t, "1", in.Version.String(), "a half-configured upgrade is missing still")
	require.Equal(t, "half-configured at version 2", in.Unfinished)
	require.Contains(t, by[0].Text, "the licence server is away: dpkg left bad half-configured at version 2.\n", "what an administrator needs comes first")

	// The vendor repairs the script: the next order deploys over the broken
	// state.
	by = w.deploy(w.staged(0, deb("bad", "3")), w.staged(1, deb("needs", "3", "Depends: bad (>= 2)")))
	require.Zero(t, by[0].Code, by[0].Text)
	require.Zero(t, by[1].Code, by[1].Text)
	require.Empty(t, w.audit())
}

func TestPreinstFailureLeavesTheOldVersion_JOB2(t *testing.T) {
	w := newWorld(t, deb("bad", "1"))
	by := w.deploy(w.staged(0, withScript(deb("bad", "2"), "preinst", "echo no thanks; exit 1")))
	require.Equal(t, job.InstallerFailed, by[0].Code)
	require.Contains(t, by[0].Text, "no thanks")
	require.Contains(t, by[0].Text, "pre-installation script subprocess returned error exit status 1")
	require.Equal(t, "ii 1", w.version("bad"))
}

func TestDeployAsksTheResolverItself_CAT3(t *testing.T) {
	w := newWorld(t, deb("app", "1"), deb("alone", "1"), deb("held", "1"))
	w.selections("held hold")
	by := w.deploy(w.staged(0, deb("app", "2", "Depends: brandnew")), w.staged(1, deb("alone", "2")), w.staged(2, deb("held", "2")))
	require.Equal(t, job.InstallerFailed, by[0].Code)
	require.Contains(t, by[0].Text, "brandnew")
	require.Zero(t, by[1].Code)
	require.Equal(t, job.InstallerFailed, by[2].Code)
	require.Contains(t, by[2].Text, "on hold")
	require.Equal(t, "ii 1", w.version("app"))
	require.Equal(t, "hi 1", w.version("held"))
}

func TestChangedConffileIsKept(t *testing.T) {
	conf := func(v, text string) debroot.Deb {
		d := deb("conf", v)
		d.Files["etc/conf"] = text
		d.Conffiles = []string{"/etc/conf"}
		return d
	}
	w := newWorld(t, conf("1", "vendor 1\n"))
	require.NoError(t, os.WriteFile(filepath.Join(w.root, "etc/conf"), []byte("mine\n"), 0o644))
	by := w.deploy(w.staged(0, conf("2", "vendor 2\n")))
	require.Zero(t, by[0].Code, by[0].Text)
	require.Equal(t, "mine\n", w.file("etc/conf"))
	require.Equal(t, "vendor 2\n", w.file("etc/conf.dpkg-dist"))
}

func TestPolicyOfTheRootIsLeftAlone(t *testing.T) {
	w := newWorld(t, deb("a", "1"))
	name := filepath.Join(w.root, "usr/sbin/policy-rc.d")
	require.NoError(t, os.WriteFile(name, []byte("#!/bin/sh\nexit 0\n"), 0o755))
	require.Zero(t, w.deploy(w.staged(0, deb("a", "2")))[0].Code)
	require.Equal(t, "#!/bin/sh\nexit 0\n", w.file("usr/sbin/policy-rc.d"))
}

func TestRebootMarksAreComparedWithBefore_RBT2(t *testing.T) {
	mark := func(names ...string) string {
		text := "mkdir -p /run; touch /run/reboot-required"
		for _, n := range names {
			text += "; echo " + n + " >> /run/reboot-required.pkgs"
		}
		return text
	}
	w := newWorld(t, deb("a", "1"), deb("b", "1"))
	by := w.deploy(w.staged(0, withScript(deb("a", "2"), "postinst", mark("a"))), w.staged(1, deb("b", "2")))
	require.Equal(t, map[int]execution.InstallResult{0: {Index: 0, Reboot: true}, 1: {Index: 1}}, by)
	s, err := w.p.Status(t.Context())
	require.NoError(t, err)
	require.True(t, s.RebootRequired)

	by = w.deploy(w.staged(0, deb("a", "3")), w.staged(1, deb("b", "3")))
	require.Equal(t, map[int]execution.InstallResult{0: {Index: 0, Reboot: true}, 1: {Index: 1}}, by, "the mark stood before, and names a")
	by = w.deploy(w.staged(0, deb("a", "4")), w.staged(1, withScript(deb("b", "4"), "postinst", mark("b"))))
	require.Equal(t, map[int]execution.InstallResult{0: {Index: 0, Reboot: true}, 1: {Index: 1, Reboot: true}}, by, "one more package asks")

	require.NoError(t, os.Remove(filepath.Join(w.root, "run/reboot-required")))
	require.NoError(t, os.Remove(filepath.Join(w.root, "run/reboot-required.pkgs")))
	by = w.deploy(w.staged(0, deb("a", "5")), w.staged(1, withScript(deb("b", "5"), "postinst", mark())))
	require.Equal(t, map[int]execution.InstallResult{0: {Index: 0, Reboot: true}, 1: {Index: 1, Reboot: true}}, by, "a mark that names nobody counts for all")
}

// hold takes a lock as another package manager would, and returns what lets it
// go.
func (w *world) hold(name string) func() {
	w.t.Helper()
	f, err := os.OpenFile(filepath.Join(w.root, name), os.O_RDWR|os.O_CREATE, 0o640)
	require.NoError(w.t, err)
	require.NoError(w.t, unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}))
	return func() { require.NoError(w.t, f.Close()) }
}

func TestLocksAreWaitedFor(t *testing.T) {
	for _, name := range []string{"var/lib/dpkg/lock-frontend", "var/lib/dpkg/lock"} {
		w := newWorld(t, deb("a", "1"))
		release := w.hold(name)
		_, err := w.p.Install(t.Context(), []runner.Staged{w.staged(0, deb("a", "2"))}, 0)
		require.ErrorContains(t, err, "another package manager")
		require.ErrorContains(t, err, filepath.Join(w.root, name))
		require.ErrorContains(t, err, "run the job again")
		require.Equal(t, "ii 1", w.version("a"))

		timer := time.AfterFunc(300*time.Millisecond, release)
		defer timer.Stop()
		require.Zero(t, w.deploy(w.staged(0, deb("a", "2")))[0].Code)
	}
}

func TestStopWhileWaitingForALockIsNoFailure(t *testing.T) {
	w := newWorld(t, deb("a", "1"))
	defer w.hold("var/lib/dpkg/lock")()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := w.p.Install(ctx, []runner.Staged{w.staged(0, deb("a", "2"))}, 0)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestNewNamesEverythingThatIsWrong(t *testing.T) {
	need(t)
	_, err := dpkg.New(dpkg.Config{Root: t.TempDir(), LockWait: -1})
	require.ErrorContains(t, err, "LockWait is -1ns")
	require.ErrorContains(t, err, "the package database of")
	require.ErrorContains(t, err, "set Channel")
	w := newWorld(t)
	_, err = dpkg.New(dpkg.Config{Root: w.root, Channel: "a/b"})
	require.ErrorContains(t, err, `Channel is "a/b"`)
}

// limited installs with a limit and says how long it took.
func (w *world) limited(limit time.Duration, patches ...runner.Staged) (map[int]execution.InstallResult, time.Duration) {
	w.t.Helper()
	began := time.Now()
	results, err := w.p.Install(w.t.Context(), patches, limit)
	require.NoError(w.t, err)
	by := map[int]execution.InstallResult{}
	for _, r := range results {
		by[r.Index] = r
	}
	return by, time.Since(began)
}

// A script that waits for ever is asked to end, and may still tidy up; nothing
// of it is left running.
func TestInstallLimit_JOB25(t *testing.T) {
	w := newWorld(t, deb("waits", "1"), deb("good", "1"))
	asks := "[ ! -e /answer ] || exit 0; trap 'echo bye > /said; exit 1' TERM; while :; do sleep 0.1 || :; done"
	by, took := w.limited(10*time.Second, w.staged(0, deb("good", "2")), w.staged(1, withScript(deb("waits", "2"), "postinst", asks)))
	require.Less(t, took, 5*time.Minute)
	require.Equal(t, "bye\n", w.file("said"))
	require.Zero(t, by[0].Code, "it was done before the limit came: %s", by[0].Text)
	require.Equal(t, job.DeployerProcessCrashed, by[1].Code)
	require.Contains(t, by[1].Text, "install limit")
	// The next install repairs first, and its repair is limited in the same
	// way.
	by, took = w.limited(10*time.Second, w.staged(0, deb("good", "3")))
	require.Less(t, took, 5*time.Minute)
	require.Zero(t, by[0].Code, "another package's repair is no reason: %s", by[0].Text)
	require.NoError(t, os.WriteFile(filepath.Join(w.root, "answer"), nil, 0o600))
	by, _ = w.limited(time.Minute, w.staged(0, deb("good", "4")))
	require.Zero(t, by[0].Code, by[0].Text)
	require.Empty(t, w.audit())
}
