package agentsim_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/agentsim"
	"github.com/patchpolicy/patchpolicy/agentsim/random"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/controller"
)

// timeless is an agent that does not see by when patches are due.
func timeless(c agent.Config, s agent.State, ev agent.Event, at agent.Moment) (agent.State, agent.Out) {
	s.Executions = slices.Clone(s.Executions)
	for i := range s.Executions {
		patches := slices.Clone(s.Executions[i].Order.Patches)
		for n := range patches {
			patches[n].Due = time.Time{}
		}
		s.Executions[i].Order.Patches = patches
	}
	return agent.Step(c, s, ev, at)
}

// policyWorld is a random world with policies.
func policyWorld(t *testing.T, seed uint64, c agentsim.Config) *random.Failure {
	r, err := random.Search(random.Options{Seed: seed, Assets: 4, Weeks: 1, Troubles: []random.Trouble{random.Policies}}, c)
	require.NoError(t, err)
	return r.Failure
}

// deferringWorld is one of a family in which users put the reboot off that an
// exploited vulnerability waits for.
func deferringWorld(_ *testing.T, seed uint64, c agentsim.Config) *random.Failure {
	_, failure := random.Play(fmt.Sprintf(`clock 2026-03-02T00:00:00Z
deadlines bod-26-04
patch kernel-2: kernel 2.0, pinned, needs reboot, fixes CVE-2026-0001, exploited
patch editor-2: editor 2.0, pinned, severity high
asset a000 in Europe/Berlin tagged all has kernel 1.0, editor 1.0
asset a001 tagged all has kernel 1.0
a000 logs in
a000 answers later 9 times
job j0: query, tags all, once at +%dh, defer %d times for %dh, countdown 15m
+1h enable j0
+20d expect a000 kernel 2.0
`, 12+seed%4*24, 1+seed/4%4, []int{1, 4, 24}[seed/16%3]), c)
	return failure
}

// slotless is an agent that reboots without asking for a slot.
func slotless(c agent.Config, s agent.State, ev agent.Event, at agent.Moment) (agent.State, agent.Out) {
	s.Executions = slices.Clone(s.Executions)
	for i := range s.Executions {
		s.Executions[i].Order.Reboot.Slot = false
	}
	return agent.Step(c, s, ev, at)
}

// slotWorld is one of a family in which assets of a group reboot at once.
func slotWorld(_ *testing.T, seed uint64, c agentsim.Config) *random.Failure {
	_, failure := random.Play(fmt.Sprintf(`clock 2026-03-02T00:00:00Z
patch kernel-2: kernel 2.0, pinned, needs reboot
patch editor-2: editor 2.0, pinned
asset a000 tagged all has kernel 1.0, editor 1.0
asset a001 tagged all has kernel 1.0
asset a002 tagged all has editor 1.0
job j0: query, tags all, once at +12h, countdown %dm, reboot slots 1 of all leased 2h
+1h enable j0
+20d expect a000 kernel 2.0
`, 1+seed%60), c)
	return failure
}

// Bugs that are planted into what policies decide are found by a search. Each
// is shrunk to a short scenario, in which the production code holds.
func TestPlantedBugsOfPolicies_APR1_CAL1_RBT6_ROL7(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: shrinking takes a while; the scenarios in testdata/peers are about the same rules; run without -short")
	}
	for _, planted := range []struct {
		bug, kind string
		play      func(*testing.T, uint64, agentsim.Config) *random.Failure
		seed      uint64 // of the first world that is tried
		config    agentsim.Config
	}{
		{"a patch is denied by its id and approved by its class", "invariant 17", policyWorld, 7, agentsim.Config{}.WithServer(func(c *controller.Config) {
			c.Baselines = slices.Clone(c.Baselines)
			for i := range c.Baselines {
				c.Baselines[i].Denied = nil
			}
		})},
		{"a closed period closes nothing", "invariant 15", policyWorld, 22, agentsim.Config{}.WithServer(func(c *controller.Config) {
			c.Calendars = slices.Clone(c.Calendars)
			for i := range c.Calendars {
				c.Calendars[i].Closed = nil
			}
		})},
		{"a deferral goes past the deadline", "invariant 16", deferringWorld, 16, agentsim.Config{Step: timeless}},
		{"a reboot waits for no slot", "invariant 14", slotWorld, 1, agentsim.Config{Step: slotless}},
	} {
		t.Run(planted.bug, func(t *testing.T) {
			var found *random.Failure
			seed := planted.seed
			for ; found == nil && seed < planted.seed+48; seed++ {
				if f := planted.play(t, seed, planted.config); f != nil && f.Kind == planted.kind {
					found = f
				}
			}
			require.NotNil(t, found)
			short := random.Shrink(found, planted.config, 400)
			t.Logf("found in world %d with %d acts, shrunk to %d:\n%s", seed-1, random.Actions(found.Script), random.Actions(short.Script), short.File("planted.txt"))
			require.LessOrEqual(t, random.Actions(short.Script), 12)
			_, sound := random.Play(short.Script, agentsim.Config{})
			require.Nil(t, sound, "the production code has no such bug")
		})
	}
}
