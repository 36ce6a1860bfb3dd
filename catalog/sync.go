package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Changes is what a sync changed, each list sorted.
type Changes struct {
	Added          []PatchID  `json:"added,omitempty"`          // first seen
	Changed        []PatchID  `json:"changed,omitempty"`        // the record differs, or it comes from another feed
	Removed        []PatchID  `json:"removed,omitempty"`        // no longer in the snapshot: gone from their feed, or rejected
	Deprecated     []PatchID  `json:"deprecated,omitempty"`     // newly deprecated: withdraw them from active jobs (CAT-8, CAT-9)
	NoLongerNewest []PatchID  `json:"noLongerNewest,omitempty"` // still listed, but no longer the newest version of their product (CAT-6)
	Rejected       []Rejected `json:"rejected,omitempty"`       // by feed, record and reasons: at most MaxRejected per feed, and one that counts the others (CAT-16)
	Failed         []FeedID   `json:"failed,omitempty"`         // feeds whose fetch failed (CAT-1)
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
	s := begin(prev, batches, now)
	if s.idle() {
		return s.asBefore()
	}
	return s.sync()
}

func begin(prev *Snapshot, batches []Batch, now time.Time) *syncer {
	prev = prev.orEmpty()
	s := &syncer{prev: prev, next: &Snapshot{at: stamp(now), custom: prev.custom}, now: stamp(now), refused: map[FeedID]int{}, conflicts: map[FeedID]int{}, mostFormer: MaxFormer}
	s.feeds(batches)
	return s
}

func (s *syncer) sync() (*Snapshot, Changes) {
	s.authorities()
	s.facts()
	s.products()
	s.patches(s.candidates())
	s.settle()
	s.voidEdges()
	s.lineSets(s.next.index())
	s.rejected()
	s.health()
	s.compare()
	s.remember()
	return s.next, s.changes
}

// idle reports whether nothing can change but the health of feeds.
func (s *syncer) idle() bool {
	return !slices.ContainsFunc(s.fresh, func(b *Batch) bool { return b != nil }) &&
		slices.EqualFunc(s.prev.feeds, s.next.feeds, func(a, b FeedHealth) bool { return a.Feed == b.Feed && equalRights(a, b) }) &&
		!slices.ContainsFunc(s.prev.patches, func(p listedPatch) bool { return !p.deprecated && past(p.EOL, s.now) }) &&
		!slices.ContainsFunc(s.prev.former, func(f formerPatches) bool { return s.tooOld(f.gone) })
}

// asBefore ends an idle sync. The snapshot shares all records with the previous
// one.
func (s *syncer) asBefore() (*Snapshot, Changes) {
	next := *s.prev
	next.at, next.feeds = s.next.at, s.next.feeds
	if !slices.EqualFunc(s.prev.feeds, next.feeds, equalHealth) {
		next.id++
	}
	s.next = &next
	s.rejected()
	slices.Sort(s.changes.Failed)
	return s.next, s.changes
}

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

	renamed map[string]string // authorities that no feed speaks for any more, and who took their place
	owners  map[claim]owner
	spaces  [MaxID + 1]bool   // by length: owners has names of that length
	lengths [MaxID + 1]bool   // by length: owners has ids of that length
	grants  []grant           // the closest first
	below   map[string]string // by id: the authority with ids below it; empty: several
	keys    map[string]string // by vendor

	at    map[ProductID]int // index into products of next, until they are sorted
	taken map[string]int    // number of products by authority
	most  int               // largest number of products of one authority

	mostFormer int // MaxFormer
}

// keeps reports whether a feed of next keeps what it has.
func (s *syncer) keeps(feed int32) bool { return feed >= 0 && s.fresh[feed] == nil }

// reject notes a rejected record: the first of each feed with their reasons,
// the others by their number. Owner is the authority that owns what the record
// claims (CAT-17). Empty: the record itself is bad.
func (s *syncer) reject(feed int32, record, owner string, reasons ...string) {
	name, count := s.next.feeds[feed].Feed, s.refused
	if owner != "" {
		count = s.conflicts
	}
	if count[name]++; count[name] > MaxRejected {
		return
	}
	var told []string
	for _, r := range reasons[:min(len(reasons), maxProblems)] {
		told = append(told, clip(r, maxErr))
	}
	if rest := len(reasons) - len(told); rest > 0 {
		told = append(told, fmt.Sprintf("and %d more", rest))
	}
	s.changes.Rejected = append(s.changes.Rejected, Rejected{Feed: name, Record: clip(record, maxErr), Reasons: told, Owner: owner})
}

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

// stamp is the form of an instant in the catalog: UTC, without a monotonic
// clock reading.
func stamp(t time.Time) time.Time { return t.Round(0).UTC() }

// index sorts the patches of each product, and the products with channels by
// name, makes the finders, and merges the line sets. It returns what it could
// not merge.
func (s *Snapshot) index() []unmerged {
	s.body = &bodyNames{}
	for i := range s.patches {
		p := &s.patches[i]
		s.replaces = s.replaces || len(p.Supersedes) > 0
		of := &s.products[p.product]
		if p.deprecated {
			of.deprecated = append(of.deprecated, int32(i))
		} else {
			of.versions = append(of.versions, int32(i))
		}
	}
	for i := range s.products {
		slices.SortFunc(s.products[i].versions, func(a, b int32) int {
			order, _ := s.patches[a].Version.Compare(s.patches[b].Version)
			return cmp.Or(order, cmp.Compare(a, b))
		})
		if s.products[i].Channel != "" {
			s.named = append(s.named, int32(i))
		}
	}
	slices.SortStableFunc(s.named, func(a, b int32) int { return compareNamed(&s.products[a].Product, &s.products[b].Product) })
	s.find()
	return s.mergeLines()
}

func (s *syncer) compare() {
	prev, next, c := s.prev, s.next, &s.changes
	i := 0
	for k := range next.patches {
		p := &next.patches[k]
		id := p.ID
		for ; i < len(prev.patches) && prev.patches[i].ID < id; i++ {
			c.Removed = append(c.Removed, prev.patches[i].ID)
		}
		known := i < len(prev.patches) && prev.patches[i].ID == id
		switch {
		case !known:
			c.Added = append(c.Added, id)
		case !equalPatch(&prev.patches[i].Patch, &p.Patch) || prev.feeds[prev.patches[i].feed].Feed != next.feeds[p.feed].Feed:
			c.Changed = append(c.Changed, id)
		}
		if p.deprecated && !(known && prev.patches[i].deprecated) {
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
		!slices.Equal(prev.owners, next.owners) || s.factsChanged() {
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
		for _, p := range s.next.products[k].versions {
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
		a.Outside == b.Outside && a.Dated.Equal(b.Dated) && a.MaxAge == b.MaxAge && a.AllExploited == b.AllExploited && equalRights(a, b)
}

// equalRights reports whether two feeds may speak about the same (CAT-17).
func equalRights(a, b FeedHealth) bool {
	return a.Authority == b.Authority && slices.Equal(a.Names, b.Names) &&
		slices.Equal(a.Grant.Vendors, b.Grant.Vendors) && slices.Equal(a.Grant.Products, b.Grant.Products) &&
		slices.Equal(a.Grant.Patches, b.Grant.Patches) && slices.Equal(a.Grant.Lines, b.Grant.Lines)
}
