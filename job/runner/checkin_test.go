package runner_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
)

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
