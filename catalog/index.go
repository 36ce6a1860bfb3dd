package catalog

import (
	"cmp"
	"hash/maphash"
	"math/bits"
	"slices"
	"sort"

	"github.com/patchpolicy/patchpolicy/catalog/version"
)

// finder finds records by their ids. It is a hash table of indexes, at most two
// thirds full. It holds no ids, so that it is small and the garbage collector
// has nothing to read in it.
type finder []slot

type slot struct {
	hash uint32 // the upper half
	at   int32  // the index plus one; zero: empty
}

// seed is a new one in every process, so that no feed can choose ids that
// collide. It decides where a record is in a finder, and nothing else.
var seed = maphash.MakeSeed()

// finderOf makes the finder of n records.
func finderOf(n int, id func(i int) string) finder {
	f := make(finder, 1<<bits.Len(uint(n+n/2)))
	for i := range n {
		h := maphash.String(seed, id(i))
		k := int(h) & (len(f) - 1)
		for f[k].at != 0 {
			k = (k + 1) & (len(f) - 1)
		}
		f[k] = slot{uint32(h >> 32), int32(i + 1)}
	}
	return f
}

// find returns the index of a record. It may be asked only of a finder that was
// made.
func (f finder) find(id string, is func(i int) bool) (int, bool) {
	h := maphash.String(seed, id)
	for k := int(h) & (len(f) - 1); f[k].at != 0; k = (k + 1) & (len(f) - 1) {
		if i := int(f[k].at - 1); f[k].hash == uint32(h>>32) && is(i) {
			return i, true
		}
	}
	return 0, false
}

// head is what a scan reads of every installed product. It is small, because
// reading memory is what a scan of a large catalog waits for.
type head struct {
	id     ProductID
	newest version.Version // zero: none
}

// find makes the snapshot's finders, and marks the plain patches. Until then,
// the snapshot is searched.
func (s *Snapshot) find() {
	for i := range s.patches {
		p := &s.patches[i]
		p.plain = !p.deprecated && !p.EOLMarked && len(p.Artifacts) > 0 &&
			!slices.ContainsFunc(p.Artifacts, func(a Artifact) bool { return a.Availability != Pinned && a.Availability != Repository })
	}
	s.heads = make([]head, len(s.products))
	for i := range s.products {
		s.heads[i] = head{s.products[i].ID, s.newestVersion(i)}
	}
	s.byProduct = finderOf(len(s.heads), func(i int) string { return string(s.heads[i].id) })
	s.byPatch = finderOf(len(s.patches), func(i int) string { return string(s.patches[i].ID) })
}

func (s *Snapshot) patchIndex(id PatchID) (int, bool) {
	s = s.orEmpty()
	if s.byPatch == nil {
		return sort.Find(len(s.patches), func(i int) int { return cmp.Compare(id, s.patches[i].ID) })
	}
	return s.byPatch.find(string(id), func(i int) bool { return s.patches[i].ID == id })
}

func (s *Snapshot) productIndex(id ProductID) (int, bool) {
	s = s.orEmpty()
	if s.byProduct == nil {
		return sort.Find(len(s.products), func(i int) int { return cmp.Compare(id, s.products[i].ID) })
	}
	return s.byProduct.find(string(id), func(i int) bool { return s.heads[i].id == id })
}
