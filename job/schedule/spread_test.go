package schedule

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Fixed for a run and an asset: a server and an agent of different versions
// must agree. The values are those of printf 'j@20260213T023000/web-1' |
// sha256sum, its first 16 digits times 3600, shifted by 64 bits.
func TestSpreadIsFixed_JOB9(t *testing.T) {
	s := Schedule{Spread: time.Hour}
	for _, c := range []struct {
		order string
		want  time.Duration
	}{
		{"j@20260213T023000/web-1", 3151 * time.Second},
		{"j@20260213T023000/web-2", 2721 * time.Second},
		{"j@20260214T023000/web-1", 2437 * time.Second},
	} {
		require.Equal(t, c.want, s.Delay(c.order), c.order)
	}
	require.Zero(t, Schedule{}.Delay("j@20260213T023000/web-1"))
	require.Zero(t, Schedule{Spread: time.Second}.Delay("j@20260213T023000/web-1"))
}

// Sixty buckets of a thousand each: with a fair spread a bucket strays from
// that by 32, and never by 200.
func TestSpreadIsUniform_JOB9(t *testing.T) {
	s := Schedule{Spread: time.Hour}
	var buckets [60]int
	for i := range 60_000 {
		d := s.Delay(fmt.Sprint("j@20260213T023000/host-", i))
		require.True(t, d >= 0 && d < time.Hour && d%time.Second == 0, d)
		buckets[d/time.Minute]++
	}
	for _, n := range buckets {
		require.InDelta(t, 1000, n, 200, "%v", buckets)
	}
}
