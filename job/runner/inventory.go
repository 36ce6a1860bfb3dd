package runner

import (
	"context"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
)

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
	var present *catalog.Inventory
	last := l.inventory.Load()
	if last != nil {
		present = &last.Inventory
	}
	if !free {
		return present
	}
	defer l.taking.Unlock()
	if last != nil {
		age := l.cfg.Clock().Up - last.taken
		if wanted || last.cost > inventoryCheap && age >= 0 && age < inventoryFresh {
			return present
		}
	}
	if !l.platform.TryLock() {
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
