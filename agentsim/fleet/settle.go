package fleet

import (
	"errors"
	"fmt"

	"github.com/patchpolicy/patchpolicy/agentsim/watch"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

func (s *shard) cancel() error {
	s.cancelled = s.now
	return s.eachCancel(func(a *asset, line controller.AssetCancel) {
		o := &a.watch
		s.tally.cancel.Orders++
		switch line.State {
		case ledger.CancelDone: // the order never reached the asset
			o.local, o.Result = true, job.Cancelled
			a.watch.move(a, StageCancelled)
			s.tally.cancel.AtOnce++
		case ledger.CancelPending:
			a.watch.pending = true
			s.tally.cancel.Pending++
		case ledger.CancelTooLate:
			o.refused = true
		}
	})
}

// eachCancel cancels the run and visits its state for each asset.
func (s *shard) eachCancel(visit func(*asset, controller.AssetCancel)) error {
	lines, err := s.server.cancel(since(s.now))
	if err != nil {
		return err
	}
	for _, line := range lines {
		n, err := number(line.Asset)
		if i := n - s.first; err != nil || i < 0 || i >= len(s.assets) {
			return fmt.Errorf("the server returned unknown asset %q", line.Asset)
		}
		visit(&s.assets[n-s.first], line)
	}
	return nil
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
		case !o.Ended() && o.Received && s.overdue(a):
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
		err := s.eachCancel(func(a *asset, line controller.AssetCancel) {
			truth := a.watch.cancelState(a.acknowledged())
			if truth != line.State {
				a.broken(12, "the server shows the cancel as %v; the journal says %v", line.State, truth)
			}
			if line.State == ledger.CancelPending {
				want.pendingCancels++
			}
			if a.watch.refused {
				truth = ledger.CancelTooLate
			}
			s.tally.cancel.count(truth)
		})
		if err != nil {
			return err
		}
	}
	return errors.Join(s.err, s.compare(want))
}

// overdue reports whether the asset was there long enough to end its order.
func (s *shard) overdue(a *asset) bool {
	return !a.away.at(s.end) && max(a.watch.since, a.away.to)+settled < s.end
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

func (s *shard) compare(want counts) error {
	have, err := s.server.counts()
	if err != nil {
		return err
	}
	s.tally.failedInstalls = have.failedInstalls
	if have == want {
		return nil
	}
	return &watch.Broken{Invariant: 12, At: since(s.now), Text: fmt.Sprintf("the server counts %v; the journals add up to %v", have, want)}
}
