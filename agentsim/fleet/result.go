package fleet

import (
	"time"

	"github.com/patchpolicy/patchpolicy/internal/enum"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

// Result describes a run. Its JSON is the report's data: the same settings give
// the same bytes, except Cost. Times are UTC, durations nanoseconds.
type Result struct {
	Agents  int       `json:"agents"`
	Days    int       `json:"days"`
	Seed    uint64    `json:"seed"`
	Failing int       `json:"failing"` // downloads, per thousand
	Offline int       `json:"offline"` // agents, per thousand
	Began   time.Time `json:"began"`
	History string    `json:"history"` // SHA-256, in hex, of every asset's history and final state

	Run      job.RunID `json:"run"`
	Results  []Count   `json:"results"`          // final results, in the order of job.Results
	Open     int       `json:"open"`             // assets without a final result
	Cancel   *Cancel   `json:"cancel,omitempty"` // nil: none
	Rollout  []Rollout `json:"rollout"`          // one per RolloutStep
	Rings    []Ring    `json:"rings,omitempty"`  // of Config.Rollout
	Failures []Failure `json:"failures"`         // by code; only codes that occurred
	Reboots  Reboots   `json:"reboots"`
	Exposure Exposure  `json:"exposure"`

	FailedInstalls int    `json:"failedInstalls"` // as the servers count them (RPT-1)
	Events         Events `json:"events"`
	Cost           *Cost  `json:"cost,omitempty"` // of the simulation; the only part that differs between runs
}

// Count counts the assets with one result.
type Count struct {
	Result job.Result `json:"result"`
	Assets int        `json:"assets"`
}

// Cancel describes the cancel (JOB-3) and how it spread (MAN-3).
type Cancel struct {
	At      time.Time `json:"at"`
	Orders  int       `json:"orders"`
	AtOnce  int       `json:"atOnce"`  // never handed out: cancelled on the server
	Pending int       `json:"pending"` // right after the cancel

	// What the servers show at the end; the sum is Orders.
	Cancelled int `json:"cancelled"` // AtOnce included
	TooLate   int `json:"tooLate"`
	Ended     int `json:"ended"`   // before the cancel reached them
	Unknown   int `json:"unknown"` // the asset has not called since

	Bound   time.Duration `json:"bound"`   // for connected agents (MAN-3)
	Reached []Bin         `json:"reached"` // connected agents by time, one bin per minute
	Median  time.Duration `json:"median"`  // to the second
	P99     time.Duration `json:"p99"`
	Longest time.Duration `json:"longest"`
	Later   int           `json:"later"` // agents that were away, and were reached when they came back
}

// Bin is one bar of a histogram.
type Bin struct {
	From   time.Duration `json:"from"` // until the next bin's From
	Assets int           `json:"assets"`
}

// Rollout counts the assets by stage at one time.
type Rollout struct {
	At     time.Time `json:"at"`
	Stages []int     `json:"stages"` // in the order of Stages
}

// RolloutStage is where an asset is in the rollout.
type RolloutStage uint8

// The stages, in order.
const (
	StageNone      RolloutStage = 1 + iota // no order has reached it
	StageQueued                            // it holds its order and waits for the start
	StageDownload                          // the execution began
	StageDeploy                            // from the first act that changes the asset (JOB-4)
	StageReboot                            // installed; waits for its reboot
	StageDone                              // at the ordered versions
	StageFailed                            // something was not installed
	StageCancelled                         // nothing was installed
)

var stages = enum.Of[RolloutStage]("rollout stage", "none", "queued", "download", "deploy", "reboot", "done", "failed", "cancelled")

// Stages lists the stages in order.
func Stages() []RolloutStage { return stages.All() }

// String returns the stage's name.
func (s RolloutStage) String() string { return stages.String(s) }

// Failure counts the failed installs with one code. Those with code 8 were
// cancelled and do not count as failed installs (RPT-1).
type Failure struct {
	Code     job.Code `json:"code"`
	Name     string   `json:"name"`
	Installs int      `json:"installs"`
}

// Reboots describes how long users put reboots off.
type Reboots struct {
	Assets  int   `json:"assets"`  // that rebooted for the job
	Waiting []Bin `json:"waiting"` // of these, how many still waited this long after the reboot was due
	PutOff  []int `json:"putOff"`  // how many put it off never, once, twice …
	Pending int   `json:"pending"` // assets that still wait at the end
}

// Events counts what happened in virtual time.
type Events struct {
	Steps    int `json:"steps"`    // events that agents took
	CheckIns int `json:"checkIns"` // calls that servers answered
	Idle     int `json:"idle"`     // check-ins that were skipped because nothing could happen
}

// Cost is what the simulation used of the machine that it ran on.
type Cost struct {
	Elapsed         time.Duration `json:"elapsed"`
	Processors      int           `json:"processors"`      // shards that ran at the same time
	EventsPerSecond float64       `json:"eventsPerSecond"` // steps and check-ins
	AgentDay        time.Duration `json:"agentDay"`        // processor time per agent and day
	PeakBytes       uint64        `json:"peakBytes"`       // memory taken from the system
	BytesPerAgent   float64       `json:"bytesPerAgent"`
}

// tally counts what happens in a shard. Tallies add up in any order.
type tally struct {
	Events
	moves     [][stageCount + 1]int // by RolloutStep: the change of the number of assets in each stage
	codes     [256]int              // failed installs, by code
	connected [propagationShown]int // cancels that reached a connected asset, by second
	after     [deferralSteps]int    // reboots, by deferralStep since they were due
	putOff    [maxPutOff + 1]int    // reboots, by the number of deferrals

	rings   [][]RingCounts // by tick and ring
	later   int            // cancels that reached an asset which had been away
	answers cancels        // right after the cancel
	truths  cancels        // at the end

	results        [256]int // final results; at zero: none
	failedInstalls int      // as the server counts them (RPT-1)
}

// cancels counts assets by their [ledger.CancelState].
type cancels [ledger.CancelEnded + 1]int

const (
	stageCount       = int(StageCancelled)
	propagationShown = 3600 // seconds
	deferralSteps    = int(maxDeferralShown / deferralStep)
	maxPutOff        = 15
)

func newTally(end time.Duration) *tally {
	return &tally{moves: make([][stageCount + 1]int, end/RolloutStep+1)}
}

func (t *tally) propagated(took time.Duration, connected bool) {
	if !connected {
		t.later++
		return
	}
	t.connected[min(int(took/time.Second), propagationShown-1)]++
}

// reached returns when so many of a thousand connected agents had the cancel, to
// the second.
func (t *tally) reached(perThousand int) time.Duration {
	total, sofar := sum(t.connected[:]), 0
	for second, n := range t.connected {
		if sofar += n; sofar*1000 >= total*perThousand {
			return time.Duration(second) * time.Second
		}
	}
	return 0
}

func (t *tally) add(o *tally) {
	t.Steps += o.Steps
	t.CheckIns += o.CheckIns
	t.Idle += o.Idle
	for i := range o.moves {
		addAll(t.moves[i][:], o.moves[i][:])
	}
	addAll(t.codes[:], o.codes[:])
	addAll(t.connected[:], o.connected[:])
	addAll(t.after[:], o.after[:])
	addAll(t.putOff[:], o.putOff[:])
	addAll(t.results[:], o.results[:])
	t.failedInstalls += o.failedInstalls
	t.later += o.later
	for at, rings := range o.rings {
		if at == len(t.rings) {
			t.rings = append(t.rings, make([]RingCounts, len(rings)))
		}
		for i, c := range rings {
			to := &t.rings[at][i]
			*to = RingCounts{to.Waiting + c.Waiting, to.AtRisk + c.AtRisk, to.Verified + c.Verified, to.Left + c.Left}
		}
	}
	addAll(t.answers[:], o.answers[:])
	addAll(t.truths[:], o.truths[:])
}

func sum(list []int) (n int) {
	for _, m := range list {
		n += m
	}
	return n
}

func addAll(to, from []int) {
	for i, n := range from {
		to[i] += n
	}
}
