package controller

import (
	"context"
	"errors"
	"time"
)

// Patience is how long the server that leads may be silent until another one
// takes over. A server that is only slow may be overtaken too: nothing breaks,
// because what it still writes is refused with [ErrOvertaken].
const Patience = 5 * time.Second

// ErrOvertaken says that another server leads now. Nothing was written.
var ErrOvertaken = errors.New("another server has taken over")

// Fence numbers the leaderships of a store; each has a higher one. Zero is none.
type Fence uint64

// lease is what the servers on a store agree on. It is two records: each
// transaction of the server that leads reads the first, and only a change of
// leader writes it.
type lease struct {
	leaderRecord
	beat uint64 // grows while the leader is alive
}

type leaderRecord struct {
	Leader string `json:"leader,omitempty"` // empty: none
	Fence  Fence  `json:"fence"`
}

var leaderKey, beatKey, changesKey = key("leader"), key("beat"), key("changes")

// Candidate is one of several servers on a store that choose which one leads.
// One at a time leads: it syncs and makes orders. All of them answer agents and
// administrators. No two processes have the same name. A Candidate is not safe
// for concurrent use.
type Candidate struct {
	Name  string
	seen  lease
	since time.Time // when the lease first was what was seen last
}

// step decides what a server does about the lease that it sees: keep it, take
// it, or wait. A server takes the lease if nobody leads, if the leader made no
// beat for Patience, or if it claims it. Each server measures the silence by
// its own clock, so clocks need not agree.
func (c Candidate) step(is lease, claim bool, now time.Time) (_ Candidate, next lease) {
	switch {
	case is.Leader == c.Name:
		next, next.beat = is, is.beat+1
	case is.Leader == "", claim, is == c.seen && now.Sub(c.since) >= Patience:
		next.leaderRecord = leaderRecord{c.Name, is.Fence + 1}
	case is != c.seen:
		c.seen, c.since = is, now
		return c, is
	default:
		return c, is
	}
	c.seen, c.since = next, now
	return c, next
}

// Lead takes part in the choice of the server that leads, and returns the number
// of this one's leadership; zero: another server leads. Call it every second or
// more often, or with claim to lead at once.
//
// While it leads, a server runs Sync, Tick and Prune with a context of
// [Fenced]. It may go on for a while after another server has taken over; that
// does no harm.
func (c *Controller) Lead(ctx context.Context, who *Candidate, claim bool, now time.Time) (Fence, error) {
	is, err := view(ctx, c, (*reader).lease)
	if err != nil {
		return 0, err
	}
	candidate, next := who.step(is, claim, now)
	if next != is {
		err = c.update(ctx, now, func(t *tx) {
			if t.lease() != is { // another was faster
				candidate, next = *who, lease{}
				return
			}
			candidate, next = who.step(is, claim, now)
			t.saveLease(is, next)
		})
		if err != nil {
			return 0, err
		}
	}
	*who = candidate
	if next.Leader != who.Name {
		return 0, nil
	}
	return next.Fence, nil
}

// StepDown ends a leadership, so that another server takes over at once. It
// does nothing if that has happened already.
func (c *Controller) StepDown(ctx context.Context, who *Candidate, now time.Time) error {
	return c.update(ctx, now, func(t *tx) {
		if is := t.lease(); is.Leader == who.Name {
			t.saveLease(is, lease{leaderRecord{Fence: is.Fence}, is.beat})
		}
	})
}

func (r *reader) lease() (is lease) {
	is.leaderRecord, _ = load[leaderRecord](r, tableServers, leaderKey)
	is.beat, _ = load[uint64](r, tableServers, beatKey)
	return is
}

func (t *tx) saveLease(before, after lease) {
	if before.leaderRecord != after.leaderRecord {
		t.save(tableServers, leaderKey, after.leaderRecord)
	}
	t.save(tableServers, beatKey, after.beat)
}

type fenceKey struct{}

// Fenced returns a context for what only the server that leads does: every
// transaction that writes fails with ErrOvertaken once another leads.
func Fenced(ctx context.Context, fence Fence) context.Context {
	return context.WithValue(ctx, fenceKey{}, fence)
}

// heed fails if the context is fenced and another server leads.
func (t *tx) heed() {
	fence, has := t.ctx.Value(fenceKey{}).(Fence)
	if !has {
		return
	}
	if now, _ := load[leaderRecord](t.reader, tableServers, leaderKey); now.Fence != fence || now.Leader == "" {
		t.fail(ErrOvertaken)
	}
}

type deferredKey struct{}

// Deferred returns a context for the acts of administrators on one of several
// servers. An act then only marks its runs, and the mark holds at once for
// every asset that calls. The server that leads learns from Changes that there
// is something to do, and its Tick makes and ends the orders. In this context,
// Tick does nothing.
func Deferred(ctx context.Context) context.Context {
	return context.WithValue(ctx, deferredKey{}, true)
}

func deferred(ctx context.Context) bool { return ctx.Value(deferredKey{}) != nil }

// Changes returns a number that grows with each administrative act and each
// sync, by whatever server. Each of several servers on a store asks for it once
// or twice a second; when it has grown, the one that leads calls Tick, and the
// others may call Snapshot, so that no agent waits while the catalog is loaded.
//
// The error is a *manifest.NewerFormat or a *TrustError if a server of a later
// release, or with newer keys, uses the store: this one has to end.
func (c *Controller) Changes(ctx context.Context) (uint64, error) {
	return view(ctx, c, func(r *reader) uint64 {
		r.format()
		r.fail(c.trusts(r))
		n, _ := load[uint64](r, tableServers, changesKey)
		return n
	})
}

// publish makes other servers notice that something changed. Acts of assets are
// not published: they are too many for one record.
func (t *tx) publish() {
	n, _ := load[uint64](t.reader, tableServers, changesKey)
	t.save(tableServers, changesKey, n+1)
}
