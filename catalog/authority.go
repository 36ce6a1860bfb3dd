package catalog

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The kinds of names that an authority can own.
const (
	ownsNames   = "names"   // a beginning of product and patch ids
	ownsVendor  = "vendor"  // by its vendorKey
	ownsProduct = "product" // and the ids of patches and products that begin with its id and a boundary
	ownsPatch   = "patch"   // whose id does not begin with that of a product
)

var kinds = []string{ownsNames, ownsVendor, ownsProduct, ownsPatch}

type claim struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
}

func (c claim) record() string { return c.Kind + " " + clip(c.Name, MaxID) }

type owner struct {
	Authority string `json:"authority"`
	Unlisted  uint64 `json:"unlisted,omitempty"` // id of the first snapshot that no longer lists it; zero: it is listed
	Bare      bool   `json:"bare,omitempty"`     // a product that is its id alone: another authority already had something below it
}

// owned is one entry of a snapshot's owners, which are sorted by claim. What is
// below names or a product of the same owner has no entry of its own.
type owned struct {
	claim
	owner
}

func compareOwned(a, b owned) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
}

type grant struct {
	claim     // without the star
	prefix    bool
	authority string
}

func (s *syncer) authority(feed int32) string { return s.next.feeds[feed].Authority }

// authorities takes over the owners of the previous snapshot, and the grants.
func (s *syncer) authorities() {
	speaks := make(map[string]bool, len(s.next.feeds))
	for _, f := range s.next.feeds {
		speaks[f.Authority] = true
	}
	s.renamed = make(map[string]string)
	for _, feed := range s.order {
		if i, known := s.prev.feedIndex(s.next.feeds[feed].Feed); known {
			if was := s.prev.feeds[i].Authority; !speaks[was] && s.renamed[was] == "" {
				s.renamed[was] = s.authority(feed)
			}
		}
	}
	s.owners, s.below, s.keys = make(map[claim]owner, len(s.prev.owners)), make(map[string]string), make(map[string]string)
	for _, o := range s.prev.owners {
		if !speaks[o.Authority] {
			o.Authority = s.renamed[o.Authority]
		}
		if o.Authority != "" {
			s.own(o.claim, o.owner)
		}
	}
	for c, o := range s.owners {
		if o.Bare { // whoever was below it may be gone
			o.Bare = s.shared(c.Name, o.Authority)
			s.owners[c] = o
		}
	}
	for _, feed := range s.order {
		s.grant(feed)
		s.claimNames(feed)
	}
	slices.SortStableFunc(s.grants, func(a, b grant) int { // the closest first
		return cmp.Or(cmp.Compare(len(b.Name), len(a.Name)), cmp.Compare(btoi(a.prefix), btoi(b.prefix)))
	})
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (s *syncer) grant(feed int32) {
	g, a := s.next.feeds[feed].Grant, s.authority(feed)
	for _, of := range []struct {
		kind string
		list []string
	}{{ownsVendor, g.Vendors}, {ownsProduct, g.Products}, {ownsPatch, g.Patches}} {
		for _, text := range of.list {
			name, prefix := text, false
			if of.kind != ownsVendor {
				name, prefix = strings.CutSuffix(text, "*")
			}
			next := grant{claim{of.kind, name}, prefix, a}
			same := func(o grant) bool { return o.claim == next.claim && o.prefix == next.prefix }
			if i := slices.IndexFunc(s.grants, same); i < 0 {
				s.grants = append(s.grants, next)
			} else if first := s.grants[i].authority; first != a {
				s.show(feed, "grant of "+claim{of.kind, text}.record(), first,
					fmt.Sprintf("authority %q, which is configured first, has the same grant (CAT-17)", first))
			}
		}
	}
}

// claimNames gives a feed the names that it claims, unless another authority
// owns them, something above them, or something that begins with them.
func (s *syncer) claimNames(feed int32) {
	a := s.authority(feed)
	for _, name := range s.next.feeds[feed].Names {
		names := claim{ownsNames, name}
		if o, has := s.owners[names]; has && o.Authority == a {
			continue
		}
		other := s.above(name)
		if other == "" || other == a {
			other = s.beginsWith(name, a)
		}
		if other != "" && other != a {
			s.show(feed, names.record(), other, belongs("what begins with "+clip(name, MaxID), other))
			continue
		}
		s.own(names, owner{Authority: a})
	}
}

// beginsWith returns an authority other than this one that owns a product or a
// patch whose id begins with name.
func (s *syncer) beginsWith(name, authority string) string {
	for _, kind := range []string{ownsProduct, ownsPatch} {
		at, _ := slices.BinarySearchFunc(s.prev.owners, owned{claim: claim{kind, name}}, compareOwned)
		for _, o := range s.prev.owners[at:] {
			if o.Kind != kind || !strings.HasPrefix(o.Name, name) {
				break
			}
			if other := s.owners[o.claim].Authority; other != authority {
				return other
			}
		}
	}
	return ""
}

func (s *syncer) own(c claim, o owner) {
	s.owners[c] = o
	switch c.Kind {
	case ownsNames:
		s.inhabit(c.Name, o.Authority)
		s.spaces[min(len(c.Name), MaxID)] = true
	case ownsProduct, ownsPatch:
		s.inhabit(c.Name, o.Authority)
		s.lengths[min(len(c.Name), MaxID)] = true
	}
}

// inhabit notes, for every id that this one may be below, that an authority has
// something there.
func (s *syncer) inhabit(id, authority string) {
	depth := 0
	for i, r := range id {
		if i > 0 && boundary(r) && depth < maxDepth {
			depth++
			if was, has := s.below[id[:i]]; !has {
				s.below[id[:i]] = authority
			} else if was != authority {
				s.below[id[:i]] = "" // several
			}
		}
	}
}

// shared reports whether another authority has a patch with a product's id, or
// something below it.
func (s *syncer) shared(id, authority string) bool {
	there, some := s.below[id]
	patch := s.owners[claim{ownsPatch, id}].Authority
	return some && there != authority || patch != "" && patch != authority
}

// boundary reports whether an id is below a product's id that r follows:
// "editor-2" is below "editor", and "editor2" is not.
func boundary(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }

// above returns the owner of the closest names or product that an id is below.
// Empty: none.
func (s *syncer) above(id string) string {
	best, length := "", 0
	for i := len(id); i > 0 && length == 0; i-- {
		if s.spaces[i] {
			if o, has := s.owners[claim{ownsNames, id[:i]}]; has {
				best, length = o.Authority, i
			}
		}
	}
	for i, r := range id {
		if i > length && s.lengths[i] && boundary(r) {
			if o, has := s.owners[claim{ownsProduct, id[:i]}]; has && !o.Bare {
				best, length = o.Authority, i
			}
		}
	}
	return best
}

// cover returns the owner of an id that has no owner of its own, by what it is
// below. Empty: none.
func (s *syncer) cover(c claim) string {
	if o, has := s.owners[claim{ownsProduct, c.Name}]; has && !o.Bare {
		return o.Authority // a patch of a product's very id
	}
	return s.above(c.Name)
}

// granted returns the authority that was granted an id. For a patch, grants of
// patches come before grants of products.
func (s *syncer) granted(c claim) string {
	for _, g := range s.grants {
		if g.Kind == c.Kind && (g.Name == c.Name || g.prefix && strings.HasPrefix(c.Name, g.Name)) {
			return g.authority
		}
	}
	if c.Kind != ownsPatch {
		return ""
	}
	for _, g := range s.grants {
		rest, has := strings.CutPrefix(c.Name, g.Name)
		if next, _ := utf8.DecodeRuneInString(rest); has && g.Kind == ownsProduct && (g.prefix || boundary(next)) { // of no rest, too
			return g.authority
		}
	}
	return ""
}

// vendorKey caches keys: a distribution has one vendor and many products.
func (s *syncer) vendorKey(name string) string {
	key, known := s.keys[name]
	if !known {
		key = vendorKey(name)
		s.keys[name] = key
	}
	return key
}

// vendorOwner returns the authority other than this one that owns a vendor's
// name or one that reads like it. Empty: none.
func (s *syncer) vendorOwner(name, authority string) string {
	key, alike := s.vendorKey(name), ""
	for _, g := range s.grants {
		switch {
		case g.Kind != ownsVendor:
		case g.Name == name && g.authority == authority:
			return ""
		case g.Name == name:
			return g.authority
		case alike == "" && g.authority != authority && s.vendorKey(g.Name) == key:
			alike = g.authority
		}
	}
	if alike != "" {
		return alike
	}
	if o := s.owners[claim{ownsVendor, key}]; o.Authority != authority {
		return o.Authority
	}
	return ""
}

// belongs returns why a feed may not speak about something.
func belongs(what, authority string) string {
	return fmt.Sprintf("%s belongs to authority %q; grant it to let another feed speak about it (CAT-17)", what, authority)
}

// outside reports whether a feed may not speak about an id. Then it rejects the
// record.
func (s *syncer) outside(feed int32, record, id claim) bool {
	other := cmp.Or(s.granted(id), s.owners[id].Authority)
	if other == "" {
		other = s.cover(id)
	}
	if other == "" || other == s.authority(feed) {
		return false
	}
	s.reject(feed, record.record(), other, belongs(fmt.Sprintf("%s %.*q", id.Kind, MaxID, id.Name), other))
	return true
}

// show reports what a good batch claims of another authority besides its
// records.
func (s *syncer) show(feed int32, what, owner, reason string) {
	if s.fresh[feed] != nil {
		s.reject(feed, what, owner, reason)
	}
}

// introduce gives an authority an id that nobody owns and that is below nothing.
func (s *syncer) introduce(id claim, authority string) {
	if _, has := s.owners[id]; !has && s.cover(id) == "" {
		s.own(id, owner{Authority: authority, Bare: id.Kind == ownsProduct && s.shared(id.Name, authority)})
	}
}

// voidEdges shows which new records supersede or require a patch of another
// authority. That has no effect.
func (s *syncer) voidEdges() {
	for i := range s.next.patches {
		p := &s.next.patches[i]
		if s.fresh[p.feed] == nil {
			continue
		}
		for _, kind := range []edgeKind{supersedence, requirements} {
			for _, id := range kind.to(&p.Patch) {
				to, found := s.next.patchIndex(id)
				if !found || s.next.authority(to) == s.next.authority(i) {
					continue
				}
				other := s.next.authority(to)
				s.show(p.feed, kind.noun+" of "+claim{ownsPatch, string(p.ID)}.record(), other,
					fmt.Sprintf("patch %q belongs to authority %q, so it has no effect that this patch %s it (CAT-17)", id, other, kind.verb))
				break // one of each kind is enough
			}
		}
	}
}

// share returns how many each one may have so that all together stay within
// most. One that asks for less than an equal part gets it, whatever the others
// ask for.
func share(asked map[string]int, most int) int {
	counts := slices.Sorted(maps.Values(asked))
	for i, n := range counts {
		part := most / (len(counts) - i)
		if n > part {
			return part
		}
		most -= n
	}
	return math.MaxInt
}
