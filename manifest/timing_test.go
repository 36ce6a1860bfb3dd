package manifest_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/patchpolicy/patchpolicy/manifest"
)

// With the defaults a change reaches every connected agent within 30 minutes.
func TestDefaultBound_MAN3(t *testing.T) {
	var defaults manifest.Timing
	require.NoError(t, defaults.Validate())
	require.LessOrEqual(t, defaults.Bound(), 30*time.Minute)
	require.Equal(t, 23*time.Minute, defaults.Bound())
	require.Equal(t, defaults.Bound(), defaults.WithDefaults().Bound())
}

func TestTimingValidate_MAN3(t *testing.T) {
	none := manifest.Timing{Publish: -1, Jitter: -1, Failures: -1}
	for _, c := range []struct {
		name   string
		timing manifest.Timing
		fields []string
	}{
		{"defaults", manifest.Timing{}, nil},
		{"none of what can be none", none, nil},
		{"at the promise", manifest.Timing{Publish: -1, Jitter: -1, Failures: -1, CheckIn: 29 * time.Minute}, nil},
		{"one second past it", manifest.Timing{Publish: -1, Jitter: -1, Failures: -1, CheckIn: 29*time.Minute + time.Second}, []string{"bound"}},
		{"calls too rare", manifest.Timing{CheckIn: time.Hour}, []string{"checkIn"}},
		{"too many failures", manifest.Timing{Failures: 100}, []string{"bound"}},
		{"failures without end", manifest.Timing{Failures: math.MaxInt}, []string{"bound"}},
		{"all of it", manifest.Timing{Publish: math.MaxInt64, CheckIn: -1, Jitter: math.MaxInt64, Network: -1, Retry: math.MinInt64},
			[]string{"publish", "checkIn", "jitter", "network", "retry"}},
	} {
		t.Run(c.name, func(t *testing.T) { requireFields(t, c.fields, c.timing.Validate()) })
	}
}

// An agent is walked through its calls with random luck. No change takes longer
// than Bound, and the worst case takes exactly that.
func TestBoundAgainstWalk_MAN3(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		minutes := func(label string, least int) time.Duration {
			return time.Duration(rapid.IntRange(least, 10).Draw(t, label)) * time.Minute
		}
		timing := manifest.Timing{
			Publish: minutes("publish", 1), CheckIn: minutes("checkIn", 1), Jitter: minutes("jitter", 1),
			Network: minutes("network", 1), Retry: minutes("retry", 1), Failures: rapid.IntRange(1, 5).Draw(t, "failures"),
		}
		// walk returns how long a change takes that is ready after the server
		// answered a call. The answer takes took to arrive.
		walk := func(after, took, jitter, network time.Duration, failures int) time.Duration {
			ready := timing.Publish
			now := ready - after // the server answers: the change, made at 0, is not in it yet
			now += took          // the answer travels
			now += timing.CheckIn + jitter
			wait := timing.Retry
			for range failures {
				now += network + min(wait, timing.CheckIn)
				wait *= 2
			}
			return now + network
		}
		worst := walk(0, timing.Network, timing.Jitter, timing.Network, timing.Failures)
		require.Equal(t, worst, timing.Bound())
		lucky := func(label string, most time.Duration) time.Duration {
			return time.Duration(rapid.Int64Range(0, int64(most)).Draw(t, label))
		}
		some := walk(lucky("after", timing.CheckIn), lucky("took", timing.Network), lucky("jittered", timing.Jitter),
			lucky("call", timing.Network), rapid.IntRange(0, timing.Failures).Draw(t, "failed"))
		require.LessOrEqual(t, some, timing.Bound())
	})
}
