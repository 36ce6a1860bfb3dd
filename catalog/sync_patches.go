package catalog

import (
	"cmp"
	"fmt"
	"slices"
)

// candidate is a patch that may come into the next snapshot.
type candidate struct {
	patch   *Patch
	feed    int32 // index into the next snapshot's feeds
	product int32 // index into the next snapshot's products
	old     int32 // index of the patch of the same id in the previous snapshot, -1: none
	rank    uint8
}

// candidates returns the fit patches, each id once, by id.
func (s *syncer) candidates() []candidate {
	all := make([]candidate, 0, len(s.prev.patches))
	for i := range s.prev.patches {
		feed := s.moved[s.prev.states[i].feed]
		if s.fresh[feed] == nil {
			all = s.consider(all, candidate{patch: &s.prev.patches[i], feed: feed, old: int32(i), rank: kept}, nil)
		}
	}
	for i, b := range s.fresh {
		if b == nil {
			continue
		}
		all = slices.Grow(all, len(b.Patches))
		for k := range b.Patches {
			p := &b.Patches[k]
			c := candidate{patch: p, feed: int32(i), old: -1, rank: offered}
			if old, known := findPatch(s.prev.patches, p.ID); known {
				c.old = int32(old)
				if s.moved[s.prev.states[old].feed] == c.feed {
					c.rank = held
				}
			}
			problems := p.Check()
			if !b.Local {
				problems = append(problems, localFiles(p)...)
			}
			all = s.consider(all, c, problems)
		}
	}
	slices.SortStableFunc(all, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.patch.ID, b.patch.ID), cmp.Compare(a.rank, b.rank), cmp.Compare(a.feed, b.feed))
	})
	return s.distinct(all)
}

// consider appends a candidate that is fit and whose product is known and orders its version.
func (s *syncer) consider(all []candidate, c candidate, problems []string) []candidate {
	if product, known := findProduct(s.next.products, c.patch.Product); known {
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
	return append(all, c)
}

func (s *syncer) refuse(c candidate, reasons ...string) {
	s.reject(s.next.feeds[c.feed].Feed, "patch "+clip(string(c.patch.ID), MaxID), reasons...)
}

// distinct keeps the first candidate of each id.
func (s *syncer) distinct(all []candidate) []candidate {
	left := all[:0]
	for _, c := range all {
		switch n := len(left); {
		case n > 0 && left[n-1].patch.ID == c.patch.ID && left[n-1].feed == c.feed:
			s.refuse(c, "duplicate id: the batch has it more than once")
		case n > 0 && left[n-1].patch.ID == c.patch.ID:
			s.refuse(c, fmt.Sprintf("duplicate id: feed %s has a patch of the same id", s.next.feeds[left[n-1].feed].Feed))
		case n >= MaxPatches:
			s.refuse(c, fmt.Sprintf("over the limit of %d patches", MaxPatches))
		default:
			left = append(left, c)
		}
	}
	return left
}

// refuseCycles rejects the patches of a cycle. Those of feeds that keep theirs stay: they have no cycle among
// themselves, so that without the new ones none is left.
func (s *syncer) refuseCycles(all []candidate, kind edgeKind) []candidate {
	edges := edgesOf(len(all), func(i int) *Patch { return all[i].patch }, kind)
	bad := make(map[PatchID]bool) // each id is there once
	for _, members := range cycles(edges) {
		path := fmt.Sprintf("%s cycle: %s", kind.noun, describe(shortestCycle(edges, members), func(i int32) PatchID { return all[i].patch.ID }, kind))
		for _, m := range members {
			if all[m].rank != kept {
				bad[all[m].patch.ID] = true
				s.refuse(all[m], path)
			}
		}
	}
	return slices.DeleteFunc(all, func(c candidate) bool { return bad[c.patch.ID] })
}

// patches takes the candidates in.
func (s *syncer) patches(all []candidate) {
	s.next.patches = make([]Patch, len(all))
	s.next.states = make([]patchState, len(all))
	var implied []offer
	for i, c := range all {
		p := *c.patch
		p.EOLMarked = p.EOLMarked || !p.EOL.IsZero()
		p.Published, p.EOL, p.Listed = stamp(p.Published), stamp(p.EOL), s.now
		deprecated := due(&p, s.now)
		if c.old >= 0 {
			p.Listed = s.prev.patches[c.old].Listed
			deprecated = deprecated || s.prev.states[c.old].deprecated
		}
		s.next.patches[i] = p
		s.next.states[i] = patchState{feed: c.feed, product: c.product, deprecated: deprecated}
		o := offer{product: c.product, feed: c.feed, implied: true}
		if _, listed := slices.BinarySearchFunc(s.next.offers, o, compareOffers); !listed {
			implied = append(implied, o)
		}
	}
	if len(implied) == 0 {
		return
	}
	slices.SortFunc(implied, compareOffers)
	implied = slices.CompactFunc(implied, func(a, b offer) bool { return compareOffers(a, b) == 0 })
	s.next.offers = append(s.next.offers, implied...)
	slices.SortFunc(s.next.offers, compareOffers)
}

func compareOffers(a, b offer) int {
	return cmp.Or(cmp.Compare(a.product, b.product), cmp.Compare(a.feed, b.feed))
}

// equalPatch compares what a feed says about a patch; Listed is the catalog's own.
func equalPatch(a, b *Patch) bool {
	return a.ID == b.ID && a.Product == b.Product && a.Version == b.Version && a.Title == b.Title &&
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
