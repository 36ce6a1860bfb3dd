package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// feeds lists the feeds of the next snapshot and the order in which they
// decide, and notes the state of each.
func (s *syncer) feeds(batches []Batch) {
	s.next.feeds = slices.Clone(s.prev.feeds)
	latest := make(map[FeedID]*Batch, len(batches))
	for i := range batches {
		b := &batches[i]
		reject := func(reasons ...string) { // it does not count as a record
			s.changes.Rejected = append(s.changes.Rejected, Rejected{Feed: b.Feed, Record: "batch", Reasons: reasons})
		}
		c := checker{b.Grant.Check()}
		c.text("the feed id", string(b.Feed), MaxID, true)
		c.text("the authority", b.Authority, MaxText, false)
		texts(&c, "names", "a name", b.Names, MaxNames, MaxID)
		at, known := s.next.feedIndex(b.Feed)
		if !known && !b.Gone && len(c.problems) == 0 && c.count("feeds with this one", len(s.next.feeds)+1, MaxFeeds) {
			s.next.feeds = slices.Insert(s.next.feeds, at, FeedHealth{Feed: b.Feed})
		}
		if latest[b.Feed] != nil {
			reject("the sync has several batches of this feed: the last one counts")
		}
		if len(c.problems) > 0 {
			reject(c.problems...)
			continue
		}
		latest[b.Feed] = b
	}
	s.next.feeds = slices.DeleteFunc(s.next.feeds, func(f FeedHealth) bool { return latest[f.Feed] != nil && latest[f.Feed].Gone })
	s.moved = make([]int32, len(s.prev.feeds))
	for i, f := range s.prev.feeds {
		at, stays := s.next.feedIndex(f.Feed)
		if s.moved[i] = int32(at); !stays {
			s.moved[i] = -1
		}
	}
	s.fresh, s.turn = make([]*Batch, len(s.next.feeds)), make([]int, len(s.next.feeds))
	for i := range s.next.feeds {
		s.order, s.turn[i] = append(s.order, int32(i)), len(batches)
		if b := latest[s.next.feeds[i].Feed]; b != nil {
			s.turn[i] = slices.IndexFunc(batches, func(o Batch) bool { return o.Feed == b.Feed })
			s.fare(i, b)
		}
	}
	slices.SortStableFunc(s.order, func(a, b int32) int { return cmp.Compare(s.turn[a], s.turn[b]) })
}

func (s *Snapshot) feedIndex(id FeedID) (int, bool) {
	return slices.BinarySearchFunc(s.feeds, id, func(f FeedHealth, id FeedID) int { return cmp.Compare(f.Feed, id) })
}

func (s *syncer) fare(feed int, b *Batch) {
	h := &s.next.feeds[feed]
	if g := b.Grant; b.Err == "" || g.Vendors != nil || g.Products != nil || g.Patches != nil || g.Lines != nil {
		h.Grant = g
	}
	h.Authority = cmp.Or(h.Authority, b.Authority, string(b.Feed))
	if err := s.fault(h, b); err != "" {
		if h.Healthy || h.Since.IsZero() {
			h.Since = s.now
		}
		h.Healthy, h.Err = false, clip(err, maxErr)
		s.changes.Failed = append(s.changes.Failed, h.Feed)
		return
	}
	at := stamp(b.At)
	if b.At.IsZero() || at.After(s.now) { // a time in the future would hide that the feed is stale
		at = s.now
	}
	h.Healthy, h.Err, h.Since = true, "", time.Time{}
	if h.FirstGood.IsZero() {
		h.FirstGood = at
	}
	if at.After(h.LastGood) {
		h.LastGood = at
	}
	if b.Authority != "" || !b.Unchanged {
		h.Authority = cmp.Or(b.Authority, string(b.Feed))
	}
	if b.Names != nil || !b.Unchanged {
		h.Names = b.Names
	}
	if !b.Unchanged || !b.Dated.IsZero() {
		h.Dated = stamp(b.Dated)
	}
	h.MaxAge = max(0, b.MaxAge)
	if !b.Unchanged {
		s.fresh[feed] = b
		for _, r := range b.Rejected {
			s.reject(int32(feed), r.Record, "", r.Reasons...)
		}
	}
}

// fault returns why a batch is not good. Empty: it is. A source that no longer
// states a date could hide how old it is (CAT-2).
func (s *syncer) fault(h *FeedHealth, b *Batch) string {
	const remedy = "the last good data is kept; to use the older data, accept it for this feed by name"
	switch {
	case b.Err != "":
		return b.Err
	case b.Unchanged && h.FirstGood.IsZero():
		return "the feed says that nothing changed, but the catalog has nothing of it"
	case b.Dated.After(s.now.Add(maxAhead)) || b.Dated.UTC().Year() < 1:
		return fmt.Sprintf("its source is dated %s, which is in the future or impossible: it is refused until then, because it would hide newer data", b.Dated.UTC().Format(time.RFC3339))
	case b.AcceptOlder && !b.Unchanged || h.Dated.IsZero():
		return ""
	case b.Dated.IsZero() && !b.Unchanged:
		return fmt.Sprintf("its source states no date, but data of %s was accepted before; %s", instant(h.Dated), remedy)
	case !b.Dated.IsZero() && stamp(b.Dated).Before(h.Dated):
		return fmt.Sprintf("its source is dated %s, but data of %s was accepted before; %s", instant(b.Dated), instant(h.Dated), remedy)
	}
	return ""
}

// clip makes a text of any origin fit to keep and show.
func clip(text string, most int) string {
	if len(text) > 2*most { // escaping takes time and makes nothing shorter
		text = text[:2*most]
	}
	return problem.Clip(problem.Printable(text), most)
}

func (s *syncer) health() {
	feeds := s.next.feeds
	for i := range feeds {
		f := &feeds[i]
		f.Patches, f.MaxLatency, f.Known, f.Advisories = 0, 0, 0, 0
		if brings := s.next.facts[i]; brings != nil {
			f.Known, f.Advisories = len(brings.vulnerabilities), len(brings.advisories)
		}
		if s.fresh[i] != nil {
			f.Rejected, f.Outside, f.Conflicts = 0, 0, nil
		}
		f.Rejected += s.refused[f.Feed]
		f.Outside += s.conflicts[f.Feed]
	}
	for i := range s.next.patches {
		p := &s.next.patches[i]
		f := &feeds[p.feed]
		f.Patches++
		// What was published before the first good fetch could not be listed
		// sooner.
		if latency, ok := p.Latency(); ok && p.Published.After(f.FirstGood) {
			f.MaxLatency = max(f.MaxLatency, latency)
		}
	}
	for _, r := range s.changes.Rejected {
		if i, known := s.next.feedIndex(r.Feed); known && r.Owner != "" && len(feeds[i].Conflicts) < maxConflicts {
			feeds[i].Conflicts = append(slices.Clone(feeds[i].Conflicts), r)
		}
	}
}
