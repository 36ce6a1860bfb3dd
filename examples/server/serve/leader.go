package serve

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// heartbeat is how often one of several servers asks what the others did: a
// change reaches all of them within a second.
const heartbeat = 400 * time.Millisecond

// member is one of the servers on a store. One of them leads: it alone syncs
// the catalog and makes orders.
type member struct {
	controller *controller.Controller
	logger     *slog.Logger
	kick       chan<- struct{}                         // wakes the loop that makes orders
	work       func(context.Context, controller.Fence) // what the server that leads does, until the context ends

	mu    sync.Mutex
	who   controller.Candidate
	fence controller.Fence // zero: it does not lead
}

// lead takes part in the choice of the server that leads.
func (m *member) lead(ctx context.Context, claim bool) (controller.Fence, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	fence, err := m.controller.Lead(ctx, &m.who, claim, time.Now())
	if err != nil {
		return m.fence, err // it goes on; what it may no longer do is refused
	}
	if fence != m.fence {
		m.fence = fence
		m.logger.Info("leadership", "leads", fence > 0, "fence", uint64(fence))
	}
	return fence, nil
}

// run takes part until ctx ends, and works while it leads. The error says that
// this server cannot go on with the store.
func (m *member) run(ctx context.Context) error {
	defer m.stepDown(ctx)
	var working sync.WaitGroup
	defer working.Wait()
	stop, led := func() {}, controller.Fence(0) // of the work that was begun last
	defer func() { stop() }()
	var seen uint64
	silent := false
	ticker := time.NewTicker(heartbeat)
	defer ticker.Stop()
	for {
		fence, err := m.lead(ctx, false)
		if fence != led {
			stop()
			working.Wait()
			if fence > 0 {
				term, end := context.WithCancel(controller.Fenced(ctx, fence))
				stop = end
				working.Go(func() { m.work(term, fence) })
			}
			led = fence
		}
		if err == nil {
			seen, err = m.follow(ctx, seen)
		}
		if _, newer := errors.AsType[*manifest.NewerFormat](err); newer {
			return err
		}
		if _, newer := errors.AsType[*controller.TrustError](err); newer {
			return err
		}
		if failed := err != nil && ctx.Err() == nil; failed != silent {
			if silent = failed; failed {
				m.logger.Error("the store does not answer", "err", err)
			} else {
				m.logger.Info("the store answers again")
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// follow looks for what other servers changed.
func (m *member) follow(ctx context.Context, seen uint64) (uint64, error) {
	n, err := m.controller.Changes(ctx)
	if err != nil || n == seen {
		return seen, err
	}
	select {
	case m.kick <- struct{}{}:
	default: // a kick is pending already
	}
	_, err = m.controller.Snapshot(ctx) // so that no agent waits for it
	return n, err
}

// stepDown lets another server lead at once.
func (m *member) stepDown(ctx context.Context) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer stop()
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.controller.StepDown(ctx, &m.who, time.Now()); err != nil {
		m.logger.Warn("step down", "err", err)
	}
}

// syncing makes this server lead before it syncs for an administrator: one
// server at a time syncs.
func (m *member) syncing(sync func(context.Context, controller.Fence, catalog.FeedID) (catalog.Changes, error)) syncFunc {
	return func(ctx context.Context, acceptOlder catalog.FeedID) (catalog.Changes, error) {
		fence, err := m.lead(ctx, false)
		if err == nil && fence == 0 {
			fence, err = m.lead(ctx, true)
		}
		switch {
		case err != nil:
			return catalog.Changes{}, err
		case fence == 0:
			return catalog.Changes{}, controller.ErrOvertaken
		}
		return sync(controller.Fenced(ctx, fence), fence, acceptOlder)
	}
}

type syncFunc = func(context.Context, catalog.FeedID) (catalog.Changes, error)

// deferring leaves what follows an administrator's act to the server that
// leads.
func deferring(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(controller.Deferred(r.Context())))
	})
}
