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
	feed     catalog.FeedID
	vendor   string
	security bool                       // it is a security suite
	patches  map[catalog.PatchID]string // its SHA-256
	product  map[catalog.ProductID]bool
}

// view is what the other feeds do to what one gives.
type view struct {
	hidden   map[catalog.PatchID]catalog.FeedID // given by an earlier feed: that one if it has other bytes, else empty
	vendors  map[catalog.ProductID]string       // as the first feed names it, where that differs
	security map[catalog.PatchID]bool           // builds that a security suite lists
}

func (v view) equal(w view) bool {
	return maps.Equal(v.hidden, w.hidden) && maps.Equal(v.vendors, w.vendors) && maps.Equal(v.security, w.security)
}

// list replaces the listing of feed i.
func (g *group) list(i int, feed catalog.FeedID, r release, records []record) {
	l := listing{
		feed:     feed,
		vendor:   r.vendor(),
		security: r.security(),
		patches:  make(map[catalog.PatchID]string, len(records)),
		product:  make(map[catalog.ProductID]bool, len(records)),
	}
	for _, r := range records {
		l.patches[r.id] = r.sha256
		l.product[r.product] = true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.listings[i] = l
}

// view computes what the other feeds do to the records of feed i.
func (g *group) view(i int, vendor string, records []record) view {
	g.mu.Lock()
	defer g.mu.Unlock()
	v := view{map[catalog.PatchID]catalog.FeedID{}, map[catalog.ProductID]string{}, map[catalog.PatchID]bool{}}
	for _, l := range g.listings {
		for _, r := range records {
			if l.security && l.patches[r.id] == r.sha256 {
				v.security[r.id] = true
			}
		}
	}
	for _, l := range slices.Backward(g.listings[:i]) { // the first of them has the last word
		for _, r := range records {
			if l.product[r.product] {
				if delete(v.vendors, r.product); l.vendor != vendor {
					v.vendors[r.product] = l.vendor
				}
			}
			if sum, has := l.patches[r.id]; has {
				if v.hidden[r.id] = ""; sum != r.sha256 {
					v.hidden[r.id] = l.feed
				}
			}
		}
	}
	return v
}
