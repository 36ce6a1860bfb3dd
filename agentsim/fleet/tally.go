package fleet

import (
	"time"

	"github.com/patchpolicy/patchpolicy/job/ledger"
)

// tally counts what happens in a shard. Tallies add up in any order.
type tally struct {
	Events
	moves     [][stageCount + 1]int // by RolloutStep: the change of the number of assets in each stage
	codes     [256]int              // failed installs, by code
	connected [propagationShown]int // cancels that reached a connected asset, by second
	after     [deferralSteps]int    // reboots, by deferralStep since they were due
	putOff    [maxPutOff + 1]int    // reboots, by the number of deferrals

	later   int     // cancels that reached an asset which had been away
	answers cancels // right after the cancel
	truths  cancels // at the end

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

func (t *tally) move(at time.Duration, from, to Stage) {
	m := &t.moves[min(int(at/RolloutStep), len(t.moves)-1)]
	m[from]--
	m[to]++
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

func (t *tally) rebooted(after time.Duration, deferred int) {
	t.after[min(int(after/deferralStep), deferralSteps-1)]++
	t.putOff[min(deferred, maxPutOff)]++
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
