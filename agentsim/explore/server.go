package explore

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/agentsim/watch"
	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
	"github.com/patchpolicy/patchpolicy/job/schedule"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// server is the production controller between two operations. Each operation
// starts a new one: all it keeps outside its store is a copy of the catalog.
type server struct {
	store    *ledgerStore
	due      time.Time // of the next Tick; zero: none
	sync     time.Time // of the next sync that changes something; zero: none
	feed     feed
	jobs     [maxJobs]standing
	accepted [maxAssets]job.Sequence // as last acknowledged
	fuse     uint8                   // it crashes before its next commit (1), after it (2), or after the second (3); zero: never
}

type standing struct {
	state     job.State
	patches   int
	cancelled bool
}

// own returns the server, which may then be changed.
func (v *server) own(st *state) *server {
	c := *v
	st.server = &c
	return &c
}

// wake returns when the server next does something by itself; zero: never.
func (v *server) wake() time.Time {
	if v.due.IsZero() || !v.sync.IsZero() && v.sync.Before(v.due) {
		return v.sync
	}
	return v.due
}

// changes reports whether somebody can ask for a change. The server can refuse.
func (g standing) changes(t task, c Choice) bool {
	switch c {
	case Edit:
		return g.state != job.Deleted && g.patches == len(t.patches) && g.patches > 1
	case Cancel:
		return g.state == job.Enabled && !g.cancelled
	case Withdraw:
		return g.state == job.Enabled
	case Enable:
		return g.state == job.Disabled
	case Delete:
		return g.state != job.Deleted
	}
	return false
}

// serving runs one operation on a controller over what was committed. If the
// server crashes in do, ok is false. It starts again at once.
func (s *scene) serving(st *state, do func(c *controller.Controller) error) (ok bool, err error) {
	v := st.server.own(st)
	l := v.store
	v.store = &ledgerStore{Store: l.Store.Clone(), sum: l.sum, callers: l.callers, fuse: v.fuse, tamper: s.driver.store}
	c := s.controller(st, v.store)
	err = do(c)
	if ok = !v.store.halted; ok {
		s.seeRollout(st)
		next, problem := c.Tick(context.Background(), st.now)
		if v.due = next; !v.store.halted {
			err = errors.Join(err, problem)
		}
	} else {
		err = nil
	}
	s.seeRollout(st)
	if v.fuse = v.store.fuse; v.store.halted {
		v.due, v.fuse = st.now, 0 // when it starts, it looks what there is to do
	}
	return ok, err
}

// openServer sets up the catalog, the assets and the jobs, enabled.
func (s *scene) openServer(st *state) {
	b := s.Budget
	late := b.Reinstalls+b.Restores+b.Losses+b.Repeats+b.Removals+b.Clones > 0 // a call can be late, or show a lost state
	st.server = &server{store: &ledgerStore{Store: memstore.New(memstore.Options{}), callers: late}}
	ctx := context.Background()
	_, err := s.serving(st, func(c *controller.Controller) (err error) {
		must := func(_ any, e error) { err = cmp.Or(err, e) }
		must(c.AddToken(ctx, secret, controller.Token{Expires: st.now.AddDate(10, 0, 0), Uses: s.Assets + int(s.Budget.Removals)}, st.now))
		must(c.Sync(ctx, []catalog.Batch{st.server.feed.batch(s, st.now)}, st.now))
		for i := range s.identities() {
			must(c.Enrol(ctx, s.enrolment(&host{asset: i}), st.now))
		}
		for j, t := range s.tasks {
			must(c.SaveJob(ctx, s.definition(t, len(t.patches)), st.now))
			must(c.EnableJob(ctx, t.id, st.now))
			st.server.jobs[j] = standing{state: job.Enabled, patches: len(t.patches)}
		}
		return err
	})
	if err != nil {
		st.broke(10, "the server cannot start: %v", err)
	}
}

// definition defines a job with its first patches.
func (s *scene) definition(t task, patches int) job.Definition {
	d := job.Definition{ID: t.id, Name: string(t.id), Platform: catalog.Linux, Schedule: schedule.Schedule{Kind: schedule.Once, At: t.start},
		Assets: job.Assets{Include: slices.Clone(assetNames[:s.identities()])}, Window: s.Window, Early: s.Early}
	d.Reboot, d.RebootPending = s.reboots(slices.Index(jobNames[:], t.id))
	for _, u := range t.patches[:patches] {
		d.Patches.List = append(d.Patches.List, u.id)
	}
	if s.Rollout && t.id == jobNames[0] {
		d.Rollout = threeRings()
	}
	if s.Action {
		d.Pre = []job.Action{{Name: "stop", Command: []string{"stop"}}}
	}
	return d
}

// administer asks for a change of a job. A refusal changes nothing.
func (s *scene) administer(st *state, j int, what Choice) {
	t := s.tasks[j]
	ctx := context.Background()
	_, err := s.serving(st, func(c *controller.Controller) (err error) {
		switch what {
		case Edit:
			_, err = c.SaveJob(ctx, s.definition(t, len(t.patches)-1), st.now)
		case Cancel:
			_, err = c.CancelJob(ctx, t.id, st.now)
		case Withdraw:
			err = c.DisableJob(ctx, t.id, st.now)
		case Enable:
			_, err = c.EnableJob(ctx, t.id, st.now)
		case Delete:
			err = c.DeleteJob(ctx, t.id, false, st.now)
		}
		return err
	})
	_, refused := errors.AsType[*controller.CancelRefused](err)
	_, invalid := errors.AsType[*job.Invalid](err)
	if err != nil && !refused && !invalid {
		st.broke(10, "the server cannot %s %s: %v", what, t.id, err)
		return
	}
	status, unknown := s.view(st).Job(ctx, t.id)
	if unknown != nil {
		st.broke(10, "the server no longer knows %s: %v", t.id, unknown)
		return
	}
	g := &st.server.jobs[j]
	g.state, g.patches = status.Definition.State, len(status.Definition.Patches.List)
	g.cancelled = g.cancelled && what != Enable || what == Cancel && err == nil
}

func (s *scene) view(st *state) *controller.Controller {
	return s.controller(st, st.server.store.Store)
}

func (s *scene) controller(st *state, over controller.Store) *controller.Controller {
	c, err := controller.New(over, controller.Config{
		Signer: s.key, Lead: lead, Every: s.Every, SeenEvery: -1, Zone: time.LoadLocation,
	})
	if err != nil {
		st.broke(10, "the server cannot start: %v", err)
	}
	return c
}

// tick is what the server does by itself: the sync that is due, or its runs.
func (s *scene) tick(st *state) {
	if v := st.server; !v.sync.IsZero() && !v.sync.After(st.now) {
		s.sync(st)
		return
	}
	if _, err := s.serving(st, func(*controller.Controller) error { return nil }); err != nil {
		st.broke(10, "the server cannot plan its runs: %v", err)
	}
}

// sync takes in what the vendor publishes (CAT-1). After a crash, the next does.
func (s *scene) sync(st *state) {
	ok, err := s.serving(st, func(c *controller.Controller) error {
		_, err := c.Sync(context.Background(), []catalog.Batch{st.server.feed.batch(s, st.now)}, st.now)
		return err
	})
	if err != nil {
		st.broke(10, "the server cannot sync the catalog: %v", err)
	}
	st.server.sync = time.Time{}
	if !ok {
		st.server.sync = st.now.Add(syncEvery)
	}
}

// checkIn answers a call, and a second one with the inventory if it is wanted.
func (s *scene) checkIn(st *state, h *host, m message) (answer message, ok bool) {
	var a manifest.Answer
	call := func(in manifest.CheckIn) bool {
		ok, err := s.serving(st, func(c *controller.Controller) (err error) {
			a, err = c.CheckIn(context.Background(), in, st.now)
			return err
		})
		if h.removed && errors.Is(err, manifest.ErrUnknownAsset) {
			h.refused = true
			return false
		}
		if err != nil {
			st.broke(8, "the server cannot answer: %v", err)
			return false
		}
		if at := s.own(h); ok {
			st.server.accepted[at] = max(st.server.accepted[at], a.Acknowledged)
		}
		return ok || s.driver.ack
	}
	if !call(*m.request) {
		return answer, false
	}
	if first := a; a.WantInventory {
		with := *m.request
		with.Inventory = s.inventory(h)
		if !call(with) {
			a = first
		}
	}
	answer = message{id: m.id, answer: true, ack: a.Acknowledged, manifest: a.Manifest}
	if len(a.Manifest) > 0 {
		d, err := manifest.Open(a.Manifest, s.key, s.as(h.asset), 0, "", st.now)
		if err != nil {
			st.broke(9, "the server sends a manifest that does not open: %v", err)
			return answer, false
		}
		answer.released = s.read(d)
	}
	s.dropped(st, h, m, answer)
	s.handed(st, h, m, answer)
	return answer, true
}

// read returns what a manifest says of each order.
func (s *scene) read(d manifest.Document) released {
	r := released{revision: d.Revision}
	for _, o := range d.Orders {
		j := s.job(o.ID)
		if j < 0 {
			continue
		}
		r.contents[j] = content{present: true, marked: o.Cancelled, begun: o.Begun}
		for _, p := range o.Patches {
			if n := s.tasks[j].number(p.Patch); n >= 0 {
				r.contents[j].patches |= 1 << n
			}
		}
	}
	return r
}

// dropped checks that the server drops an order no later than it acknowledges its
// result. Otherwise an agent that forgot it could receive it again (invariant 3).
func (s *scene) dropped(st *state, h *host, m, answer message) {
	if s.restored(st) || s.Copy || h.removed { // then the server may not understand a result; the agent answers when the order comes again (JOB-24)
		return
	}
	says := answer.released.contents
	if answer.manifest == nil {
		if m.request.Held != h.watch.newest.revision {
			return
		}
		says = h.watch.newest.contents
	}
	for _, r := range m.request.Reports {
		j := s.job(r.Order)
		if r.Sequence <= answer.ack && j >= 0 && watch.Final(r.Result) && r.Result != job.Withdrawn && says[j].present {
			st.broke(3, "the server acknowledges %s of %s and keeps handing it out", r.Result, r.Order)
		}
	}
}

// served reports whether nothing is planned and each agent holds the newest
// manifest. Then it compares orders and journals (invariants 10 and 12).
func (s *scene) served(st *state) bool {
	v := st.server
	if !v.wake().IsZero() {
		return false
	}
	c := s.view(st)
	for _, h := range st.hosts[:s.Assets] {
		for j := range s.Jobs {
			if w := &h.watch.orders[j]; !h.absent && w.Received && !w.Ended() && !s.parked(h) {
				return false
			}
		}
		if h.removed && !h.refused {
			return false
		}
		if h.absent || h.removed {
			continue
		}
		status, err := c.Asset(context.Background(), s.as(h.asset), st.now)
		if err != nil {
			st.broke(12, "the server does not know %s: %v", s.as(h.asset), err)
		}
		if status.Newest != h.agent.Revision {
			return false
		}
	}
	s.count(st, c)
	return true
}

// missing reports whether an error says that something does not exist.
func missing(err error) bool {
	_, is := errors.AsType[*controller.NotFoundError](err)
	return is
}

// rows lists the orders of a job's run. A run that was not made yet has none.
func (st *state) rows(c *controller.Controller, t task) []controller.RunAsset {
	rows, err := c.RunAssets(context.Background(), t.run, "", controller.MaxPage)
	if err != nil && !missing(err) {
		st.broke(12, "the server cannot show %s: %v", t.run, err)
	}
	return rows
}

// count compares what the server shows with the journals (invariant 12).
func (s *scene) count(st *state, c *controller.Controller) {
	ctx := context.Background()
	if s.Copy { // reports of two computers under the same numbers can be lost, until the administrator settles the asset
		c = s.controller(st, st.server.store.Clone())
		err := c.SettleClone(ctx, s.as(0), st.now)
		if err != nil && !missing(err) {
			st.broke(10, "the server cannot settle %s: %v", s.as(0), err)
		}
	}
	failed := 0
	for _, h := range st.hosts[:s.Assets] {
		for j := range s.Jobs {
			failed += int(h.watch.orders[j].Failed)
		}
	}
	n, err := c.FailedInstalls(ctx)
	if err != nil || n != failed {
		st.broke(12, "the server counts %d failed installs, the journals add up to %d (%v)", n, failed, err)
	}
	for j, t := range s.tasks {
		for _, row := range st.rows(c, t) {
			i := slices.Index(assetNames[:], row.Asset)
			if h := st.hosts[i]; (s.Copy || h.removed || h.key > 0) && row.Stage != 0 && row.Ended.IsZero() {
				st.broke(10, "the server shows %s as begun, and nobody will end it", row.Order)
			}
			if s.Copy { // one asset has two journals
				continue
			}
			w := &st.hosts[i].watch.orders[j]
			// planned again since, and cancelled or withdrawn before it was handed out
			again := (w.Result == job.Withdrawn || s.restored(st)) && !row.HandedOut
			if w.Received && row.Result != w.Result && w.Result != job.PendingReboot && !again {
				st.broke(12, "the server shows %s of %s; the asset's journal says %s", row.Result, row.Order, w.Result)
			}
		}
	}
}
