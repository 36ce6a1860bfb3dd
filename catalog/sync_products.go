package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// listing is one feed's word on one product.
type listing struct {
	product *Product
	lines   []Line
	feed    int32
	rank    uint8
}

// The ranks of listings and of candidates: who comes first under one id.
const (
	kept     uint8 = iota // of a feed that keeps what it has
	held                  // of a new batch, of the feed that held the id before
	offered               // of a new batch
	fallback              // an implied offer: it counts only when nobody lists the product
)

// products merges what the feeds say about products.
func (s *syncer) products() {
	all := s.listings()
	slices.SortStableFunc(all, func(a, b listing) int {
		return cmp.Or(cmp.Compare(a.product.ID, b.product.ID), cmp.Compare(a.rank, b.rank), cmp.Compare(a.feed, b.feed))
	})
	s.next.products = make([]Product, 0, len(all))
	s.next.offers = make([]offer, 0, len(all))
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].product.ID == all[0].product.ID {
			n++
		}
		s.product(all[:n])
		all = all[n:]
	}
}

func (s *syncer) listings() []listing {
	var all []listing
	for _, o := range s.prev.offers {
		feed := s.moved[o.feed]
		if s.fresh[feed] != nil {
			continue
		}
		l := listing{product: &s.prev.products[o.product], lines: o.lines, feed: feed, rank: kept}
		if o.implied {
			l.rank = fallback
		}
		all = append(all, l)
	}
	for i, b := range s.fresh {
		if b == nil {
			continue
		}
		for k := range b.Products {
			p := &b.Products[k]
			if problems := p.Check(); len(problems) > 0 {
				s.reject(b.Feed, productRecord(p.ID), problems...)
				continue
			}
			all = append(all, listing{product: p, lines: normalLines(p.Lines), feed: int32(i), rank: offered})
		}
	}
	return all
}

func productRecord(id ProductID) string { return "product " + clip(string(id), MaxID) }

func normalLines(lines []Line) []Line {
	if len(lines) == 0 {
		return nil
	}
	lines = slices.Clone(lines)
	for i := range lines {
		lines[i].EOL, lines[i].Extended = stamp(lines[i].EOL), stamp(lines[i].Extended)
	}
	slices.SortFunc(lines, func(a, b Line) int { return cmp.Compare(a.Prefix, b.Prefix) })
	return lines
}

// product takes the listings of one id, the strongest first, and rejects those that disagree with it.
func (s *syncer) product(all []listing) {
	first := all[0]
	if len(s.next.products) >= MaxProducts {
		for _, l := range all {
			s.reject(s.next.feeds[l.feed].Feed, productRecord(l.product.ID), fmt.Sprintf("over the limit of %d products", MaxProducts))
		}
		return
	}
	index := int32(len(s.next.products))
	merged := *first.product
	merged.Lines = nil
	feeds := make([]int32, 0, 1)
	start := len(s.next.offers)
	for _, l := range all {
		if l.rank == fallback {
			continue
		}
		name := s.next.feeds[l.feed].Feed
		if slices.Contains(feeds, l.feed) {
			s.reject(name, productRecord(l.product.ID), "duplicate id: the batch has it more than once")
			continue
		}
		if differ := differing(first.product, l.product); differ != "" {
			s.reject(name, productRecord(l.product.ID),
				fmt.Sprintf("duplicate id: differs from the product of the same id in feed %s in %s", s.next.feeds[first.feed].Feed, differ))
			continue
		}
		feeds = append(feeds, l.feed)
		s.next.offers = append(s.next.offers, offer{product: index, feed: l.feed, lines: l.lines})
		merged.Lines = mergeLines(merged.Lines, l.lines)
	}
	slices.SortFunc(s.next.offers[start:], compareOffers)
	s.next.products = append(s.next.products, merged)
}

// differing names the fields apart from Lines in which two products differ.
func differing(a, b *Product) string {
	var names []string
	for _, f := range []struct {
		name string
		same bool
	}{
		{"name", a.Name == b.Name}, {"vendor", a.Vendor == b.Vendor}, {"platform", a.Platform == b.Platform},
		{"architecture", a.Architecture == b.Architecture}, {"channel", a.Channel == b.Channel}, {"scheme", a.Scheme == b.Scheme},
	} {
		if !f.same {
			names = append(names, f.name)
		}
	}
	return strings.Join(names, ", ")
}

// mergeLines merges two lists sorted by prefix. Of one prefix the earliest end of life counts, and the latest end of
// extended support.
func mergeLines(a, b []Line) (merged []Line) {
	if len(a) == 0 {
		return b
	}
	all := slices.Concat(a, b)
	slices.SortStableFunc(all, func(a, b Line) int { return cmp.Compare(a.Prefix, b.Prefix) })
	for _, line := range all {
		if n := len(merged); n > 0 && merged[n-1].Prefix == line.Prefix {
			last := &merged[n-1]
			last.EOL = earliest(last.EOL, line.EOL)
			last.Over = last.Over || line.Over
			if line.Extended.After(last.Extended) {
				last.Extended = line.Extended
			}
			continue
		}
		merged = append(merged, line)
	}
	return merged
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func equalProduct(a, b Product) bool {
	return a.ID == b.ID && differing(&a, &b) == "" && slices.EqualFunc(a.Lines, b.Lines, func(x, y Line) bool {
		return x.Prefix == y.Prefix && x.EOL.Equal(y.EOL) && x.Over == y.Over && x.Extended.Equal(y.Extended)
	})
}
