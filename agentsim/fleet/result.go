package fleet

import (
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

// Result is what became of a fleet. Its JSON is the report's data: the same settings give the same bytes, Cost aside.
// Times are UTC, durations nanoseconds, lists in the order named here.
type Result struct {
	Agents  int       `json:"agents"`
	Days    int       `json:"days"`
	Seed    uint64    `json:"seed"`
	Failing int       `json:"failing"` // downloads in a thousand
	Offline int       `json:"offline"` // agents in a thousand
	Began   time.Time `json:"began"`
	History string    `json:"history"` // SHA-256 in hex of every asset's history and final state

	Run      job.RunID `json:"run"`              // the job's one
	Results  []Count   `json:"results"`          // final ones, in the order of job.Results
	Open     int       `json:"open"`             // assets whose order has not ended, or that got none
	Cancel   *Cancel   `json:"cancel,omitempty"` // nil: there was none
	Rollout  []Rollout `json:"rollout"`          // by time, every RolloutStep
	Failures []Failure `json:"failures"`         // by code; only codes that occurred
	Reboots  Reboots   `json:"reboots"`

	FailedInstalls int    `json:"failedInstalls"` // as the servers count them (RPT-1)
	Events         Events `json:"events"`
	Cost           *Cost  `json:"cost,omitempty"` // of the simulation; the only part that differs from run to run
}

// Count counts the assets with one result.
type Count struct {
	Result job.Result `json:"result"`
	Assets int        `json:"assets"`
}

// Cancel is what became of the one cancel (JOB-3) and how it spread (MAN-3).
type Cancel struct {
	At      time.Time `json:"at"`
	Orders  int       `json:"orders"`
	AtOnce  int       `json:"atOnce"`  // never handed out: cancelled on the server
	Pending int       `json:"pending"` // at the time of the cancel

	// What the servers say at the end. They add up to Orders.
	Cancelled int `json:"cancelled"` // those AtOnce included
	TooLate   int `json:"tooLate"`
	Ended     int `json:"ended"`   // before the cancel came to them
	Unknown   int `json:"unknown"` // the asset has not called since

	Bound   time.Duration `json:"bound"`   // of the propagation to connected agents, as the library computes it (MAN-3)
	Reached []Bin         `json:"reached"` // connected agents by the time it took, every minute up to the bound's
	Median  time.Duration `json:"median"`  // of them, to the second
	P99     time.Duration `json:"p99"`
	Longest time.Duration `json:"longest"`
	Later   int           `json:"later"` // agents that had been away when it came, and were reached when they were back
}

func (c *Cancel) add(o Cancel) {
	c.Orders += o.Orders
	c.AtOnce += o.AtOnce
	c.Pending += o.Pending
	c.Cancelled += o.Cancelled
	c.TooLate += o.TooLate
	c.Ended += o.Ended
	c.Unknown += o.Unknown
}

func (c *Cancel) count(s ledger.CancelState) {
	switch s {
	case ledger.CancelDone:
		c.Cancelled++
	case ledger.CancelTooLate:
		c.TooLate++
	case ledger.CancelEnded:
		c.Ended++
	default:
		c.Unknown++
	}
}

// Bin is a bar of a histogram.
type Bin struct {
	From   time.Duration `json:"from"` // up to the From of the next
	Assets int           `json:"assets"`
}

// Rollout is where the assets stand at one time.
type Rollout struct {
	At     time.Time `json:"at"`
	Stages []int     `json:"stages"` // assets by stage, in the order of Stages
}

// Failure counts the failed installs with one code. Those with code 8 were cancelled, and are none in the sense of RPT-1.
type Failure struct {
	Code     job.Code `json:"code"`
	Name     string   `json:"name"`
	Installs int      `json:"installs"`
}

// Reboots is how long users put reboots off.
type Reboots struct {
	Assets  int   `json:"assets"`  // that rebooted for the job
	Waiting []Bin `json:"waiting"` // of these, how many still waited so long after the reboot was due
	PutOff  []int `json:"putOff"`  // how many put it off never, once, twice …
	Pending int   `json:"pending"` // assets that wait for their reboot at the end
}

// Events counts what happened in virtual time.
type Events struct {
	Steps    int `json:"steps"`    // events that agents took
	CheckIns int `json:"checkIns"` // calls that servers answered
	Idle     int `json:"idle"`     // of the check-ins, those passed over since nothing could happen at them
}

// Cost is what the simulation took of the machine it ran on.
type Cost struct {
	Elapsed         time.Duration `json:"elapsed"`
	Processors      int           `json:"processors"`      // shards at work at the same time
	EventsPerSecond float64       `json:"eventsPerSecond"` // steps and check-ins
	AgentDay        time.Duration `json:"agentDay"`        // processor time for one day of one agent
	PeakBytes       uint64        `json:"peakBytes"`       // most memory the program ever had of the system
	BytesPerAgent   float64       `json:"bytesPerAgent"`   // of that
}

// NewCost tells what a result took, from how long it took, how many shards were at work at the same time, and how much memory
// the program had of the system at the peak.
func NewCost(r Result, elapsed time.Duration, processors int, peak uint64) *Cost {
	return &Cost{
		Elapsed: elapsed, Processors: processors, PeakBytes: peak,
		EventsPerSecond: float64(r.Events.Steps+r.Events.CheckIns) / elapsed.Seconds(),
		AgentDay:        elapsed * time.Duration(processors) / time.Duration(r.Agents*r.Days),
		BytesPerAgent:   float64(peak) / float64(r.Agents),
	}
}
