package runner

import (
	"context"
	"errors"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// call checks in on its own goroutine. It cancels an older check-in that still
// runs: the machine waits for the newest only.
func (l *loop) call(ctx context.Context, c agent.Call) {
	if l.cutCall != nil {
		l.cutCall()
	}
	callCtx, cancel := context.WithTimeout(ctx, callTimeout)
	l.cutCall = cancel
	l.helpers.Go(func() {
		defer cancel()
		l.cfg.Trace("call:before")
		answer, err := l.checkIn(callCtx, c.Request)
		l.cfg.Trace("call:after")
		switch {
		case err == nil:
			l.send(agent.CallDone{ID: c.ID, Answer: answer})
		case ctx.Err() == nil: // otherwise the agent is stopping, which is not a failure of the server
			text, refused := "the server did not answer", errors.Is(err, manifest.ErrRefused)
			if refused {
				text = "the server refuses this agent's calls; nothing starts until it answers again"
			}
			l.cfg.Logger.Warn(text, "error", err)
			l.send(agent.CallFailed{ID: c.ID, Refused: refused, Err: problem.Clip(err.Error(), job.MaxText)})
		}
	})
}

// checkIn calls the server, and calls again with the inventory if the server
// wants it. If the second call fails, the first answer counts, except that a
// refusal counts.
func (l *loop) checkIn(ctx context.Context, in manifest.CheckIn) (manifest.Answer, error) {
	in.Zone = l.cfg.Zone()
	if status, err := l.askStatus(ctx); err == nil && status.RebootRequired { // without an answer the next call reports it
		in.Reboot, in.RebootSince = true, status.RebootSince.UTC()
	}
	inv := l.presentInventory(false)
	if inv != nil {
		in.Digest = inv.Digest()
	}
	answer, err := l.ask(ctx, in)
	if err != nil || !answer.WantInventory {
		return answer, err
	}
	if inv == nil {
		if inv = l.presentInventory(true); inv == nil {
			l.cfg.Logger.Warn("the server wants the inventory, but the platform is busy or could not list it; the next check-in tries again")
			return answer, nil
		}
	}
	in.Inventory, in.Digest = inv, inv.Digest()
	second, err := l.ask(ctx, in)
	if errors.Is(err, manifest.ErrRefused) {
		return answer, err
	}
	if err != nil {
		l.cfg.Logger.Warn("the inventory could not be delivered", "error", err)
		return answer, nil
	}
	return second, nil
}

// ask calls the server once. An answer in a later format than this release
// knows is an error (MAN-11).
func (l *loop) ask(ctx context.Context, in manifest.CheckIn) (manifest.Answer, error) {
	answer, err := l.cfg.Server.CheckIn(ctx, in)
	if err == nil {
		err = manifest.CheckFormat("the server's answer", answer.Format, manifest.Format)
	}
	return answer, err
}

// inventory is the last inventory that was taken.
type inventory struct {
	catalog.Inventory
	taken time.Duration // on the clock's Up
	cost  time.Duration
}

// askInventory takes the inventory and caches it. The caller has locked the
// platform and must not change the result.
func (l *loop) askInventory(ctx context.Context) (catalog.Inventory, error) {
	began := l.cfg.Clock().Up
	inv, err := l.cfg.Platform.Inventory(ctx)
	if err != nil {
		return catalog.Inventory{}, err
	}
	now := l.cfg.Clock().Up
	l.inventory.Store(&inventory{inv, now, now - began})
	return inv, nil
}

// presentInventory returns the inventory whose digest a check-in reports, or
// nil if no inventory was taken. It takes a new one if that is cheap and the
// platform is free; otherwise it returns the last one. With wanted, because the
// server asks for it, the last one is enough, and presentInventory waits for an
// inventory that another check-in is taking. It does not wait for a deploy, so
// that the server's answer is not hours old when it is used (MAN-3).
func (l *loop) presentInventory(wanted bool) *catalog.Inventory {
	free := l.taking.TryLock()
	if !free && wanted {
		l.taking.Lock()
		free = true
	}
	if free {
		defer l.taking.Unlock()
	}
	var present *catalog.Inventory
	if last := l.inventory.Load(); last != nil {
		present = &last.Inventory
		age := l.cfg.Clock().Up - last.taken
		free = free && !wanted && (last.cost <= inventoryCheap || age < 0 || age >= inventoryFresh)
	}
	if !free || !l.platform.TryLock() {
		return present
	}
	defer l.platform.Unlock()
	// It continues when a newer check-in cancels this one: otherwise a slow
	// asset would never finish an inventory.
	ctx, cancel := context.WithTimeout(l.life, callTimeout)
	defer cancel()
	fresh, err := l.askInventory(ctx)
	if err == nil {
		return &fresh
	}
	if l.life.Err() == nil {
		l.cfg.Logger.Warn("the inventory could not be taken", "error", err)
	}
	return present
}
