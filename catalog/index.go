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
// thirds full. It holds no ids and no pointers, so that it is small and the
// garbage collector has nothing to read in it. With each index it holds a few
// bytes about the record, which spare some look-ups the record itself.
type finder[T any] []slot[T]

type slot[T any] struct {
	about T
	hash  uint32 // the upper half
	at    int32  // the index plus one; zero: empty
}

// seed is a new one in every process, so that no feed can choose ids that
// collide. It decides where a record is in a finder, and nothing else.
var seed = maphash.MakeSeed()

// finderOf makes the finder of n records.
func finderOf[T any](n int, record func(i int) (id string, about T)) finder[T] {
	f := make(finder[T], 1<<bits.Len(uint(n+n/2)))
	for i := range n {
		id, about := record(i)
		h := maphash.String(seed, id)
		k := f.home(h)
		for f[k].at != 0 {
			k = f.next(k)
		}
		f[k] = slot[T]{about, uint32(h >> 32), int32(i + 1)}
	}
	return f
}

func (f finder[T]) home(hash uint64) int { return int(hash) & (len(f) - 1) }

func (f finder[T]) next(k int) int { return (k + 1) & (len(f) - 1) }

// find returns the index of a record.
func (f finder[T]) find(id string, is func(i int) bool) (int, bool) {
	h := maphash.String(seed, id)
	for k := f.home(h); f[k].at != 0; k = f.next(k) {
		if i := int(f[k].at - 1); f[k].hash == uint32(h>>32) && is(i) {
			return i, true
		}
	}
	return 0, false
}

// head is the beginning of what a scan needs of a product. It says of most
// products whether they can be behind. Reading memory is what a scan of a large
// catalog waits for, so two slots with heads are in one line of the processor's
// cache.
type head struct {
	size uint8    // of the key; more than len(key): the key is not here
	key  [23]byte // of the newest version: enough for 88 % of a large distribution; empty: there is none
}

func headOf(newest version.Version) (h head) {
	h.size = uint8(min(len(newest.Key()), len(h.key)+1))
	copy(h.key[:], newest.Key())
	return h
}

// sure reports whether newer decides.
func (h *head) sure() bool { return int(h.size) <= len(h.key) }

// newer reports whether the newest version may be newer than v. No is certain.
func (h *head) newer(v version.Version) bool { return !h.sure() || string(h.key[:h.size]) > v.Key() }

// find makes the snapshot's finders, and marks the plain patches. Until then,
// the snapshot is searched.
func (s *Snapshot) find() {
	for i := range s.patches {
		p := &s.patches[i]
		p.plain = !p.deprecated && !p.EOLMarked && len(p.Artifacts) > 0 &&
			!slices.ContainsFunc(p.Artifacts, func(a Artifact) bool { return a.Availability != Pinned && a.Availability != Repository })
	}
	s.byProduct = finderOf(len(s.products), func(i int) (string, head) { return string(s.products[i].ID), headOf(s.newestVersion(i)) })
	s.byPatch = finderOf(len(s.patches), func(i int) (string, struct{}) { return string(s.patches[i].ID), struct{}{} })
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
	return s.byProduct.find(string(id), func(i int) bool { return s.products[i].ID == id })
}
