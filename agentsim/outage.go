package agentsim

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/patchpolicy/patchpolicy/job/controller"
)

// errDown is what a call finds when the server is down; errCrashed, when it went down over the call.
var (
	errDown    = errors.New("the server is down")
	errCrashed = errors.New("the server crashed")
)

// gone reports whether a call failed only because the server was not there to answer it.
func gone(err error) bool { return errors.Is(err, errDown) || errors.Is(err, errCrashed) }

// outage is a crash of the server at a commit of its store: just before, so that nothing of the transaction stays, or just
// after, so that nobody is told. It happens once.
type outage struct {
	after bool
	left  int // commits that write something until then, it included
}

// fragile is a store whose server crashes at the commits that outages name. A transaction that writes nothing is none.
type fragile struct {
	controller.Store
	outages []outage
}

// crashAt adds an outage at the nth commit from now.
func (f *fragile) crashAt(after bool, n int) error {
	if n < 1 {
		return fmt.Errorf("%d is no commit; the next one is 1", n)
	}
	if len(f.outages) == MaxTimes {
		return fmt.Errorf("a server has %d crashes ahead at most", MaxTimes)
	}
	f.outages = append(f.outages, outage{after, n})
	return nil
}

// due reports whether the next commit meets an outage on that side.
func (f *fragile) due(after bool) bool { return slices.Contains(f.outages, outage{after, 1}) }

// Update implements controller.Store. Attempts that a store makes in vain count as none: what counts is written last.
func (f *fragile) Update(ctx context.Context, fn func(controller.Writer) error) error {
	wrote, before, after := false, f.due(false), f.due(true)
	err := f.Store.Update(ctx, func(w controller.Writer) error {
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
	for i := range f.outages {
		f.outages[i].left--
	}
	f.outages = slices.DeleteFunc(f.outages, func(o outage) bool { return o.left == 0 })
	if err == nil && after {
		return errCrashed
	}
	return err
}

// recorder tells whether a transaction writes.
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

// alive restarts the server if a call of it ended in a crash, and returns the call's error.
func (s *server) alive(err error) error {
	if errors.Is(err, errCrashed) && s.up {
		s.w.log("server", "crashes at a commit of its store, and starts again")
		s.w.fail(s.start())
	}
	return err
}
