package catalog

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func named(id PatchID, changes ...func(*Patch)) Patch {
	return edit("1.0.0", append([]func(*Patch){func(p *Patch) { p.ID = id }}, changes...)...)
}

func requires(ids ...PatchID) func(*Patch) {
	return func(p *Patch) {
		for _, id := range ids {
			p.Requires = append(p.Requires, Requirement{Patch: id, Reboot: true})
		}
	}
}

func TestSupersedenceCycleIsRefused_CAT14(t *testing.T) {
	s, changes := Sync(nil, []Batch{batch(
		named("a", supersedes("b")), named("b", supersedes("c")), named("c", supersedes("a", "d")), named("d"),
		named("e", supersedes("e")), named("f", supersedes("a")),
	)}, noon)
	cycle := []string{"supersedence cycle: a supersedes b supersedes c supersedes a"}
	require.Equal(t, []Rejected{
		{Feed: "acme", Record: "patch a", Reasons: cycle}, {Feed: "acme", Record: "patch b", Reasons: cycle}, {Feed: "acme", Record: "patch c", Reasons: cycle},
		{Feed: "acme", Record: "patch e", Reasons: []string{"supersedence cycle: e supersedes e"}},
	}, changes.Rejected)
	require.Equal(t, []PatchID{"d", "f"}, changes.Added)
	require.Len(t, slices.Collect(s.Patches()), 2)
}

func TestRequirementCycleIsRefused_CAT14(t *testing.T) {
	_, changes := Sync(nil, []Batch{batch(named("a", requires("b")), named("b", requires("a")), named("c", requires("a")))}, noon)
	require.Equal(t, []PatchID{"c"}, changes.Added)
	require.Equal(t, []string{"requirement cycle: a requires b requires a"}, changes.Rejected[0].Reasons)
	// The two relations do not mix.
	synced(t, batch(named("a", requires("b")), named("b", supersedes("a"))))
}

// CAT-1 over CAT-14: a feed that keeps its patches loses none to a cycle that a new patch of
// another feed of its authority closes.
func TestCycleRefusesTheNewPatch_CAT14(t *testing.T) {
	s := synced(t, batch(named("a", supersedes("b"))).of("one"))
	s, changes := Sync(s, []Batch{batch(named("b", supersedes("a"))).from("other").of("one")}, noon)
	require.Empty(t, changes.Removed)
	require.Len(t, changes.Rejected, 1)
	require.Equal(t, "patch b", changes.Rejected[0].Record)
	require.Len(t, slices.Collect(s.Patches()), 1)
}

func TestLongCycleIsNamedShortly_CAT14(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: a cycle of that length takes a while; run without -short")
	}
	const n = 50_000
	var patches []Patch
	for i := range n {
		patches = append(patches, named(PatchID(fmt.Sprintf("p%05d", i)), supersedes(PatchID(fmt.Sprintf("p%05d", (i+1)%n)))))
	}
	s, changes := Sync(nil, []Batch{batch(patches...)}, noon)
	require.Len(t, changes.Rejected, MaxRejected+1)
	require.Equal(t, n, s.Feeds()[0].Rejected)
	require.Less(t, len(changes.Rejected[0].Reasons[0]), 500)
	require.Contains(t, changes.Rejected[0].Reasons[0], "p00000 supersedes p00001")
	require.Empty(t, slices.Collect(s.Patches()))
}

// The slow way: a node is in a cycle if it can reach itself; two are in one
// component if each reaches the other.
func TestCyclesAgainstOracle_CAT14(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 9).Draw(t, "n")
		edges := make([][]int32, n)
		for i := range edges {
			edges[i] = rapid.SliceOfN(rapid.Int32Range(0, int32(n-1)), 0, 3).Draw(t, "edges")
		}
		to := make([][]bool, n)
		for i := range n {
			slow := make([]bool, n)
			for changed := true; changed; {
				changed = false
				for from := range n {
					if from != i && !slow[from] {
						continue
					}
					for _, next := range edges[from] {
						changed = changed || !slow[next]
						slow[next] = true
					}
				}
			}
			to[i] = slow
		}
		var want [][]int32
		for i := range n {
			var members []int32
			for k := range n {
				if to[i][k] && to[k][i] {
					members = append(members, int32(k))
				}
			}
			if len(members) > 0 && members[0] == int32(i) {
				want = append(want, members)
			}
		}
		got := cycles(edges)
		require.Equal(t, want, got)
		for _, members := range got {
			path := shortestCycle(edges, members)
			require.Equal(t, members[0], path[0])
			for i, node := range path {
				require.Contains(t, members, node)
				require.Contains(t, edges[node], path[(i+1)%len(path)], "%v is no cycle", path)
			}
		}
	})
}
