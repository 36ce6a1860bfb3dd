package fleet

import (
	"errors"
	"fmt"

	"github.com/patchpolicy/patchpolicy/agentsim/watch"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

func (s *shard) cancel() error {
	s.cancelled = s.now
	return s.eachCancel(func(a *asset, state ledger.CancelState) {
		o := &a.watch
		s.tally.answers[state]++
		switch state {
		case ledger.CancelDone: // the order never reached the asset
			o.local, o.Result = true, job.Cancelled
			o.move(a, StageCancelled)
		case ledger.CancelPending:
			o.pending = true
		case ledger.CancelTooLate:
			o.refused = true
		}
	})
}

// eachCancel cancels the run and visits its state for each asset.
func (s *shard) eachCancel(visit func(*asset, ledger.CancelState)) error {
	states, err := s.server.cancel(since(s.now))
	for i, state := range states {
		visit(&s.assets[i], state)
	}
	return err
}

// settle checks the end of the world: orders that were due have ended, and the
// server shows and counts what the journals say (invariants 10 and 12, JOB-3,
// RPT-1).
func (s *shard) settle() error {
	var want counts // from the journals
	for i := range s.assets {
		a := &s.assets[i]
		o := &a.watch
		switch {
		case !o.Ended() && o.Received && !a.away.at(s.end) && max(o.since, a.away.to)+settled < s.end:
			a.broken(10, "its order has no end")
		case o.Ended() && (o.local || a.acknowledged()):
			want.results[o.Result]++
			want.failedInstalls += int(o.Failed)
		}
		if o.Ended() {
			s.tally.results[o.Result]++
		} else {
			s.tally.results[0]++
		}
		data, err := a.state.MarshalBinary()
		if err != nil {
			return err
		}
		a.history.text(string(data))
	}
	if s.cancelled > 0 {
		err := s.eachCancel(func(a *asset, state ledger.CancelState) {
			truth := a.watch.cancelState(a.acknowledged())
			if truth != state {
				a.broken(12, "the server shows the cancel as %v; the journal says %v", state, truth)
			}
			if state == ledger.CancelPending {
				want.pendingCancels++
			}
			if a.watch.refused {
				truth = ledger.CancelTooLate
			}
			s.tally.truths[truth]++
		})
		if err != nil {
			return err
		}
	}
	have, err := s.server.counts()
	s.tally.failedInstalls = have.failedInstalls
	if err == nil && have != want {
		s.fail(&watch.Broken{Invariant: 12, At: since(s.now), Text: fmt.Sprintf("the server counts %v; the journals add up to %v", have, want)})
	}
	return errors.Join(s.err, err)
}

func (a *asset) acknowledged() bool { return len(a.state.Reports) == 0 }

// cancelState is the cancel by the journal; complete: the server has all of it.
func (o *observer) cancelState(complete bool) ledger.CancelState {
	switch {
	case o.Result == job.Cancelled && (complete || o.local):
		return ledger.CancelDone
	case complete && o.tooLate, complete && o.Deploying && !o.Ended():
		return ledger.CancelTooLate
	case complete && o.Ended():
		return ledger.CancelEnded
	default:
		return ledger.CancelPending
	}
}
