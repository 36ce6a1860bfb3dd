package catalog

import (
	"cmp"
	"fmt"
	"slices"
)

// listed is a product and the feed of the next snapshot that lists it.
type listed struct {
	Product
	feed int32
}

// products collects the products, each from the first feed that lists it and
// has authority over it (CAT-17).
func (s *syncer) products() {
	s.listed, s.at = make([]listed, 0, len(s.prev.products)), make(map[ProductID]int, len(s.prev.products))
	asked := make(map[string]int)
	for feed, b := range s.fresh {
		if b != nil {
			asked[s.authority(int32(feed))] += len(b.Products)
		}
	}
	kept := make([][]int, len(s.next.feeds)) // by feed that keeps what it has: its products
	for i, f := range s.prev.from {
		if feed := s.moved[f]; s.keeps(feed) {
			kept[feed] = append(kept[feed], i)
			asked[s.authority(feed)]++
		}
	}
	s.most = share(asked, MaxProducts)
	s.taken = make(map[string]int)
	for _, feed := range s.order {
		for _, i := range kept[feed] {
			s.product(feed, s.prev.products[i])
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
	s.orphans()
	slices.SortFunc(s.listed, func(a, b listed) int { return cmp.Compare(a.ID, b.ID) })
	s.next.products, s.next.from = make([]Product, len(s.listed)), make([]int32, len(s.listed))
	for i, l := range s.listed {
		s.next.products[i], s.next.from[i] = l.Product, l.feed
	}
}

// introduces reports whether a patch is fit, of a product of its feed's
// authority, and below nothing.
func (s *syncer) introduces(feed int32, p *Patch) bool {
	at, has := s.at[p.Product]
	return has && s.authority(s.listed[at].feed) == s.authority(feed) && s.listed[at].Scheme == p.Version.Scheme() &&
		len(p.ID) <= MaxID && s.above(string(p.ID)) == "" && len(p.Check()) == 0
}

// orphans keeps the products that no feed lists any more but of which a feed
// keeps patches (CAT-1).
func (s *syncer) orphans() {
	done := make([]bool, len(s.prev.products))
	for _, st := range s.prev.states {
		p := &s.prev.products[st.product]
		if _, has := s.at[p.ID]; !has && !done[st.product] && s.keeps(s.moved[st.feed]) {
			done[st.product] = true
			s.product(s.moved[st.feed], *p)
		}
	}
}

// product adds a feed's product if nothing is wrong with it.
func (s *syncer) product(feed int32, p Product) {
	name, authority := s.next.feeds[feed].Feed, s.authority(feed)
	if s.fresh[feed] != nil {
		if problems := p.Check(); len(problems) > 0 {
			s.reject(name, productRecord(p.ID), problems...)
			return
		}
	}
	if owner, reason := s.outside(feed, claim{ownsProduct, string(p.ID)}); owner != "" {
		s.conflict(name, productRecord(p.ID), owner, reason)
		return
	}
	if owner := s.vendorOwner(p.Vendor, authority); p.Vendor != "" && owner != "" {
		s.conflict(name, productRecord(p.ID), owner, belongs(fmt.Sprintf("vendor %q, or a name that reads like it,", p.Vendor), owner))
		return
	}
	if at, has := s.at[p.ID]; has {
		if s.listed[at].feed == feed {
			s.reject(name, productRecord(p.ID), "duplicate id: the batch has it more than once")
		}
		return // another feed of its authority comes first
	}
	if s.taken[authority]++; s.taken[authority] > s.most || len(s.listed) >= MaxProducts {
		s.reject(name, productRecord(p.ID), fmt.Sprintf("over the limit of %d products", MaxProducts))
		return
	}
	p.Lines = normalLines(p.Lines)
	s.at[p.ID] = len(s.listed)
	s.listed = append(s.listed, listed{p, feed})
	s.claimProduct(&p, authority)
}

func productRecord(id ProductID) string { return "product " + clip(string(id), MaxID) }

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

func equalProduct(a, b Product) bool {
	return a.ID == b.ID && a.Name == b.Name && a.Vendor == b.Vendor && a.Platform == b.Platform &&
		a.Architecture == b.Architecture && a.Channel == b.Channel && a.Scheme == b.Scheme &&
		slices.EqualFunc(a.Lines, b.Lines, func(x, y Line) bool {
			return x.Prefix == y.Prefix && x.EOL.Equal(y.EOL) && x.Over == y.Over && x.Extended.Equal(y.Extended)
		})
}
