package aptfeed

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/integrity"
)

// group is what the feeds of one configuration know of each other. A catalog
// takes each patch from one feed, and one build is often in several suites. Of
// the feeds of one authority that list a patch, the first of the configuration
// gives it. Feeds of different authorities know nothing of each other: the
// catalog decides between them (CAT-17).
type group struct {
	feeds    []*Feed
	mu       sync.Mutex
	listings []listing
}

type listing struct {
	feed      catalog.FeedID
	authority string
	security  bool // it is a security suite
	patches   map[catalog.PatchID]integrity.Digest
}

// view is the effect of the other feeds of its authority on one feed.
type view struct {
	hidden   map[catalog.PatchID]catalog.FeedID // an earlier feed gives it: that feed if its digest differs, otherwise empty
	security map[catalog.PatchID]bool           // a security suite lists it
}

func (g *group) list(f *Feed, h held) {
	g.mu.Lock()
	defer g.mu.Unlock()
	security := strings.HasSuffix(h.release.Suite, "-security") || strings.HasSuffix(h.release.Codename, "-security")
	g.listings[f.index] = listing{f.id, f.source.authority(h.release.vouching(), f.config.Dir), security, h.digests}
}

// learn reads the security suites after feed i of which nothing is known yet: a
// first fetch would otherwise take the class of every build that they list too.
// If one fails, its own fetch says so.
func (g *group) learn(ctx context.Context, i int, now time.Time) {
	for _, f := range g.feeds[i+1:] {
		if f.refused != nil || !strings.HasSuffix(f.source.suite, "-security") {
			continue
		}
		f.mu.Lock()
		if len(f.held.signed.text) == 0 {
			if next, _, err := f.learn(ctx, now); err == nil {
				f.held = next
			}
		}
		f.mu.Unlock()
	}
}

// view returns the effect of the other feeds on the records of feed i.
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
