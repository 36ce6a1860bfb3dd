package sqltx

import (
	"cmp"
	"context"
	"database/sql"
	"sync"
	"sync/atomic"

	"github.com/patchpolicy/patchpolicy/job/controller"
)

// maxGroup is how many Updates one commit is for: none of them waits for long.
const maxGroup = 32

// groups makes Updates share transactions: a commit waits for the disk, and all
// who come meanwhile are committed together by the next one. It serves an engine
// with one connection that writes. Each Update runs by itself; an Update that
// fails leaves nothing in the transaction of the others.
type groups struct {
	begin   sync.Once
	turn    chan struct{} // has room for the Update that runs
	waiting atomic.Int32  // Updates that want their turn
	open    *group
}

type group struct {
	tx   *sql.Tx
	size int
	bad  error         // why it cannot commit
	done chan struct{} // closed after the commit
	err  error         // of the commit
}

// share runs fn in a transaction that it may share.
func (s *Store) share(ctx context.Context, fn func(controller.Writer) error) error {
	g, err := s.join(ctx)
	if err != nil {
		return err
	}
	t := &tx{ctx: ctx, dialect: s.Dialect, side: &s.Write, tx: g.tx, group: g}
	ended := false
	defer func() {
		if !ended { // fn panicked
			t.undo()
			_ = s.leave(g)
		}
	}()
	if err = fn(t); err == nil {
		err = t.check(nil)
	}
	if err == nil {
		err = t.keep()
	}
	if err != nil {
		t.undo()
	}
	t.over, ended = true, true
	return cmp.Or(err, s.leave(g))
}

// join waits for its turn, and begins a transaction if none is open.
func (s *Store) join(ctx context.Context) (*group, error) {
	s.groups.begin.Do(func() { s.groups.turn = make(chan struct{}, 1) })
	s.groups.waiting.Add(1)
	select {
	case s.groups.turn <- struct{}{}:
		s.groups.waiting.Add(-1)
	case <-ctx.Done():
		go s.standIn()
		return nil, ctx.Err()
	}
	g := s.groups.open
	if g == nil {
		g = &group{done: make(chan struct{})}
		var err error
		for tries := s.Dialect.Tries; tries > 0; tries-- {
			// Without the context: when that ends, the transaction goes on for the others.
			if g.tx, err = s.Write.DB.BeginTx(context.WithoutCancel(ctx), &s.Write.Options); err == nil || !s.Dialect.Conflict(err) {
				break
			}
		}
		if err != nil {
			<-s.groups.turn
			return nil, err
		}
		s.groups.open = g
	}
	g.size++
	return g, nil
}

// leave commits, or leaves that to the next Update that waits for its turn. It
// returns after the commit.
func (s *Store) leave(g *group) error {
	if g.bad == nil && g.size < maxGroup && s.groups.waiting.Load() > 0 {
		<-s.groups.turn
		<-g.done
		return g.err
	}
	s.groups.open = nil
	if g.err = g.bad; g.bad != nil {
		_ = g.tx.Rollback() // the reason is known
	} else {
		g.err = g.tx.Commit()
	}
	close(g.done)
	<-s.groups.turn
	return g.err
}

// standIn takes the turn of an Update that waits no longer: the others may have
// left their commit to it.
func (s *Store) standIn() {
	s.groups.turn <- struct{}{}
	s.groups.waiting.Add(-1)
	if g := s.groups.open; g != nil {
		_ = s.leave(g) // the others have the error
	} else {
		<-s.groups.turn
	}
}

// spill sends what is pending before fn has ended, so that it can be taken back.
func (t *tx) spill() error {
	if t.group != nil && !t.saved {
		if err := t.exec("SAVEPOINT one"); err != nil {
			return err
		}
		t.saved = true
	}
	return t.flush()
}

// keep sends what an Update wrote.
func (t *tx) keep() error {
	err := t.flush()
	if err == nil && t.saved {
		err = t.exec("RELEASE one")
	}
	if err != nil { // a part of it may be there
		t.group.bad = err
	}
	return err
}

// undo takes an Update out of its group. After trouble with the engine, nobody
// knows what is left of the transaction.
func (t *tx) undo() {
	t.over = true
	if t.failed != nil && t.ctx.Err() == nil {
		t.group.bad = cmp.Or(t.group.bad, t.failed)
	}
	if t.saved && t.group.bad == nil {
		if err := cmp.Or(t.exec("ROLLBACK TO one"), t.exec("RELEASE one")); err != nil {
			t.group.bad = err
		}
	}
}

func (t *tx) exec(text string) error {
	_, err := t.tx.ExecContext(t.sending(), text)
	return t.fail(err)
}

// sending is the context of statements that write. The engine would take back a
// whole transaction if one of them was interrupted.
func (t *tx) sending() context.Context {
	if t.group != nil {
		return context.WithoutCancel(t.ctx)
	}
	return t.ctx
}
