package fleet

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkFleet runs a week with growing fleets. An agent's day costs the same
// in each. Where the system counts processor time, other programs on the
// machine do not matter.
func BenchmarkFleet(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	for _, agents := range []int{1e4, 1e5, 1e6} {
		b.Run(fmt.Sprintf("agents=1e%d", len(fmt.Sprint(agents))-1), func(b *testing.B) {
			for b.Loop() {
				began, used := time.Now(), processorTime()
				r, err := Run(b.Context(), Config{Agents: agents, Seed: 1})
				require.NoError(b, err)
				elapsed, used := time.Since(began), processorTime()-used
				var memory runtime.MemStats
				runtime.ReadMemStats(&memory)
				events := float64(r.Events.Steps + r.Events.CheckIns)
				b.ReportMetric(elapsed.Seconds(), "s")
				b.ReportMetric(events/elapsed.Seconds(), "events/s")
				b.ReportMetric(float64(used.Nanoseconds())/1e3/float64(agents*r.Days), "core-µs/agent-day")
				b.ReportMetric(float64(memory.Sys)/float64(agents), "bytes/agent")
				b.ReportMetric(float64(memory.Sys)/(1<<20), "MiB")
			}
		})
	}
}
