package explore

import (
	"flag"
	"fmt"
	"math/rand"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/reboot"
)

var states = flag.Int("states", 10_000, "distinct states to search in each world")

// No invariant breaks in any world, within the bound.
func TestWorldsHold(t *testing.T) {
	for _, w := range Worlds() {
		t.Run(w.Name, func(t *testing.T) {
			began := time.Now()
			report, err := Search(w, Bounds{States: *states})
			require.NoError(t, err)
			if report.Broken != nil {
				t.Fatal(report.Broken)
			}
			require.GreaterOrEqual(t, report.States, *states)
			require.Less(t, report.States, *states+maxOrdinary)
			require.Positive(t, report.Final)
			t.Logf("%s: %d states, %d transitions, %.0f states/s, %d ended; up to %d choices and %d steps; %d states not explored, %d not kept",
				w.Name, report.States, report.Transitions, float64(report.States)/time.Since(began).Seconds(), report.Final,
				report.Depth, report.Steps, report.Unexplored, report.Refused)
		})
	}
}

// With no trouble but a crash, a whole world fits: nothing is left out, to any depth.
func TestSmallWorldIsComplete(t *testing.T) {
	w := World{Name: "one", Patches: 1, Budget: Budget{Crashes: 1}}
	report, err := Search(w, Bounds{Depth: 1000, States: 1_000_000})
	require.NoError(t, err)
	if report.Broken != nil {
		t.Fatal(report.Broken)
	}
	require.True(t, report.Complete())
	t.Logf("%d states, %d transitions, up to %d choices out of the ordinary", report.States, report.Transitions, report.Depth)
}

func TestSameSearchSameReport_Invariant11(t *testing.T) {
	w, err := FindWorld("reboot")
	require.NoError(t, err)
	first, err := Search(w, Bounds{States: 3000})
	require.NoError(t, err)
	again, err := Search(w, Bounds{States: 3000})
	require.NoError(t, err)
	require.Equal(t, first, again)
	broken, story, err := Play(w, first.Deepest)
	require.NoError(t, err)
	require.Nil(t, broken)
	require.Contains(t, story, "reports")
}

// Every choice is made somewhere: a world in which it is never possible would show nothing about it.
func TestEveryChoiceIsMade(t *testing.T) {
	made := map[Choice]bool{}
	for _, w := range Worlds() {
		s, err := newScene(w, driver{})
		require.NoError(t, err)
		e := explorer{scene: s, bounds: Bounds{Depth: 3, States: 4_000}, index: map[hash]int32{}}
		e.run()
		for _, n := range e.nodes {
			made[n.choice] = true
		}
	}
	require.Len(t, Choices(), 22)
	for _, c := range []Choice{Go, Time, Work, SecondFirst, Lose, Repeat, Replay, Crash, CrashBefore, CutOff, Boot, Fail, Damage, Age,
		Edit, Cancel, Withdraw, Enable, Login, Logout, Later, Now} {
		require.True(t, made[c], "%s", c)
		delete(made, c)
		parsed, err := ParseChoice(c.String())
		require.NoError(t, err)
		require.Equal(t, c, parsed)
	}
	require.Equal(t, map[Choice]bool{0: true}, made, "a choice is not in the list above; zero is the start")
}

// A world of one's own: everything there is, and one trouble in a history.
func ExampleSearch() {
	world := World{
		Name: "mine", Patches: 2, Action: true, Window: 2 * time.Hour, Reboot: true, Users: true, Every: 20 * time.Minute,
		Policy: reboot.Policy{Deferrals: 1}, Budget: Budget{Changes: 1, Crashes: 1, Losses: 1, Repeats: 1, Faults: 1, Sessions: 1},
	}
	report, err := Search(world, Bounds{Depth: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.World, report.Broken == nil, report.States > 300)
	// Output: mine true true
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

// The slow way to tell whether a hash merges too much: whenever two different states meet under one hash, what may happen
// next is the same, and leads to states that are the same by their hashes. What lets time go on is left out, for the time of
// the next check-in is rounded, as the package doc says.
func TestMergedStatesBehaveAlike(t *testing.T) {
	for _, w := range Worlds() {
		t.Run(w.Name, func(t *testing.T) {
			s, err := newScene(w, driver{})
			require.NoError(t, err)
			random := rand.New(rand.NewSource(1))
			seen, merged := map[hash]*state{}, 0
			for range 60 {
				st := s.start()
				for range 60 {
					options := s.options(st)
					c := Go
					if random.Intn(4) == 0 {
						c = options[random.Intn(len(options))]
					}
					st = s.apply(st, c)
					require.Nil(t, st.broken)
					other, met := seen[s.hash(st)]
					if !met {
						seen[s.hash(st)] = st
						continue
					}
					if reflect.DeepEqual(st.agent, other.agent) && st.now.Equal(other.now) {
						continue
					}
					merged++
					require.Equal(t, s.options(other), s.options(st))
					for _, c := range s.options(st) {
						if c == Time || c == Go && len(st.lane)+len(st.net) == 0 {
							continue
						}
						require.Equal(t, s.hash(s.apply(other, c)), s.hash(s.apply(st, c)), "after %s", c)
					}
				}
			}
			require.Greater(t, merged, 100, "nothing was merged: this test shows nothing")
		})
	}
}

// A field that is new in a state must be written to the hash, or left out on purpose: then it is named here.
func TestEveryFieldIsDecidedOn(t *testing.T) {
	for _, c := range []struct {
		value  any
		fields string
	}{
		{agent.State{}, "Asset Revision Queue Early Blocked Executions Ended Reports Sequence Refusal Calls Clock"},
		{agent.CallState{}, "Last Out Sent Next Failures LastCall"},
		{agent.LastCall{}, "Order Effect Call Until"},
		{agent.Clock{}, "Offset Known Boot Up Wall Steady"},
		{job.Execution{}, "Order Stage Step Waiting Last Until Tries Patches Acted Failed Aborted NeedsReboot Mark Boot Sessions Reboot Reboots SaidTooLate Result"},
		{job.PatchState{}, "PatchOutcome Attempts Reboot Digests"},
		{job.PatchOutcome{}, "Patch Name Status From To Now Code Rule Text Check"},
		{reboot.State{}, "Phase Boot Sessions FirstOffer Used Until Asks"},
		{job.Report{}, "Sequence At Order Progress Result TooLate Refused Text Patches Reboots"},
		{state{}, "now boot booted agent read wake lane net revision content before cancelled accepted known installed staged user prompt left watch broken"},
		{onlooker{}, "revision held ran received started touched deploying cancelled withdrawn needs final passed begun reboot offer journal"},
		{message{}, "id answer held reports ack released"},
		{Budget{}, "Changes Crashes Losses Repeats Faults Sessions"},
	} {
		var names []string
		for f := range reflect.TypeOf(c.value).Fields() {
			names = append(names, f.Name)
		}
		require.Equal(t, c.fields, strings.Join(names, " "), "%T: is the new field in canon.go?", c.value)
	}
}

// The steady clock is the system's in these worlds, as nobody sets one: so the hash may leave the anchor out.
func TestClocksAgree_MAN8(t *testing.T) {
	w, err := FindWorld("reboot")
	require.NoError(t, err)
	s, err := newScene(w, driver{})
	require.NoError(t, err)
	st := s.start()
	for range 80 {
		c := st.agent.Clock
		require.Zero(t, c.Offset)
		require.True(t, c.Wall.Equal(c.Steady), "%v %v", c.Wall, c.Steady)
		require.Equal(t, st.moment().Boot, c.Boot)
		require.Equal(t, st.moment().Up-c.Up, st.now.Sub(c.Wall))
		st = s.apply(st, Go)
	}
	require.Positive(t, st.boot)
}

func TestWorlds(t *testing.T) {
	_, err := FindWorld("nowhere")
	require.ErrorContains(t, err, "cancel, reboot, vendor, defer")
	_, err = Search(World{Name: "three", Patches: 3}, Bounds{})
	require.ErrorContains(t, err, "takes 1 or 2")
	for _, w := range Worlds() {
		require.NoError(t, w.Policy.Validate())
		require.NotEmpty(t, w.Text)
	}
}

func TestTraceText(t *testing.T) {
	for text, wrong := range map[string]string{
		"":                          "",
		"go 7, crash, go 2, cancel": "",
		"crash before commit":       "",
		"go 7":                      "at the end",
		"go 0, crash":               "number of ordinary steps",
		"go 1, go 1, crash":         "number of ordinary steps",
		"go 401, crash":             "number of ordinary steps",
		"go, crash":                 "no choice",
		"dance":                     "no choice",
	} {
		trace, err := ParseTrace(text)
		if wrong != "" {
			require.ErrorContains(t, err, wrong, text)
			continue
		}
		require.NoError(t, err, text)
		require.Equal(t, text, trace.String())
	}
	w, err := FindWorld("cancel")
	require.NoError(t, err)
	_, _, err = Play(w, Trace{{0, Later}})
	require.ErrorContains(t, err, "not possible")
}

func FuzzParseTrace(f *testing.F) {
	f.Add("go 7, crash, go 2, cancel")
	f.Add("crash before commit,second first")
	f.Fuzz(func(t *testing.T, text string) {
		trace, err := ParseTrace(text)
		if err != nil {
			return
		}
		again, err := ParseTrace(trace.String())
		require.NoError(t, err)
		require.Equal(t, trace, again)
	})
}

// A cancel that comes with the answer to the last call wins; one that comes behind it is too late (JOB-3).
func ExamplePlay() {
	w, err := FindWorld("cancel")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, text := range []string{"go 13, cancel", "go 14, cancel, go 1, time"} {
		trace, err := ParseTrace(text)
		if err != nil {
			fmt.Println(err)
			return
		}
		broken, story, err := Play(w, trace)
		if err != nil || broken != nil {
			fmt.Println(broken, err)
			return
		}
		fmt.Println(text, "->", strings.Contains(story, "reports Cancelled"), strings.Contains(story, "TooLate"))
	}
	// Output:
	// go 13, cancel -> true false
	// go 14, cancel, go 1, time -> false true
}
