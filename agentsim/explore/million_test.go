package explore

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	states = flag.Int("states", 3_000, "distinct states to search in each world; at least a hundredth of EXPLORE_STATES; a fiftieth in a short run")
	// A long run: EXPLORE_STATES=20000000 go test -timeout 2h -v -run Million ./agentsim/explore
	million = flag.Int("million", 100_000, "distinct states to search in world cancel; EXPLORE_STATES sets it too; a hundredth in a short run")
)

// searched searches a world, fails the test on a violation, and logs what was
// searched.
func searched(t *testing.T, w World, b Bounds) Report {
	t.Helper()
	began := time.Now()
	r, err := Search(w, b)
	require.NoError(t, err)
	if r.Broken != nil {
		t.Fatal(r.Broken)
	}
	took := time.Since(began)
	t.Logf("%s: %d distinct states, %d transitions, %.0f states/s, no violation; %d are ends; up to %d deviations and %d steps; "+
		"not explored: the deviations of %d states, and %d new states that were dropped; deepest: %s",
		w.Name, r.States, r.Transitions, float64(r.States)/took.Seconds(), r.Final, r.Depth, r.Steps, r.Unexplored, r.Refused, r.Deepest)
	return r
}

// Every invariant holds in very many states of world cancel: a million of them
// in .ci/run.
func TestMillionStates_JOB3(t *testing.T) {
	want := fewer(*million, *million/100)
	w, err := FindWorld("cancel")
	require.NoError(t, err)
	r := searched(t, w, Bounds{States: want, Depth: 1000})
	require.GreaterOrEqual(t, r.States, want)
	require.Less(t, r.States, want+maxDefault)
	fmt.Printf("explored %d distinct states of world cancel: no invariant broke\n", r.States)
}

// No order starts twice, whatever agent and server lose, and lose again
// (invariant 13).
func TestLostTwice_JOB24(t *testing.T) {
	searched(t, World{Name: "lost twice", Patches: 1, Budget: Budget{Turns: 1, Changes: 1, Reinstalls: 2, Restores: 2}}, Bounds{States: fewer(*states, *states/50)})
}

// Whole worlds: an asset is removed twice, and a copy is settled and found
// again (MAN-9, MAN-10).
func TestOneIdentityInWholeWorlds_MAN9_MAN10(t *testing.T) {
	for _, w := range []World{
		{Name: "removed twice", Patches: 1, Budget: Budget{Removals: 4}},
		{Name: "settled twice", Assets: 2, Copy: true, Patches: 1, Every: 5 * time.Minute, Budget: Budget{Clones: 3}},
	} {
		w.Server = true
		r := searched(t, w, Bounds{States: fewer(20_000, 100), Depth: 1000})
		require.True(t, testing.Short() || r.Complete(), w.Name)
	}
}

func TestWorldsHold(t *testing.T) {
	for _, w := range Worlds() {
		t.Run(w.Name, func(t *testing.T) {
			want := fewer(*states, *states/50)
			r := searched(t, w, Bounds{States: want})
			require.GreaterOrEqual(t, r.States, want)
			require.Less(t, r.States, want+maxDefault)
			require.Positive(t, r.Final)
		})
	}
}

// Whole worlds of the production server without turns: every history within the
// budget was tried.
func TestServerInWholeWorlds_JOB3_JOB5_CAT9(t *testing.T) {
	for _, w := range []World{
		{Name: "changes", Patches: 2, Window: time.Hour, Budget: Budget{Changes: 3}},
		{Name: "outage", Patches: 1, Budget: Budget{Changes: 2, Outages: 1}},
		{Name: "vendor", Patches: 1, Latest: true, Budget: Budget{Vendor: 1, Outages: 1}},
	} {
		t.Run(w.Name, func(t *testing.T) {
			w.Server = true
			r := searched(t, w, Bounds{States: fewer(50_000, 150), Depth: 1000})
			require.True(t, testing.Short() || r.Complete())
		})
	}
}
