package schedule

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A wall clock that is set back changes no duration.
func TestSteadyMeasuresDurations_MAN8(t *testing.T) {
	before := At{UTC: epoch, Steady: 5}
	after := At{UTC: epoch.Add(-time.Hour), Steady: before.Steady.Add(time.Minute)}
	require.Equal(t, time.Minute, after.Steady.Sub(before.Steady))
	require.True(t, before.Steady.Before(after.Steady))
	require.False(t, after.Steady.Before(before.Steady) || before.Steady.Before(before.Steady))
	require.True(t, Steady(0).IsZero())
	require.False(t, before.Steady.IsZero())
}
