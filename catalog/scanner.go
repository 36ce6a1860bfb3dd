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
// each of them.
type Scanner struct {
	scan    scan
	missing []Verdict // of the last asset
	ends    []int     // by its installed product: where the verdicts on it end

	spareMissing []Verdict // memory for the next asset
	spareEnds    []int
	same         []int32
}

// Scanner makes a Scanner. Options.Refuse must decide by its arguments alone.
func (s *Snapshot) Scanner(o Options, now time.Time) *Scanner {
	return &Scanner{scan: s.scan(Inventory{}, o, now)}
}

// Missing returns what [Snapshot.Missing] returns. The next call overwrites the
// list. The reasons in it are shared: do not change them.
func (c *Scanner) Missing(inv Inventory) []Verdict {
	s, last := c.scan.snapshot, c.scan.inv
	if s.replaces || inv.twice {
		c.scan.inv = Inventory{}
		return s.Missing(inv, c.scan.options, c.scan.now)
	}
	if last.Platform != inv.Platform {
		last = Inventory{}
	}
	was, ends := c.missing, c.ends
	c.same = c.same[:0]
	k := 0
	for i := range inv.installed {
		in := &inv.installed[i]
		for k < len(last.installed) && last.installed[k].Product < in.Product {
			k++
		}
		if k < len(last.installed) && equalInstalled(&last.installed[k], in) {
			c.same = append(c.same, int32(k+1))
		} else {
			c.same = append(c.same, 0)
		}
	}
	c.scan.inv, c.missing, c.ends = inv, c.spareMissing[:0], c.spareEnds[:0]
	c.scan.lookUp(func(i int32) bool { return c.same[i] != 0 })
	for i, k := range c.same {
		if k == 1 {
			c.missing = append(c.missing, was[:ends[0]]...)
		} else if k > 1 {
			c.missing = append(c.missing, was[ends[k-2]:ends[k-1]]...)
		} else if q := c.scan.newerThan(i); q.some() {
			c.missing = c.scan.missing(c.missing, &q, nil)
		}
		c.ends = append(c.ends, len(c.missing))
	}
	c.spareMissing, c.spareEnds = was, ends
	return c.missing
}

func equalInstalled(a, b *Installed) bool {
	return a.Product == b.Product && a.Version == b.Version && a.Held == b.Held && a.PinnedTo == b.PinnedTo && slices.Equal(a.Also, b.Also)
}
