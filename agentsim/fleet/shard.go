package fleet

import (
	"fmt"
	"strconv"
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
	first  int // number of its first asset
	keys   keys
	server server

	now, end time.Duration
	nextAct  time.Duration // of the administrator, or the end

	assets []asset

	run       job.RunID     // empty: the job is not enabled yet
	cancelled time.Duration // zero: not yet
	tally     *tally
	err       error
}

// cheap is the key of every shard, except in tests.
var cheap = stamp.New("patchpolicy fleet")

func newShard(sc *scene, cfg Config, first, n int) (s *shard, err error) {
	s = &shard{scene: sc, cfg: cfg, first: first, end: time.Duration(cfg.Days) * day, keys: keys{cheap, cheap}}
	s.tally = newTally(s.end)
	if cfg.keys != nil {
		s.keys = *cfg.keys
	}
	s.server = newLean(sc, s.keys, first)
	if cfg.server != nil {
		if s.server, err = cfg.server(sc, s.keys, n); err != nil {
			return nil, err
		}
	}
	s.assets = make([]asset, n)
	for i := range s.assets {
		s.assets[i].init(s, first+i)
		if err := s.server.enrol(s.assets[i].config.Asset); err != nil {
			return nil, err
		}
	}
	return s, nil
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

func (s *shard) enable() (err error) {
	if s.run, err = s.server.enable(since(s.now)); err != nil {
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
	answer, err := s.server.checkIn(in, since(s.now))
	if err == nil && answer.WantInventory {
		in.Inventory = &s.inventories[a.has]
		a.reported = a.has
		answer, err = s.server.checkIn(in, since(s.now))
	}
	if err != nil {
		s.fail(fmt.Errorf("check-in of %s: %w", in.Asset, err))
		return answer, false
	}
	s.tally.checkIns++
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

func number(id job.AssetID) (int, error) { return strconv.Atoi(string(id[min(len(id), 1):])) }
