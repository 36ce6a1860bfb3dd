package agentsim

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/patchpolicy/patchpolicy/job/controller"
)

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
		return errCrashed
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
