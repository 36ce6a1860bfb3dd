package fleet

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"strconv"
	"time"

	"github.com/patchpolicy/patchpolicy/agentsim/internal/stamp"
	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// shard is some of the fleet's assets with a server of their own, which does what the whole fleet's server does at the
// same instants. Assets do not influence one another, so it makes no difference how many share one.
type shard struct {
	*scene
	cfg    Config
	first  int // the number of its first asset
	keys   keys
	server server
	bound  time.Duration // of propagation (MAN-3)

	now, end time.Duration
	epoch    int           // grows with each act
	acts     []act         // of the administrator, to come
	nextAct  time.Duration // when the first of them comes

	assets []asset
	queue  queue

	run       job.RunID     // the job's one; empty: it is not enabled yet
	cancelled time.Duration // zero: not yet
	tally     *tally
	err       error
}

// act is something an administrator does.
type act struct {
	at time.Duration
	do func(time.Time) error
}

func newShard(sc *scene, cfg Config, first, n int) (s *shard, err error) {
	s = &shard{scene: sc, cfg: cfg, first: first, end: time.Duration(cfg.Days) * day, keys: newKeys(cfg), bound: manifest.Timing{}.Bound()}
	s.tally = newTally(s.end)
	if cfg.Controller {
		s.server, err = newFull(sc, s.keys, n)
	} else {
		s.server = newLean(sc, s.keys, first)
	}
	if err != nil {
		return nil, err
	}
	s.acts = []act{{Enabled, s.enable}}
	if cfg.Cancel >= 0 {
		s.acts = append(s.acts, act{Enabled + cfg.Cancel, s.cancel})
	}
	s.nextAct = Enabled
	s.assets = make([]asset, n)
	s.queue = make(queue, n)
	for i := range s.assets {
		s.assets[i].init(s, first+i)
		if err := s.server.enrol(s.assets[i].config.Asset); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// newKeys returns cheap keys, unless cfg wants real ones. No history depends on that: see TestSealing.
func newKeys(cfg Config) keys {
	const words = "patchpolicy fleet"
	if !cfg.ed25519 {
		key := stamp.New(words)
		return keys{key, key, key}
	}
	seed := sha256.Sum256([]byte(words))
	private := ed25519.NewKeyFromSeed(seed[:])
	public := private.Public().(ed25519.PublicKey)
	return keys{manifest.NewSigner(private), manifest.NewVerifier(public), public}
}

// live lives through all days.
func (s *shard) live() error {
	s.queue.fill(s.assets)
	for s.err == nil {
		at, i := s.queue.first()
		if s.nextAct <= at && s.nextAct < s.end {
			s.now = s.nextAct
			s.fail(s.act())
			continue
		}
		if at >= s.end {
			break
		}
		s.now = at
		a := &s.assets[i]
		a.happen()
		s.queue.moved(a.next())
	}
	s.now = s.end
	if s.err == nil {
		s.fail(s.settle())
	}
	return s.err
}

// fail ends the simulation; the first failure stays.
func (s *shard) fail(err error) {
	if err != nil && s.err == nil {
		s.err = err
	}
}

// act lets the administrator do what is due.
func (s *shard) act() error {
	s.epoch++
	do := s.acts[0].do
	s.acts, s.nextAct = s.acts[1:], far
	if len(s.acts) > 0 {
		s.nextAct = s.acts[0].at
	}
	return do(since(s.now))
}

func (s *shard) enable(now time.Time) (err error) {
	if s.run, err = s.server.enable(now); err != nil {
		return err
	}
	for i := range s.assets { // nothing is missing there: they get no order
		if a := &s.assets[i]; a.told == current {
			a.watch.order.local, a.watch.order.result = true, job.NotApplicable
			a.watch.move(a, StageDone)
		}
	}
	return nil
}

// checkIn brings a call to the server.
func (s *shard) checkIn(a *asset, in manifest.CheckIn) (answer manifest.Answer, ok bool) {
	in.Digest = s.digests[a.has]
	answer, err := s.server.checkIn(in, since(s.now))
	if err == nil && answer.WantInventory {
		in.Inventory = &s.inventories[a.has]
		a.told = a.has
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

// product is the number of a product.
func (s *shard) product(id catalog.ProductID) int {
	for i := range s.products {
		if s.products[i].id == id {
			return i
		}
	}
	return 0
}

// number is the number of an asset in the fleet.
func number(id job.AssetID) (int, error) { return strconv.Atoi(string(id[min(len(id), 1):])) }
