package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
)

// small mounts a file system of a given size on a folder, until the test ends.
func (w *world) small(dir, size string) {
	t := w.t
	t.Helper()
	need(t, mountable())
	require.NoError(t, os.MkdirAll(dir, 0o700))
	output(t, "mount", "-t", "tmpfs", "-o", "mode=0700,size="+size, "tmpfs", dir)
	t.Cleanup(func() {
		w.asset.halt()
		if text, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount %s: %v: %s", dir, err, text)
		}
	})
}

// mountable returns why no small file system can be made here, as in some
// containers; empty: it can.
var mountable = sync.OnceValue(func() string {
	dir, err := os.MkdirTemp("", "patchpolicy-mount-")
	if err != nil {
		return err.Error()
	}
	defer os.Remove(dir)
	for _, args := range [][]string{{"mount", "-t", "tmpfs", "tmpfs", dir}, {"umount", dir}} {
		if text, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			return fmt.Sprintf("a full disk needs a small tmpfs, and %s fails here: %v: %s", args[0], err, text)
		}
	}
	return ""
})

// grow makes it larger.
func grow(t *testing.T, dir, size string) {
	t.Helper()
	output(t, "mount", "-o", "remount,size="+size, dir)
}

// A download that does not fit on the disk fails that patch, says so, and frees
// what it took. What fits goes on. With room, the next run finishes the work.
func TestDiskFullAtDownload_JOB2_JOB16(t *testing.T) {
	t.Parallel()
	w := newWorld(t, deb("alpha", "1"), deb("beta", "1"))
	stage := filepath.Join(w.asset.state, "stage")
	w.small(stage, "1m")
	w.repo.publish(large("alpha", "2"), deb("beta", "2"))
	w.server.synced()
	w.asset.start()
	a := w.run("first")
	require.Equal(t, job.CompletedWithFailures.String(), a.Result.String())
	bad := outcome(t, a, "alpha")
	failed(t, bad, job.FileDownloadFailed)
	require.Contains(t, bad.Text, "is full")
	succeeded(t, outcome(t, a, "beta"), "2")
	w.has("alpha", "1")
	w.has("beta", "2")

	grow(t, stage, "64m")
	a = w.run("second")
	require.Equal(t, job.Completed.String(), a.Result.String())
	succeeded(t, outcome(t, a, "alpha"), "2")
	w.has("alpha", "2")
	require.Empty(t, audit(t, w.root))
}

// newSmallWorld has packages alpha and beta at version 1, and an agent on a 12
// MiB disk of its own.
func newSmallWorld(t *testing.T) (w *world, disk string) {
	w = newWorld(t, deb("alpha", "1"), deb("beta", "1"))
	disk = filepath.Join(t.TempDir(), "disk")
	w.small(disk, "12m") // apt and dpkg have their temporary files there too
	w.asset = enrolIn(w.server, "small", w.root, filepath.Join(disk, "agent"))
	w.asset.log = filepath.Join(t.TempDir(), "agent.log")
	return w, disk
}

// An agent goes on when a download fills its own disk: its state and journal
// are whole, and it reports. What fits is installed. With room, the next run
// finishes the work.
func TestAgentsDiskFull_JOB2_JOB21(t *testing.T) {
	t.Parallel()
	w, disk := newSmallWorld(t)
	w.repo.publish(largeOf("alpha", "2", 16<<20), deb("beta", "2"))
	w.server.synced()
	w.asset.start()
	a := w.run("first")
	require.Equal(t, job.CompletedWithFailures.String(), a.Result.String())
	failed(t, outcome(t, a, "alpha"), job.FileDownloadFailed)
	succeeded(t, outcome(t, a, "beta"), "2")
	w.has("beta", "2")
	w.asset.idle()
	w.asset.stop()

	grow(t, disk, "64m")
	w.asset.start()
	a = w.run("second")
	require.Equal(t, job.Completed.String(), a.Result.String())
	w.has("alpha", "2")
	require.Empty(t, audit(t, w.root))
}

// An agent that has no room for its state stops before it acts on what it could
// not store, and says so. Started again with room, it finishes the work, and
// its journal is whole.
func TestNoRoomForAgentsState_JOB21(t *testing.T) {
	t.Parallel()
	w, disk := newSmallWorld(t)
	w.repo.publish(deb("alpha", "2"), deb("beta", "2"))
	w.server.synced()
	w.asset.start()
	w.server.knows(w.asset.name)
	w.asset.idle()
	filler := filepath.Join(disk, "filler")
	fill(t, filler)
	w.asset.p.mayFail()
	run := w.enable("first")
	await(t, "the agent to stop", func() bool { return !w.asset.p.running() })
	require.Equal(t, 1, w.asset.p.cmd.ProcessState.ExitCode())
	require.Contains(t, w.asset.p.said(1000), "the agent stopped before it acted on it")
	require.Contains(t, w.asset.p.said(1000), "free disk space")
	w.has("alpha", "1")
	w.has("beta", "1")

	require.NoError(t, os.Remove(filler))
	w.asset.start()
	a := w.server.ended(run)
	w.asset.idle()
	agree(t, w.asset, a)
	require.Equal(t, job.Completed.String(), a.Result.String())
	w.has("alpha", "2")
	w.has("beta", "2")
	w.asset.stop()
	w.asset.start() // which reads all of the journal
	require.Equal(t, job.NotApplicable.String(), w.server.ended(w.enable("second")).Result.String())
	require.Empty(t, audit(t, w.root))
}

// fill makes a file that takes all that is left of a disk.
func fill(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name)
	require.NoError(t, err)
	for n := 64 << 10; n > 0; {
		if _, err := f.Write(make([]byte, n)); err != nil {
			n /= 2
		}
	}
	require.NoError(t, f.Close())
}

// A package that does not fit on the asset's disk when it is unpacked fails
// with the installer's code, and the asset keeps its version. With room, the
// next run finishes the work.
func TestDiskFullAtDeploy_JOB2_JOB16(t *testing.T) {
	t.Parallel()
	w := newWorld(t, deb("alpha", "1"), deb("beta", "1"))
	disk := filepath.Join(w.root, "usr/share/alpha")
	w.small(disk, "3m")
	w.repo.publish(large("alpha", "2"), deb("beta", "2"))
	w.server.synced()
	w.asset.start()
	a := w.run("first")
	require.Equal(t, job.CompletedWithFailures.String(), a.Result.String())
	bad := outcome(t, a, "alpha")
	failed(t, bad, job.InstallerFailed)
	require.Contains(t, bad.Text, "No space left on device")
	succeeded(t, outcome(t, a, "beta"), "2")
	w.has("alpha", "1")
	w.has("beta", "2")
	require.Empty(t, audit(t, w.root))

	grow(t, disk, "64m")
	a = w.run("second")
	require.Equal(t, job.Completed.String(), a.Result.String())
	w.has("alpha", "2")
	require.Empty(t, audit(t, w.root))
}

// A failing maintainer script fails its patch, with dpkg's own text and what to
// do. The others of the same transaction are installed. Once the cause is
// removed, the next run finishes the work: by the repair alone, and by a newer
// version.
func TestPostinstFails_JOB2_JOB16(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		mend func(w *world)
		want string // version
	}{
		{"the cause is removed", func(w *world) {
			require.NoError(w.t, os.WriteFile(filepath.Join(w.root, "needed"), nil, 0o644))
		}, "2"},
		{"a mended version is published", func(w *world) {
			w.repo.publish(deb("alpha", "3"), deb("beta", "3"))
			w.server.synced()
		}, "3"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, deb("alpha", "1"), deb("beta", "1"))
			w.asset.start()
			w.repo.publish(with(deb("alpha", "2"), "postinst", "echo 'alpha needs the file /needed'; cat /needed"), deb("beta", "2"))
			w.server.synced()
			a := w.run("first")
			require.Equal(t, job.CompletedWithFailures.String(), a.Result.String())
			bad := outcome(t, a, "alpha")
			failed(t, bad, job.InstallerFailed)
			require.Contains(t, bad.Text, "alpha needs the file /needed")
			require.Contains(t, bad.Text, "dpkg --root="+w.root+" --configure -a")
			succeeded(t, outcome(t, a, "beta"), "2")
			w.has("beta", "2")
			require.Contains(t, audit(t, w.root), "alpha")

			tt.mend(w)
			a = w.run("second")
			require.Equal(t, job.Completed.String(), a.Result.String())
			succeeded(t, outcome(t, a, "alpha"), tt.want)
			w.has("alpha", tt.want)
			require.Empty(t, audit(t, w.root))
		})
	}
}
