package killtest

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// How many worlds are attacked at random by default and in the long run, and
// how often each at most.
const (
	worlds     = 8
	longWorlds = 300
	mostKills  = 16
	mostCopies = 6
)

// Both programs are killed from outside at random moments, again and again, and
// their files are copied while they run.
func TestKilledAtRandomInstants_JOB17_JOB21_MAN6(t *testing.T) {
	t.Parallel()
	n := worlds
	if *long {
		n = longWorlds
	}
	var mu sync.Mutex
	tally := map[string]int{}
	begun := time.Now()
	all := each(t, n, func(i int, dir string) outcome {
		own := *seed*1_000_003 + uint64(i)
		return live(fmt.Sprintf("world %d of -seed %d", i, *seed), dir, serverRole, own, nil, func(ctx context.Context, w *world) {
			w.assail(ctx, own)
			mu.Lock()
			defer mu.Unlock()
			for what, times := range w.tally {
				tally[what] += times
			}
		})
	})
	sound(t, all)
	kills, killed, longest := 0, 0, time.Duration(0)
	for _, o := range all {
		kills += o.kills
		killed += min(o.kills, 1)
		longest = max(longest, o.took)
	}
	if killed == 0 {
		t.Errorf("no process was killed in %d worlds", n)
	}
	var counts []string
	for _, what := range slices.Sorted(maps.Keys(tally)) {
		counts = append(counts, fmt.Sprintf("%d %s", tally[what], what))
	}
	t.Logf("%d worlds, %d of them with kills, %d kills; %s; %v, the longest world %v", n, killed, kills, strings.Join(counts, ", "),
		time.Since(begun).Round(time.Millisecond), longest.Round(time.Millisecond))
}

// assail kills the processes and copies their files for some time.
func (w *world) assail(ctx context.Context, seed uint64) {
	var all sync.WaitGroup
	all.Go(func() { w.copying(ctx, rand.New(rand.NewPCG(seed, 2)), mostCopies) })
	rnd := rand.New(rand.NewPCG(seed, 3))
	for range 1 + rnd.IntN(mostKills) {
		if !pause(ctx, rnd, 150*time.Millisecond) {
			break
		}
		both := rnd.IntN(10) == 0
		agent := rnd.IntN(2) == 0
		if both || agent {
			w.agent.kill()
			w.count("kills of the agent")
		}
		if both || !agent {
			w.server.kill()
			w.count("kills of the server")
		}
	}
	all.Wait()
}
