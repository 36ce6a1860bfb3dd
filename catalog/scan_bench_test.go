package catalog

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog/version"
)

// scanned is how many packages a scanned asset has.
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

// some is an inventory of products from everywhere in a catalog. One of so many
// is behind, and the others have the newest version.
func some(tb testing.TB, s *Snapshot, behind int, rng *rand.Rand) Inventory {
	var installed []Installed
	for i, at := range rng.Perm(len(s.products))[:scanned] {
		in := Installed{Product: s.products[at].ID, Version: s.newestVersion(at)}
		if i%behind == 0 {
			in.Version = version.MustParse(version.Debian, "0:0.1-1")
		}
		installed = append(installed, in)
	}
	inv, err := NewInventory(Linux, installed)
	require.NoError(tb, err)
	return received(tb, inv)
}

// received is an inventory as a server has it: read a moment ago, and with no
// text that is the catalog's own.
func received(tb testing.TB, inv Inventory) (own Inventory) {
	text, err := json.Marshal(inv)
	require.NoError(tb, err)
	require.NoError(tb, json.Unmarshal(text, &own))
	return own
}

// upgraded is the inventory with one package in a hundred at another version.
func upgraded(inv Inventory) Inventory {
	installed := slices.Clone(inv.installed)
	for i := 0; i < len(installed); i += 100 {
		installed[i].Version = version.MustParse(version.Debian, "0:0.2-1")
	}
	return inventoryOf(inv.Platform, installed)
}

// byTurns runs calls by turns, and returns the best time of each in
// nanoseconds. Before each call, and not measured, it runs what prepares it.
func byTurns(b *testing.B, calls ...func() (call func())) []float64 {
	runtime.GC() // so that none runs meanwhile
	best := make([]float64, len(calls))
	for i := range best {
		best[i] = math.Inf(1)
	}
	for b.Loop() {
		for i, prepare := range calls {
			call := prepare()
			begun := time.Now()
			call()
			best[i] = min(best[i], float64(time.Since(begun)))
		}
	}
	b.ReportMetric(0, "ns/op")
	return best
}

// BenchmarkScan scans assets against 60,000 patches, and against 600,000 that
// are spread over ten times the products (wide) or over ten times the versions
// (deep), by turns. It reports the best time of each, and how much ten times
// the catalog costs.
//
// "again" scans one asset twice in a row and measures the second scan: the
// processor's caches may hold what it reads of the catalog. "other" scans
// another asset each time, whose packages are from everywhere in the catalog.
func BenchmarkScan(b *testing.B) {
	catalogs := []*Snapshot{grown(b, 60_000, 1), grown(b, 600_000, 1), grown(b, 60_000, 10)}
	growth := func(b *testing.B, calls ...func() func()) {
		best := byTurns(b, calls...)
		for i, name := range []string{"ms", "wide-ms", "deep-ms"} {
			b.ReportMetric(best[i]/1e6, name)
		}
		b.ReportMetric(best[1]/best[0], "growth-wide")
		b.ReportMetric(best[2]/best[0], "growth-deep")
	}
	for _, c := range []struct {
		name   string
		behind int
	}{{"few", 20}, {"all", 1}} {
		var again, other []func() func()
		for _, s := range catalogs {
			rng, turn := rand.New(rand.NewPCG(1, 2)), 0
			var assets []Inventory
			for range 32 {
				assets = append(assets, some(b, s, c.behind, rng))
			}
			again = append(again, func() func() {
				scan := func() { s.Missing(assets[0], Options{}, noon) }
				scan()
				return scan
			})
			other = append(other, func() func() {
				turn++
				inv := received(b, assets[turn%len(assets)])
				return func() { s.Missing(inv, Options{}, noon) }
			})
		}
		b.Run(c.name+"/again", func(b *testing.B) { growth(b, again...) })
		b.Run(c.name+"/other", func(b *testing.B) { growth(b, other...) })
	}
	b.Run("evaluate", func(b *testing.B) {
		var calls []func() func()
		for _, s := range catalogs {
			inv := some(b, s, 1, rand.New(rand.NewPCG(1, 2)))
			var ids []PatchID
			for _, v := range s.Missing(inv, Options{}, noon) {
				ids = append(ids, v.Patch)
			}
			calls = append(calls, func() func() {
				return func() {
					for _, id := range ids {
						s.Evaluate(id, inv, Options{}, noon)
					}
				}
			})
		}
		best := byTurns(b, calls...)
		b.ReportMetric(scanned*1e3/best[0], "M/s")
		b.ReportMetric(scanned*1e3/best[1], "wide-M/s")
		b.ReportMetric(scanned*1e3/best[2], "deep-M/s")
	})
	b.Run("scanner", func(b *testing.B) {
		all := some(b, catalogs[0], 1, rand.New(rand.NewPCG(1, 2)))
		scanner, turn, changed := catalogs[0].Scanner(Options{}, noon), 0, []Inventory{all, upgraded(all)}
		best := byTurns(b,
			func() func() { return func() { catalogs[0].Missing(all, Options{}, noon) } },
			func() func() { turn++; return func() { scanner.Missing(changed[turn%2]) } })
		b.ReportMetric(best[1]/best[0], "again-of-all")
	})
}
