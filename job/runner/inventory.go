package runner

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
)

// inventoryCache holds the last inventory for the check-ins.
type inventoryCache struct {
	mu    sync.Mutex
	have  bool
	inv   catalog.Inventory
	taken time.Duration // on the clock's Up
	cost  time.Duration
}

func (c *inventoryCache) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.have = false
}

func (c *inventoryCache) get() (inv catalog.Inventory, taken, cost time.Duration, have bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.inv, c.taken, c.cost, c.have
}

// freshInventory asks the platform. Callers must not change what is returned.
func (l *loop) freshInventory(ctx context.Context) (catalog.Inventory, error) {
	l.platform.Lock()
	defer l.platform.Unlock()
	ctx, cancel := context.WithTimeout(ctx, inventoryTime)
	defer cancel()
	return l.inventoryLocked(ctx)
}

func (l *loop) inventoryLocked(ctx context.Context) (catalog.Inventory, error) {
	began := l.cfg.Clock().Up
	inv, err := l.cfg.Platform.Inventory(ctx)
	if err != nil {
		return catalog.Inventory{}, err
	}
	now := l.cfg.Clock().Up
	c := &l.inventory
	c.mu.Lock()
	defer c.mu.Unlock()
	c.have, c.inv, c.taken, c.cost = true, inv, now, now-began
	return inv, nil
}

// anyInventory takes an inventory for whichever check-in comes next: it goes on when the one that began it is cut off by a newer one,
// or on a slow asset there would never be any. The platform is locked.
func (l *loop) anyInventory() (catalog.Inventory, error) {
	ctx, cancel := context.WithTimeout(l.life, l.cfg.CallTimeout)
	defer cancel()
	return l.inventoryLocked(ctx)
}

// errBusy: the platform does something else, which may take hours.
var errBusy = errors.New("the platform is at work; the next check-in tries again")

// firstInventory waits for the inventory that another check-in is taking, and takes one if there is none. It does not wait for a deploy:
// what the server said must not lie about for hours (MAN-3).
func (l *loop) firstInventory() (catalog.Inventory, error) {
	l.taking.Lock()
	defer l.taking.Unlock()
	if inv, _, _, have := l.inventory.get(); have {
		return inv, nil
	}
	if !l.platform.TryLock() {
		return catalog.Inventory{}, errBusy
	}
	defer l.platform.Unlock()
	return l.anyInventory()
}

// presentInventory is what a check-in tells the digest of: taken anew if that is cheap and nothing else goes on on the platform, else the
// last one. Known is false when there is none.
func (l *loop) presentInventory() (inv catalog.Inventory, known bool) {
	inv, taken, cost, known := l.inventory.get()
	age := l.cfg.Clock().Up - taken
	if known && cost > inventoryCheap && age >= 0 && age < inventoryFresh {
		return inv, true
	}
	if !l.taking.TryLock() {
		return inv, known
	}
	defer l.taking.Unlock()
	if !l.platform.TryLock() {
		return inv, known
	}
	defer l.platform.Unlock()
	fresh, err := l.anyInventory()
	if err != nil {
		if l.life.Err() == nil {
			l.cfg.Logger.Warn("the inventory could not be taken", "error", err)
		}
		return inv, known
	}
	return fresh, true
}
