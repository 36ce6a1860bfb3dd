package agent

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
)

// An agent holds every order to its own policy, and its reports name what
// decided; a policy that it is given later counts from the next step on
// (INT-4).
func TestOwnPolicyDecides_INT4(t *testing.T) {
	strict := integrity.Policy{Format: integrity.PolicyFormat, Clauses: []integrity.Clause{{Name: "all", Vendor: integrity.Any, Product: integrity.Any}}}
	lax := integrity.Policy{Format: integrity.PolicyFormat, Clauses: []integrity.Clause{{Name: "all", Vendor: integrity.Any, Product: integrity.Any, AllowUnsigned: true}}}
	for _, tc := range []struct {
		name       string
		own, order integrity.Excerpt
		want       integrity.Reason
	}{
		{"no policy", integrity.Excerpt{}, integrity.Excerpt{}, integrity.ChecksumMatched},
		{"own, and it passes", lax.Excerpt(), integrity.Excerpt{}, integrity.ChecksumMatched},
		{"own, and it does not", strict.Excerpt(), integrity.Excerpt{}, integrity.SignatureMissing},
		{"the same on both sides", strict.Excerpt(), strict.Excerpt(), integrity.SignatureMissing},
		{"talked into a weaker one", strict.Excerpt(), lax.Excerpt(), integrity.PolicyMismatch},
		{"talked into a stronger one", lax.Excerpt(), strict.Excerpt(), integrity.PolicyMismatch},
		{"the order's, where the agent has none", integrity.Excerpt{}, strict.Excerpt(), integrity.SignatureMissing},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := orderAt(t, "a", epoch)
			o.SignerPolicy = tc.order
			w := newWorld(t, o)
			w.until(epoch.Add(-time.Minute)) // received
			w.c.Policy = tc.own
			w.until(epoch.Add(time.Hour))
			var outcome job.PatchOutcome
			for _, r := range w.accepted {
				if len(r.Patches) == 1 {
					outcome = r.Patches[0]
				}
			}
			require.NotNil(t, outcome.Check)
			require.Equal(t, tc.want, outcome.Check.Reason, outcome.Text)
			passed := tc.want == integrity.ChecksumMatched
			require.Equal(t, passed, w.installed["a"] == "2.0.0")
			if !passed {
				require.Equal(t, job.FileSignatureFailed, outcome.Code)
				require.Equal(t, "INT-4", outcome.Rule)
			}
			if !tc.own.IsZero() || !tc.order.IsZero() {
				require.Equal(t, tc.want != integrity.PolicyMismatch, outcome.Check.Clause == "all")
			}
		})
	}
}

// What a policy adds to an agent's state: nothing where there is none,
// otherwise a digest and the clauses for an order's products, once per order.
func TestPolicyIsSmallInTheState(t *testing.T) {
	size := func(change func(*job.Order)) int {
		o := orderAt(t, "a", epoch)
		change(&o)
		w := newWorld(t, o)
		w.until(epoch.Add(-time.Minute))
		require.Len(t, w.s.Queue, 1)
		data, err := w.s.MarshalBinary()
		require.NoError(t, err)
		return len(data)
	}
	clause := integrity.Clause{Name: "all", Vendor: integrity.Any, Product: integrity.Any, AllowUnsigned: true}
	without := size(func(*job.Order) {})
	with := size(func(o *job.Order) {
		o.SignerPolicy = integrity.Policy{Format: integrity.PolicyFormat, Clauses: []integrity.Clause{clause}}.Excerpt()
	})
	data, err := json.Marshal(clause)
	require.NoError(t, err)
	require.Equal(t, len(`,"policy":{"digest":"sha256:","clauses":[]}`)+64+len(data), with-without)
	t.Logf("%d bytes without, %d with", without, with)
}
