package catalog

import (
	"cmp"
	"slices"
)

// Advisories returns the advisories, by id, that apply to earlier versions of a
// patch's product and no longer to the patch's version: the reasons why it fixes
// vulnerabilities, whatever version is installed. [Snapshot.Fixed] is about one
// upgrade. Withdrawn ones are left out. The caller owns the list.
func (s *Snapshot) Advisories(id PatchID) (list []Advisory) {
	i, found := s.patchIndex(id)
	if !found {
		return nil
	}
	p := &s.patches[i]
	pkg := s.products[p.product].Package
	if pkg == (Package{}) {
		return nil
	}
	for _, f := range s.facts {
		fixes := make(map[*Advisory][]*Fix)
		for a, fix := range f.fixesOf(pkg) {
			fixes[a] = append(fixes[a], fix)
		}
		for a, of := range fixes {
			if p.fixedBy(of) {
				list = append(list, *a)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b Advisory) int { return cmp.Compare(a.ID, b.ID) })
	return slices.CompactFunc(list, func(a, b Advisory) bool { return a.ID == b.ID })
}

// Fixing returns the patches, by id and without deprecated ones, that fix a
// vulnerability: those that name it, and those whose version an advisory about
// it no longer applies to. The caller owns the list. It costs a pass over all
// advisories and patches.
func (s *Snapshot) Fixing(vulnerability string) (patches []PatchID) {
	s = s.orEmpty()
	fixes := make(map[Package][]*Fix)
	for _, f := range s.facts {
		if f == nil {
			continue
		}
		for _, at := range f.fixes {
			if slices.Contains(f.advisories[at.advisory].ids(), vulnerability) {
				fix := f.fix(at)
				fixes[fix.Package] = append(fixes[fix.Package], fix)
			}
		}
	}
	for i := range s.patches {
		p := &s.patches[i]
		if !p.deprecated && (slices.Contains(p.CVEs, vulnerability) || p.fixedBy(fixes[s.products[p.product].Package])) {
			patches = append(patches, p.ID)
		}
	}
	return patches
}

// fixedBy reports whether the patch's version is past one of the ranges and in
// none of them.
func (p *listedPatch) fixedBy(ranges []*Fix) bool {
	v := p.Source
	if v.IsZero() {
		v = p.Version
	}
	fixed := false
	for _, r := range ranges {
		if notNewer(r.Fixed, v) {
			fixed = true
		} else if newer(r.Fixed, v) && (r.Introduced.IsZero() || notNewer(r.Introduced, v)) {
			return false
		}
	}
	return fixed
}
