package runner

import (
	"context"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
)

// inventory is one as it was taken.
type inventory struct {
	catalog.Inventory
	taken time.Duration // on the clock's Up
	cost  time.Duration
}

// askInventory asks the platform, which the caller has locked, and must not change what is returned.
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

// presentInventory is what a check-in tells the digest of: taken anew if that is cheap and nothing else goes on on the platform, else the
// last one; nil when there is none. If the server wants it, the last one will do, and one that another check-in is taking is
// waited for. A deploy is not: what the server said must not lie about for hours (MAN-3).
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
	// It goes on when the check-in that began it is cut off by a newer one, or on a slow asset there would never be any.
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
