package explore

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	states = flag.Int("states", 5_000, "distinct states to search in each world; a hundredth of EXPLORE_STATES if that is more")
	// A long run is a flag or a variable away: EXPLORE_STATES=20000000 go test -timeout 2h -v -run Million ./agentsim/explore
	million = flag.Int("million", 100_000, "distinct states to search in world cancel; EXPLORE_STATES sets it too")
)

// searched searches a world, fails the test on a violation, and tells what was searched and what not.
func searched(t *testing.T, w World, b Bounds) Report {
	t.Helper()
	began := time.Now()
	r, err := Search(w, b)
	require.NoError(t, err)
	if r.Broken != nil {
		t.Fatal(r.Broken)
	}
	took := time.Since(began)
	t.Logf("%s: %d distinct states, %d transitions, %.0f states/s, no violation; %d are ends; up to %d choices out of the ordinary and %d steps; "+
		"not explored: what may go wrong in %d states, and %d new states that were not kept; deepest: %s",
		w.Name, r.States, r.Transitions, float64(r.States)/took.Seconds(), r.Final, r.Depth, r.Steps, r.Unexplored, r.Refused, r.Deepest)
	return r
}

// Very many distinct states of the world of cancels hold every invariant: a million of them in .ci/run.
func TestMillionStates_JOB3(t *testing.T) {
	want := *million
	w, err := FindWorld("cancel")
	require.NoError(t, err)
	r := searched(t, w, Bounds{States: want, Depth: 1000})
	require.GreaterOrEqual(t, r.States, want)
	require.Less(t, r.States, want+maxDefault)
	fmt.Printf("explored %d distinct states of world cancel: no invariant broke\n", r.States)
}

// Whatever agent or server loses, and loses again, no order starts twice (invariant 13).
func TestLostTwice_JOB24(t *testing.T) {
	searched(t, World{Name: "lost twice", Patches: 1, Budget: Budget{Turns: 1, Changes: 1, Reinstalls: 2, Restores: 2}}, Bounds{States: *states})
}

// An asset that is removed, and again under its next key, and a copy that is settled and found again: all that can happen
// beside it (MAN-9, MAN-10).
func TestOneIdentityInWholeWorlds_MAN9_MAN10(t *testing.T) {
	for _, w := range []World{
		{Name: "removed twice", Patches: 1, Budget: Budget{Removals: 4}},
		{Name: "settled twice", Assets: 2, Copy: true, Patches: 1, Every: 5 * time.Minute, Budget: Budget{Clones: 3}},
	} {
		w.Server = true
		r := searched(t, w, Bounds{States: 20_000, Depth: 1000})
		require.True(t, r.Complete(), w.Name)
	}
}

// No invariant breaks in any world, within the bound.
func TestWorldsHold(t *testing.T) {
	for _, w := range Worlds() {
		t.Run(w.Name, func(t *testing.T) {
			r := searched(t, w, Bounds{States: *states})
			require.GreaterOrEqual(t, r.States, *states)
			require.Less(t, r.States, *states+maxDefault)
			require.Positive(t, r.Final)
		})
	}
}

// Whole worlds of the production server, in which nothing waits or overtakes: every history with so much trouble was tried.
func TestServerInWholeWorlds_JOB3_JOB5_CAT9(t *testing.T) {
	for _, w := range []World{
		{Name: "changes", Patches: 2, Window: time.Hour, Budget: Budget{Changes: 3}},
		{Name: "outage", Patches: 1, Budget: Budget{Changes: 2, Outages: 1}},
		{Name: "vendor", Patches: 1, Latest: true, Budget: Budget{Vendor: 1, Outages: 1}},
	} {
		t.Run(w.Name, func(t *testing.T) {
			w.Server = true
			r := searched(t, w, Bounds{States: 50_000, Depth: 1000})
			require.True(t, r.Complete())
		})
	}
}
