package catalog

import (
	"bytes"
	"io"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// large is the size of a large distribution.
const large = 70_000

func BenchmarkSync(b *testing.B) {
	batch := many(b, large)
	first, changes := Sync(nil, []Batch{batch}, noon)
	require.Empty(b, changes.Rejected)
	again := batch
	again.Patches = slices.Clone(batch.Patches)
	for _, c := range []struct {
		name    string
		prev    *Snapshot
		batches []Batch
	}{
		{"first", nil, []Batch{batch}}, {"same", first, []Batch{again}},
		{"unchanged", first, []Batch{{Feed: batch.Feed, Unchanged: true}}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Sync(c.prev, c.batches, noon)
			}
		})
	}
}

func BenchmarkEvaluate(b *testing.B) {
	batch := many(b, large)
	s, _ := Sync(nil, []Batch{batch}, noon)
	var installed []Installed
	for i := range 2000 {
		p := batch.Patches[i*7]
		installed = append(installed, Installed{Product: p.Product, Version: p.Version})
	}
	inv, err := NewInventory(Linux, installed)
	require.NoError(b, err)
	id := batch.Patches[7].ID
	b.ReportAllocs()
	for b.Loop() {
		s.Evaluate(id, inv, Options{}, noon)
	}
}

func BenchmarkEncode(b *testing.B) {
	s, _ := Sync(nil, []Batch{many(b, large)}, noon)
	for b.Loop() {
		require.NoError(b, s.Encode(io.Discard))
	}
}

func BenchmarkDecode(b *testing.B) {
	s, _ := Sync(nil, []Batch{many(b, large)}, noon)
	var buf bytes.Buffer
	require.NoError(b, s.Encode(&buf))
	b.ReportMetric(float64(buf.Len()), "bytes")
	for b.Loop() {
		_, err := Decode(bytes.NewReader(buf.Bytes()))
		require.NoError(b, err)
	}
}

// Nothing is lost or changed at the size of a large distribution.
func TestSyncLarge_CAT1(t *testing.T) {
	batch := many(t, large)
	s, changes := Sync(nil, []Batch{batch}, noon)
	require.Len(t, changes.Added, large)
	next, changes := Sync(s, []Batch{batch}, noon)
	require.Equal(t, Changes{}, changes)
	require.Equal(t, s.ID(), next.ID())
	for i := 0; i < large; i += 997 {
		newest, has := next.Newest(batch.Products[i].ID)
		require.True(t, has)
		require.Equal(t, batch.Patches[i].ID, newest.ID)
	}
}
