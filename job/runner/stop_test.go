package runner_test

import (
	"context"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/job/runner"
)

func TestStopDuringDeployKeepsItsResult_JOB21(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		b.server.put(b.order("patchday", "app"))
		begun, goOn := make(chan struct{}), make(chan struct{})
		b.pc.duringDeploy = func(context.Context) { close(begun); <-goOn }
		stop := b.run()
		<-begun
		go func() { time.Sleep(time.Minute); close(goOn) }()
		require.NoError(t, stop())
		require.Equal(t, job.Installed, b.state.state(t).Executions[0].Patches[0].Status, "the result is durable")
		b.pc.duringDeploy = nil
		stop = b.run()
		require.Equal(t, job.Completed, b.ended().Result)
		require.NoError(t, stop())
		require.Equal(t, 1, b.pc.deploys)
	})
}

// An action that ends just as the agent stops keeps its result, and nothing
// more is begun.
func TestStopDuringActBeginsNothingMore_JOB17(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		o := b.order("patchday", "app")
		o.Pre = []job.Action{{Name: "pre", Command: []string{"pre"}, Timeout: time.Minute}}
		b.server.put(o)
		begun, goOn := make(chan struct{}), make(chan struct{})
		b.pc.duringAct = func(context.Context) error { close(begun); <-goOn; return nil } // does not heed its context
		stop := b.run()
		<-begun
		go func() { time.Sleep(time.Second); close(goOn) }()
		require.NoError(t, stop())
		require.Zero(t, b.pc.deploys)
		b.pc.duringAct = nil
		stop = b.run()
		require.Equal(t, job.Completed, b.ended().Result)
		require.NoError(t, stop())
		require.Equal(t, 1, b.pc.deploys)
		require.Equal(t, []string{"pre"}, b.pc.acts)
	})
}

func TestStopCutsACheckInOffWithoutAFailure(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		b.server.hang = true
		stop := b.run()
		time.Sleep(time.Second)
		require.NoError(t, stop())
		require.Zero(t, b.state.state(t).Calls.Failures)
	})
}

// A stop between two actions, and between an installer that asks for a reboot
// and what follows it, loses neither's result.
func TestStopBetweenActsKeepsResults_JOB17_RBT2(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		o := b.order("patchday", "app")
		for _, name := range []string{"one", "two"} {
			o.Pre = append(o.Pre, job.Action{Name: name, Command: []string{name}, Timeout: time.Minute})
		}
		o.Post = []job.Action{{Name: "three", Command: []string{"three"}, Timeout: time.Minute}}
		b.server.put(o)
		install := func(staged []runner.Staged) []execution.InstallResult {
			b.pc.installed["app"] = "2.0.0"
			return []execution.InstallResult{{Index: staged[0].Index, Reboot: true}}
		}
		b.pc.outcomes = install
		for range 4 { // three actions and one install, each of them stopped behind
			begun, goOn := make(chan struct{}), make(chan struct{})
			var once sync.Once
			wait := func() { once.Do(func() { close(begun); <-goOn }) }
			b.pc.duringAct = func(context.Context) error { wait(); return nil } // neither heeds its context
			b.pc.duringDeploy = func(context.Context) { wait() }
			stop := b.run()
			b.until("an action or a deploy", func() bool { return done(begun) })
			go func() { time.Sleep(time.Second); close(goOn) }()
			require.NoError(t, stop())
		}
		b.pc.duringAct, b.pc.duringDeploy = nil, nil
		stop := b.run()
		require.Equal(t, job.Completed, b.ended().Result)
		require.NoError(t, stop())
		require.Equal(t, []string{"one", "two", "three"}, b.pc.acts)
		require.Equal(t, 1, b.pc.deploys)
		require.Equal(t, 2, b.pc.boot, "the installer asked for a reboot")
	})
}

func done(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// A result that comes in the very moment of the stop is kept too, whichever of
// the two the loop sees first.
func TestResultInTheMomentOfTheStopIsKept_JOB21(t *testing.T) {
	for range 20 {
		bubble(t, func(t *testing.T, b *bench) {
			b.server.put(b.order("patchday", "app"))
			ctx, stop := context.WithCancel(t.Context())
			var deploying atomic.Bool
			b.pc.duringDeploy = func(context.Context) {
				deploying.Store(true)
				time.Sleep(3 * time.Minute)
				time.AfterFunc(time.Second, stop)
			}
			b.cfg.Observe = func(agent.State) {
				if deploying.Load() {
					<-ctx.Done() // the loop is busy while the install ends and the stop comes
				}
			}
			require.NoError(t, runner.Run(ctx, b.cfg))
			require.Equal(t, job.Installed, b.state.state(t).Executions[0].Patches[0].Status)
		})
	}
}

// drip serves a byte a second, until the request's context ends.
type drip struct{ cut chan struct{} }

func (d drip) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, ContentLength: 1 << 20, Header: http.Header{}, Body: dripping{r.Context(), d}, Request: r}, nil
}

type dripping struct {
	ctx context.Context
	drip
}

func (d dripping) Read(p []byte) (int, error) {
	select {
	case <-d.ctx.Done():
		return 0, d.ctx.Err()
	case <-time.After(time.Second):
		return copy(p, "x"), nil
	}
}

func (d dripping) Close() error { close(d.cut); return nil }

// A vendor that never stalls and never ends holds nothing up beyond the window:
// the transfer is cut off and deleted.
func TestDownloadIsCutOffAtTheEndOfTheWindow_JOB10(t *testing.T) {
	bubble(t, func(t *testing.T, b *bench) {
		o := b.order("patchday", "app", "lib")
		o.End = o.Start.Add(time.Minute)
		o.Patches[1].Files[0].URL, o.Patches[1].Files[0].Size = "https://vendor.example/lib", 1<<20
		next := b.order("next", "app")
		next.Start, next.Run = o.End, job.MakeRunID("next", o.End)
		next.ID = job.MakeOrderID(next.Run, asset)
		d := drip{make(chan struct{})}
		b.cfg.HTTP = &http.Client{Transport: d}
		b.server.put(o, next)
		stop := b.run()
		<-d.cut
		require.WithinRange(t, time.Now(), o.End, o.End.Add(2*time.Second))
		b.until("the next job", func() bool { r := b.server.result(); return r != nil && r.Order == next.ID })
		require.NoError(t, stop())
		for _, r := range b.server.accepted {
			if r.Order == o.ID && r.Result != 0 {
				require.Equal(t, job.Failed, r.Result)
				require.Equal(t, job.PatchInstallationSkipped, r.Patches[0].Code)
				require.Equal(t, job.PatchInstallationSkipped, r.Patches[1].Code)
			}
		}
		staged, err := filepath.Glob(filepath.Join(b.cfg.Stage, "*"))
		require.NoError(t, err)
		require.Empty(t, staged)
		require.Equal(t, "2.0.0", b.pc.installed["app"], "the next job was not held up")
	})
}

// The platform is given the limit of the order, none if it has none.
func TestInstallLimitReachesThePlatform_JOB25(t *testing.T) {
	for _, limit := range []time.Duration{0, time.Hour} {
		bubble(t, func(t *testing.T, b *bench) {
			o := b.order("patchday", "app")
			o.InstallLimit = limit
			b.server.put(o)
			stop := b.run()
			b.ended()
			require.NoError(t, stop())
			require.Equal(t, []time.Duration{limit}, b.pc.limits)
		})
	}
}
