package catalog

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog/version"
)

// scanned is how many packages the scanned asset has.
const scanned = 2000

// grown is a catalog of so many products with so many versions each.
func grown(tb testing.TB, products, versions int) *Snapshot {
	b := many(tb, products)
	for i := range products {
		of := b.Patches[i]
		for older := 1; older < versions; older++ {
			p := of
			p.Version = version.MustParse(version.Debian, fmt.Sprintf("0:%d.%d-1", versions-older, i%7))
			p.ID = PatchID(string(p.Product) + "@" + p.Version.String())
			b.Patches = append(b.Patches, p)
		}
	}
	return synced(tb, b)
}

// ofEvery is an inventory of packages that all these catalogs list. One of so
// many is behind, and the others have the newest version.
func ofEvery(tb testing.TB, s *Snapshot, behind int) (inv Inventory, newest []PatchID) {
	var installed []Installed
	for i := range scanned {
		p, has := s.Newest(ProductID(fmt.Sprintf("debian/amd64/package-%d", i*30)))
		require.True(tb, has)
		in := Installed{Product: p.Product, Version: p.Version}
		if i%behind == 0 {
			in.Version = version.MustParse(version.Debian, "0:0.1-1")
		}
		installed, newest = append(installed, in), append(newest, p.ID)
	}
	inv, err := NewInventory(Linux, installed)
	require.NoError(tb, err)
	return inv, newest
}

// upgraded is the inventory with one package in a hundred at another version.
func upgraded(inv Inventory) Inventory {
	installed := slices.Clone(inv.installed)
	for i := 0; i < len(installed); i += 100 {
		installed[i].Version = version.MustParse(version.Debian, "0:0.2-1")
	}
	return inventoryOf(inv.Platform, installed)
}

// BenchmarkScan scans one asset against 60,000 patches, and against 600,000
// that are spread over ten times the products or over ten times the versions,
// by turns. It reports the best of each.
func BenchmarkScan(b *testing.B) {
	small, wide, deep := grown(b, 60_000, 1), grown(b, 600_000, 1), grown(b, 60_000, 10)
	few, newest := ofEvery(b, small, 20)
	all, _ := ofEvery(b, small, 1)
	calls := []func(){}
	for _, inv := range []Inventory{few, all} {
		for _, s := range []*Snapshot{small, wide, deep} {
			calls = append(calls, func() { s.Missing(inv, Options{}, noon) })
		}
	}
	for _, s := range []*Snapshot{small, wide, deep} {
		calls = append(calls, func() {
			for _, id := range newest {
				s.Evaluate(id, all, Options{}, noon)
			}
		})
	}
	again, turn := small.Scanner(Options{}, noon), 0
	changed := []Inventory{all, upgraded(all)}
	calls = append(calls, func() {
		turn++
		again.Missing(changed[turn%2])
	})
	best := make([]float64, len(calls)) // ns per package
	for i := range best {
		best[i] = math.Inf(1)
	}
	for b.Loop() {
		for i, call := range calls {
			begun := time.Now()
			call()
			best[i] = min(best[i], float64(time.Since(begun))/scanned)
		}
	}
	for i, name := range []string{"few", "all", "evaluate"} {
		base := best[3*i]
		b.ReportMetric(base, name+"-ns/package")
		b.ReportMetric(best[3*i+1]/base, name+"-growth-wide")
		b.ReportMetric(best[3*i+2]/base, name+"-growth-deep")
	}
	b.ReportMetric(best[9]/best[3], "again-of-all")
	b.ReportMetric(1e3/best[6], "M-evaluations/s")
	b.ReportMetric(0, "ns/op")
}
