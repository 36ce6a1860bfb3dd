package runner_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
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

// An action that ends just as the agent stops keeps its result, and nothing more is begun.
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
