package job

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// chained lists agent ← core (reboot between) ← tool, extra ← tool (no reboot), and lone.
func chained(t testing.TB) (*catalog.Snapshot, Definition) {
	core, tool, agent := patchOf(t, "core", "2.0.0", epoch), patchOf(t, "tool", "2.0.0", epoch), patchOf(t, "agent", "2.0.0", epoch)
	extra, lone := patchOf(t, "extra", "2.0.0", epoch), patchOf(t, "lone", "2.0.0", epoch)
	core.Requires = []catalog.Requirement{{Patch: agent.ID, Reboot: true}}
	tool.Requires = []catalog.Requirement{{Patch: core.ID, Reboot: true}, {Patch: extra.ID}}
	extra.Requires = []catalog.Requirement{{Patch: core.ID}}
	snap := listed(t, []catalog.Product{productOf("core"), productOf("tool"), productOf("agent"), productOf("extra"), productOf("lone")},
		[]catalog.Patch{core, tool, agent, extra, lone})
	return snap, Definition{ID: "big", Platform: catalog.Linux, Schedule: schedule.Schedule{Kind: schedule.Once, At: epoch},
		Pre: []Action{{Name: "pre", Command: []string{"x"}}}, Post: []Action{{Name: "post", Command: []string{"x"}}},
		Patches: Patches{List: []catalog.PatchID{tool.ID, core.ID, lone.ID, agent.ID, extra.ID}}}
}

func TestCoDependencyNamesEveryPair_JOB14(t *testing.T) {
	snap, d := chained(t)
	refused, ok := errors.AsType[*CoDependent](d.CheckPairs(snap))
	require.True(t, ok)
	require.ElementsMatch(t, []Pair{{"tool-2.0.0", "core-2.0.0"}, {"tool-2.0.0", "agent-2.0.0"}, {"core-2.0.0", "agent-2.0.0"}, {"extra-2.0.0", "agent-2.0.0"}}, refused.Pairs)
	require.Contains(t, refused.Error(), "split")
	d.Patches.List = d.Patches.List[2:4]
	require.NoError(t, d.CheckPairs(snap))
}

func TestSplitOffersTheChain_JOB14_JOB19(t *testing.T) {
	snap, d := chained(t)
	chain, err := d.Split(snap)
	require.NoError(t, err)
	require.Len(t, chain, 3)
	require.Equal(t, []catalog.PatchID{"lone-2.0.0", "agent-2.0.0"}, chain[0].Patches.List)
	require.Equal(t, []catalog.PatchID{"core-2.0.0", "extra-2.0.0"}, chain[1].Patches.List)
	require.Equal(t, []catalog.PatchID{"tool-2.0.0"}, chain[2].Patches.List)
	require.Equal(t, d.Schedule, chain[0].Schedule)
	require.Equal(t, &After{Job: "big", PerAsset: true}, chain[1].After)
	require.Equal(t, &After{Job: "big-2", PerAsset: true}, chain[2].After)
	require.Len(t, chain[0].Pre, 1)
	require.Empty(t, chain[0].Post)
	require.Empty(t, chain[1].Pre)
	require.Empty(t, chain[1].Post)
	require.Len(t, chain[2].Post, 1)
	for _, link := range chain {
		link.State = Disabled
		require.NoError(t, link.Validate())
		require.NoError(t, link.CheckPairs(snap), "no link needs a split")
	}
	alone := chain[0]
	again, err := alone.Split(snap)
	require.NoError(t, err)
	require.Equal(t, []Definition{alone}, again)
	d.ID = ID(strings.Repeat("x", MaxID))
	_, err = d.Split(snap)
	require.Error(t, err)
}

func TestQueryLeavesTheDependentToALaterRun_JOB14(t *testing.T) {
	snap, d := chained(t)
	d.Patches = Patches{Query: &Query{}}
	installed := map[string]string{"core": "1.0.0", "agent": "1.0.0", "tool": "1.0.0", "lone": "1.0.0"}
	plan := planAt(d, snap, inventoryOf(t, installed))
	require.Len(t, plan.Order.Patches, 2, "agent and lone")
	require.Len(t, plan.LeftOut, 2)
	for _, left := range plan.LeftOut {
		require.Equal(t, "JOB-14", left.Rule)
	}
	installed["agent"] = "2.0.0"
	plan = planAt(d, snap, inventoryOf(t, installed))
	require.Len(t, plan.LeftOut, 1, "only tool waits now")
}

func TestAfter_JOB19(t *testing.T) {
	for _, c := range []struct {
		a    After
		ok   bool
		due  [2]int
		want bool
	}{
		{After{Job: "a", Share: 80}, true, [2]int{8, 10}, true}, {After{Job: "a", Share: 80}, true, [2]int{79, 100}, false},
		{After{Job: "a", Share: 1}, true, [2]int{0, 0}, false}, {After{Job: "a", PerAsset: true}, true, [2]int{10, 10}, false},
		{After{Job: "a"}, false, [2]int{}, false}, {After{Job: "a", Share: 101}, false, [2]int{}, false}, {After{Job: "a", Share: -1}, false, [2]int{1, 0}, false},
		{After{Job: "a", Share: 5, PerAsset: true}, false, [2]int{}, false}, {After{Job: "self", Share: 5}, false, [2]int{}, false}, {After{Share: 5}, false, [2]int{}, false},
	} {
		d := Definition{ID: "self", State: Disabled, Platform: catalog.Linux, Schedule: schedule.Schedule{Kind: schedule.OnDemand}, After: &c.a}
		require.Equal(t, c.ok, d.Validate() == nil, "%+v", c.a)
		require.Equal(t, c.want, c.a.Due(c.due[0], c.due[1]))
		d.Schedule = schedule.Schedule{Kind: schedule.Once, At: epoch}
		require.Error(t, d.Validate())
	}
}

// A follower may have a delay and times of its own. What could never start, or
// would need a run for each asset, is refused.
func TestDelayAndTimesOfAFollower_JOB19(t *testing.T) {
	demand := schedule.Schedule{Kind: schedule.OnDemand}
	daily := schedule.Schedule{Kind: schedule.Daily, Time: schedule.Clock(2, 0), Zone: "UTC"}
	for _, c := range []struct {
		after After
		s     schedule.Schedule
		want  string // in the error; empty: valid
	}{
		{After{Share: 80, Delay: 24 * time.Hour}, demand, ""},
		{After{Share: 80, Delay: 24 * time.Hour}, daily, ""},
		{After{Share: 80}, daily, ""},
		{After{PerAsset: true}, daily, ""},
		{After{PerAsset: true, Delay: MaxFollowDelay}, daily, ""},
		{After{PerAsset: true, Delay: time.Second}, demand, "needs a schedule that recurs"},
		{After{Share: 80, Delay: -time.Second}, demand, "is not between 0s and 2208h0m0s"},
		{After{Share: 80, Delay: MaxFollowDelay + time.Second}, daily, "is not between"},
		{After{Share: 80, Delay: time.Millisecond}, daily, "in whole seconds"},
		{After{Share: 80}, schedule.Schedule{Kind: schedule.Once, At: epoch}, "could be past before the other job succeeds"},
	} {
		c.after.Job = "first"
		err := Definition{ID: "self", State: Disabled, Platform: catalog.Linux, Schedule: c.s, After: &c.after}.Validate()
		if c.want == "" {
			require.NoError(t, err, "%+v", c)
		} else {
			require.ErrorContains(t, err, c.want, "%+v", c)
		}
	}
}

func TestShareIsOfAll_JOB19(t *testing.T) {
	half := After{Job: "first", Share: 50}
	for _, c := range []struct {
		succeeded, assets int
		due               bool
	}{{0, 0, false}, {0, 1, false}, {1, 2, true}, {99, 200, false}, {100, 200, true}, {4999, 10_000, false}, {5000, 10_000, true}} {
		require.Equal(t, c.due, half.Due(c.succeeded, c.assets), c)
	}
	require.False(t, After{Job: "first", PerAsset: true}.Due(2, 2))
	require.Equal(t, []int{0, 1, 1, 2, 50}, []int{half.Needed(0), half.Needed(1), half.Needed(2), half.Needed(3), half.Needed(100)})
}
