package agent

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
)

var (
	allowed = job.Action{Name: "stop", Command: []string{"stop", "web"}}
	hostile = job.Action{Name: "own", Command: []string{"sh", "-c", "id"}}
	house   = integrity.Policy{
		Format:   integrity.PolicyFormat,
		Clauses:  []integrity.Clause{{Name: "all", Vendor: integrity.Any, Product: integrity.Any, AllowUnsigned: true}},
		Commands: []integrity.Command{{Name: "stop", Command: allowed.Command}},
	}.Excerpt()
)

// ran counts the actions that the agent asked for.
func (w *world) ran() (n int) {
	for _, r := range w.accepted {
		n += len(r.Actions)
	}
	return n
}

// An order with an action that may not run does not begin, whatever else the server says of it,
// and early downloads do not either; a server that hands it out again gets the same answer
// (INT-10, JOB-24).
func TestOrderWithAForbiddenAction_INT10(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*job.Order)
		can    []string
	}{
		"first":               {func(o *job.Order) { o.Pre = []job.Action{hostile} }, nil},
		"last of many":        {func(o *job.Order) { o.Pre, o.Post = []job.Action{allowed, allowed}, []job.Action{allowed, hostile} }, nil},
		"without a last call": {func(o *job.Order) { o.Pre, o.NoLastCall = []job.Action{hostile}, true }, nil},
		"by an allowed name":  {func(o *job.Order) { o.Pre = []job.Action{{Name: "stop", Command: hostile.Command}} }, nil},
		"no patches":          {func(o *job.Order) { o.Pre, o.Patches = []job.Action{hostile}, nil }, nil},
		"under a policy that allows it": {func(o *job.Order) {
			o.Pre, o.SignerPolicy = []job.Action{hostile}, integrity.Excerpt{Digest: house.Digest, Clauses: house.Clauses}
		}, nil},
		"set to run none":                {func(o *job.Order) { o.Pre = []job.Action{allowed} }, []string{}},
		"told another policy than it is": {func(o *job.Order) { o.Pre = []job.Action{allowed} }, []string{"actions-of-policy-" + digest.Sum}},
	} {
		t.Run(name, func(t *testing.T) {
			o := orderAt(t, "a", epoch)
			o.Early = true
			c.change(&o)
			w := newWorld(t, o)
			w.c.Policy, w.c.Can = house, c.can
			w.crash()
			w.until(epoch.Add(time.Hour))
			require.Equal(t, []string{"Received", "Failed"}, w.told(o.ID))
			require.Contains(t, w.last(o.ID).Text, "may")
			for _, p := range w.last(o.ID).Patches {
				require.Equal(t, []any{job.PatchFailed, job.PatchInstallationSkipped, "INT-10"}, []any{p.Status, p.Code, p.Rule})
			}
			require.Zero(t, w.ran()+w.deploys["a"])
			if len(c.can) == 0 {
				require.Zero(t, w.downloads["a"])
			}
			w.publish(o)
			w.until(epoch.Add(2 * time.Hour))
			require.Zero(t, w.ran()+w.deploys["a"])
			require.True(t, w.last(o.ID).Again)
		})
	}
}

// The answer to a last call brings the same order with an action that may not run: it does not
// begin (INT-10, MAN-7). One that needs what the agent does not have does not either (MAN-11).
func TestLastCallBringsAForbiddenAction_INT10(t *testing.T) {
	for name, change := range map[string]func(*job.Order){
		"action": func(o *job.Order) { o.Pre = []job.Action{hostile} },
		"need":   func(o *job.Order) { o.Needs = []string{"flying"} },
	} {
		t.Run(name, func(t *testing.T) {
			o := orderAt(t, "a", epoch)
			w := newWorld(t, o)
			w.c.Policy = house
			w.until(epoch.Add(-time.Second)) // received
			change(&o)
			o.Revision++
			w.publish(o)
			w.until(epoch.Add(time.Hour))
			require.Equal(t, []string{"Received", "Received", "Failed"}, w.told(o.ID))
			require.Zero(t, w.ran()+w.deploys["a"]+w.downloads["a"])
		})
	}
}

// A policy that the agent is given while an order waits counts at once: what is to be downloaded
// early is not any more (INT-10).
func TestPolicyBeforeAnEarlyDownload_INT10(t *testing.T) {
	o := orderAt(t, "a", epoch)
	o.Early, o.Pre = true, []job.Action{hostile}
	w := newWorld(t, o)
	w.step(Started{})
	for len(w.s.Early) == 0 {
		w.until(w.at.Wall.Add(time.Second))
	}
	require.Zero(t, w.downloads["a"])
	w.c.Policy = house
	w.crash()
	w.until(epoch.Add(time.Hour))
	require.Equal(t, []string{"Received", "Failed"}, w.told(o.ID))
	require.Zero(t, w.ran()+w.deploys["a"]+w.downloads["a"])
}
