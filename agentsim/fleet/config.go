package fleet

import (
	"cmp"
	"fmt"
	"runtime"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// Config is a fleet's settings.
type Config struct {
	Agents  int           // 1 to MaxAgents
	Days    int           // of virtual time, 1 to MaxDays; default 7
	Seed    uint64        // of every draw
	Failing int           // of a thousand downloads, so many fail; default 10; negative: none
	Offline int           // of a thousand agents, so many are away for one to three days; default 20; negative: none
	Cancel  time.Duration // how long after the job was enabled it is cancelled; default 12 min; negative: never

	Shard    int            // agents a server, at most MaxShard; default 1000. No history depends on it.
	Workers  int            // shards at work at the same time; default: as many as there are processors. No history depends on it.
	Progress func(done int) // is told how many agents have lived through all days; may be nil

	// What tests put in the place of what is cheaper.
	everyCall bool                                    // carry out idle check-ins one by one
	keys      *keys                                   // nil: cheap
	server    func(*scene, keys, int) (server, error) // for so many assets; nil: newLean
}

// WithDefaults fills in what is zero.
func (c Config) WithDefaults() Config {
	c.Days, c.Failing, c.Offline = cmp.Or(c.Days, 7), cmp.Or(c.Failing, 10), cmp.Or(c.Offline, 20)
	c.Shard, c.Workers = cmp.Or(c.Shard, 1000), cmp.Or(c.Workers, runtime.GOMAXPROCS(0))
	c.Cancel = cmp.Or(c.Cancel, 12*time.Minute)
	return c
}

// Validate says everything that is wrong with the settings, defaults filled in. The error is a *job.Invalid.
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
