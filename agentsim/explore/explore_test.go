package explore

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/reboot"
)

// With one crash and nothing else, the search covers the whole world to any
// depth.
func TestSmallWorldIsComplete(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: searching all of a world takes a while; run without -short")
	}
	w := World{Name: "one", Patches: 1, Budget: Budget{Turns: AnyTurns, Crashes: 1}}
	report, err := Search(w, Bounds{Depth: 1000, States: 1_000_000})
	require.NoError(t, err)
	if report.Broken != nil {
		t.Fatal(report.Broken)
	}
	require.True(t, report.Complete())
	t.Logf("%d states, %d transitions, up to %d deviations", report.States, report.Transitions, report.Depth)
}

func TestSameSearchSameReport_Invariant11(t *testing.T) {
	w, err := FindWorld("reboot")
	require.NoError(t, err)
	first, err := Search(w, Bounds{States: fewer(3000, 500)})
	require.NoError(t, err)
	again, err := Search(w, Bounds{States: fewer(3000, 500)})
	require.NoError(t, err)
	require.Equal(t, first, again)
	broken, story, err := Play(w, first.Deepest)
	require.NoError(t, err)
	require.Nil(t, broken)
	require.Contains(t, story, "reports")
}

// Every choice is made in some world, and about each asset or job.
func TestEveryChoiceIsMade(t *testing.T) {
	made, first := map[move]bool{}, map[Choice]bool{}
	for _, w := range Worlds() {
		s, err := newScene(w, driver{})
		require.NoError(t, err)
		histories := fewer(60, 30)
		if w.Server {
			histories = fewer(20, 10)
		}
		wander(t, s, histories, 60, func(_ *state, m move) { made[m], first[m.choice] = true, true })
	}
	for _, c := range choices.All() {
		require.True(t, first[c], "%s", c)
		parsed, err := choices.Parse(c.String())
		require.NoError(t, err)
		require.Equal(t, c, parsed)
	}
	for _, c := range []Choice{Arrive, Work, Lose, Crash, Boot, Cancel, Withdraw, Delete} {
		require.True(t, made[move{c, 1}], "%s of a second asset or job", c)
	}
	require.Equal(t, choices.All(), []Choice{Go, Time, Arrive, Work, SecondFirst, Lose, GiveUp, Repeat, Replay, Crash, CrashBefore, CutOff, Boot,
		Sleep, Fail, Damage, Age, Edit, Cancel, Withdraw, Enable, Delete, Login, Lock, Logout, Later, Now, Halt, HaltAfter, HaltSecond, Publish, End,
		Unlist, MoveOn, Sync, Reinstall, Restore, Remove, Enrol, Clone, Settle})
}

// The assets, jobs and budget of each world. 255 turns mean no bound.
func ExampleWorlds() {
	for _, w := range Worlds() {
		fmt.Printf("%-8s %d by %d, production server: %-5v %+v\n", w.Name, w.Assets, w.Jobs, w.Server, w.Budget)
	}
	// Output:
	// cancel   1 by 1, production server: false {Turns:255 Changes:2 Crashes:2 Losses:1 Repeats:1 Faults:0 Sessions:0 Sleeps:0 Outages:0 Vendor:0 Reinstalls:0 Restores:0 Removals:0 Clones:0}
	// reboot   1 by 1, production server: false {Turns:255 Changes:1 Crashes:2 Losses:0 Repeats:0 Faults:1 Sessions:2 Sleeps:0 Outages:0 Vendor:0 Reinstalls:0 Restores:0 Removals:0 Clones:0}
	// vendor   1 by 1, production server: false {Turns:255 Changes:0 Crashes:2 Losses:1 Repeats:0 Faults:2 Sessions:0 Sleeps:0 Outages:0 Vendor:0 Reinstalls:0 Restores:0 Removals:0 Clones:0}
	// defer    1 by 1, production server: false {Turns:255 Changes:0 Crashes:3 Losses:0 Repeats:0 Faults:1 Sessions:1 Sleeps:0 Outages:0 Vendor:0 Reinstalls:0 Restores:0 Removals:0 Clones:0}
	// early    1 by 1, production server: false {Turns:255 Changes:2 Crashes:1 Losses:1 Repeats:0 Faults:1 Sessions:0 Sleeps:0 Outages:0 Vendor:0 Reinstalls:0 Restores:0 Removals:0 Clones:0}
	// blocked  1 by 2, production server: false {Turns:255 Changes:2 Crashes:1 Losses:1 Repeats:0 Faults:0 Sessions:0 Sleeps:1 Outages:0 Vendor:0 Reinstalls:0 Restores:0 Removals:0 Clones:0}
	// parked   1 by 2, production server: false {Turns:255 Changes:1 Crashes:2 Losses:0 Repeats:0 Faults:0 Sessions:0 Sleeps:0 Outages:0 Vendor:0 Reinstalls:0 Restores:0 Removals:0 Clones:0}
	// pending  1 by 2, production server: false {Turns:255 Changes:1 Crashes:2 Losses:0 Repeats:0 Faults:1 Sessions:0 Sleeps:0 Outages:0 Vendor:0 Reinstalls:0 Restores:0 Removals:0 Clones:0}
	// pair     2 by 1, production server: false {Turns:255 Changes:2 Crashes:1 Losses:1 Repeats:0 Faults:0 Sessions:0 Sleeps:0 Outages:0 Vendor:0 Reinstalls:0 Restores:0 Removals:0 Clones:0}
	// four     2 by 2, production server: false {Turns:255 Changes:1 Crashes:1 Losses:0 Repeats:0 Faults:0 Sessions:0 Sleeps:0 Outages:0 Vendor:0 Reinstalls:0 Restores:0 Removals:0 Clones:0}
	// lost     1 by 1, production server: false {Turns:255 Changes:2 Crashes:1 Losses:1 Repeats:0 Faults:1 Sessions:0 Sleeps:0 Outages:0 Vendor:0 Reinstalls:1 Restores:1 Removals:0 Clones:0}
	// restored 1 by 1, production server: true  {Turns:1 Changes:2 Crashes:0 Losses:1 Repeats:0 Faults:0 Sessions:0 Sleeps:0 Outages:0 Vendor:0 Reinstalls:1 Restores:1 Removals:0 Clones:0}
	// removed  1 by 1, production server: true  {Turns:1 Changes:2 Crashes:0 Losses:1 Repeats:1 Faults:0 Sessions:0 Sleeps:0 Outages:0 Vendor:0 Reinstalls:0 Restores:0 Removals:3 Clones:0}
	// cloned   2 by 2, production server: true  {Turns:1 Changes:1 Crashes:0 Losses:1 Repeats:1 Faults:0 Sessions:0 Sleeps:0 Outages:0 Vendor:0 Reinstalls:0 Restores:0 Removals:0 Clones:2}
	// server   1 by 1, production server: true  {Turns:1 Changes:2 Crashes:1 Losses:1 Repeats:1 Faults:0 Sessions:0 Sleeps:0 Outages:1 Vendor:0 Reinstalls:0 Restores:0 Removals:0 Clones:0}
	// catalog  1 by 1, production server: true  {Turns:1 Changes:1 Crashes:0 Losses:0 Repeats:0 Faults:1 Sessions:0 Sleeps:0 Outages:1 Vendor:2 Reinstalls:0 Restores:0 Removals:0 Clones:0}
	// fleet    2 by 2, production server: true  {Turns:1 Changes:2 Crashes:0 Losses:1 Repeats:0 Faults:1 Sessions:0 Sleeps:0 Outages:1 Vendor:0 Reinstalls:0 Restores:0 Removals:0 Clones:0}
	// rollout  3 by 1, production server: true  {Turns:1 Changes:2 Crashes:1 Losses:1 Repeats:1 Faults:1 Sessions:0 Sleeps:1 Outages:1 Vendor:0 Reinstalls:0 Restores:0 Removals:0 Clones:0}
}

// The report is the same on one core and on several.
func TestSameOnAnyCores_Invariant11(t *testing.T) {
	w, err := FindWorld("pair")
	require.NoError(t, err)
	several, err := Search(w, Bounds{States: fewer(3000, 500)})
	require.NoError(t, err)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	one, err := Search(w, Bounds{States: fewer(3000, 500)})
	require.NoError(t, err)
	require.Equal(t, one, several)
}

// A world of your own: everything, and one deviation per history.
func ExampleSearch() {
	world := World{
		Name: "mine", Jobs: 2, Delay: time.Minute, Patches: 2, Action: true, Window: 2 * time.Hour, Early: true, Every: 20 * time.Minute,
		Reboot: true, Users: true, Parked: true, Policy: reboot.Policy{Deferrals: 1},
		Budget: Budget{Turns: AnyTurns, Changes: 1, Crashes: 1, Losses: 1, Repeats: 1, Faults: 1, Sessions: 1, Sleeps: 1, Reinstalls: 1, Restores: 1},
	}
	report, err := Search(world, Bounds{Depth: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.World, report.Broken == nil, report.States > 300)
	// Output: mine true true
}

// The second job reboots for the first's pending reboot, whatever else happens.
func TestSecondJobRebootsForTheFirst_RBT11_RBT8(t *testing.T) {
	report, err := Search(World{Name: "small", Jobs: 2, Delay: time.Minute, Patches: 1, Reboot: true, Policy: reboot.Policy{Suppress: true}, Parked: true, Pending: true,
		Budget: Budget{Turns: 1, Changes: 1, Crashes: 1, Faults: 1}}, Bounds{Depth: 3, States: 5000})
	require.NoError(t, err)
	require.Nil(t, report.Broken)
	require.Positive(t, report.Final)
}

func TestDepthIsKept(t *testing.T) {
	w, err := FindWorld("cancel")
	require.NoError(t, err)
	report, err := Search(w, Bounds{Depth: 1})
	require.NoError(t, err)
	require.Equal(t, 1, report.Depth)
	require.Len(t, report.Deepest, 1)
	require.Positive(t, report.Unexplored)
	require.Zero(t, report.Refused)
}

func TestWorlds(t *testing.T) {
	_, err := FindWorld("nowhere")
	require.ErrorContains(t, err, "cancel, reboot, vendor, defer")
	_, err = Search(World{Name: "three", Patches: 3}, Bounds{})
	require.ErrorContains(t, err, "want 1 to 2")
	for _, w := range Worlds() {
		require.NoError(t, w.Policy.Validate())
		require.NotEmpty(t, w.Text)
	}
}
