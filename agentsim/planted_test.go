package agentsim_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/agentsim"
	"github.com/patchpolicy/patchpolicy/agentsim/random"
	"github.com/patchpolicy/patchpolicy/job"
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

// Bugs that are planted into what policies decide are found in random worlds.
// Each is shrunk to a short scenario, in which the production code holds.
func TestPlantedBugsOfPolicies_APR1_CAL1_RBT6(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: shrinking takes a while; the scenarios in testdata/peers are about the same rules; run without -short")
	}
	for _, planted := range []struct {
		bug, kind string
		seed      uint64 // the first world that finds it, of those that were tried
		config    agentsim.Config
	}{
		{"a patch is denied by its id and approved by its class", "invariant 17", 1, agentsim.Config{}.WithServer(func(c *controller.Config) {
			c.Baselines = slices.Clone(c.Baselines)
			for i := range c.Baselines {
				c.Baselines[i].Denied = nil
			}
		})},
		{"a closed period closes nothing", "invariant 15", 1, agentsim.Config{}.WithServer(func(c *controller.Config) {
			c.Calendars = slices.Clone(c.Calendars)
			for i := range c.Calendars {
				c.Calendars[i].Closed = nil
			}
		})},
		{"a deferral goes past the deadline", "invariant 16", 1, agentsim.Config{Step: timeless}},
	} {
		t.Run(planted.bug, func(t *testing.T) {
			var found *random.Failure
			seed := planted.seed
			for ; found == nil && seed < planted.seed+60; seed++ {
				r, err := random.Search(random.Options{Seed: seed, Assets: 4, Weeks: 1, Troubles: []random.Trouble{random.Policies}}, planted.config)
				require.NoError(t, err)
				if r.Failure != nil && r.Failure.Kind == planted.kind {
					found = r.Failure
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

var _ = job.Completed
