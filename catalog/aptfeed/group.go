package aptfeed

import (
	"maps"
	"slices"
	"sync"

	"github.com/patchpolicy/patchpolicy/catalog"
)

// group is what the feeds of one configuration know of each other, because a catalog takes each patch from one feed only
// and one build is often in several suites. Of the feeds that list a patch, the first of the configuration gives it.
type group struct {
	mu       sync.Mutex
	listings []listing
}

// listing is what one feed listed last.
type listing struct {
	version uint64 // grows with every change; zero: nothing listed yet
	feed    catalog.FeedID
	vendor  string
	patches map[catalog.PatchID]string // its SHA-256
	product map[catalog.ProductID]bool
}

// view is what the feeds before one do to what it gives.
type view struct {
	seen    []uint64                           // versions of the earlier feeds' listings
	hidden  []catalog.PatchID                  // given by an earlier feed, sorted
	unequal map[catalog.PatchID]catalog.FeedID // of them, those with other bytes there, and that feed
	vendors map[catalog.ProductID]string       // as the first feed names it, where that differs
}

func (v *view) equal(w *view) bool {
	return v != nil && slices.Equal(v.hidden, w.hidden) && maps.Equal(v.unequal, w.unequal) && maps.Equal(v.vendors, w.vendors)
}

// list replaces the listing of feed i.
func (g *group) list(i int, feed catalog.FeedID, vendor string, records []record) {
	l := listing{
		feed:    feed,
		vendor:  vendor,
		patches: make(map[catalog.PatchID]string, len(records)),
		product: make(map[catalog.ProductID]bool, len(records)),
	}
	for _, r := range records {
		l.patches[r.id] = r.sha256
		l.product[r.product] = true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	l.version = g.listings[i].version + 1
	g.listings[i] = l
}

// view computes what the earlier feeds do to the records of feed i; old is returned when none of them changed since.
func (g *group) view(i int, vendor string, records []record, old *view) *view {
	g.mu.Lock()
	defer g.mu.Unlock()
	earlier := g.listings[:i]
	v := &view{unequal: map[catalog.PatchID]catalog.FeedID{}, vendors: map[catalog.ProductID]string{}}
	for _, l := range earlier {
		v.seen = append(v.seen, l.version)
	}
	if old != nil && slices.Equal(old.seen, v.seen) {
		return old
	}
	for _, r := range records {
		for _, l := range earlier {
			if l.product[r.product] {
				if l.vendor != vendor {
					v.vendors[r.product] = l.vendor
				}
				break
			}
		}
		for _, l := range earlier {
			sum, has := l.patches[r.id]
			if !has {
				continue
			}
			v.hidden = append(v.hidden, r.id)
			if sum != r.sha256 {
				v.unequal[r.id] = l.feed
			}
			break
		}
	}
	slices.Sort(v.hidden)
	return v
}
