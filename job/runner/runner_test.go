package runner_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/job/runner"
	"github.com/patchpolicy/patchpolicy/reboot"
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

func TestRebootIsAskedForAndSeen_RBT8(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		b.pc.duringDeploy = func(context.Context) { b.pc.mu.Lock(); b.pc.mark = true; b.pc.mu.Unlock() }
		b.server.put(b.order("patchday", "app"))
		stop := b.run()
		r := b.ended()
		require.NoError(t, stop())
		require.Equal(t, job.Completed, r.Result)
		require.Equal(t, 1, r.Reboots)
		require.Equal(t, 2, b.pc.boot)
	})
}

func TestRebootThatIsNotAllowedLeavesItPending_RBT7(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		o := b.order("patchday", "app")
		o.Patches[0].Reboot = true
		b.pc.reboots = func(*computer) error { return runner.ErrRebootNotAllowed }
		b.server.put(o)
		stop := b.run()
		b.until("the pending reboot", func() bool { r := b.server.result(); return r != nil && r.Result == job.PendingReboot })
		time.Sleep(time.Hour)
		require.Equal(t, job.PendingReboot, b.server.result().Result)
		b.pc.mu.Lock()
		b.pc.boot++ // somebody reboots by hand
		b.pc.mu.Unlock()
		r := b.ended()
		require.NoError(t, stop())
		require.Equal(t, job.Completed, r.Result)
	})
}

// prompting is an order whose reboot can be put off by days.
func prompting(b *bench) job.Order {
	o := b.order("patchday", "app")
	o.Patches[0].Reboot = true
	o.Reboot = reboot.Policy{Deferrals: 3, Interval: 24 * time.Hour, Prompt: 30 * time.Minute, Countdown: time.Minute}
	b.pc.sessions = reboot.Active
	return o
}

func TestUserIsAskedAndMaySayNow_RBT3(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		b.server.put(prompting(b))
		began := time.Now()
		stop := b.run()
		require.Equal(t, job.Completed, b.ended().Result)
		require.NoError(t, stop())
		require.Less(t, time.Since(began), 10*time.Minute)
		require.Equal(t, []string{"reboot.ShowPrompt", "reboot.ShowCountdown"}, b.pc.prompts[:2])
	})
}

// The last user logs out while a deferral runs: the countdown starts then.
func TestLogoutEndsTheDeferral_RBT4(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		b.server.put(prompting(b))
		b.pc.later = true
		began := time.Now()
		stop := b.run()
		time.Sleep(time.Hour)
		require.Equal(t, job.PendingReboot, b.server.result().Result)
		require.Equal(t, 1, b.pc.boot)
		b.pc.mu.Lock()
		require.Equal(t, []string{"reboot.ShowPrompt"}, b.pc.prompts[:1])
		b.pc.sessions = reboot.Nobody
		b.pc.mu.Unlock()
		require.Equal(t, job.Completed, b.ended().Result)
		require.NoError(t, stop())
		require.Less(t, time.Since(began), time.Hour+10*time.Minute)
	})
}

func TestStatusThatFailsCountsAsSomebody_RBT9(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		o := b.order("patchday", "app")
		o.Pre = []job.Action{{Name: "wait", Command: []string{"wait"}, Timeout: time.Minute}}
		b.pc.duringAct = func(context.Context) error {
			b.pc.mu.Lock()
			b.pc.statusErr = errors.New("logind is away")
			b.pc.mu.Unlock()
			time.Sleep(30 * time.Second)
			return nil
		}
		b.server.put(o)
		stop := b.run()
		b.until("unknown sessions", func() bool {
			s := b.state.state(t)
			return len(s.Executions) == 1 && s.Executions[0].Sessions == reboot.Unknown
		})
		b.pc.mu.Lock()
		b.pc.statusErr = nil
		b.pc.mu.Unlock()
		require.Equal(t, job.Completed, b.ended().Result)
		require.NoError(t, stop())
	})
}

// Nobody is logged in and the countdown runs. Then the platform cannot say any
// more who is there, in one way or another: somebody may be, so the countdown
// is shown again.
func TestNobodyBecomesSomebodyWhenThePlatformCannotSay_RBT9(t *testing.T) {
	for name, fail := range map[string]func(pc *computer, release chan struct{}){
		"an error":                      func(pc *computer, _ chan struct{}) { pc.statusErr = errors.New("logind is away") },
		"zero":                          func(pc *computer, _ chan struct{}) { pc.sessions = 0 },
		"an invalid value":          func(pc *computer, _ chan struct{}) { pc.sessions = 99 },
		"unknown":                       func(pc *computer, _ chan struct{}) { pc.sessions = reboot.Unknown },
		"no answer until it is cut off": func(pc *computer, _ chan struct{}) { pc.statusHangs = func(ctx context.Context) { <-ctx.Done() } },
		"no answer at all":              func(pc *computer, release chan struct{}) { pc.statusHangs = func(context.Context) { <-release } },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, b *bench) {
				release := make(chan struct{})
				o := b.order("patchday", "app")
				o.Patches[0].Reboot, o.Reboot = true, reboot.Policy{Countdown: 10 * time.Minute}
				b.server.put(o)
				stop := b.run()
				countdowns := func() int {
					b.pc.mu.Lock()
					defer b.pc.mu.Unlock()
					return len(b.pc.prompts)
				}
				b.until("the countdown", func() bool { return countdowns() == 1 })
				time.Sleep(time.Minute)
				require.Equal(t, 1, countdowns())
				require.Equal(t, reboot.Nobody, b.state.state(t).Executions[0].Sessions)
				b.pc.mu.Lock()
				fail(b.pc, release)
				b.pc.mu.Unlock()
				time.Sleep(time.Minute)
				require.Equal(t, 2, countdowns())
				require.Equal(t, reboot.Unknown, b.state.state(t).Executions[0].Sessions)
				b.pc.mu.Lock()
				b.pc.sessions, b.pc.statusErr, b.pc.statusHangs = reboot.Nobody, nil, nil
				b.pc.mu.Unlock()
				close(release)
				require.Equal(t, job.Completed, b.ended().Result)
				require.NoError(t, stop())
			})
		})
	}
}

// A platform that never says who is there has its users asked.
func TestWhoeverCannotBeFoundOutIsAsked_RBT9(t *testing.T) {
	for _, s := range []reboot.Sessions{0, reboot.Unknown, 99} {
		bubble(t, func(t *testing.T, b *bench) {
			b.server.put(prompting(b))
			b.pc.sessions = s
			stop := b.run()
			require.Equal(t, job.Completed, b.ended().Result)
			require.NoError(t, stop())
			require.Equal(t, []string{"reboot.ShowPrompt", "reboot.ShowCountdown"}, b.pc.prompts[:2])
		})
	}
}

// What the platform shows has the job, the product and the last instant.
func TestPlatformIsToldWhatTheUserNeeds_RBT12(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		o := prompting(b)
		o.Name = "Patch day"
		b.server.put(o)
		stop := b.run()
		require.Equal(t, job.Completed, b.ended().Result)
		require.NoError(t, stop())
		prompt, countdown := b.pc.shown[0], b.pc.shown[1]
		require.Equal(t, "Patch day", prompt.Job)
		require.Equal(t, "app", prompt.Reasons())
		require.Equal(t, 3, prompt.Kind.(reboot.ShowPrompt).Remaining)
		all := 3*(24*time.Hour+30*time.Minute) + time.Minute
		require.WithinDuration(t, o.Start.Add(all), prompt.Last, time.Minute)
		require.Equal(t, prompt.Job, countdown.Job)
		require.Equal(t, "app", countdown.Reasons())
		require.WithinDuration(t, o.Start.Add(time.Minute), countdown.Last, time.Minute, "the user said now")
		require.Equal(t, execution.Prompt{Kind: reboot.ClearPrompt{}}, b.pc.shown[2])
	})
}

// A computer that travels is set to another time zone while its agent runs. The
// last calls report it, too.
func TestEachCallTellsTheZone_JOB9_MAN7(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		var moved atomic.Bool
		b.cfg.Zone = func() string {
			if moved.Load() {
				return "America/New_York"
			}
			return "Asia/Tokyo"
		}
		b.server.put(b.order("patchday", "app"))
		trace := b.cfg.Trace
		b.cfg.Trace = func(p string) {
			trace(p)
			if p == "preflight:before" {
				moved.Store(true)
			}
		}
		stop := b.run()
		require.Equal(t, job.Completed, b.ended().Result)
		require.NoError(t, stop())
		var zones []string
		for _, call := range b.server.calls {
			if call.LastCall {
				zones = append(zones, call.Zone)
			}
		}
		require.Equal(t, []string{"Asia/Tokyo", "America/New_York"}, slices.Compact(zones), "before the start, and before the deploy")
	})
}

func TestServerThatIsAwayIsCalledAgain_MAN7(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		b.server.down = true
		b.server.put(b.order("patchday", "app"))
		stop := b.run()
		time.Sleep(5 * time.Minute)
		b.server.mu.Lock()
		b.server.down = false
		require.Greater(t, len(b.server.calls), 2)
		b.server.mu.Unlock()
		require.Equal(t, job.Completed, b.ended().Result)
		require.NoError(t, stop())
	})
}

// A refusal that is the server's own word is an answer, and holds up what waits
// for one; it costs no time to know it.
func TestServerThatRefuses_MAN7(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		var once sync.Once
		b.server.put(b.order("patchday", "app"))
		trace := b.cfg.Trace
		b.cfg.Trace = func(p string) {
			trace(p)
			if p == "preflight:before" {
				once.Do(func() {
					b.server.mu.Lock()
					b.server.refuses = true
					b.server.mu.Unlock()
				})
			}
		}
		stop := b.run()
		time.Sleep(2 * time.Hour)
		b.server.mu.Lock()
		require.Zero(t, b.pc.deploys)
		require.Less(t, len(b.server.calls), 130, "one per minute, as ever")
		b.server.refuses = false
		b.server.mu.Unlock()
		require.Equal(t, job.Completed, b.ended().Result)
		require.NoError(t, stop())
	})
}

// A server that takes the call and never answers is given up, and the last call
// before a deploy does not hold it up.
func TestServerThatHangsIsGivenUp_MAN7(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		b.server.put(b.order("patchday", "app"))
		trace := b.cfg.Trace
		b.cfg.Trace = func(p string) {
			trace(p)
			b.server.mu.Lock()
			defer b.server.mu.Unlock()
			switch p {
			case "preflight:before":
				b.server.hang = true
			case "install:after":
				b.server.hang = false
			}
		}
		began := time.Now()
		stop := b.run()
		require.Equal(t, job.Completed, b.ended().Result)
		require.NoError(t, stop())
		require.Less(t, time.Since(began), 5*time.Minute)
	})
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

// An inventory that takes longer than it is to the next check-in reaches the
// server all the same.
func TestSlowInventoryReachesTheServer(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		b.cfg.Agent.Every = time.Second
		b.pc.inventoryTakes = 4 * time.Second
		stop := b.run()
		b.until("the inventory", func() bool {
			b.server.mu.Lock()
			defer b.server.mu.Unlock()
			return b.server.digest != ""
		})
		require.NoError(t, stop())
		require.False(t, b.pc.overlap, "the platform was called twice at once")
	})
}

// A check-in is answered while a deploy takes hours, also when there is no
// inventory to report (MAN-3).
func TestCheckInDoesNotWaitForADeploy_MAN3(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		o := b.order("patchday", "app")
		o.Pre = []job.Action{{Name: "pre", Command: []string{"pre"}, Timeout: time.Minute}} // after it the last inventory says nothing any more
		b.server.put(o)
		began := make(chan struct{})
		b.pc.duringAct = func(context.Context) error { time.Sleep(time.Second); return nil }
		b.pc.duringDeploy = func(context.Context) { close(began); time.Sleep(5 * time.Hour) }
		stop := b.run()
		<-began
		later := b.order("later")
		later.Start = later.Start.Add(100 * time.Hour)
		later.Run = job.MakeRunID("later", later.Start)
		later.ID = job.MakeOrderID(later.Run, asset)
		b.server.put(o, later)
		time.Sleep(30 * time.Minute)
		require.Len(t, b.state.state(t).Queue, 1, "the new manifest has come")
		require.NoError(t, stop())
	})
}

func TestRunNamesEverythingThatIsMissing(t *testing.T) {
	err := runner.Run(t.Context(), runner.Config{Poll: -1})
	for _, want := range []string{"State is missing", "Platform is missing", "Server is missing", "Verifier is missing", "Stage is missing", "Poll is -1ns"} {
		require.ErrorContains(t, err, want)
	}
}
