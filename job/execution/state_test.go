package execution

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/reboot"
)

func TestOutcomesBeforeAnythingIsKnown(t *testing.T) {
	o := orderOf(t, "a", "b")
	x, _ := Step(Config{}, State{}, Begin{Order: o, BootID: "boot-1", Sessions: reboot.Unknown}, start)
	require.Equal(t, []PatchState{
		{PatchOutcome: job.PatchOutcome{Patch: o.Patches[0].Patch, Name: "a", Status: job.Pending, To: o.Patches[0].Version}},
		{PatchOutcome: job.PatchOutcome{Patch: o.Patches[1].Patch, Name: "b", Status: job.Pending, To: o.Patches[1].Version}},
	}, x.Patches)
}

// Nothing happens before the beginning, and there is only one.
func TestBeginComesFirstAndOnce(t *testing.T) {
	for _, ev := range []Event{nil, Restarted{BootID: "boot-1"}, Cancel{}, Tick{}} {
		x, out := Step(Config{}, State{}, ev, start)
		require.Equal(t, State{}, x)
		require.Zero(t, out)
	}
	begun, _ := Step(Config{}, State{}, Begin{Order: orderOf(t, "a")}, start)
	x, out := Step(Config{}, begun, Begin{Order: orderOf(t, "b")}, start)
	require.Equal(t, begun, x)
	require.Zero(t, out)
}
