package dpkg_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/job/runner"
	"github.com/patchpolicy/patchpolicy/job/runner/dpkg"
	"github.com/stretchr/testify/require"
)

const childEnv = "DPKG_TEST_CHILD"

// TestMain is the agent that the crash tests kill: it deploys one package and
// ends.
func TestMain(m *testing.M) {
	args := strings.Split(os.Getenv(childEnv), "|")
	if len(args) != 4 {
		os.Exit(m.Run())
	}
	fail := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	p, err := dpkg.New(dpkg.Config{Root: args[0]})
	fail(err)
	f, err := os.Open(args[3])
	fail(err)
	v, err := version.Parse(version.Debian, args[2])
	fail(err)
	_, err = p.Install(context.Background(), []runner.Staged{{Patch: job.OrderPatch{Product: catalog.ProductID(args[1]), Version: v}, Files: []*os.File{f}}}, 0)
	fail(err)
}

// slow waits in its postinst until it may go on, and counts how often it
// was run.
const slow = "echo x >> /ran; touch /started; while [ ! -e /go ]; do sleep 0.02; done"

// agent starts a child that deploys the slow package, and waits until dpkg is
// in the middle of it.
func (w *world) agent() *exec.Cmd {
	w.t.Helper()
	path := w.build(withScript(deb("slow", "2"), "postinst", slow))
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+strings.Join([]string{w.root, string(w.product("slow")), "2", path}, "|"))
	cmd.Stderr = os.Stderr
	require.NoError(w.t, cmd.Start())
	w.await("started")
	return cmd
}

func (w *world) await(name string) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		_, err := os.Stat(filepath.Join(w.root, name))
		return err == nil
	}, 20*time.Second, 10*time.Millisecond)
}

func (w *world) goOn() {
	w.t.Helper()
	require.NoError(w.t, os.WriteFile(filepath.Join(w.root, "go"), nil, 0o644))
}

// installer finds the dpkg that works on this world's root.
func (w *world) installer() int {
	w.t.Helper()
	dirs, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(w.t, err)
	for _, d := range dirs {
		b, err := os.ReadFile(d)
		if err != nil {
			continue
		}
		if words := strings.Split(string(b), "\x00"); filepath.Base(words[0]) == "dpkg" && len(words) > 1 && words[1] == "--root="+w.root {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(d)))
			require.NoError(w.t, err)
			return pid
		}
	}
	w.t.Fatal("no dpkg works on this root")
	return 0
}

// An agent that is killed does not take dpkg with it; the one started next
// waits for it and installs nothing twice.
func TestAgentKilledWhileDpkgRuns_JOB10_JOB17(t *testing.T) {
	w := newWorld(t, deb("slow", "1"))
	agent := w.agent()
	require.NoError(t, agent.Process.Kill())
	require.Error(t, agent.Wait())
	_, err := w.p.Install(t.Context(), []runner.Staged{w.staged(0, withScript(deb("slow", "2"), "postinst", slow))}, 0)
	require.ErrorContains(t, err, "another package manager (process ", "dpkg works on, and its lock is honoured")
	w.goOn()
	w.p, err = dpkg.New(dpkg.Config{Root: w.root})
	require.NoError(t, err)
	by := w.deploy(w.staged(0, withScript(deb("slow", "2"), "postinst", slow)))
	require.Zero(t, by[0].Code, by[0].Text)
	require.Equal(t, "ii 2", w.version("slow"))
	require.Equal(t, "x\n", w.file("ran"), "the script ran once")
	require.Empty(t, w.audit())
}

// dpkg itself is killed: the next deploy repairs what it left before it does
// anything else.
func TestDpkgKilledInTheMiddleIsRepaired_JOB17(t *testing.T) {
	w := newWorld(t, deb("slow", "1"), deb("other", "1"))
	agent := w.agent()
	group, err := os.FindProcess(-w.installer())
	require.NoError(t, err)
	require.NoError(t, agent.Process.Kill())
	require.Error(t, agent.Wait())
	require.NoError(t, group.Kill())
	inv, err := w.p.Inventory(t.Context())
	require.NoError(t, err)
	in, there := inv.Find(w.product("slow"))
	require.True(t, there)
	require.Equal(t, "1", in.Version.String(), "half-configured: what worked last, so that the upgrade is missing still")
	require.Equal(t, "half-configured at version 2", in.Unfinished)
	w.goOn()
	again := w.staged(0, withScript(deb("slow", "2"), "postinst", slow))
	require.Empty(t, w.refused(again, w.staged(1, deb("other", "2"))), "what is half done is taken as done")
	by := w.deploy(again, w.staged(1, deb("other", "2")))
	require.Zero(t, by[0].Code, by[0].Text)
	require.Zero(t, by[1].Code, by[1].Text)
	require.Equal(t, "ii 2", w.version("slow"))
	require.Equal(t, "x\nx\n", w.file("ran"), "once cut off, once repaired, and not a third time")
	require.Empty(t, w.audit())
}

// A stop of the agent does not cut dpkg off: Install returns its real result.
func TestStopDuringDeployWaitsForDpkg_JOB10(t *testing.T) {
	w := newWorld(t, deb("slow", "1"))
	ctx, cancel := context.WithCancel(t.Context())
	type result struct {
		outcomes []execution.InstallResult
		err      error
	}
	done := make(chan result, 1)
	staged := w.staged(0, withScript(deb("slow", "2"), "postinst", slow))
	go func() {
		o, err := w.p.Install(ctx, []runner.Staged{staged}, 0)
		done <- result{o, err}
	}()
	w.await("started")
	cancel()
	w.goOn()
	got := <-done
	require.NoError(t, got.err)
	require.Equal(t, []execution.InstallResult{{}}, got.outcomes)
	require.Equal(t, "ii 2", w.version("slow"))
}
