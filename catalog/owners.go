package catalog

import (
	"cmp"
	"slices"
)

// settle gives the authorities what their new patches introduce, and stores the
// owners. It marks the names that are no longer listed with the snapshot that
// dropped them. Of each authority it keeps the most recently dropped ones
// (CAT-17).
func (s *syncer) settle() {
	for i, p := range s.next.patches {
		s.introduce(claim{ownsPatch, string(p.ID)}, s.next.authority(i))
	}
	s.next.owners = make([]owned, 0, len(s.owners))
	for c, o := range s.owners {
		s.next.owners = append(s.next.owners, owned{c, o})
	}
	slices.SortFunc(s.next.owners, compareOwned)
	vendors, names := make(map[string]bool), make(map[owned]bool)
	for _, p := range s.next.products {
		vendors[s.vendorKey(p.Vendor)] = true
	}
	for _, f := range s.next.feeds {
		for _, name := range f.Names {
			names[owned{claim{ownsNames, name}, owner{Authority: f.Authority}}] = true
		}
	}
	unlisted := make(map[string][]owned)
	for i := range s.next.owners {
		o, listed := &s.next.owners[i], false
		switch o.Kind {
		case ownsNames:
			listed = names[owned{o.claim, owner{Authority: o.Authority}}]
		case ownsVendor:
			listed = vendors[o.Name]
		case ownsProduct:
			_, listed = s.next.productIndex(ProductID(o.Name))
		case ownsPatch:
			_, listed = s.next.patchIndex(PatchID(o.Name))
		}
		if listed {
			o.Unlisted = 0
			continue
		}
		o.Unlisted = cmp.Or(o.Unlisted, s.prev.id+1)
		unlisted[o.Authority] = append(unlisted[o.Authority], *o)
	}
	gone := make(map[claim]bool)
	for _, list := range unlisted {
		slices.SortStableFunc(list, func(a, b owned) int { return cmp.Compare(a.Unlisted, b.Unlisted) })
		for _, o := range list[:max(0, len(list)-maxUnlisted)] {
			gone[o.claim] = true
		}
	}
	s.next.owners = slices.DeleteFunc(s.next.owners, func(o owned) bool { return gone[o.claim] })
}
