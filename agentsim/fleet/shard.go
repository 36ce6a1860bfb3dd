package fleet

import (
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/agentsim/internal/stamp"
	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
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
	tally     *tally
	err       error
}

// cheap is the key of every shard, except in tests.
var cheap = stamp.New("patchpolicy fleet")

func newShard(sc *scene, cfg Config, first, n int) *shard {
	end := time.Duration(cfg.Days) * day
	s := &shard{scene: sc, cfg: cfg, server: cfg.server(sc, *cfg.keys, first, n), end: end, assets: make([]asset, n), tally: newTally(end)}
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
	for _, act := range append(acts, act{s.end, s.settle}) {
		s.nextAct = act.at
		for i := range s.assets {
			a := &s.assets[i]
			for at := a.next(); at < act.at && s.err == nil; at = a.next() {
				s.now = at
				a.happen()
			}
		}
		if s.now = act.at; s.err == nil {
			s.fail(act.do())
		}
	}
	return s.err
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
