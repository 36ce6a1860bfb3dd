package runner_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/job/runner"
	"github.com/patchpolicy/patchpolicy/reboot"
)

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
		"an invalid value":              func(pc *computer, _ chan struct{}) { pc.sessions = 99 },
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
