package agentsim

import (
	"bytes"
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

	"github.com/patchpolicy/patchpolicy/agentsim/watch"
	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
	"github.com/patchpolicy/patchpolicy/job/deadline"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// server is the production controller with a store in memory.
type server struct {
	w     *World
	store *crashingStore
	c     *controller.Controller
	up    bool
	due   uint64 // number of the wake-up that counts

	enrolled int                     // keys so far
	accepted map[string]job.Sequence // the last report of each key
	removed  map[job.AssetID]bool    // computers whose asset was removed, and that have not enrolled since
	refusing map[job.AssetID]bool    // assets whose calls get an authenticated refusal
	restored bool                    // it was restored from a backup at any time

	policy    integrity.Excerpt // for the orders that it makes
	deadlines []deadline.Table
	policies  policies
	ever      policies                    // every version of each
	saved     map[job.ID][]job.Definition // every version of each job
	freed     map[job.ID]bool             // a reboot slot of the job was freed by hand
	skipped   map[job.RunID]int           // how many gates of its rollout an act skipped
	seen      map[job.RunID]watch.Rollout
	exchange  *ecdh.PrivateKey
	keys      keys
}

// background is the context of every call: nothing in a world is cancelled.
var background = context.Background()

const token = "agentsim-enrolment-token-0001"

func newServer(w *World) (*server, error) {
	s := &server{w: w, accepted: map[string]job.Sequence{}, removed: map[job.AssetID]bool{}, refusing: map[job.AssetID]bool{},
		saved: map[job.ID][]job.Definition{}, freed: map[job.ID]bool{}, skipped: map[job.RunID]int{}, seen: map[job.RunID]watch.Rollout{}}
	s.store = &crashingStore{Store: memstore.New(memstore.Options{Seed: w.cfg.Seed}), crashed: func() {
		w.log("server", "crashes at a commit of its store, and starts again")
		w.fail(s.start())
	}}
	var err error
	s.exchange, err = ecdh.X25519().NewPrivateKey(bytes.Repeat([]byte{1}, 32))
	w.fail(err)
	s.trust(manifest.NewTrust(public("root"), public("server"), s.exchange.PublicKey().Bytes(), w.now), "root", "server", "root")
	if err := s.start(); err != nil {
		return nil, err
	}
	_, err = s.c.AddToken(background, token, controller.Token{Expires: w.now.AddDate(100, 0, 0), Uses: controller.MaxTokenUses}, w.now)
	return s, err
}

func (s *server) start() error {
	cfg := controller.Config{
		Signer: manifest.NewSigner(key(s.keys.manifest)), Trust: s.keys.chain, Exchange: []*ecdh.PrivateKey{s.exchange},
		Lead: s.w.cfg.Lead, Every: s.w.cfg.CheckIn, SeenEvery: -1, Zone: time.LoadLocation, Policy: s.policy, Deadlines: s.deadlines,
		Calendars: s.policies.calendars, Baselines: s.policies.baselines,
	}
	if s.w.cfg.server != nil {
		s.w.cfg.server(&cfg)
	}
	c, err := controller.New(s.store, cfg)
	if errors.Is(err, errCrashed) { // then it started again
		return nil
	}
	if s.c, s.up = c, err == nil; s.up {
		s.tick()
	}
	return err
}

// tick makes the runs that are due, and plans to do so again.
func (s *server) tick() {
	if !s.up {
		return
	}
	s.watchRollouts()
	next, err := s.c.Tick(background, s.w.now)
	if unanswered(err) { // its start ticks
		return
	}
	s.w.fail(err)
	s.watchRollouts()
	s.due++
	if number := s.due; !next.IsZero() {
		s.w.after(next.Sub(s.w.now), func() {
			if number == s.due {
				s.tick()
			}
		})
	}
}

func (s *server) syncLater() {
	s.w.after(s.w.cfg.Sync, func() {
		s.sync()
		s.syncLater()
	})
}

// sync fetches the feed of the vendor (CAT-1).
func (s *server) sync() catalog.Changes {
	if !s.up {
		return catalog.Changes{}
	}
	changes, err := s.c.Sync(background, []catalog.Batch{s.w.vendor.batch()}, s.w.now)
	if unanswered(err) { // the next sync does it
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

// checkIn answers a call. An error that is not an outage or a refusal ends the
// simulation.
func (s *server) checkIn(a *asset, in manifest.CheckIn) (manifest.Answer, error) {
	if !s.up {
		return manifest.Answer{}, errDown
	}
	if s.refusing[in.Asset] {
		return manifest.Answer{}, manifest.ErrRefused
	}
	answer, err := s.c.CheckIn(background, in, s.w.now)
	switch {
	case err == nil:
		s.accepted[in.Key] = answer.Acknowledged
		s.tick()
	case s.removed[a.id] && errors.Is(err, manifest.ErrUnknownAsset):
	case !unanswered(err):
		s.w.fail(fmt.Errorf("the server refuses the call of %s: %w", in.Asset, err))
	}
	return answer, err
}

// enrol enrols a computer with a new key.
func (s *server) enrol(a *asset) error {
	secret := token
	s.enrolled++
	a.key = key(fmt.Sprintf("asset %d", s.enrolled))
	if len(a.tags) > 0 { // tags belong to a token
		secret = token + "-" + fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(a.tags, " "))))
		if err := s.insist(func() error {
			_, err := s.c.AddToken(background, secret, controller.Token{Tags: a.tags}, s.w.now)
			return err
		}); err != nil {
			return err
		}
	}
	return s.insist(func() error {
		_, err := s.c.Enrol(background, manifest.Enrolment{
			Token: secret, Asset: a.as, Key: a.key.Public().(ed25519.PublicKey), Platform: a.on.platform, Architecture: a.on.architecture,
		}, s.w.now)
		return err
	})
}

// insist repeats an act while crashes leave it without an answer. A scenario
// has a finite number of crashes.
func (s *server) insist(do func() error) error {
	for {
		if err := do(); !unanswered(err) {
			return err
		}
	}
}

type backup struct {
	at       time.Time
	store    *memstore.Store
	accepted map[string]job.Sequence
	removed  map[job.AssetID]bool
}

func (s *server) backup() backup {
	return backup{s.w.now, s.store.Store.(*memstore.Store).Clone(), maps.Clone(s.accepted), maps.Clone(s.removed)}
}

// restore starts the server from a backup. What it received since is lost.
func (s *server) restore(b backup) error {
	for _, a := range s.w.sorted() {
		if !a.enrolled.Before(b.at) {
			return notNowf("%s enrolled after that: the server would not know it", a.id)
		}
	}
	for _, a := range s.w.assets {
		a.observer.forgotten(b.accepted[a.fingerprint()], s.accepted[a.fingerprint()])
	}
	s.store.Store, s.accepted, s.removed, s.restored = b.store.Clone(), maps.Clone(b.accepted), maps.Clone(b.removed), true
	return s.start()
}

// act carries out an administrator's act, and logs it with the answer.
func (s *server) act(what string, do func(*controller.Controller) error) error {
	if !s.up {
		return errDown
	}
	err := s.insist(func() error { return do(s.c) })
	if err != nil {
		s.w.log("server", "%s: refused: %v", what, err)
	} else {
		s.w.log("server", "%s", what)
	}
	s.tick()
	return err
}

// keys are every version of the server's trust document, and the names of the
// newest version's keys.
type keys struct {
	chain          manifest.Chain
	newest         manifest.Trust
	root, manifest string
}

func public(name string) manifest.PublicKey {
	return manifest.Ed25519(key(name).Public().(ed25519.PublicKey))
}

// rotate adds a version of the trust document with a new manifest key and, if
// wanted, a new root key (MAN-13).
func (s *server) rotate(roots bool) {
	t, old := s.keys.newest, s.keys.root
	t.Version++
	t.Issued, t.Expires = s.w.now, s.w.now.Add(manifest.TrustLifetime)
	root, signer := old, fmt.Sprintf("server %d", t.Version)
	if roots {
		root = fmt.Sprintf("root %d", t.Version)
	}
	t.Manifest, t.Root = []manifest.PublicKey{public(signer)}, []manifest.PublicKey{public(root)}
	s.trust(t, root, signer, old, root)
}

// trust adds a version of the trust document, sealed by root keys.
func (s *server) trust(t manifest.Trust, root, signer string, by ...string) {
	var signers []manifest.Signer
	for _, name := range by {
		signers = append(signers, manifest.NewSigner(key(name)))
	}
	sealed, err := manifest.SealTrust(t, signers...)
	s.w.fail(err)
	t, err = manifest.OpenTrust(sealed)
	s.w.fail(err)
	s.keys = keys{chain: append(s.keys.chain, sealed), newest: t, root: root, manifest: signer}
}

// errDown is the error of a call while the server is down; errCrashed, of a
// call during which it went down.
var (
	errDown    = errors.New("the server is down")
	errCrashed = errors.New("the server crashed")
)

// unanswered reports whether a call failed only because the server was down.
func unanswered(err error) bool { return errors.Is(err, errDown) || errors.Is(err, errCrashed) }

// outage is one crash of the server at a commit of its store: just before, so
// that the transaction is lost, or just after, so that its caller gets no
// answer.
type outage struct {
	after bool
	left  int // commits that write something until then, this one included
}

// crashingStore is a store whose server crashes at the outages' commits. A
// transaction that writes nothing is not a commit.
type crashingStore struct {
	controller.Store
	outages []outage
	crashed func() // starts the server again
}

// crashAt adds an outage at the nth commit from now.
func (s *crashingStore) crashAt(after bool, n int) error {
	if n < 1 {
		return fmt.Errorf("%d is not a commit; the next one is 1", n)
	}
	if len(s.outages) == maxTimes {
		return fmt.Errorf("a server can have at most %d crashes ahead", maxTimes)
	}
	s.outages = append(s.outages, outage{after, n})
	return nil
}

// Update implements [controller.Store]. Of attempts that the store repeats,
// only the last one counts.
func (s *crashingStore) Update(ctx context.Context, fn func(controller.Writer) error) error {
	wrote, before, after := false, slices.Contains(s.outages, outage{false, 1}), slices.Contains(s.outages, outage{true, 1})
	err := s.Store.Update(ctx, func(w controller.Writer) error {
		r := &recorder{Writer: w}
		err := fn(r)
		if wrote = r.wrote; err == nil && wrote && before {
			return errCrashed
		}
		return err
	})
	if err != nil && !errors.Is(err, errCrashed) || !wrote {
		return err
	}
	for i := range s.outages {
		s.outages[i].left--
	}
	s.outages = slices.DeleteFunc(s.outages, func(o outage) bool { return o.left == 0 })
	if err == nil && after {
		err = errCrashed
	}
	if err != nil {
		s.crashed()
	}
	return err
}

// recorder notes whether a transaction writes.
type recorder struct {
	controller.Writer
	wrote bool
}

func (r *recorder) Put(table controller.Table, key string, value []byte) error {
	r.wrote = true
	return r.Writer.Put(table, key, value)
}

func (r *recorder) Delete(table controller.Table, key string) error {
	r.wrote = true
	return r.Writer.Delete(table, key)
}
