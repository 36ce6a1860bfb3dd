package fleet

import (
	"errors"
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/agentsim/internal/stamp"
	"github.com/patchpolicy/patchpolicy/agentsim/watch"
	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/job/rollout"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// shard is a part of the fleet with a server of its own. All do the same.
type shard struct {
	*scene
	cfg    Config
	server server

	now, end time.Duration
	nextAct  time.Duration // of the administrator, or the end

	assets    []asset
	cancelled time.Duration // zero: not yet
	ticking   bool          // its rollout goes on
	last      []rollout.Counts
	tally     *tally
	err       error
}

// cheap is the key of every shard, except in tests.
var cheap = stamp.New("patchpolicy fleet")

func newShard(sc *scene, cfg Config, first, n int) *shard {
	end := time.Duration(cfg.Days) * day
	s := &shard{scene: sc, cfg: cfg, server: cfg.server(sc, cfg, first, n), end: end, assets: make([]asset, n), tally: newTally(end)}
	for i := range s.assets {
		s.assets[i].init(s, i, first+i)
	}
	return s
}

// live runs all days, one asset after the other between the administrator's acts.
func (s *shard) live() error {
	type act struct {
		at time.Duration
		do func() error
	}
	acts := []act{{Enabled, s.enable}}
	if s.cfg.Cancel >= 0 {
		acts = append(acts, act{Enabled + s.cfg.Cancel, s.cancel})
	}
	ticks := 0 // of its rollout
	for _, act := range append(acts, act{s.end, s.settle}) {
		for s.ticking && Enabled+time.Duration(ticks)*RingStep < act.at && s.err == nil {
			s.until(Enabled + time.Duration(ticks)*RingStep)
			s.tick(ticks)
			ticks++
		}
		if s.until(act.at); s.err == nil {
			s.fail(act.do())
		}
	}
	for n := ticks; n > 0 && Enabled+time.Duration(n)*RingStep < s.end; n++ { // it stays as it ended
		s.tally.ring(n, s.last)
	}
	return s.err
}

// until lets the assets live until an instant, one after the other.
func (s *shard) until(at time.Duration) {
	s.nextAct = at
	for i := range s.assets {
		a := &s.assets[i]
		for next := a.next(); next < at && s.err == nil; next = a.next() {
			s.now = next
			a.happen()
		}
	}
	s.now = at
}

// tick lets the server's rollout go on.
func (s *shard) tick(number int) {
	counts, over, err := s.server.tick(since(s.now))
	s.fail(err)
	s.ticking, s.last = !over, counts
	s.tally.ring(number, counts)
}

// fail ends the simulation. The first error counts.
func (s *shard) fail(err error) {
	if err != nil && s.err == nil {
		s.err = err
	}
}

func (s *shard) enable() error {
	if err := s.server.enable(since(s.now)); err != nil {
		return err
	}
	s.ticking = s.cfg.Rollout != nil
	for i := range s.assets { // where nothing is missing, there is no order
		if a := &s.assets[i]; a.reported == current {
			a.watch.local, a.watch.Result = true, job.NotApplicable
			a.watch.move(a, StageDone)
		}
	}
	return nil
}

func (s *shard) checkIn(a *asset, in manifest.CheckIn) (answer manifest.Answer, ok bool) {
	in.Digest = s.digests[a.has]
	answer, err := s.server.checkIn(a.index, in, since(s.now))
	if err == nil && answer.WantInventory {
		in.Inventory = &s.inventories[a.has]
		a.reported = a.has
		answer, err = s.server.checkIn(a.index, in, since(s.now))
	}
	if err != nil {
		s.fail(fmt.Errorf("check-in of %s: %w", in.Asset, err))
		return answer, false
	}
	s.tally.CheckIns++
	if len(answer.Manifest) > 0 && !a.handed {
		a.handed, a.renewal = true, s.now+manifest.Lifetime-manifest.RenewBefore-time.Second
	}
	return answer, true
}

func (s *shard) product(id catalog.ProductID) int {
	for i := range s.products {
		if s.products[i].id == id {
			return i
		}
	}
	return 0
}

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
			late := a.watch.refused && state == ledger.CancelTooLate && truth == ledger.CancelEnded // it has ended since
			if truth != state && !late {
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
