package catalog

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/stretchr/testify/require"
)

// large is the size of a large distribution.
const large = 70_000

// against measures what is done beside a peer that does the least that has to
// be done, turn by turn, so that a busy machine slows both. It reports the best
// of each as "ratio".
func against(b *testing.B, do, peer func()) {
	best, least := time.Duration(math.MaxInt64), time.Duration(math.MaxInt64)
	for b.Loop() {
		start := time.Now()
		do()
		best = min(best, time.Since(start))
		b.StopTimer()
		start = time.Now()
		peer()
		least = min(least, time.Since(start))
		b.StartTimer()
	}
	b.ReportMetric(best.Seconds(), "best-s")
	b.ReportMetric(float64(best)/float64(least), "ratio")
}

// BenchmarkSync stands beside encoding/json writing the patches of the batch.
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
			against(b, func() { Sync(c.prev, c.batches, noon) }, func() {
				require.NoError(b, json.NewEncoder(io.Discard).Encode(batch.Patches))
			})
		})
	}
}

// ofMany is a catalog of a large distribution and an inventory of 2,000 of its packages, all behind
// and each in four channels.
func ofMany(b *testing.B) (*Snapshot, Inventory, PatchID) {
	batch := many(b, large)
	s, _ := Sync(nil, []Batch{batch}, noon)
	old, err := version.Parse(version.Debian, "0:0.1-1")
	require.NoError(b, err)
	var installed []Installed
	for i := range 2000 {
		in := Installed{Product: batch.Patches[i*7].Product, Version: old}
		for channel := range 3 {
			in.Also = append(in.Also, ProductID(fmt.Sprintf("channel-%d/%s", channel, in.Product)))
		}
		installed = append(installed, in)
	}
	inv, err := NewInventory(Linux, installed)
	require.NoError(b, err)
	return s, inv, batch.Patches[7].ID
}

func BenchmarkEvaluate(b *testing.B) {
	s, inv, id := ofMany(b)
	b.ReportAllocs()
	for b.Loop() {
		s.Evaluate(id, inv, Options{}, noon)
	}
}

func BenchmarkMissing(b *testing.B) {
	s, inv, _ := ofMany(b)
	b.ReportAllocs()
	for b.Loop() {
		require.Len(b, s.Missing(inv, Options{}, noon), 2000)
	}
}

// BenchmarkEncode stands beside gzip packing the same lines.
func BenchmarkEncode(b *testing.B) {
	s, _ := Sync(nil, []Batch{many(b, large)}, noon)
	lines := []byte(encoded(b, s))
	against(b, func() { require.NoError(b, s.Encode(io.Discard)) }, func() {
		zip := gzip.NewWriter(io.Discard)
		_, err := zip.Write(lines)
		require.NoError(b, err)
		require.NoError(b, zip.Close())
	})
}

// BenchmarkDecode stands beside gzip and encoding/json reading the same bytes and checking nothing.
func BenchmarkDecode(b *testing.B) {
	s, _ := Sync(nil, []Batch{many(b, large)}, noon)
	var buf bytes.Buffer
	require.NoError(b, s.Encode(&buf))
	against(b, func() {
		_, err := Decode(bytes.NewReader(buf.Bytes()))
		require.NoError(b, err)
	}, func() {
		zip, err := gzip.NewReader(bytes.NewReader(buf.Bytes()))
		require.NoError(b, err)
		d := json.NewDecoder(zip)
		for _, part := range []struct {
			n   int
			one func() any
		}{
			{1, func() any { return new(encodedHeader) }}, {len(s.feeds), func() any { return new(FeedHealth) }},
			{len(s.products), func() any { return new(encodedProduct) }}, {len(s.patches), func() any { return new(encodedPatch) }},
		} {
			for range part.n {
				require.NoError(b, d.Decode(part.one()))
			}
		}
	})
	b.ReportMetric(float64(buf.Len()), "bytes")
}

// Nothing is lost or changed at the size of a large distribution.
func TestSyncLarge_CAT1(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: a catalog of that size takes a while; run without -short")
	}
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
