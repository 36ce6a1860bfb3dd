package fleet

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/reboot"
)

// Sessions change exactly when they say: every minute of nine days is compared.
func TestSessionsChangeWhenTheySay(t *testing.T) {
	seen := map[reboot.Sessions]int{}
	for i := range 60 {
		d := newRNG(1, i)
		p := d.person()
		for at := time.Duration(0); at < 9*day; at += time.Minute {
			now, until := p.sessions(at)
			seen[now]++
			if until == 0 {
				require.NotEqual(t, desk, p.kind)
				continue
			}
			soon, _ := p.sessions(at + time.Minute)
			then, _ := p.sessions(until)
			if until <= at || at+time.Minute < until && now != soon || until/day%7 < 5 && until%day != 0 && now == then {
				t.Fatalf("%+v at %v: %v until %v, then %v", p, at, now, until, then)
			}
		}
		weekend, _ := p.sessions(5*day + 12*time.Hour)
		require.NotEqual(t, reboot.Active, weekend)
	}
	for _, s := range []reboot.Sessions{reboot.Nobody, reboot.Active, reboot.Locked} {
		require.Greater(t, seen[s], 1000, s)
	}
}

func TestRNGIsUniform(t *testing.T) {
	var counts [10]int
	yes := 0
	for i := range 20_000 {
		d := newRNG(42, i)
		counts[d.n(10)]++
		if d.share(250) {
			yes++
		}
		at := d.between(time.Second, 3*time.Second)
		require.GreaterOrEqual(t, at, time.Second)
		require.Less(t, at, 3*time.Second)
	}
	for _, n := range counts {
		require.InDelta(t, 2000, n, 250)
	}
	require.InDelta(t, 5000, yes, 300)
}

func TestStageNames(t *testing.T) {
	require.Equal(t, []RolloutStage{StageNone, StageQueued, StageDownload, StageDeploy, StageReboot, StageDone, StageFailed, StageCancelled}, Stages())
	require.Equal(t, "[none queued download deploy reboot done failed cancelled]", fmt.Sprint(Stages()))
}
