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

	Shard    int            // agents per server, at most MaxShard; default 1000. No history depends on it.
	Workers  int            // shards that run at the same time; default: one per processor. No history depends on it.
	Progress func(done int) // receives how many agents are done; one call at a time; may be nil

	// Tests replace what is cheaper here.
	everyCall bool                                    // carry out idle check-ins
	keys      *keys                                   // nil: cheap
	server    func(*scene, keys, int) (server, error) // for this many assets; nil: newLean
}

// WithDefaults replaces zero by the defaults.
func (c Config) WithDefaults() Config {
	c.Days, c.Failing, c.Offline = cmp.Or(c.Days, 7), cmp.Or(c.Failing, 10), cmp.Or(c.Offline, 20)
	c.Shard, c.Workers = cmp.Or(c.Shard, 1000), cmp.Or(c.Workers, runtime.GOMAXPROCS(0))
	c.Cancel = cmp.Or(c.Cancel, 12*time.Minute)
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
	between("shard", c.Shard, 1, MaxShard)
	between("workers", c.Workers, 1, 1024)
	if c.Days > 0 && c.Cancel >= time.Duration(c.Days)*day-Enabled {
		bad.Add("cancel", c.Cancel.String(), "is after the last day")
	}
	return bad.Err("fleet")
}
