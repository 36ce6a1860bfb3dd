package aptfeed

import (
	"maps"
	"sync"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/integrity"
)

// group is what the feeds of one configuration know of each other, because a catalog takes each
// patch from one feed only and one build is often in several suites. Of the feeds of one authority
// that list a patch, the first of the configuration gives it. Feeds of different authorities know
// nothing of each other: between them the catalog decides (CAT-17).
type group struct {
	mu       sync.Mutex
	listings []listing
}

// listing is what one feed listed last.
type listing struct {
	feed      catalog.FeedID
	authority string
	security  bool // it is a security suite
	patches   map[catalog.PatchID]integrity.Digest
}

// view is what the other feeds of its authority do to what one gives.
type view struct {
	hidden   map[catalog.PatchID]catalog.FeedID // given by an earlier feed: that one if it has other bytes, else empty
	security map[catalog.PatchID]bool           // builds that a security suite lists
}

func (v view) equal(w view) bool {
	return maps.Equal(v.hidden, w.hidden) && maps.Equal(v.security, w.security)
}

// list replaces the listing of feed i.
func (g *group) list(i int, l listing) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.listings[i] = l
}

// view computes what the other feeds do to the records of feed i.
func (g *group) view(i int, records []record) view {
	g.mu.Lock()
	defer g.mu.Unlock()
	v := view{map[catalog.PatchID]catalog.FeedID{}, map[catalog.PatchID]bool{}}
	for k, l := range g.listings {
		if l.authority != g.listings[i].authority || k >= i && !l.security {
			continue
		}
		for _, r := range records {
			digest, has := l.patches[r.id]
			if has && l.security && digest == r.digest {
				v.security[r.id] = true
			}
			if _, earlier := v.hidden[r.id]; has && k < i && !earlier {
				if v.hidden[r.id] = ""; digest != r.digest {
					v.hidden[r.id] = l.feed
				}
			}
		}
	}
	return v
}
