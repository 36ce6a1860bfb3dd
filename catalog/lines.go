package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// unmerged is a line set that has no effect on a product.
type unmerged struct {
	feed    int32
	set     *LineSet
	product int32
	why     string
}

// mergeLines gives the products the lines of the line sets of all feeds that
// may give them (CAT-11, CAT-17). A line of a set replaces one with the same
// prefix of the product's own record. Of several sets the first feed by id
// comes first, and in one feed the longest id.
func (s *Snapshot) mergeLines() (left []unmerged) {
	room := maxMerged
	for feed := len(s.facts) - 1; feed >= 0; feed-- { // what is merged last wins
		if s.facts[feed] == nil {
			continue
		}
		sets := slices.Clone(s.facts[feed].sets)
		slices.SortStableFunc(sets, func(a, b LineSet) int { return setOrder(a) - setOrder(b) })
		for k := range sets {
			for i := range s.productsOf(sets[k].Product) {
				p := &s.products[i]
				if !s.mayGiveLines(feed, p) {
					continue
				}
				lines, taken := mergedLines(p.Lines, sets[k].Lines)
				switch {
				case len(lines) > MaxLines:
					left = append(left, unmerged{int32(feed), &sets[k], int32(i), fmt.Sprintf("the product would have %d lines, at most %d are allowed", len(lines), MaxLines)})
				case taken > room:
					left = append(left, unmerged{int32(feed), &sets[k], int32(i), fmt.Sprintf("over the limit of %d lines that are merged in all", maxMerged)})
				default:
					room -= taken
					p.Lines = lines
				}
			}
		}
	}
	return left
}

// setOrder puts a set for one product after those with a star, and a longer
// prefix after a shorter one.
func setOrder(l LineSet) int {
	if id, star := strings.CutSuffix(string(l.Product), "*"); star {
		return len(id)
	}
	return MaxID + 1
}

// productsOf yields the indexes of the products with an id, or with an id that
// begins with what is before a star.
func (s *Snapshot) productsOf(pattern ProductID) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		prefix, star := strings.CutSuffix(string(pattern), "*")
		i, _ := slices.BinarySearchFunc(s.products, prefix, func(p listedProduct, id string) int { return cmp.Compare(string(p.ID), id) })
		for ; i < len(s.products); i++ {
			id := string(s.products[i].ID)
			if !strings.HasPrefix(id, prefix) || !star && id != prefix || !yield(i) {
				return
			}
		}
	}
}

// mayGiveLines reports whether a feed may give the lines of a product: its
// authority owns it, or its grant names it (CAT-17).
func (s *Snapshot) mayGiveLines(feed int, p *listedProduct) bool {
	return s.feeds[feed].Authority == s.feeds[p.feed].Authority || s.feeds[feed].Grant.lines(p.ID)
}

// lines reports whether the grant names the version lines of a product.
func (g Grant) lines(id ProductID) bool {
	return slices.ContainsFunc(g.Lines, func(granted string) bool {
		prefix, star := strings.CutSuffix(granted, "*")
		return string(id) == granted || star && strings.HasPrefix(string(id), prefix)
	})
}

// mergedLines returns the lines of both by prefix, where those of over win.
// Taken is how many lines it had to copy.
func mergedLines(base, over []Line) (lines []Line, taken int) {
	if len(base) == 0 {
		return over, 0
	}
	lines = slices.Clone(over)
	for _, l := range base {
		if _, has := slices.BinarySearchFunc(over, l.Prefix, func(o Line, prefix string) int { return cmp.Compare(o.Prefix, prefix) }); !has {
			lines = append(lines, l)
		}
	}
	slices.SortFunc(lines, func(a, b Line) int { return cmp.Compare(a.Prefix, b.Prefix) })
	return lines, len(lines)
}

// lineSets rejects the line sets of new batches that their feeds may not give,
// each once, and those that could not be merged. They stay with their feed: a
// later grant gives them effect.
func (s *syncer) lineSets(left []unmerged) {
	for feed, b := range s.fresh {
		if b == nil || s.next.facts[feed] == nil {
			continue
		}
		for k := range s.next.facts[feed].sets {
			s.lineSet(int32(feed), &s.next.facts[feed].sets[k])
		}
	}
	for _, u := range left {
		if s.fresh[u.feed] != nil {
			s.reject(u.feed, "lines of product "+string(u.set.Product), "",
				fmt.Sprintf("it has no effect on product %q: %s", s.next.products[u.product].ID, u.why))
		}
	}
}

func (s *syncer) lineSet(feed int32, set *LineSet) {
	const record = "lines of product"
	found := false
	for i := range s.next.productsOf(set.Product) {
		p := &s.next.products[i]
		found = true
		if other := s.authority(p.feed); !s.next.mayGiveLines(int(feed), p) {
			s.reject(feed, record+" "+string(set.Product), other, belongs(fmt.Sprintf("product %q", p.ID), other))
			return
		}
	}
	if !found && !strings.HasSuffix(string(set.Product), "*") && !s.next.feeds[feed].Grant.lines(set.Product) {
		s.outside(feed, claim{record, string(set.Product)}, claim{ownsProduct, string(set.Product)})
	}
}
