package catalog

import (
	"hash/maphash"
	"slices"
)

// together is how many products are looked up together. A look-up waits for
// memory several times. One after the other, they would wait each time. So what
// they need is read for many at once, where the waits overlap.
const together = 64

// lookup is what the catalog may have for the installed products of an asset.
type lookup struct {
	first   []int32 // by installed product: the index, plus one, of its first hit
	hits    []hit
	sure    int // how many hits are from a sure head
	fetched int // of the installed products before this one, what the verdicts need was read
	read    int // what was read early comes here, so that the compiler leaves it
}

// hit is a product that may have a newer version for an installed one.
type hit struct {
	name    int32 // index into the inventory's names
	product int32
	next    int32 // the index, plus one, of the installed product's next hit
}

// lookUp looks up the installed products, except those that same knows. Nil: it
// knows none. For a product without a hit there is certainly nothing newer.
func (c *scan) lookUp(same []int32) {
	f, names, installed := c.snapshot.byProduct, c.inv.names, c.inv.installed
	c.first = slices.Grow(c.first[:0], len(installed))[:len(installed)]
	clear(c.first)
	c.hits, c.sure, c.fetched = c.hits[:0], 0, 0
	if f == nil {
		return
	}
	var block [together]struct {
		hash uint64
		name int32
	}
	for next := 0; next < len(names); { // twice over a block: first all slots are read, then the look-ups are decided
		n := 0
		for ; next < len(names) && n < together; next++ {
			if same != nil && same[names[next].at] != 0 {
				continue
			}
			hash := maphash.String(seed, string(names[next].id))
			c.read += int(f[f.home(hash)].at)
			block[n].hash, block[n].name = hash, int32(next)
			n++
		}
		for _, b := range block[:n] {
			in := names[b.name].at
			for k := f.home(b.hash); f[k].at != 0; k = f.next(k) {
				if s := &f[k]; s.hash == uint32(b.hash>>32) && s.about.newer(installed[in].Version) {
					c.sure += btoi(s.about.sure())
					c.hits = append(c.hits, hit{b.name, s.at - 1, c.first[in]})
					c.first[in] = int32(len(c.hits))
				}
			}
		}
	}
}

// newerThan returns the patches that are newer than the installed product at
// index i, after lookUp.
func (c *scan) newerThan(i int) newerPatches {
	if i >= c.fetched && c.first[i] != 0 {
		c.fetch(i)
	}
	s, in := c.snapshot, &c.inv.installed[i]
	q := newerPatches{snapshot: s, in: in}
	for k := c.first[i]; k != 0; k = c.hits[k-1].next {
		h := &c.hits[k-1]
		name, p := &c.inv.names[h.name], &s.products[h.product]
		if p.ID != name.id || !newer(s.newestVersion(int(h.product)), in.Version) {
			continue
		}
		if name.also {
			q.others = append(q.others, p.versions)
		} else {
			q.own = p.versions
		}
	}
	return q
}

// fetch reads what the verdicts on the newest patches will read, from an
// installed product on.
func (c *scan) fetch(from int) {
	var products [together]*listedProduct
	var newest [together]*listedPatch
	s, n := c.snapshot, 0
	for c.fetched = from; c.fetched < len(c.first) && n < together; c.fetched++ {
		if k := c.first[c.fetched]; k != 0 {
			products[n] = &s.products[c.hits[k-1].product]
			c.read += len(products[n].versions) + len(products[n].Lines)
			n++
		}
	}
	for i, p := range products[:n] {
		newest[i] = &s.patches[p.newest()]
		c.read += int(p.ID[0]) + int(p.Name[0])
	}
	for _, p := range newest[:n] {
		c.read += int(p.feed) + len(p.Version.Key())
	}
	for _, p := range newest[:n] {
		c.read += int(p.Version.Key()[0]) + int(p.Version.String()[0])
	}
}
