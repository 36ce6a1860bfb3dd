package job

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job/deadline"
	"github.com/patchpolicy/patchpolicy/job/rollout"
	"github.com/patchpolicy/patchpolicy/job/schedule"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// The orders of assets of the group want a slot, and an agent that can ask for
// one, whatever actions it may run.
func TestOrdersThatNeedASlot_ROL7_MAN11(t *testing.T) {
	snap := listed(t, []catalog.Product{productOf("a")}, []catalog.Patch{patchOf(t, "a", "2.0.0", epoch)})
	d := Definition{ID: "nightly", Platform: catalog.Linux, Patches: Patches{List: []catalog.PatchID{"a-2.0.0"}}, RebootSlots: &rollout.SlotPolicy{Tag: "web", Slots: 1}}
	for _, tags := range [][]string{nil, {"db"}, {"db", "web"}} {
		plan := d.Plan(PlanInput{Snapshot: snap, Asset: "web-1", Inventory: inventoryOf(t, map[string]string{"a": "1.0.0"}),
			Occurrence: schedule.Occurrence{Start: epoch}, Now: epoch, Facts: deadline.Asset{Tags: tags}})
		needs := len(tags) == 2
		require.Equal(t, needs, plan.Order.Reboot.Slot)
		require.NoError(t, plan.Order.Validate())
		require.Equal(t, needs, plan.Order.Obstacle([]string{CanRunActions}, integrity.Excerpt{}).Stops())
		for _, policy := range []integrity.Excerpt{{}, acmePolicy().Excerpt()} {
			require.Zero(t, plan.Order.Obstacle(CapabilitiesUnder(policy), policy))
		}
	}
}

func TestRebootSlotsThatCannotWork_ROL7(t *testing.T) {
	for name, c := range map[string]struct {
		slots     rollout.SlotPolicy
		countdown time.Duration
		bad       string
	}{
		"the default lease":           {rollout.SlotPolicy{Tag: "web", Slots: 1}, 59 * time.Minute, ""},
		"the lease ends first":        {rollout.SlotPolicy{Tag: "web", Slots: 1}, time.Hour, "rebootSlots.lease"},
		"a longer lease":              {rollout.SlotPolicy{Tag: "web", Slots: 1, Lease: 25 * time.Hour}, 24 * time.Hour, ""},
		"no countdown":                {rollout.SlotPolicy{Tag: "web", Slots: 1, Lease: time.Minute}, -1, ""},
		"the default countdown":       {rollout.SlotPolicy{Tag: "web", Slots: 1, Lease: time.Minute}, 0, "rebootSlots.lease"},
		"no group":                    {rollout.SlotPolicy{Slots: 1}, 0, "rebootSlots.tag"},
		"nobody would ever go down":   {rollout.SlotPolicy{Tag: "web"}, 0, "rebootSlots.slots"},
		"a lease of more than a week": {rollout.SlotPolicy{Tag: "web", Slots: 1, Lease: 169 * time.Hour}, 0, "rebootSlots.lease"},
	} {
		d := Definition{ID: "j", State: Disabled, Platform: catalog.Linux, Schedule: schedule.Schedule{Kind: schedule.OnDemand},
			Reboot: reboot.Policy{Countdown: c.countdown}, RebootSlots: &c.slots}
		if c.bad == "" {
			require.NoError(t, d.Validate(), name)
		} else {
			require.ErrorContains(t, d.Validate(), c.bad, name)
		}
	}
	d := Definition{ID: "j", State: Disabled, Platform: catalog.Linux, Schedule: schedule.Schedule{Kind: schedule.OnDemand}, RebootSlots: &rollout.SlotPolicy{Tag: "web", Slots: 1}}
	require.True(t, slices.ContainsFunc(d.Check(Policies{Now: epoch}), func(f Finding) bool { return f.Kind == SlotWait && f.Missed }))
	d.RebootSlots, d.Reboot.Slot = nil, true
	require.ErrorContains(t, d.Validate(), "rebootSlots")
	o := orderOf(t, "a")
	o.RebootUntil = epoch
	require.ErrorContains(t, o.Validate(), "rebootUntil")
}
