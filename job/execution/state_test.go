package execution

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/reboot"
)

func TestOutcomesBeforeAnythingIsKnown(t *testing.T) {
	o := orderOf(t, "a", "b")
	x, _ := Begin(o, "boot-1", reboot.Unknown, start)
	require.Equal(t, []job.PatchOutcome{
		{Patch: o.Patches[0].Patch, Name: "a", Status: job.Pending, To: o.Patches[0].Version},
		{Patch: o.Patches[1].Patch, Name: "b", Status: job.Pending, To: o.Patches[1].Version},
	}, x.Outcomes())
}
