package catalog

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog/version"
)

// Former is what the catalog remembers of a patch, without its files, also
// after it left (APR-2).
type Former struct {
	Patch      PatchID         `json:"patch"`
	Version    version.Version `json:"version"`
	Source     version.Version `json:"source,omitzero"`
	Published  time.Time       `json:"published,omitzero"` // by the vendor; zero: unknown, and Listed counts (APR-4)
	Listed     time.Time       `json:"listed,omitzero"`    // when a sync first listed it
	Left       time.Time       `json:"left,omitzero"`      // when a sync no longer listed it; zero: the snapshot has it
	Severity   Severity        `json:"severity,omitempty"`
	Class      Class           `json:"class,omitempty"`
	CVEs       []string        `json:"cves,omitempty"`
	Exploited  bool            `json:"exploited,omitempty"`
	Deprecated bool            `json:"deprecated,omitempty"` // it was withdrawn or past its end of life (CAT-8)
}

// compareFormer puts the newest version first.
func compareFormer(a, b Former) int {
	order, _ := b.Version.Compare(a.Version)
	return cmp.Or(order, cmp.Compare(b.Patch, a.Patch))
}

// formerPatches are the patches of a product that the snapshot no longer has.
type formerPatches struct {
	product   ProductID
	authority string    // of their feeds: another one that takes the product over starts afresh (CAT-17)
	gone      time.Time // when the product left the catalog; zero: it is in it
	list      []Former  // by compareFormer; not empty
}

func formerOf(p *listedPatch, left time.Time) Former {
	return Former{
		Patch: p.ID, Version: p.Version, Source: p.Source, Published: p.Published, Listed: p.Listed, Left: left, Severity: p.Severity,
		Class: p.Class, CVEs: p.CVEs, Exploited: p.Exploited, Deprecated: p.deprecated,
	}
}

// History returns every patch that the catalog remembers of a product, the
// newest version first: those that it has, deprecated ones included, and those
// that left it, whose Left is set (APR-2). A patch whose version changed is
// listed once for each version. The catalog keeps the newest MaxHistory of a
// product that left, and MaxFormer in all, of which those that left first are
// forgotten first. A product that left the catalog itself keeps them for
// KeepHistory, and a product that another authority takes over loses them. The
// caller owns the list. The cost is that of a look-up and the length of the
// list.
func (s *Snapshot) History(id ProductID) []Former {
	s = s.orEmpty()
	var all []Former
	if i, found := s.productIndex(id); found {
		for _, list := range [][]int32{s.products[i].versions, s.products[i].deprecated} {
			for _, k := range list {
				all = append(all, formerOf(&s.patches[k], time.Time{}))
			}
		}
	}
	if i, found := s.formerIndex(id); found {
		all = append(all, s.former[i].list...)
	}
	slices.SortStableFunc(all, compareFormer)
	return all
}

// Left yields what the catalog remembers of the patches that left it at or after
// an instant, with their products, by product.
func (s *Snapshot) Left(since time.Time) iter.Seq2[ProductID, Former] {
	return func(yield func(ProductID, Former) bool) {
		for _, p := range s.orEmpty().former {
			for _, f := range p.list {
				if !f.Left.Before(since) && !yield(p.product, f) {
					return
				}
			}
		}
	}
}

func (s *Snapshot) formerIndex(id ProductID) (int, bool) {
	return slices.BinarySearchFunc(s.former, id, func(f formerPatches, id ProductID) int { return cmp.Compare(f.product, id) })
}

// formerly returns when a patch that is new to the snapshot was first listed
// before it left.
func (s *syncer) formerly(p *listedPatch) (listed time.Time, former bool) {
	i, found := s.prev.formerIndex(p.Product)
	if !found || s.heir(s.prev.former[i].authority) != s.authority(p.feed) {
		return time.Time{}, false
	}
	list := s.prev.former[i].list
	k := slices.IndexFunc(list, func(f Former) bool { return f.Patch == p.ID && f.Version == p.Version })
	if k < 0 {
		return time.Time{}, false
	}
	return list[k].Listed, true
}

// heir returns the authority that took an authority's place, or that itself.
func (s *syncer) heir(authority string) string { return cmp.Or(s.renamed[authority], authority) }

// remember notes which patches left the catalog (APR-2).
func (s *syncer) remember() {
	left := make(map[ProductID][]Former)
	back := make(map[ProductID]map[PatchID]version.Version)
	for _, id := range slices.Concat(s.changes.Removed, s.changes.Changed) {
		i, _ := s.prev.patchIndex(id)
		old := &s.prev.patches[i]
		if k, stays := s.next.patchIndex(id); !stays || s.next.patches[k].Product != old.Product || s.next.patches[k].Version != old.Version {
			left[old.Product] = append(left[old.Product], formerOf(old, s.now))
		}
	}
	for _, id := range slices.Concat(s.changes.Added, s.changes.Changed) {
		k, _ := s.next.patchIndex(id)
		p := &s.next.patches[k]
		if back[p.Product] == nil {
			back[p.Product] = make(map[PatchID]version.Version)
		}
		back[p.Product][id] = p.Version
	}
	for _, f := range s.prev.former {
		f.authority = s.heir(f.authority)
		f.list = s.without(f, left[f.product], back[f.product])
		delete(left, f.product)
		s.keepFormer(f)
	}
	for _, id := range slices.Sorted(maps.Keys(left)) {
		i, _ := s.prev.productIndex(id)
		f := formerPatches{product: id, authority: s.heir(s.prev.feeds[s.prev.products[i].feed].Authority)}
		f.list = s.without(f, left[id], back[id])
		s.keepFormer(f)
	}
	slices.SortFunc(s.next.former, func(a, b formerPatches) int { return cmp.Compare(a.product, b.product) })
	s.forget()
	if s.next.id == s.prev.id && len(s.next.former) != len(s.prev.former) {
		s.next.id++ // a product's time is over
	}
}

// without returns a product's former patches with those that left, and without
// those that are back, at most MaxHistory.
func (s *syncer) without(f formerPatches, left []Former, back map[PatchID]version.Version) []Former {
	if len(left)+len(back) == 0 {
		return f.list
	}
	list := slices.DeleteFunc(slices.Concat(left, f.list), func(o Former) bool {
		v, is := back[o.Patch]
		return is && v == o.Version
	})
	slices.SortStableFunc(list, compareFormer)
	list = slices.CompactFunc(list, func(a, b Former) bool { return a.Patch == b.Patch && a.Version == b.Version })
	return list[:min(len(list), MaxHistory)]
}

// keepFormer keeps former patches of a product that still is what it was, or
// that left not long ago.
func (s *syncer) keepFormer(f formerPatches) {
	i, listed := s.next.productIndex(f.product)
	switch {
	case len(f.list) == 0:
		return
	case !listed:
		if f.gone.IsZero() {
			f.gone = s.now
		}
		if s.tooOld(f.gone) {
			return
		}
	case s.authority(s.next.products[i].feed) != f.authority || s.next.products[i].Scheme != f.list[0].Version.Scheme():
		return
	default:
		f.gone = time.Time{}
	}
	s.next.former = append(s.next.former, f)
}

// tooOld reports whether the history of a product that left is forgotten.
func (s *syncer) tooOld(gone time.Time) bool {
	return !gone.IsZero() && s.now.Sub(gone) >= KeepHistory
}

// forget keeps the number of former patches within MaxFormer. Only authorities
// with more than an equal share lose some: those that left first (CAT-17).
func (s *syncer) forget() {
	times, asked := make(map[string][]time.Time), make(map[string]int)
	for _, f := range s.next.former {
		asked[f.authority] += len(f.list)
	}
	most := share(asked, s.mostFormer)
	for _, f := range s.next.former {
		if asked[f.authority] > most {
			for _, o := range f.list {
				times[f.authority] = append(times[f.authority], o.Left)
			}
		}
	}
	for authority, all := range times {
		slices.SortFunc(all, time.Time.Compare)
		drop := len(all) - most
		last := all[drop-1]
		surely, _ := slices.BinarySearchFunc(all, last, time.Time.Compare)
		atLast := drop - surely
		for i := range s.next.former {
			f := &s.next.former[i]
			if f.authority != authority {
				continue
			}
			f.list = slices.DeleteFunc(slices.Clone(f.list), func(o Former) bool {
				if o.Left.Equal(last) && atLast > 0 {
					atLast--
					return true
				}
				return o.Left.Before(last)
			})
		}
	}
	s.next.former = slices.DeleteFunc(s.next.former, func(f formerPatches) bool { return len(f.list) == 0 })
}
