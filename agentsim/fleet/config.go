package fleet

import (
	"cmp"
	"fmt"
	"runtime"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// Config says how large a fleet is, and what goes wrong in it. Zero means the
// default.
type Config struct {
	Agents  int           // 1 to MaxAgents; no default
	Days    int           // of virtual time, 1 to MaxDays; default 7
	Seed    uint64        // of all random numbers
	Failing int           // downloads that fail, per thousand; default 10; negative: none
	Offline int           // agents that are away for one to three days, per thousand; default 20; negative: none
	Cancel  time.Duration // from enabling the job to its cancel; default 12 min; negative: never

	Progress func(done int) // receives how many agents are done; one call at a time; may be nil

	// Tests set these. No history depends on them.
	shard     int                                 // agents per server; all are in memory at once; default 1000
	workers   int                                 // shards that run at the same time; default: one per processor
	everyCall bool                                // carry out idle check-ins
	keys      *keys                               // default: cheap
	server    func(*scene, keys, int, int) server // of assets from this number on, and how many; default: newLean
}

// WithDefaults replaces zero by the defaults.
func (c Config) WithDefaults() Config {
	c.Days, c.Failing, c.Offline = cmp.Or(c.Days, 7), cmp.Or(c.Failing, 10), cmp.Or(c.Offline, 20)
	c.Cancel = cmp.Or(c.Cancel, 12*time.Minute)
	c.shard, c.workers = cmp.Or(c.shard, 1000), cmp.Or(c.workers, runtime.GOMAXPROCS(0))
	c.keys = cmp.Or(c.keys, &keys{cheap, cheap})
	if c.server == nil {
		c.server = newLean
	}
	return c
}

// Validate reports everything that is wrong with the settings. The error is a
// *job.Invalid.
func (c Config) Validate() error {
	c = c.WithDefaults()
	var bad problem.List
	between := func(field string, value, low, high int) {
		if value < low || value > high {
			bad.Add(field, fmt.Sprint(value), "is not between %d and %d", low, high)
		}
	}
	between("agents", c.Agents, 1, MaxAgents)
	between("days", c.Days, 1, MaxDays)
	between("failing", max(c.Failing, 0), 0, 1000)
	between("offline", max(c.Offline, 0), 0, 1000)
	if c.Days > 0 && c.Cancel >= time.Duration(c.Days)*day-Enabled {
		bad.Add("cancel", c.Cancel.String(), "is after the last day")
	}
	return bad.Err("fleet")
}
