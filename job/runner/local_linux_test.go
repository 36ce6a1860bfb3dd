package runner_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/runner"
)

// An order's URL is a file of this computer only below the folder that the
// agent was given, and the rest of the order goes on.
func TestFilesOfThisComputer_INT11(t *testing.T) {
	for _, folder := range []string{"", "/somewhere/else"} {
		bubble(t, func(t *testing.T, b *bench) {
			b.cfg.LocalFiles = folder
			b.server.put(b.order("patchday", "app"))
			stop := b.run()
			r := b.ended()
			require.NoError(t, stop())
			require.Equal(t, job.Failed, r.Result)
			require.Equal(t, job.PatchURLMissing, r.Patches[0].Code)
			require.Contains(t, r.Patches[0].Text, "INT-11")
		})
	}
}

// What blocks its reader does not block the end of the agent: a pipe, and a
// file of the kernel that waits for its next line.
func TestStopWhileAFileOfThisComputerBlocks_INT11(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	for _, path := range []string{pipe, "/proc/kmsg", "/dev/zero", "/proc/self/fd/0"} {
		if path == "/proc/kmsg" && os.Geteuid() != 0 {
			continue
		}
		b := newBench(t)
		b.cfg.LocalFiles = "/"
		o := b.order("patchday", "app")
		o.Patches[0].Files[0].URL = fileURL(path)
		b.server.put(o)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		done := make(chan error, 1)
		go func() { done <- runner.Run(ctx, b.cfg) }()
		require.Eventually(t, func() bool { return slices.Contains(b.traced(), "download:before") }, time.Minute, 5*time.Millisecond)
		time.AfterFunc(100*time.Millisecond, stop) // by then it reads the file
		select {
		case err := <-done:
			require.NoError(t, err)
		case <-time.After(2 * time.Minute):
			t.Fatal(path + " holds the agent up")
		}
	}
}
