package catalog

import (
	"cmp"
	"iter"
	"slices"
	"sort"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog/version"
)

// Snapshot is one immutable version of the catalog (CAT-1). Sync makes it. Any
// number of readers may use it concurrently and for as long as they like. The
// slices inside what it returns are shared: do not change them. A nil Snapshot
// is the empty one.
type Snapshot struct {
	id       uint64
	at       time.Time
	products []listedProduct // by id
	patches  []listedPatch   // by id, deprecated ones included
	named    []int32         // indexes of the products with a channel, by compareNamed
	replaces bool            // some patch supersedes another
	feeds    []FeedHealth    // by id
	owners   []owned         // by claim (CAT-17)
	facts    []*facts        // by feed; nil: it brings none (CAT-18)
	former   []formerPatches // by product (APR-2)
	custom   []CustomURL     // by patch and artifact
	body     *bodyNames      // of its stored form

	byProduct finder[head]     // nil: it is not made yet
	byPatch   finder[struct{}] // as byProduct
}

type listedProduct struct { // what a scan reads is together
	versions []int32 // indexes of its patches, oldest version first, without deprecated ones
	Product          // with the lines of line sets
	own      []Line  // its lines without those of line sets
	feed     int32   // index into feeds

	deprecated []int32 // indexes of its deprecated patches
}

// record is the product as its feed lists it.
func (p *listedProduct) record() Product {
	own := p.Product
	own.Lines = p.own
	return own
}

type listedPatch struct { // what a scan reads is together
	feed       int32 // index into feeds
	product    int32 // index into products
	deprecated bool
	plain      bool // it is Active and all its files are Pinned or Repository
	Patch
}

// ID returns the number of the snapshot. It grows by one when a sync changes
// anything except the time of a feed's last good fetch, and when WithCustomURLs
// changes anything. The empty catalog is 0.
func (s *Snapshot) ID() uint64 {
	return s.orEmpty().id
}

func (s *Snapshot) orEmpty() *Snapshot {
	if s == nil {
		return &Snapshot{}
	}
	return s
}

// Patch looks up a patch, deprecated ones included: reports and histories still
// name them (CAT-9).
func (s *Snapshot) Patch(id PatchID) (Patch, bool) {
	i, found := s.patchIndex(id)
	if !found {
		return Patch{}, false
	}
	return *s.patchAt(i), true
}

// Reaches returns the patch with the id to if the patch with the id from can
// supersede or require it. It is not ok if the snapshot lacks one of them or if
// another authority owns the second: what the first says about it then has no
// effect (CAT-17).
func (s *Snapshot) Reaches(from, to PatchID) (Patch, bool) {
	i, has := s.patchIndex(from)
	k, found := s.patchIndex(to)
	if !has || !found || s.authority(i) != s.authority(k) {
		return Patch{}, false
	}
	return *s.patchAt(k), true
}

func (s *Snapshot) authority(i int) string { return s.feeds[s.patches[i].feed].Authority }

// Product looks up a product.
func (s *Snapshot) Product(id ProductID) (Product, bool) {
	i, found := s.productIndex(id)
	if !found {
		return Product{}, false
	}
	return s.products[i].Product, true
}

// Lifecycle returns the stage of a patch's life. Empty: it is not in the
// snapshot (CAT-8).
func (s *Snapshot) Lifecycle(id PatchID) Lifecycle {
	i, found := s.patchIndex(id)
	switch {
	case !found:
		return ""
	case s.patches[i].deprecated:
		return LifecycleDeprecated
	case s.patches[i].EOLMarked:
		return LifecycleEOLMarked
	}
	return LifecycleActive
}

// Patches yields the patches in id order, without deprecated ones (CAT-9).
func (s *Snapshot) Patches() iter.Seq[Patch] {
	return func(yield func(Patch) bool) {
		for i := range s.orEmpty().patches {
			if !s.patches[i].deprecated && !yield(*s.patchAt(i)) {
				return
			}
		}
	}
}

// Products yields the products in id order.
func (s *Snapshot) Products() iter.Seq[Product] {
	return func(yield func(Product) bool) {
		for _, p := range s.orEmpty().products {
			if !yield(p.Product) {
				return
			}
		}
	}
}

// Newest returns the newest patch of a product that is not deprecated, and of
// several of one version the last by id (CAT-6).
func (s *Snapshot) Newest(id ProductID) (Patch, bool) {
	i, found := s.productIndex(id)
	if !found || len(s.products[i].versions) == 0 {
		return Patch{}, false
	}
	return *s.patchAt(s.products[i].newest()), true
}

// newest returns the index of the product's newest patch. There must be one.
func (p *listedProduct) newest() int { return int(p.versions[len(p.versions)-1]) }

// newestVersion returns the newest version listed of the product at index i.
// Zero: none.
func (s *Snapshot) newestVersion(i int) version.Version {
	if len(s.products[i].versions) == 0 {
		return version.Version{}
	}
	return s.patches[s.products[i].newest()].Version
}

// Feeds returns the health of every synced feed that is not Gone, by id (CAT-1,
// CAT-2). The caller owns the list.
func (s *Snapshot) Feeds() []FeedHealth {
	return slices.Clone(s.orEmpty().feeds)
}

// FeedOf returns the health of the feed that a patch comes from.
func (s *Snapshot) FeedOf(id PatchID) (FeedHealth, bool) {
	i, found := s.patchIndex(id)
	if !found {
		return FeedHealth{}, false
	}
	return s.feeds[s.patches[i].feed], true
}

// compareNamed compares what is equal in products that differ only in the
// channel.
func compareNamed(a, b *Product) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Architecture, b.Architecture), cmp.Compare(a.Platform, b.Platform))
}

// elsewhere finds a product in the inventory that differs from the one at index
// i only in the channel.
func (s *Snapshot) elsewhere(i int, inv Inventory) (Product, bool) {
	of := &s.products[i].Product
	if of.Channel == "" {
		return Product{}, false
	}
	at, _ := sort.Find(len(s.named), func(k int) int { return compareNamed(of, &s.products[s.named[k]].Product) })
	for _, k := range s.named[at:min(len(s.named), at+maxElsewhere)] {
		other := &s.products[k].Product
		if compareNamed(of, other) != 0 {
			break
		}
		if inv.find(other.ID) != nil && other.Channel != of.Channel {
			return *other, true
		}
	}
	return Product{}, false
}

// newer reports whether v is newer than w. Versions without an order are not.
func newer(v, w version.Version) bool {
	order, ok := v.Compare(w)
	return ok && order > 0
}
