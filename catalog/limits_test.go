package catalog

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func newSyncer(feeds ...FeedID) *syncer {
	s := &syncer{
		refused: map[FeedID]int{}, conflicts: map[FeedID]int{}, next: &Snapshot{}, fresh: make([]*Batch, len(feeds)), owners: map[claim]owner{}, below: map[string]string{}, keys: map[string]string{},
		at: map[ProductID]int{}, taken: map[string]int{}, most: MaxProducts,
	}
	for _, f := range feeds {
		s.next.feeds = append(s.next.feeds, FeedHealth{Feed: f, Authority: string(f)})
	}
	return s
}

func TestMaxProducts_CAT16(t *testing.T) {
	s := newSyncer("acme", "small")
	s.most = 1
	p, q, r := editor(), editor(), editor()
	q.ID, r.ID = "second", "third"
	s.product(0, p)
	s.product(0, q)
	s.product(1, r)
	require.Len(t, s.next.products, 2)
	want := []Rejected{{Feed: "acme", Record: "product second", Reasons: []string{"over the limit of 1048576 products"}}}
	require.Equal(t, want, s.changes.Rejected)
	_, owned := s.owners[claim{ownsProduct, "second"}]
	require.False(t, owned, "what is rejected takes nothing")
}

// CAT-17: when the catalog is full, the authority that lists the most gives way.
func TestMaxPatches_CAT16(t *testing.T) {
	require.Equal(t, MaxPatches-3, share(map[string]int{"acme": 3, "evil": MaxPatches}, MaxPatches))
}

// CAT-17: who asks for no more than an equal part gets it, whatever the others ask for.
func TestShare_CAT17(t *testing.T) {
	for _, c := range []struct {
		asked map[string]int
		want  map[string]int
	}{
		{map[string]int{"a": 10}, map[string]int{"a": 10}},
		{map[string]int{"a": 11}, map[string]int{"a": 10}},
		{map[string]int{"a": 5, "b": 5}, map[string]int{"a": 5, "b": 5}},
		{map[string]int{"a": 2, "b": 99}, map[string]int{"a": 2, "b": 8}},
		{map[string]int{"a": 1, "b": 99, "c": 99}, map[string]int{"a": 1, "b": 4, "c": 4}},
		{map[string]int{"a": 99, "b": 99, "c": 99}, map[string]int{"a": 3, "b": 3, "c": 3}},
	} {
		most := share(c.asked, 10)
		for a, n := range c.asked {
			require.Equal(t, c.want[a], min(n, most), "%v", c.asked)
		}
	}
}
