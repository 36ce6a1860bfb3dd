package schedule

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var epoch = time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC)

func instant(t testing.TB, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	require.NoError(t, err)
	return at.UTC()
}

func local(t testing.TB, s string) LocalTime {
	t.Helper()
	l, err := ParseLocalTime(s)
	require.NoError(t, err)
	return l
}

func TestNextStart_JOB9_JOB20(t *testing.T) {
	enabled := epoch.Add(time.Minute + 300*time.Millisecond)
	for _, c := range []struct {
		s     Schedule
		after time.Time
		want  time.Time
		ok    bool
	}{
		{Schedule{Kind: OnDemand}, time.Time{}, epoch.Add(time.Minute), true},
		{Schedule{Kind: OnDemand}, epoch.Add(time.Minute), time.Time{}, false},
		{Schedule{Kind: Once, At: epoch.Add(time.Hour).In(time.FixedZone("x", 3600))}, epoch, epoch.Add(time.Hour), true},
		{Schedule{Kind: Once, At: epoch}, epoch, time.Time{}, false},
		{Schedule{}, time.Time{}, time.Time{}, false},
	} {
		o, ok := c.s.NextIn(enabled, c.after, nil)
		require.Equal(t, c.ok, ok, "%+v", c.s)
		require.Equal(t, Occurrence{Start: c.want}, o)
	}
}

// The schedule's years: a first and a last occurrence lie in them, and one past
// them does not occur.
func TestOccurrencesStayWithinTheYears_JOB20(t *testing.T) {
	at := func(year int) time.Time { return time.Date(year, 6, 1, 0, 0, 0, 0, time.UTC) }
	for year, want := range map[int]bool{1969: false, 1970: true, 9999: true, 10_000: false} {
		_, ok := found(Occurrence{Start: at(year)}, true)
		require.Equal(t, want, ok, year)
		_, ok = found(Occurrence{Start: at(year)}, false)
		require.False(t, ok)
	}
}
