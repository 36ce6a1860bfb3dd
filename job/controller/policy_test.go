package controller_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
)

// Orders are made under the server's policy: they carry its digest and clauses,
// and leave out what no clause is about; the preview says the same (INT-4,
// JOB-22).
func TestOrdersAreMadeUnderThePolicy_INT4(t *testing.T) {
	stores(t, func(f *fixture) {
		policy := integrity.Policy{Format: integrity.PolicyFormat, Clauses: []integrity.Clause{
			{Name: "editor", Vendor: integrity.Any, Product: "editor", AllowUnsigned: true},
			{Name: "reader", Vendor: integrity.Any, Product: "reader"},
		}}
		c := config()
		c.Policy = policy.Excerpt()
		under, err := controller.New(f.store, c)
		require.NoError(f, err)

		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		a := f.enrol("a", "all")
		d := definition("before", "editor-2.0.0", "player-2.0.0")
		f.enable(d)
		f.call(a)
		require.True(f, a.orders[0].SignerPolicy.IsZero())

		f.Controller = under
		d.ID = "after"
		plan, _, err := f.Preview(ctx, d, "a", f.now)
		require.NoError(f, err)
		run := f.enable(d)
		f.call(a)
		require.Len(f, a.orders, 2)
		var order job.Order
		for _, o := range a.orders {
			if o.Job == "after" {
				order = o
			} else {
				require.True(f, o.SignerPolicy.IsZero(), "an order that was made keeps what it was made under")
			}
		}
		require.Equal(f, policy.Digest(), order.SignerPolicy.Digest)
		require.Equal(f, policy.Clauses[:1], order.SignerPolicy.Clauses)
		require.Len(f, order.Patches, 1)
		plan.Order.Revision = 1 // the definition was not saved then
		require.Equal(f, plan.Order, order)

		left := plan.LeftOut
		require.Len(f, left, 1)
		require.Equal(f, "INT-4", left[0].Rule)
		require.Equal(f, left, f.asset(run, "a").Patches[1:])

		a.report(job.Report{Order: order.ID, Progress: job.Started})
		refused := outcome("editor-2.0.0", job.PatchFailed, job.FileSignatureFailed)
		refused.Check = &integrity.Verdict{Code: 11, Reason: integrity.PolicyMismatch, Rule: "INT-4", Text: "The order was made under another policy.", Clause: "editor"}
		a.report(job.Report{Order: order.ID, Result: job.Failed, Patches: []job.PatchOutcome{refused}})
		f.call(a)
		require.Equal(f, refused.Check, f.asset(run, "a").Patches[0].Check)
	})
}

func TestBadPolicyIsRefused_JOB20(t *testing.T) {
	c := config()
	c.Policy.Clauses = []integrity.Clause{{Name: "x"}}
	err := c.Validate()
	require.ErrorContains(t, err, "policy.digest")
	require.ErrorContains(t, err, "policy.clauses[0].vendor")
}
