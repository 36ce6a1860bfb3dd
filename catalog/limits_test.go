package catalog

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMaxPatches_CAT16(t *testing.T) {
	s := &syncer{refused: map[FeedID]int{}, next: &Snapshot{feeds: []FeedHealth{{Feed: "acme"}}}}
	a, b := edit("1.0.0"), edit("2.0.0")
	all := make([]candidate, MaxPatches+1)
	for i := range all {
		all[i].patch = &a
		if i%2 == 1 {
			all[i].patch = &b
		}
	}
	require.Len(t, s.distinct(all[:MaxPatches]), MaxPatches)
	require.Empty(t, s.changes.Rejected)
	require.Len(t, s.distinct(all), MaxPatches)
	require.Equal(t, []Rejected{{"acme", "patch editor-1.0.0", []string{"over the limit of 1048576 patches"}}}, s.changes.Rejected)
}

func TestMaxProducts_CAT16(t *testing.T) {
	s := &syncer{refused: map[FeedID]int{}, next: &Snapshot{feeds: []FeedHealth{{Feed: "acme"}}, products: make([]Product, MaxProducts-1, MaxProducts)}}
	p := editor()
	one := []listing{{product: &p, rank: offered}}
	s.product(one)
	require.Empty(t, s.changes.Rejected)
	require.Len(t, s.next.products, MaxProducts)
	s.product(one)
	require.Equal(t, []Rejected{{"acme", "product editor", []string{"over the limit of 1048576 products"}}}, s.changes.Rejected)
	require.Len(t, s.next.products, MaxProducts)
}
