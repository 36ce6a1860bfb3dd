package catalog

import (
	"slices"
	"time"
)

// Scanner is [Snapshot.Missing] for one asset after another. For each asset, it
// evaluates only the installed products that differ from those of the previous
// asset. So assets made from one image cost little, and so does scanning one
// asset again after a few packages changed. It evaluates everything again if
// the snapshot has patches that supersede others, or the inventory names a
// product twice.
//
// A Scanner is for one goroutine. To scan a fleet on all cores, make one for
// each of them. It keeps the snapshot, and the inventory and verdicts of the
// last asset: about 700 bytes for each verdict, and 16 for each installed
// product.
type Scanner struct {
	scan    scan
	missing []Verdict // of the last asset
	ends    []int     // by its installed product: where the verdicts on it end

	spareMissing []Verdict // memory for the next asset
	spareEnds    []int
	same         []int32 // by installed product: the index, plus one, of the last asset's equal one; zero: none
}

// Scanner makes a Scanner. Options.Refuse must decide by its arguments alone.
func (s *Snapshot) Scanner(o Options, now time.Time) *Scanner {
	return &Scanner{scan: s.scan(Inventory{}, o, now)}
}

// Missing returns what [Snapshot.Missing] returns. The next call overwrites the
// list. The reasons in it are shared: do not change them.
func (c *Scanner) Missing(inv Inventory) []Verdict {
	if s := c.scan.snapshot; s.replaces || inv.twice {
		c.scan.inv = Inventory{}
		return s.Missing(inv, c.scan.options, c.scan.now)
	}
	c.compare(inv)
	was, ends := c.missing, c.ends
	c.scan.inv, c.missing, c.ends = inv, c.spareMissing[:0], c.spareEnds[:0]
	c.scan.lookUp(c.same)
	for i, k := range c.same {
		switch {
		case k == 1:
			c.missing = append(c.missing, was[:ends[0]]...)
		case k > 1:
			c.missing = append(c.missing, was[ends[k-2]:ends[k-1]]...)
		default:
			if q := c.scan.newerThan(i); q.some() {
				c.missing = c.scan.missing(c.missing, &q, nil)
			}
		}
		c.ends = append(c.ends, len(c.missing))
	}
	c.spareMissing, c.spareEnds = was, ends
	return c.missing
}

// compare finds what the asset has in common with the last one.
func (c *Scanner) compare(inv Inventory) {
	last := c.scan.inv.installed
	if c.scan.inv.Platform != inv.Platform {
		last = nil
	}
	c.same = slices.Grow(c.same[:0], len(inv.installed))[:len(inv.installed)]
	k := 0
	for i := range inv.installed {
		in := &inv.installed[i]
		for k < len(last) && last[k].Product < in.Product {
			k++
		}
		c.same[i] = 0
		if k < len(last) && equalInstalled(&last[k], in) {
			c.same[i] = int32(k + 1)
		}
	}
}

func equalInstalled(a, b *Installed) bool {
	return a.Product == b.Product && a.Version == b.Version && a.Held == b.Held && a.PinnedTo == b.PinnedTo && a.Unfinished == b.Unfinished && slices.Equal(a.Also, b.Also)
}
