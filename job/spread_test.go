package job

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Fixed for a run and an asset: a server and an agent of different versions must agree. The values are those of
// printf 'j@20260213T023000/web-1' | sha256sum, its first 16 digits times 3600, shifted by 64 bits.
func TestSpreadIsFixed_JOB9(t *testing.T) {
	s := Schedule{Spread: time.Hour}
	for _, c := range []struct {
		run   RunID
		asset AssetID
		want  time.Duration
	}{
		{"j@20260213T023000", "web-1", 3151 * time.Second},
		{"j@20260213T023000", "web-2", 2721 * time.Second},
		{"j@20260214T023000", "web-1", 2437 * time.Second},
	} {
		require.Equal(t, c.want, s.Delay(c.run, c.asset), "%s/%s", c.run, c.asset)
	}
	require.Zero(t, Schedule{}.Delay("j@20260213T023000", "web-1"))
	require.Zero(t, Schedule{Spread: time.Second}.Delay("j@20260213T023000", "web-1"))
}

// Sixty buckets of a thousand each: with a fair spread a bucket strays from that by 32, and never by 200.
func TestSpreadIsUniform_JOB9(t *testing.T) {
	s := Schedule{Spread: time.Hour}
	var buckets [60]int
	for i := range 60_000 {
		d := s.Delay("j@20260213T023000", AssetID(fmt.Sprint("host-", i)))
		require.True(t, d >= 0 && d < time.Hour && d%time.Second == 0, d)
		buckets[d/time.Minute]++
	}
	for _, n := range buckets {
		require.InDelta(t, 1000, n, 200, "%v", buckets)
	}
}

func TestSpreadStaysInsideTheWindow_JOB10(t *testing.T) {
	d := Definition{ID: "j", Window: time.Hour, Schedule: Schedule{Kind: Daily, Time: Clock(2, 30), Zone: "UTC", Spread: 30 * time.Minute}}
	o, ok := d.Schedule.NextIn(epoch, epoch, time.UTC)
	require.True(t, ok)
	late := 0
	for i := range 100 {
		asset := AssetID(fmt.Sprint("host-", i))
		start, end := d.Span(o, asset)
		require.Equal(t, o.Start.Add(time.Hour), end)
		require.False(t, start.Before(o.Start))
		require.Less(t, start.Sub(o.Start), d.Schedule.Spread)
		if start.After(o.Start) {
			late++
		}
		run := o.Run(d.ID)
		require.NoError(t, Order{ID: MakeOrderID(run, asset), Job: d.ID, Run: run, Start: start, End: end}.Validate())
	}
	require.Greater(t, late, 90)
	d.Window = 0
	_, end := d.Span(o, "a")
	require.Zero(t, end)
}
