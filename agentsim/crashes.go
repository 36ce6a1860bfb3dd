package agentsim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
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

// crashPoint crashes an agent once at a step: just before the commit, so that
// the event is lost, or just after, so that no effect is carried out.
type crashPoint struct {
	after bool   // the commit
	step  string // in lower case: a progress step, a result or one of crashEffects
	job   job.ID // empty: any job
	power bool   // the whole computer goes down, and boots again
}

// crashEffects are the effects at which an agent can crash: how the names of
// their types end.
var crashEffects = []string{"inventory", "download", "preflight", "install", "action", "prompt", "reboot"}

// addCrash adds a crash point: before|after STEP[ of JOB].
func (a *asset) addCrash(m *match, power bool) {
	_, progress := job.ParseProgress(m.w[1])
	_, result := job.ParseResult(m.w[1])
	if progress != nil && result != nil && !slices.Contains(crashEffects, m.w[1]) {
		m.err = fmt.Errorf("%q is not a step; a step is a progress step or a result such as Deploying or Completed, or one of %s", m.w[1], join(crashEffects, ", "))
		return
	}
	a.crashes = append(slices.Clip(a.crashes), crashPoint{after: m.w[0] == "after", step: strings.ToLower(m.w[1]), job: job.ID(m.w[2]), power: power})
}

// crashesAt crashes the agent if the step is at one of its crash points, and
// reports whether it did.
func (a *asset) crashesAt(committed bool, before, after agent.State, out agent.Out) bool {
	i := slices.IndexFunc(a.crashes, func(c crashPoint) bool { return c.after == committed && c.at(before, after, out) })
	if i < 0 {
		return false
	}
	c, when := a.crashes[i], map[bool]string{false: "before", true: "after"}[committed]
	a.crashes = slices.Delete(slices.Clone(a.crashes), i, i+1)
	if c.power {
		a.log("loses power just %s the commit of %s", when, c.step)
		a.boot(a.took["boot"])
	} else {
		a.log("agent crashes just %s the commit of %s", when, c.step)
		a.crash()
	}
	return true
}

func (c crashPoint) at(before, after agent.State, out agent.Out) bool {
	is := func(of job.OrderID, step string) bool {
		return strings.ToLower(step) == c.step && (c.job == "" || c.job == of.Run().Job())
	}
	for _, r := range after.Reports {
		if r.Sequence > before.Sequence && (r.Progress != 0 && is(r.Order, r.Progress.String()) || r.Result != 0 && is(r.Order, r.Result.String())) {
			return true
		}
	}
	return slices.ContainsFunc(out.Effects, func(e agent.Effect) bool {
		switch e := e.(type) {
		case agent.DownloadEarly:
			return is(e.Order, "download")
		case agent.Execute:
			name := strings.ToLower(fmt.Sprintf("%T", e.Effect))
			return slices.ContainsFunc(crashEffects, func(word string) bool { return strings.HasSuffix(name, word) && is(e.Order, word) })
		}
		return false
	})
}
