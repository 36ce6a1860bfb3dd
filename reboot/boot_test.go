package reboot

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The first boot identity that becomes known is no reboot; otherwise the event
// does what it always does: the prompt is shown again, and what is overdue
// happens (RBT-8).
func TestFirstBootIdentityShowsWhatStands_RBT8(t *testing.T) {
	p := Policy{Deferrals: 2}
	s, asked := play(p, State{}, start, Due{Sessions: Active})
	require.Len(t, asked, 1)
	same, out := Step(p, s, Booted{"A"}, at(start))
	require.Equal(t, asked, out.Effects)
	require.Equal(t, "A", same.BootID)

	late, _ := Step(p, s, Booted{"A"}, at(start.Add(1000*time.Hour)))
	require.NotEqual(t, Prompting, late.Phase, "nobody answered in time")
	require.Equal(t, "A", late.BootID)
}
