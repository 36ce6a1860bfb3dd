package staging

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What sizes give, and what no size may do: give no time, or more than the most.
func TestBoundsOfADownload_INT11(t *testing.T) {
	for _, c := range []struct {
		pace  Pace
		size  int64
		rate  int64
		total time.Duration
	}{
		{Pace{}, 10_000, 4096, 2*time.Minute + 2*time.Second},
		{Pace{}, 100 << 20, 4096, 7*time.Hour + 8*time.Minute + 40*time.Second},
		{Pace{}, 338 << 20, 4096, 24 * time.Hour},
		{Pace{}, 4 << 30, 12427, 24 * time.Hour},
		{Pace{}, MaxFile, 198841, 24 * time.Hour},
		{Pace{}, math.MaxInt64, 26687997791825, 24 * time.Hour},
		{Pace{}, 0, 4096, 6 * time.Hour},
		{Pace{}, -1, 4096, 6 * time.Hour},
		{Pace{}, 1, 4096, 2 * time.Minute},
		{Pace{Rate: 1}, 1 << 20, 3, 24 * time.Hour},
		{Pace{Most: time.Hour}, 0, 4096, time.Hour},
		{Pace{Most: 7 * 24 * time.Hour}, 4 << 30, 4096, 7 * 24 * time.Hour},
	} {
		p := c.pace.withDefaults()
		require.Equal(t, c.rate, p.rate(c.size), c)
		require.Equal(t, c.total, p.total(c.size), c)
	}
}
