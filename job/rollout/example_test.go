package rollout_test

import (
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/job/rollout"
)

func Example() {
	policy := rollout.Policy{
		Rings: []rollout.RingPolicy{
			{Name: "lab", Tag: "lab", Soak: 24 * time.Hour, Gate: rollout.Gate{Results: 2}},
			{Name: "early", Take: rollout.Amount{Percent: 10}, Soak: 24 * time.Hour, Gate: rollout.Gate{Results: 2, Success: 90}},
			{Name: "rest", Gate: rollout.Gate{Results: 5, Success: 90}},
		},
		Budget: rollout.Amount{Percent: 5},
	}
	if err := policy.Validate(); err != nil {
		fmt.Println(err)
		return
	}
	var assets []rollout.Asset
	for i := range 100 {
		a := rollout.Asset{ID: fmt.Sprintf("pc-%02d", i)}
		if i < 3 {
			a.Tags = []string{"lab"}
		}
		assets = append(assets, a)
	}
	fmt.Println(policy.BlastRadius(assets))

	now := time.Date(2026, 6, 1, 22, 0, 0, 0, time.UTC)
	state := rollout.Begin(policy, "editor 2.1", assets, now)
	for _, a := range assets[:3] {
		member := state.Place(policy, a)
		var out rollout.Out
		state, member, out = rollout.StepMember(policy, state, member, rollout.Ask{}, now)
		fmt.Println(member.ID, out.Grant, out.Reason.Text)
		state, member, _ = rollout.StepMember(policy, state, member, rollout.Ended{Grant: member.Grant, Outcome: rollout.Success}, now.Add(time.Hour))
	}
	fmt.Println(state.Gate(policy, now.Add(time.Hour)).Text)
	now = now.Add(25 * time.Hour)
	state, out := rollout.Step(policy, state, rollout.Tick{}, now)
	fmt.Println(policy.Rings[out.Opened[0]].Name, "starts:", out.Reason.Text)
	fmt.Println(state.Open(), state.Total().AtRisk(), state.Recalls(rollout.Member{}))
	// Output:
	// A bad patch can hurt at most 5 of 100 assets before the rollout stops (budget 5, rings 3 10 87).
	// pc-00 true Ring "lab" has started, and 0 of at most 5 assets were at risk.
	// pc-01 true Ring "lab" has started, and 0 of at most 5 assets were at risk.
	// pc-02 true Ring "lab" has started, and 0 of at most 5 assets were at risk.
	// In ring "lab", 3 of 3 granted assets succeeded, 100 percent (0 failed, 0 pending, 0 silent); it soaks until 2026-06-02T23:00:00Z.
	// early starts: In ring "lab", 3 of 3 granted assets succeeded, 100 percent (0 failed, 0 pending, 0 silent), as its gate wants, and it has soaked for 24h0m0s.
	// true 0 false
}

// The second asset waits until the first has reported back, although the lease
// of the first has ended.
func ExampleStepSlots() {
	policy := rollout.SlotPolicy{Tag: "web", Slots: 1, Lease: 30 * time.Minute}
	if err := policy.Validate(); err != nil {
		fmt.Println(err)
		return
	}
	now := time.Date(2026, 6, 1, 22, 0, 0, 0, time.UTC)
	slots, out := rollout.StepSlots(policy, rollout.Slots{}, rollout.Acquire{Holder: "web-1", Number: 1}, now)
	fmt.Println(out.Granted, out.Lease.Until.Format(time.TimeOnly))
	slots, out = rollout.StepSlots(policy, slots, rollout.Acquire{Holder: "web-2", Number: 1}, now.Add(time.Hour))
	fmt.Println(out.Granted, out.Reason.Text)
	slots, _ = rollout.StepSlots(policy, slots, rollout.Returned{Holder: "web-1", Number: 1}, now.Add(2*time.Hour))
	_, out = rollout.StepSlots(policy, slots, rollout.Acquire{Holder: "web-2", Number: 1}, now.Add(2*time.Hour))
	fmt.Println(out.Granted)
	// Output:
	// true 22:30:00
	// false The slots of group "web" are taken: 1 of 1, the first by web-1.
	// true
}
