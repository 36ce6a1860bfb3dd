package agentsim

import (
	"context"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // scenarios play the same on a host that has no time zone database

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// server is the production controller over a store in memory that keeps what was committed.
type server struct {
	w     *World
	store *fragile
	c     *controller.Controller
	up    bool
	due   uint64 // number of the wake-up that counts

	enrolled int                     // keys there ever were
	accepted map[string]job.Sequence // the last report of each key
	removed  map[job.AssetID]bool    // computers whose asset was removed, and which have not been enrolled since
	refusing map[job.AssetID]bool    // assets whose calls are refused, so that they know
	restored bool                    // it was put back to a backup at any time

	policy integrity.Excerpt // that orders are made under
	keys   keys
}

// token is the enrolment token of every asset without tags.
const token = "agentsim-enrolment-token-0001"

func newServer(w *World) (*server, error) {
	s := &server{w: w, accepted: map[string]job.Sequence{}, removed: map[job.AssetID]bool{}, refusing: map[job.AssetID]bool{}, store: &fragile{Store: memstore.New(memstore.Options{Seed: w.cfg.Seed})}}
	var err error
	if s.keys, err = newKeys(w); err == nil {
		err = s.start()
	}
	if err != nil {
		return nil, err
	}
	_, err = s.c.AddToken(context.Background(), token, controller.Token{Expires: w.now.AddDate(100, 0, 0), Uses: controller.MaxTokenUses}, w.now)
	return s, err
}

// start starts the server on what its store has.
func (s *server) start() (err error) {
	s.c, err = controller.New(s.store, controller.Config{
		Signer: manifest.NewSigner(key(s.keys.manifest)), Trust: s.keys.trust, Exchange: []*ecdh.PrivateKey{s.keys.exchange},
		Lead: s.w.cfg.Lead, Timing: manifest.Timing{CheckIn: s.w.cfg.CheckIn}, SeenEvery: -1, Zone: time.LoadLocation, Policy: s.policy,
	})
	s.up = err == nil
	if s.up {
		s.tick()
	}
	return err
}

// tick makes the runs that are due, and again when the next one is.
func (s *server) tick() {
	if !s.up {
		return
	}
	next, err := s.c.Tick(context.Background(), s.w.now)
	if gone(s.alive(err)) { // what starts again ticks, too
		return
	}
	s.w.fail(err)
	s.due++
	if number := s.due; !next.IsZero() {
		s.w.after(next.Sub(s.w.now), func() {
			if number == s.due {
				s.tick()
			}
		})
	}
}

// sync takes in what the vendor publishes (CAT-1).
func (s *server) sync() catalog.Changes {
	if !s.up {
		return catalog.Changes{}
	}
	changes, err := s.c.Sync(context.Background(), []catalog.Batch{s.w.vendor.batch()}, s.w.now)
	if gone(s.alive(err)) { // the next sync brings it
		return catalog.Changes{}
	}
	s.w.fail(err)
	for _, group := range []struct {
		word string
		ids  []catalog.PatchID
	}{{"listed", changes.Added}, {"removed", changes.Removed}, {"deprecated", changes.Deprecated}, {"no longer the newest", changes.NoLongerNewest}} {
		for _, id := range group.ids {
			s.w.log("server", "catalog: %s %s", id, group.word)
		}
	}
	for _, r := range changes.Rejected {
		s.w.log("server", "catalog: %v", &r)
	}
	s.tick()
	return changes
}

// checkIn answers a call. The error tells that the server is not there, or breaks down over it: any other would be one that
// no agent can do anything about.
func (s *server) checkIn(a *asset, in manifest.CheckIn) (manifest.Answer, error) {
	if !s.up {
		return manifest.Answer{}, errDown
	}
	if s.refusing[in.Asset] {
		return manifest.Answer{}, manifest.ErrRefused
	}
	answer, err := s.c.CheckIn(context.Background(), in, s.w.now)
	switch {
	case err == nil:
		s.accepted[in.Key] = answer.Acknowledged
		s.tick()
	case s.removed[a.id] && errors.Is(err, manifest.ErrUnknownAsset):
	case !gone(s.alive(err)):
		s.w.fail(fmt.Errorf("the server refuses the call of %s: %w", in.Asset, err))
	}
	return answer, err
}

// enrol enrols a computer with a new key.
func (s *server) enrol(a *asset) error {
	ctx, secret := context.Background(), token
	s.enrolled++
	a.key = key(fmt.Sprintf("asset %d", s.enrolled))
	for len(a.tags) > 0 { // tags belong to a token
		secret = token + "-" + fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(a.tags, " "))))
		_, err := s.c.AddToken(ctx, secret, controller.Token{Tags: a.tags}, s.w.now)
		if gone(s.alive(err)) {
			continue
		}
		if err != nil {
			return err
		}
		break
	}
	for {
		_, err := s.c.Enrol(ctx, manifest.Enrolment{
			Token: secret, Asset: a.as, Key: a.key.Public().(ed25519.PublicKey), Platform: a.on.platform, Architecture: a.on.architecture,
		}, s.w.now)
		if !gone(s.alive(err)) {
			return err
		}
	}
}

// backup is what a server had at some time.
type backup struct {
	at       time.Time
	store    *memstore.Store
	accepted map[string]job.Sequence
	removed  map[job.AssetID]bool
}

func (s *server) backup() backup {
	return backup{s.w.now, s.store.Store.(*memstore.Store).Clone(), maps.Clone(s.accepted), maps.Clone(s.removed)}
}

// putBack starts the server from a backup. What it heard since is lost.
func (s *server) putBack(b backup) error {
	ids := slices.Sorted(maps.Keys(s.w.assets))
	for _, id := range ids {
		if !s.w.assets[id].enrolled.Before(b.at) {
			return notNowf("%s enrolled after that: the server would not know it", id)
		}
	}
	for _, id := range ids {
		k := s.w.assets[id].fingerprint()
		s.w.assets[id].watch.forgotten(b.accepted[k], s.accepted[k])
	}
	s.store.Store, s.accepted, s.removed, s.restored = b.store.Clone(), maps.Clone(b.accepted), maps.Clone(b.removed), true
	return s.start()
}

// act does something an administrator asks for, and logs it with its answer.
func (s *server) act(what string, do func(ctx context.Context, now time.Time) error) error {
	if !s.up {
		return errDown
	}
	err := do(context.Background(), s.w.now)
	for gone(s.alive(err)) { // whoever was not answered asks again; crashes are finitely many
		err = do(context.Background(), s.w.now)
	}
	if err != nil {
		s.w.log("server", "%s: refused: %v", what, err)
	} else {
		s.w.log("server", "%s", what)
	}
	s.tick()
	return err
}
