package agent_test

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"testing"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/stretchr/testify/require"
)

// The oracle draws with the library's FNV-1a, each word ended by a zero byte.
func TestIntervalSpreadsCalls_MAN3(t *testing.T) {
	seen := map[time.Duration]bool{}
	for i := range 200 {
		c := agent.Config{Asset: job.AssetID(fmt.Sprint("web-", i)), Every: 20 * time.Minute}
		for _, call := range []uint64{0, 1, 9, 10, 12345, 1<<64 - 1} {
			h := fnv.New32a()
			h.Write([]byte(string(c.Asset) + "\x00" + strconv.FormatUint(call, 10) + "\x00"))
			got := c.Interval(call)
			require.Equal(t, 20*time.Minute-2*time.Minute/1000*time.Duration(h.Sum32()%1000), got)
			seen[got] = true
		}
	}
	require.Greater(t, len(seen), 500, "the draws differ")
	require.LessOrEqual(t, agent.Config{Asset: "web-1"}.Interval(1), 15*time.Minute, "the default is filled in")
	require.Greater(t, agent.Config{Asset: "web-1"}.Interval(1), 13*time.Minute)
}
