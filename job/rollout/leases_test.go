package rollout_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job/rollout"
)

// Elsewhere: leases of machines that went down and did not come back ended, the
// next ones took the slots, and one after the other was unavailable
// (mysticaltech/terraform-hcloud-kube-hetzner#1182; m-lab/k8s-support#474 counts
// six machines a day). Here: the end of a lease frees nothing. Thirty leases end
// at once, and none of the thirty that wait gets a slot until one of the first
// has reported back.
func TestThirtyLeasesEndAtOnce_ROL7(t *testing.T) {
	p := rollout.SlotPolicy{Tag: "web", Slots: 30, Lease: time.Hour}
	var s rollout.Slots
	ask := func(i int, at time.Time) (out rollout.SlotOut) {
		s, out = rollout.StepSlots(p, s, rollout.Acquire{Holder: fmt.Sprintf("web-%02d", i), Number: 1}, at)
		return out
	}
	for i := range 30 {
		require.True(t, ask(i, t0).Granted)
	}
	late := t0.AddDate(0, 0, 1)
	for i := range 30 {
		require.False(t, ask(30+i, late).Granted, "the first thirty may all be down")
	}
	s, _ = rollout.StepSlots(p, s, rollout.Returned{Holder: "web-07", Number: 1}, late)
	require.True(t, ask(30, late).Granted)
	require.False(t, ask(31, late).Granted)
	require.Len(t, s.Leases, 30)
}
