package explore

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/agentsim"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// hook returns a driver in which f can change an event before the agent takes
// it.
func hook(f func(s *agent.State, ev agent.Event, at *agent.Moment) agent.Event) driver {
	return driver{step: func(c agent.Config, s agent.State, ev agent.Event, at agent.Moment) (agent.State, agent.Out) {
		ev = f(&s, ev, &at)
		return agent.Step(c, s, ev, at)
	}}
}

// changed returns a driver in which f can change what a step made of an answer.
func changed(f func(before agent.State, after *agent.State)) driver {
	return driver{step: func(c agent.Config, s agent.State, ev agent.Event, at agent.Moment) (agent.State, agent.Out) {
		after, out := agent.Step(c, s, ev, at)
		if _, ok := ev.(agent.CallDone); ok {
			f(s, &after)
		}
		return after, out
	}}
}

// restored returns a driver in which f changes the executions that an agent
// reads when it starts.
func restored(f func(x *execution.State)) driver {
	return hook(func(s *agent.State, ev agent.Event, _ *agent.Moment) agent.Event {
		if _, ok := ev.(agent.Started); ok {
			s.Executions = slices.Clone(s.Executions)
			for i := range s.Executions {
				s.Executions[i].Patches = slices.Clone(s.Executions[i].Patches)
				f(&s.Executions[i])
			}
		}
		return ev
	})
}

// Parts of a server's records: on orders of a removed asset, and on the boots
// in which an asset called.
var (
	formerKey   = regexp.MustCompile(`,"lost":true,"former":"[^"]*"`)
	bootsCalled = regexp.MustCompile(`"boots":\[(?:"[^"]*",)+`)
)

type plantedBug struct {
	bug       string
	invariant int
	world     string
	driver    driver
}

var planted = []plantedBug{
	{"the driver accepts whatever it downloaded", 1, "vendor", hook(func(_ *agent.State, ev agent.Event, _ *agent.Moment) agent.Event {
		if x, ok := ev.(agent.ForOrder); ok {
			if fetched, ok := x.Event.(execution.Downloaded); ok && len(fetched.Files) > 0 {
				fetched.Files = staged{good, 2}.evidence()
				x.Event = fetched
				return x
			}
		}
		return ev
	})},
	{"effects are carried out before the commit", 2, "cancel", driver{early: true}},
	{"a cancel in the answer to the last call is ignored", 2, "cancel", driver{
		step: func(c agent.Config, s agent.State, ev agent.Event, at agent.Moment) (agent.State, agent.Out) {
			after, out := agent.Step(c, s, ev, at)
			answer, ok := ev.(agent.CallDone)
			if !ok || len(s.Executions) == 0 || len(after.Executions) > 0 || s.Calls.LastCall.Order == "" || s.Calls.Out != answer.ID {
				return after, out
			}
			answer.Answer.Manifest = nil
			deaf, out := agent.Step(c, s, answer, at)
			deaf.Revision = after.Revision
			return deaf, out
		}}},
	{"a withdrawn order stays in the queue", 3, "cancel", changed(func(before agent.State, after *agent.State) {
		if len(after.Queue) == 0 && len(after.Executions) == 0 && len(after.Ended) == 0 {
			after.Queue = before.Queue
		}
	})},
	{"every boot has the same identity", 4, "reboot", hook(func(_ *agent.State, ev agent.Event, at *agent.Moment) agent.Event {
		at.BootID = "boot-0"
		return ev
	})},
	{"a restart forgets the deferrals", 5, "defer", restored(func(x *execution.State) {
		if x.Phase == execution.PhaseReboot {
			x.Reboot.Used, x.Reboot.FirstOffer = 0, x.Reboot.Until
		}
	})},
	{"the results of the preflight are dropped", 6, "vendor", hook(func(_ *agent.State, ev agent.Event, _ *agent.Moment) agent.Event {
		if x, ok := ev.(agent.ForOrder); ok {
			if done, ok := x.Event.(execution.PreflightDone); ok {
				done.Results = nil
				x.Event = done
				return x
			}
		}
		return ev
	})},
	{"an edit does not reach a queued order", 7, "cancel", changed(func(before agent.State, after *agent.State) {
		if len(before.Queue) > 0 && len(after.Queue) > 0 && before.Queue[0].Revision < after.Queue[0].Revision {
			after.Queue = before.Queue
		}
	})},
	{"a restart forgets the attempts of an install", 8, "vendor", restored(func(x *execution.State) {
		for i := range x.Patches {
			x.Patches[i].Attempts = 0
		}
	})},
	{"a restart drops the last report", 8, "vendor", hook(func(s *agent.State, ev agent.Event, _ *agent.Moment) agent.Event {
		if _, ok := ev.(agent.Started); ok {
			s.Reports = s.Reports[:max(len(s.Reports)-1, 0)]
		}
		return ev
	})},
	{"a lower revision is taken", 9, "cancel", hook(func(s *agent.State, ev agent.Event, _ *agent.Moment) agent.Event {
		if answer, ok := ev.(agent.CallDone); ok && answer.ID == s.Calls.Out && len(answer.Answer.Manifest) > 0 {
			s.Revision = manifest.Revision(0)
		}
		return ev
	})},
	{"the server answers, and crashes before its commit", 8, "server", driver{ack: true}},
	{"an order that ended stays in the server's queue", 3, "server", driver{store: func(table, _ string, value []byte) []byte {
		if table == "queue" && value == nil {
			return []byte("stays")
		}
		return value
	}}},
	{"the server counts no failed install", 12, "fleet", driver{store: func(table, _ string, value []byte) []byte {
		if table == "counters" {
			return []byte("0")
		}
		return value
	}}},
	{"the server forgets whose order it was", 12, "removed", driver{store: func(table, _ string, value []byte) []byte {
		if table == "orders" {
			return formerKey.ReplaceAll(value, nil)
		}
		return value
	}}},
	{"the server remembers one boot only", 3, "cloned", driver{store: func(table, _ string, value []byte) []byte {
		if table == "seen" {
			return bootsCalled.ReplaceAll(value, []byte(`"boots":[`))
		}
		return value
	}}},
	{"the server forgets that a ring soaks", 14, "rollout", driver{store: func(_, _ string, value []byte) []byte {
		return bytes.ReplaceAll(value, []byte(`"soak":600000000000,`), nil)
	}}},
	{"an order that ended is forgotten once the server knows", 13, "lost", hook(func(s *agent.State, ev agent.Event, _ *agent.Moment) agent.Event {
		if len(s.Reports) == 0 {
			s.Ended = nil
		}
		return ev
	})},
	{"an order that ended with failures is not remembered", 13, "lost", hook(func(s *agent.State, ev agent.Event, _ *agent.Moment) agent.Event {
		if len(s.Reports) == 0 {
			s.Ended = slices.DeleteFunc(slices.Clone(s.Ended), func(e agent.Ended) bool { return e.Result == job.CompletedWithFailures })
		}
		return ev
	})},
	{"a restart forgets what ended", 13, "lost", hook(func(s *agent.State, ev agent.Event, _ *agent.Moment) agent.Event {
		if _, ok := ev.(agent.Started); ok && len(s.Reports) == 0 {
			s.Ended = nil
		}
		return ev
	})},
	{"an order that is handed out again is not answered", 10, "lost", driver{
		step: func(c agent.Config, s agent.State, ev agent.Event, at agent.Moment) (agent.State, agent.Out) {
			after, out := agent.Step(c, s, ev, at)
			n := len(after.Reports)
			after.Reports = slices.DeleteFunc(slices.Clone(after.Reports), func(r job.Report) bool { return r.Again })
			after.Sequence -= job.Sequence(n - len(after.Reports))
			out.Effects = slices.DeleteFunc(out.Effects, func(e agent.Effect) bool {
				call, ok := e.(agent.Call)
				return ok && slices.ContainsFunc(call.Request.Reports, func(r job.Report) bool { return r.Again })
			})
			return after, out
		}}},
	{"the server misses that a state was lost", 13, "lost", driver{deaf: true}},
	{"the agent does not learn of a restart", 10, "vendor", hook(func(s *agent.State, ev agent.Event, _ *agent.Moment) agent.Event {
		if _, ok := ev.(agent.Started); ok && s.Asset != "" {
			return agent.Tick{}
		}
		return ev
	})},
}

// replayed plays a violation's scenario: it breaks with the bug and holds
// without. Bugs of the server and of the order of a driver's steps have no
// scenario.
func (d driver) replayed(t *testing.T, v *Violation) {
	if d.early || d.ack || d.deaf || d.store != nil {
		require.Empty(t, v.Scenario)
		return
	}
	script, err := agentsim.ParseScript("broken.txt", v.Scenario)
	require.NoError(t, err, "no scenario was found")
	_, err = script.Play(agentsim.Config{Step: d.agent()})
	broken, ok := errors.AsType[*agentsim.Broken](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, v.Invariant, broken.Invariant)
	_, err = script.Play(agentsim.Config{})
	require.NoError(t, err)
	require.LessOrEqual(t, strings.Count(v.Scenario, "\n+"), 12, "steps, the expectation among them")
}

// Each planted bug is found and shrunk to at most twelve deviations. Played
// again, they break with the bug and hold without. A short run plants one bug
// per invariant, and none whose search is long.
func TestPlantedBugsAreFound(t *testing.T) {
	var table strings.Builder
	fmt.Fprintf(&table, "%-54s %9s %8s %6s %6s %8s  %s\n", "bug", "invariant", "states", "found", "shrunk", "scenario", "history")
	tried := map[int]bool{}
	for _, p := range planted {
		short := testing.Short() && (tried[p.invariant] || slices.Contains([]int{2, 4, 5, 12}, p.invariant))
		tried[p.invariant] = true
		t.Run(p.bug, func(t *testing.T) {
			if short {
				t.Skip("SKIPPED ALOUD: this search takes a while; run without -short")
			}
			world, err := FindWorld(p.world)
			require.NoError(t, err)
			report, err := search(world, p.driver, Bounds{})
			require.NoError(t, err)
			v := report.Broken
			require.NotNil(t, v, "not found in %d states", report.States)
			require.Equal(t, p.invariant, v.Invariant, v.Error())
			require.LessOrEqual(t, len(v.Trace), 12)
			require.False(t, report.Complete())

			again, err := ParseTrace(v.Trace.String())
			require.NoError(t, err)
			require.Equal(t, v.Trace, again)
			s, err := newScene(world, p.driver)
			require.NoError(t, err)
			run := s.play(again, true)
			require.NotNil(t, run.broken)
			require.Equal(t, v.Broken, *run.broken)
			require.Equal(t, v.Story, run.story.String())
			for i := range again { // nothing of it can be left out
				shorter := slices.Delete(slices.Clone(again), i, i+1)
				run := s.play(shorter, false)
				require.False(t, run.wrong == nil && run.broken != nil && run.broken.Invariant == p.invariant, "it breaks by %q too", shorter)
			}
			broken, _, err := Play(world, again)
			if err == nil { // without the bug, a later choice may be impossible
				require.Nil(t, broken)
			}
			p.driver.replayed(t, v)
			if v.Scenario != "" {
				t.Logf("as a scenario:\n%s", v.Scenario)
			}
			fmt.Fprintf(&table, "%-54s %9d %8d %6d %6d %8s  %s\n", p.bug, v.Invariant, report.States, v.Found, len(v.Trace),
				map[bool]string{true: "yes", false: "no"}[v.Scenario != ""], cmp.Or(v.Trace.String(), "(default steps)"))
		})
	}
	t.Logf("planted bugs\n%s", table.String())
	for _, invariant := range []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14} {
		require.True(t, slices.ContainsFunc(planted, func(p plantedBug) bool { return p.invariant == invariant }), "no bug was planted for invariant %d", invariant)
	}
}
