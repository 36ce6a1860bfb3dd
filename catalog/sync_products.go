package catalog

import (
	"cmp"
	"fmt"
	"slices"
)

// products collects the products, each from the first feed that lists it and
// has authority over it (CAT-17).
func (s *syncer) products() {
	s.next.products, s.at = make([]listedProduct, 0, len(s.prev.products)), make(map[ProductID]int, len(s.prev.products))
	asked := make(map[string]int)
	for feed, b := range s.fresh {
		if b != nil {
			asked[s.authority(int32(feed))] += len(b.Products)
		}
	}
	kept := make([][]int, len(s.next.feeds)) // by feed that keeps what it has: its products
	for i, p := range s.prev.products {
		if feed := s.moved[p.feed]; s.keeps(feed) {
			kept[feed] = append(kept[feed], i)
			asked[s.authority(feed)]++
		}
	}
	s.most = share(asked, MaxProducts)
	s.taken = make(map[string]int)
	for _, feed := range s.order {
		for _, i := range kept[feed] {
			s.product(feed, s.prev.products[i].record())
		}
		if b := s.fresh[feed]; b != nil {
			for _, p := range b.Products {
				s.product(feed, p)
			}
			for i := range b.Patches {
				if s.introduces(feed, &b.Patches[i]) {
					s.inhabit(string(b.Patches[i].ID), s.authority(feed))
				}
			}
		}
	}
	done := make([]bool, len(s.prev.products))
	for i := range s.prev.patches { // a feed keeps patches of a product that no feed lists any more (CAT-1)
		of := &s.prev.patches[i]
		if _, has := s.at[of.Product]; !has && !done[of.product] && s.keeps(s.moved[of.feed]) {
			done[of.product] = true
			s.product(s.moved[of.feed], s.prev.products[of.product].record())
		}
	}
	slices.SortFunc(s.next.products, func(a, b listedProduct) int { return cmp.Compare(a.ID, b.ID) })
}

// introduces reports whether a patch is fit, of a product of its feed's
// authority, and below nothing.
func (s *syncer) introduces(feed int32, p *Patch) bool {
	at, has := s.at[p.Product]
	return has && s.authority(s.next.products[at].feed) == s.authority(feed) && s.next.products[at].Scheme == p.Version.Scheme() &&
		len(p.ID) <= MaxID && s.above(string(p.ID)) == "" && len(p.Check()) == 0
}

func (s *syncer) product(feed int32, p Product) {
	id, authority := claim{ownsProduct, string(p.ID)}, s.authority(feed)
	if s.fresh[feed] != nil {
		if problems := p.Check(); len(problems) > 0 {
			s.reject(feed, id.record(), "", problems...)
			return
		}
	}
	if s.outside(feed, id, id) {
		return
	}
	if other := s.vendorOwner(p.Vendor, authority); p.Vendor != "" && other != "" {
		s.reject(feed, id.record(), other, belongs(fmt.Sprintf("vendor %q, or a name that reads like it,", p.Vendor), other))
		return
	}
	if at, has := s.at[p.ID]; has {
		if s.next.products[at].feed == feed {
			s.reject(feed, id.record(), "", "duplicate id: the batch has it more than once")
		}
		return // another feed of its authority comes first
	}
	if s.taken[authority]++; s.taken[authority] > s.most || len(s.next.products) >= MaxProducts {
		s.reject(feed, id.record(), "", fmt.Sprintf("over the limit of %d products", MaxProducts))
		return
	}
	p.Lines = normalLines(p.Lines)
	s.at[p.ID] = len(s.next.products)
	s.next.products = append(s.next.products, listedProduct{Product: p, own: p.Lines, feed: feed})
	s.introduce(id, authority)
	vendor := claim{ownsVendor, s.vendorKey(p.Vendor)}
	if p.Vendor != "" && s.owners[vendor].Authority == "" {
		s.own(vendor, owner{Authority: authority})
	}
}

func normalLines(lines []Line) []Line {
	if len(lines) == 0 {
		return nil
	}
	lines = slices.Clone(lines)
	for i := range lines {
		lines[i].EOL, lines[i].Extended = stamp(lines[i].EOL), stamp(lines[i].Extended)
	}
	slices.SortFunc(lines, func(a, b Line) int { return cmp.Compare(a.Prefix, b.Prefix) })
	return lines
}

func equalProduct(a, b listedProduct) bool {
	return a.ID == b.ID && a.Name == b.Name && a.Vendor == b.Vendor && a.Platform == b.Platform &&
		a.Architecture == b.Architecture && a.Channel == b.Channel && a.Scheme == b.Scheme && a.Package == b.Package &&
		slices.Equal(a.own, b.own)
}
