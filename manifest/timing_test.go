package manifest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/patchpolicy/patchpolicy/manifest"
)

// With the defaults a change reaches every connected agent within 30 minutes.
func TestDefaultBound_MAN3(t *testing.T) {
	require.LessOrEqual(t, manifest.Bound(manifest.Every), manifest.MaxPropagation)
	require.Equal(t, 23*time.Minute, manifest.Bound(manifest.Every))
	require.Equal(t, manifest.MaxPropagation, manifest.Bound(22*time.Minute), "the rarest calls that keep the promise")
}

// An agent is walked through its calls with random luck. No change takes longer
// than Bound, and the worst case takes exactly that.
func TestBoundAgainstWalk_MAN3(t *testing.T) {
	const publish, jitter, network, retry, failures = time.Minute, time.Minute, 30 * time.Second, 30 * time.Second, 3
	rapid.Check(t, func(t *rapid.T) {
		every := time.Duration(rapid.IntRange(1, 3600).Draw(t, "every")) * time.Second
		// walk returns how long a change takes that is ready after the server
		// answered a call. The answer takes took to arrive.
		walk := func(after, took, jitter, network time.Duration, failures int) time.Duration {
			ready := time.Duration(publish)
			now := ready - after // the server answers: the change, made at 0, is not in it yet
			now += took          // the answer travels
			now += every + jitter
			wait := time.Duration(retry)
			for range failures {
				now += network + min(wait, every)
				wait *= 2
			}
			return now + network
		}
		require.Equal(t, walk(0, network, jitter, network, failures), manifest.Bound(every))
		lucky := func(label string, most time.Duration) time.Duration {
			return time.Duration(rapid.Int64Range(0, int64(most)).Draw(t, label))
		}
		some := walk(lucky("after", every), lucky("took", network), lucky("jittered", jitter),
			lucky("call", network), rapid.IntRange(0, failures).Draw(t, "failed"))
		require.LessOrEqual(t, some, manifest.Bound(every))
	})
}
