package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// candidate is a patch that may enter the next snapshot.
type candidate struct {
	patch   *Patch
	feed    int32 // index into the next snapshot's feeds
	product int32 // index into the next snapshot's products
	old     int32 // index of the authority's patch with this id in the previous snapshot; -1: none
	kept    bool  // its feed keeps what it has
}

func (c candidate) id() claim { return claim{ownsPatch, string(c.patch.ID)} }

// fit returns the patches that are fit for the next snapshot, each by itself.
func (s *syncer) fit() []candidate {
	all := make([]candidate, 0, len(s.prev.patches))
	for i := range s.prev.patches {
		if feed := s.moved[s.prev.patches[i].feed]; s.keeps(feed) {
			all = s.consider(all, candidate{patch: &s.prev.patches[i].Patch, feed: feed, old: int32(i), kept: true}, nil)
		}
	}
	for i, b := range s.fresh {
		if b == nil {
			continue
		}
		all = slices.Grow(all, len(b.Patches))
		for k := range b.Patches {
			p := &b.Patches[k]
			c := candidate{patch: p, feed: int32(i), old: -1}
			if old, known := s.prev.patchIndex(p.ID); known {
				if was := s.moved[s.prev.patches[old].feed]; was >= 0 && s.authority(was) == s.authority(c.feed) {
					c.old = int32(old)
				}
			}
			problems := p.Check()
			if !b.Local {
				problems = append(problems, localFiles(p)...)
			}
			all = s.consider(all, c, problems)
		}
	}
	return all
}

// candidates returns the patches of the next snapshot, each id once, by id. It
// handles one authority after the other, so that the faults of one cost another
// nothing (CAT-17).
func (s *syncer) candidates() []candidate {
	of, asked := make(map[string][]candidate), make(map[string]int)
	for _, c := range s.fit() {
		a := s.authority(c.feed)
		of[a] = append(of[a], c)
		asked[a]++
	}
	most := share(asked, MaxPatches)
	var all []candidate
	taken := make(map[PatchID]string)
	for _, feed := range s.order {
		a := s.authority(feed)
		own := slices.DeleteFunc(of[a], func(c candidate) bool {
			other, has := taken[c.patch.ID] // another authority introduces it in the same sync
			if has {
				s.reject(c.feed, c.id().record(), other, belongs(fmt.Sprintf("patch %q", c.patch.ID), other))
			}
			return has
		})
		own = s.distinct(own)
		delete(of, a)
		for len(own) > most {
			s.refuse(own[len(own)-1], fmt.Sprintf("over the limit of %d patches", MaxPatches))
			own = own[:len(own)-1]
		}
		own = s.refuseCycles(s.refuseCycles(own, supersedence), requirements)
		if len(of) > 0 {
			for _, c := range own {
				taken[c.patch.ID] = a
			}
		}
		all = append(all, own...)
	}
	slices.SortFunc(all, func(a, b candidate) int { return cmp.Compare(a.patch.ID, b.patch.ID) })
	return all
}

// consider appends a candidate if it is fit, its feed has authority over it,
// and its product is known and orders its version.
func (s *syncer) consider(all []candidate, c candidate, problems []string) []candidate {
	if len(problems) == 0 && s.outside(c.feed, c.id(), claim{ownsProduct, string(c.patch.Product)}) {
		return all
	}
	if product, known := s.next.productIndex(c.patch.Product); known {
		c.product = int32(product)
		want, have := s.next.products[product].Scheme, c.patch.Version.Scheme()
		if want != have && !c.patch.Version.IsZero() {
			problems = append(problems, fmt.Sprintf("version %s is of scheme %s, the product's is %s", c.patch.Version, have, want))
		}
	} else if c.patch.Product != "" {
		problems = append(problems, fmt.Sprintf("unknown product %.*q", MaxID, c.patch.Product))
	}
	if len(problems) > 0 {
		s.refuse(c, problems...)
		return all
	}
	if s.outside(c.feed, c.id(), c.id()) {
		return all
	}
	return append(all, c)
}

func (s *syncer) refuse(c candidate, reasons ...string) {
	s.reject(c.feed, c.id().record(), "", reasons...)
}

// distinct keeps the first of one authority's candidates for each id, by id.
func (s *syncer) distinct(own []candidate) []candidate {
	slices.SortStableFunc(own, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.patch.ID, b.patch.ID), cmp.Compare(s.turn[a.feed], s.turn[b.feed]), cmp.Compare(a.feed, b.feed))
	})
	left := own[:0]
	for _, c := range own {
		switch n := len(left); {
		case n == 0 || left[n-1].patch.ID != c.patch.ID:
			left = append(left, c)
		case left[n-1].feed == c.feed:
			s.refuse(c, "duplicate id: the batch has it more than once")
		default:
			s.refuse(c, fmt.Sprintf("duplicate id: feed %s has a patch with this id", s.next.feeds[left[n-1].feed].Feed))
		}
	}
	return left
}

// refuseCycles rejects the patches of a cycle within one authority. Patches of
// feeds that keep what they have stay, unless the cycle has no others, which
// happens when two authorities become one.
func (s *syncer) refuseCycles(all []candidate, kind edgeKind) []candidate {
	for {
		edges := edgesOf(len(all), func(i int) *Patch { return all[i].patch }, func(int) string { return "" }, kind)
		found := cycles(edges)
		if len(found) == 0 {
			return all
		}
		bad := make(map[PatchID]bool)
		for _, members := range found {
			cycle := shortestCycle(edges, members)
			var names []string
			for _, i := range cycle[:min(len(cycle), maxNamed)] {
				names = append(names, string(all[i].patch.ID))
			}
			if len(cycle) > maxNamed {
				names = append(names, "…")
			}
			path := kind.noun + " cycle: " + strings.Join(append(names, string(all[cycle[0]].patch.ID)), " "+kind.verb+" ")
			old := !slices.ContainsFunc(members, func(m int32) bool { return !all[m].kept })
			for _, m := range members {
				if old || !all[m].kept {
					bad[all[m].patch.ID] = true
					s.refuse(all[m], path)
				}
			}
		}
		all = slices.DeleteFunc(all, func(c candidate) bool { return bad[c.patch.ID] })
	}
}

func (s *syncer) patches(all []candidate) {
	s.next.patches = make([]listedPatch, 0, len(all))
	for _, c := range all {
		p := listedPatch{Patch: *c.patch, feed: c.feed, product: c.product}
		p.EOLMarked = p.EOLMarked || !p.EOL.IsZero()
		p.Published, p.EOL, p.Listed = stamp(p.Published), stamp(p.EOL), s.now
		p.deprecated = p.Withdrawn || past(p.EOL, s.now) // a mark without a date deprecates nothing (CAT-10)
		if c.old >= 0 {
			old := &s.prev.patches[c.old]
			p.deprecated = p.deprecated || old.deprecated
			if old.Version == p.Version {
				p.Listed = old.Listed
			}
		}
		if first, former := s.formerly(&p); former {
			p.Listed = first
		}
		s.next.patches = append(s.next.patches, p)
	}
}

// equalPatch compares what a feed says about a patch. Listed is the catalog's
// own.
func equalPatch(a, b *Patch) bool {
	return a.ID == b.ID && a.Product == b.Product && a.Version == b.Version && a.Source == b.Source && a.Title == b.Title &&
		a.Published.Equal(b.Published) && a.Severity == b.Severity && slices.Equal(a.CVEs, b.CVEs) &&
		a.Exploited == b.Exploited && a.Class == b.Class &&
		slices.EqualFunc(a.Artifacts, b.Artifacts, equalArtifact) &&
		a.EOLMarked == b.EOLMarked && a.EOL.Equal(b.EOL) && a.Withdrawn == b.Withdrawn &&
		slices.Equal(a.Supersedes, b.Supersedes) && slices.Equal(a.Requires, b.Requires) &&
		a.Reboot == b.Reboot && a.Transaction == b.Transaction
}

func equalArtifact(a, b Artifact) bool {
	return a.Name == b.Name && a.Availability == b.Availability && a.URL == b.URL && a.CustomURL == b.CustomURL &&
		a.Size == b.Size && slices.Equal(a.Digests, b.Digests) && a.Signer == b.Signer && a.SignatureURL == b.SignatureURL
}
