package reboot

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The first boot identity that becomes known is no reboot; what the event does besides, it does: what stands is shown
// again, and what time has passed over happens (RBT-8).
func TestFirstBootIdentityShowsWhatStands_RBT8(t *testing.T) {
	p := Policy{Deferrals: 2}
	s, asked := play(p, State{}, start, Due{Sessions: Active})
	require.Len(t, asked, 1)
	same, effects := Step(p, s, Booted{"A"}, start)
	require.Equal(t, asked, effects)
	require.Equal(t, "A", same.Boot)

	late, _ := Step(p, s, Booted{"A"}, start.Add(1000*time.Hour))
	require.NotEqual(t, Prompting, late.Phase, "nobody answered in time")
	require.Equal(t, "A", late.Boot)
}
