package runner_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/job/runner"
)

// bubble runs a test on virtual time.
func bubble(t *testing.T, test func(*testing.T, *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newBench(t)) })
}

func TestOrderIsCarriedOutAndReported_JOB1(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		b.server.put(b.order("patchday", "app", "lib"))
		stop := b.run()
		r := b.ended()
		require.NoError(t, stop())
		require.Equal(t, job.Completed, r.Result)
		require.Equal(t, map[catalog.ProductID]string{"app": "2.0.0", "lib": "2.0.0"}, b.pc.installed)
		require.Equal(t, 1, b.pc.deploys, "one transaction")
		require.False(t, b.pc.overlap, "the platform was called twice at once")
		staged, err := filepath.Glob(filepath.Join(b.cfg.Stage, "*"))
		require.NoError(t, err)
		require.Empty(t, staged, "what was staged is deleted at the end")
		first, last := b.server.calls[0], b.server.calls[len(b.server.calls)-1]
		require.Equal(t, "boot 1", first.Boot)
		inv, err := b.pc.Inventory(t.Context())
		require.NoError(t, err)
		require.Equal(t, inv.Digest(), last.Digest)
		require.Equal(t, inv.Digest(), b.server.digest, "the server was given the inventory it asked for")
	})
}

// Nothing is done that is not durable: every effect begins after a commit, and
// a failed commit is the end.
func TestCommitComesBeforeEveryEffect_JOB21(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		b.server.put(b.order("patchday", "app"))
		stop := b.run()
		b.ended()
		require.NoError(t, stop())
		trace := b.traced()
		for _, effect := range []string{"call", "inventory", "download", "preflight", "install", "discard"} {
			i := slices.Index(trace, effect+":before")
			require.Positive(t, i, effect)
			require.Contains(t, trace[:i], "commit:after", effect)
			require.Contains(t, trace[i:], effect+":after")
		}
		require.Equal(t, []string{"load:before", "load:after", "commit:before", "commit:after", "call:before"}, trace[:5])
	})
}

func TestFailedCommitStopsBeforeTheEffect_JOB21(t *testing.T) {
	for n := 1; ; n++ {
		finished := false
		bubble(t, func(t *testing.T, b *bench) {
			b.server.put(b.order("patchday", "app"))
			commits, effects := 0, 0
			trace := b.cfg.Trace
			b.cfg.Trace = func(p string) {
				trace(p)
				if p == "commit:before" {
					time.Sleep(time.Millisecond) // what earlier steps asked for has begun
				}
				b.state.mu.Lock()
				defer b.state.mu.Unlock()
				if p == "commit:before" {
					if commits++; commits == n {
						b.state.fail = errors.New("disk full")
					}
				}
				if commits == n && strings.HasSuffix(p, ":before") && p != "commit:before" {
					effects++
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
			defer cancel()
			err := runner.Run(ctx, b.cfg)
			if commits < n {
				require.NoError(t, err)
				finished = true
				return
			}
			require.ErrorContains(t, err, "the agent's state could not be saved")
			require.ErrorContains(t, err, "disk full")
			require.ErrorContains(t, err, "free disk space")
			require.Zero(t, effects, "commit %d failed, and an effect was begun: %v", n, b.traced())
		})
		if finished || t.Failed() || n == 12 {
			return
		}
	}
}

func TestSavedStateThatCannotBeReadStopsTheStart(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		b.state.saved = []byte("{")
		run := func() error { return runner.Run(t.Context(), b.cfg) }
		require.ErrorContains(t, run(), "the agent's saved state could not be read")
		b.state.saved, b.state.fail = nil, errors.New("no such disk")
		require.ErrorContains(t, run(), "the agent's saved state could not be read")
		require.ErrorContains(t, run(), "no such disk")
		b.state.fail, b.pc.statusErr = nil, errors.New("no boot id")
		require.ErrorContains(t, run(), "does not report its status")
		require.Empty(t, b.server.calls)
	})
}

func TestPlatformErrorsAreThePatchesResults_JOB2(t *testing.T) {
	for name, c := range map[string]struct {
		set  func(*computer)
		code job.Code
		text string
	}{
		"deploy":    {func(c *computer) { c.deployErr = errors.New("dpkg is locked") }, job.InstallerFailed, "dpkg is locked"},
		"silence":   {func(c *computer) { c.outcomes = func([]runner.Staged) []execution.InstallResult { return nil } }, job.UnspecifiedAgentError, "returned no result"},
		"preflight": {func(c *computer) { c.preflightErr = errors.New("apt is missing") }, job.PatchInstallationSkipped, "apt is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, b *bench) {
				c.set(b.pc)
				b.server.put(b.order("patchday", "app", "lib"))
				stop := b.run()
				r := b.ended()
				require.NoError(t, stop())
				require.Equal(t, job.Failed, r.Result)
				require.Len(t, r.Patches, 2)
				for _, p := range r.Patches {
					require.Equal(t, c.code, p.Code)
					require.Contains(t, p.Text, c.text)
				}
				require.Equal(t, "1.0.0", b.pc.installed["app"])
			})
		})
	}
}

// A file that is changed between the check and the deploy fails its patch; the
// other one goes on.
func TestTamperedStageIsNeverInstalled_INT6(t *testing.T) {
	for _, c := range []struct {
		tamper func(string) error
		code   job.Code
	}{
		{func(path string) error { return os.WriteFile(path, []byte("9.9.9"), 0o600) }, job.FileHashValidationFailed},
		{os.Remove, job.FileValidationFailed},
	} {
		bubble(t, func(t *testing.T, b *bench) {
			b.server.put(b.order("patchday", "app", "lib"))
			trace := b.cfg.Trace
			b.cfg.Trace = func(p string) {
				trace(p)
				if p == "install:before" {
					paths, err := filepath.Glob(filepath.Join(b.cfg.Stage, "*", "0-*", "0.file"))
					require.NoError(t, err)
					require.Len(t, paths, 1)
					require.NoError(t, c.tamper(paths[0]))
				}
			}
			stop := b.run()
			r := b.ended()
			require.NoError(t, stop())
			require.Equal(t, job.CompletedWithFailures, r.Result)
			require.Equal(t, c.code, r.Patches[0].Code)
			require.Equal(t, "INT-6", r.Patches[0].Rule)
			require.Equal(t, job.Succeeded, r.Patches[1].Status)
			require.Equal(t, map[catalog.ProductID]string{"app": "1.0.0", "lib": "2.0.0"}, b.pc.installed)
		})
	}
}

func TestObserveSeesEveryCommittedState(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		var stages []job.Stage
		b.cfg.Observe = func(s agent.State) {
			if len(s.Executions) == 1 && !slices.Contains(stages, s.Executions[0].Stage) {
				stages = append(stages, s.Executions[0].Stage)
			}
		}
		b.server.put(b.order("patchday", "app"))
		stop := b.run()
		b.ended()
		require.NoError(t, stop())
		require.Equal(t, []job.Stage{job.StageDownload, job.StageDeploy}, stages)
	})
}

func TestInventoryThatFailsIsTriedAgain_JOB18(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		b.pc.inventoryErr = errors.New("database is busy")
		b.server.put(b.order("patchday", "app"))
		stop := b.run()
		time.Sleep(20 * time.Second)
		b.pc.mu.Lock()
		b.pc.inventoryErr = nil
		b.pc.mu.Unlock()
		require.Equal(t, job.Completed, b.ended().Result)
		require.NoError(t, stop())
	})
}

func TestRunNamesEverythingThatIsMissing(t *testing.T) {
	err := runner.Run(t.Context(), runner.Config{Poll: -1})
	for _, want := range []string{"State is missing", "Platform is missing", "Server is missing", "Verifier is missing", "Stage is missing", "Poll is -1ns"} {
		require.ErrorContains(t, err, want)
	}
}
