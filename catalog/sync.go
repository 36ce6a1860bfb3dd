package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Changes is what a sync changed, each list sorted.
type Changes struct {
	Added          []PatchID  // first seen
	Changed        []PatchID  // the record differs, or it comes from another feed
	Removed        []PatchID  // no longer in the snapshot: gone from their feed, or rejected
	Deprecated     []PatchID  // newly deprecated: withdraw them from active jobs (CAT-8, CAT-9)
	NoLongerNewest []PatchID  // still listed, but no longer the newest version of their product (CAT-6)
	Rejected       []Rejected // by feed, record and reasons: at most MaxRejected per feed, and one that counts the others (CAT-16)
	Failed         []FeedID   // feeds whose fetch failed (CAT-1)
}

// Sync makes the next snapshot from the previous one and the batches of the
// feeds (CAT-1). It is pure: it does not change prev, and equal arguments give
// equal results. A nil prev is the empty catalog. The snapshot keeps parts of
// the batches: do not change them afterwards.
//
// A feed without a batch keeps what it has, and so does a feed whose batch is
// unchanged or failed. A good batch replaces everything its feed had. Of
// several batches of one feed the last counts. The customer's URLs are carried
// over from prev (CAT-5).
//
// Sync rejects impossible records one by one (CAT-16), records outside their
// feed's authority (CAT-17), and the patches of a cycle of supersedence or of
// requirements (CAT-14, JOB-14), except those of feeds that keep what they
// have. The order of the batches, set by the administrator, decides between
// authorities that introduce the same thing at once, and between feeds of one
// authority that list the same thing. Feeds without a batch come last.
func Sync(prev *Snapshot, batches []Batch, now time.Time) (*Snapshot, Changes) {
	prev = prev.orEmpty()
	s := &syncer{prev: prev, next: &Snapshot{at: stamp(now), custom: prev.custom}, now: stamp(now), refused: map[FeedID]int{}, conflicts: map[FeedID]int{}}
	s.feeds(batches)
	s.authorities()
	s.products()
	s.patches(s.candidates())
	s.settle()
	s.voidEdges()
	s.next.index()
	s.rejected()
	s.health()
	s.compare()
	return s.next, s.changes
}

// syncer is one call of Sync.
type syncer struct {
	prev    *Snapshot
	next    *Snapshot
	now     time.Time
	fresh   []*Batch // by feed index of next: its good new batch; nil: the feed keeps what it has
	moved   []int32  // by feed index of prev: its index in next; -1: it is gone
	order   []int32  // feed indexes of next, in the order that decides between them
	turn    []int    // by feed index of next: its place in order
	changes Changes

	refused   map[FeedID]int // number of bad records
	conflicts map[FeedID]int // number of records outside their authority (CAT-17)

	owners  map[claim]owner
	spaces  [MaxID + 1]bool   // by length: owners has names of that length
	lengths [MaxID + 1]bool   // by length: owners has ids of that length
	grants  []grant           // the closest first
	below   map[string]string // by id: the authority with ids below it; empty: several
	keys    map[string]string // by vendor

	listed []listed          // products of next, unsorted
	at     map[ProductID]int // index into listed
	taken  map[string]int    // number of products by authority
	most   int               // largest number of products of one authority
}

// keeps reports whether a feed of next keeps what it has.
func (s *syncer) keeps(feed int32) bool { return feed >= 0 && s.fresh[feed] == nil }

// reject notes a rejected record: the first of each feed with their reasons,
// the others by their number.
func (s *syncer) reject(feed FeedID, record string, reasons ...string) {
	if s.refused[feed]++; s.refused[feed] > MaxRejected {
		return
	}
	var told []string
	for _, r := range reasons[:min(len(reasons), maxProblems)] {
		told = append(told, clip(r, maxErr))
	}
	if rest := len(reasons) - len(told); rest > 0 {
		told = append(told, fmt.Sprintf("and %d more", rest))
	}
	s.changes.Rejected = append(s.changes.Rejected, Rejected{Feed: feed, Record: clip(record, maxErr), Reasons: told})
}

// rejectBatch notes that a whole batch is rejected. It does not count as a
// record.
func (s *syncer) rejectBatch(feed FeedID, reasons ...string) {
	s.changes.Rejected = append(s.changes.Rejected, Rejected{Feed: feed, Record: "batch", Reasons: reasons})
}

// rejected sorts the rejected records and adds the number of those left out.
func (s *syncer) rejected() {
	list := &s.changes.Rejected
	slices.SortStableFunc(*list, func(a, b Rejected) int {
		return cmp.Or(cmp.Compare(a.Feed, b.Feed), cmp.Compare(a.Record, b.Record), slices.Compare(a.Reasons, b.Reasons))
	})
	for i := len(*list) - 1; i >= 0; i-- {
		feed := (*list)[i].Feed
		last := i == len(*list)-1 || (*list)[i+1].Feed != feed
		if rest := max(0, s.refused[feed]-MaxRejected) + max(0, s.conflicts[feed]-MaxRejected); last && rest > 0 {
			*list = slices.Insert(*list, i+1, Rejected{Feed: feed, Record: "further records", Reasons: []string{fmt.Sprintf("%d more are rejected", rest)}})
		}
	}
}

// conflict rejects a record that claims what another authority owns (CAT-17).
func (s *syncer) conflict(feed FeedID, record, owner, reason string) {
	if s.conflicts[feed]++; s.conflicts[feed] <= MaxRejected {
		s.changes.Rejected = append(s.changes.Rejected, Rejected{Feed: feed, Record: record, Reasons: []string{reason}, Owner: owner})
	}
}

// stamp is the form of an instant in the catalog: UTC, without a monotonic
// clock reading.
func stamp(t time.Time) time.Time { return t.Round(0).UTC() }

// index sorts the patches of each product, and the products with channels by
// name.
func (s *Snapshot) index() {
	count := make([]int32, len(s.products)+1)
	for _, st := range s.states {
		if !st.deprecated {
			count[st.product]++
		}
	}
	all := make([]int32, 0, len(s.states))
	s.versions = make([][]int32, len(s.products))
	for i := range s.versions {
		start := len(all)
		all = all[:start+int(count[i])]
		s.versions[i] = all[start:start:len(all)]
	}
	for i, st := range s.states {
		if !st.deprecated {
			s.versions[st.product] = append(s.versions[st.product], int32(i))
		}
	}
	for _, list := range s.versions {
		slices.SortFunc(list, func(a, b int32) int {
			order, _ := s.patches[a].Version.Compare(s.patches[b].Version)
			return cmp.Or(order, cmp.Compare(a, b))
		})
	}
	for i := range s.patches {
		s.replaces = s.replaces || len(s.patches[i].Supersedes) > 0
	}
	for i := range s.products {
		if s.products[i].Channel != "" {
			s.named = append(s.named, int32(i))
		}
	}
	slices.SortStableFunc(s.named, func(a, b int32) int { return compareNamed(&s.products[a], &s.products[b]) })
}

// compare finds what changed, and numbers the snapshot.
func (s *syncer) compare() {
	prev, next, c := s.prev, s.next, &s.changes
	i := 0
	for k := range next.patches {
		id := next.patches[k].ID
		for ; i < len(prev.patches) && prev.patches[i].ID < id; i++ {
			c.Removed = append(c.Removed, prev.patches[i].ID)
		}
		known := i < len(prev.patches) && prev.patches[i].ID == id
		switch {
		case !known:
			c.Added = append(c.Added, id)
		case !equalPatch(&prev.patches[i], &next.patches[k]) || prev.feeds[prev.states[i].feed].Feed != next.feeds[next.states[k].feed].Feed:
			c.Changed = append(c.Changed, id)
		}
		if next.states[k].deprecated && !(known && prev.states[i].deprecated) {
			c.Deprecated = append(c.Deprecated, id)
		}
		if known {
			i++
		}
	}
	for ; i < len(prev.patches); i++ {
		c.Removed = append(c.Removed, prev.patches[i].ID)
	}
	s.noLongerNewest()
	slices.Sort(c.Failed)
	next.id = prev.id
	if len(c.Added)+len(c.Changed)+len(c.Removed)+len(c.Deprecated) > 0 ||
		!slices.EqualFunc(prev.products, next.products, equalProduct) || !slices.EqualFunc(prev.feeds, next.feeds, equalHealth) ||
		!slices.Equal(prev.owners, next.owners) {
		next.id++
	}
}

// noLongerNewest compares versions, not ids: of two patches of the newest
// version, neither overtakes the other.
func (s *syncer) noLongerNewest() {
	for i := range s.prev.products {
		k, found := s.next.productIndex(s.prev.products[i].ID)
		if !found {
			continue
		}
		was, is := s.prev.newestVersion(i), s.next.newestVersion(k)
		if !newer(is, was) {
			continue
		}
		for _, p := range s.next.versions[k] {
			id := s.next.patches[p].ID
			if order, ok := s.next.patches[p].Version.Compare(was); !ok || order != 0 {
				continue
			}
			if old, known := s.prev.Patch(id); known && old.Product == s.prev.products[i].ID {
				s.changes.NoLongerNewest = append(s.changes.NoLongerNewest, id)
			}
		}
	}
	slices.Sort(s.changes.NoLongerNewest)
}

// equalHealth ignores the times: another fetch of a feed does not change the
// catalog.
func equalHealth(a, b FeedHealth) bool {
	return a.Feed == b.Feed && a.Healthy == b.Healthy && a.Err == b.Err && a.Rejected == b.Rejected &&
		a.Authority == b.Authority && a.Outside == b.Outside && a.Dated.Equal(b.Dated) && a.MaxAge == b.MaxAge &&
		slices.Equal(a.Names, b.Names) && a.Grant.equal(b.Grant)
}
