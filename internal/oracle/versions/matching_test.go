package versions

import (
	"fmt"
	"testing"
	"time"

	osv "github.com/google/osv-scalibr/semantic"
	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
)

const (
	listed  = 60_000 // products of the catalog, with one patch each
	scanned = 2000   // packages of the asset
)

// BenchmarkMatching scans an asset, and does with osv-scalibr what its matching does for each
// package: it parses the installed version and compares it with the fixed one. The peer is given
// the fixed versions by name, because its own loop over all records is no match for an index; its
// package that matches records is internal. It explains nothing, and our verdicts do.
func BenchmarkMatching(b *testing.B) {
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	feed := catalog.Batch{Feed: "many", At: now}
	fixed := make(map[string]string, listed)
	for i := range listed {
		name := fmt.Sprintf("package-%d", i)
		text := fmt.Sprintf("1:%d.%d-%d+deb12u%d", i%50, i%7, i%3, 1+i%5)
		fixed[name] = text
		id := catalog.ProductID("deb/bookworm/amd64/" + name)
		feed.Products = append(feed.Products, catalog.Product{ID: id, Name: name, Platform: catalog.Linux, Architecture: "amd64", Scheme: version.Debian})
		feed.Patches = append(feed.Patches, catalog.Patch{
			ID: catalog.PatchID(string(id) + "@" + text), Product: id, Version: must(b, version.Debian, text), Published: now,
			Artifacts: []catalog.Artifact{{Name: name + ".deb", Availability: catalog.Repository}},
		})
	}
	snapshot, changes := catalog.Sync(nil, []catalog.Batch{feed}, now)
	require.Empty(b, changes.Rejected)
	for _, c := range []struct {
		name   string
		behind int // one of so many
	}{{"few", 20}, {"all", 1}} {
		b.Run(c.name, func(b *testing.B) {
			var installed []catalog.Installed
			var names, have []string
			for i := range scanned {
				k := i * listed / scanned
				name := fmt.Sprintf("package-%d", k)
				text := fixed[name]
				if i%c.behind == 0 {
					text = fmt.Sprintf("1:%d.%d-%d+deb12u%d", k%50, k%7, k%3, k%5)
				}
				names, have = append(names, name), append(have, text)
				installed = append(installed, catalog.Installed{Product: catalog.ProductID("deb/bookworm/amd64/" + name), Version: must(b, version.Debian, text)})
			}
			inventory, err := catalog.NewInventory(catalog.Linux, installed)
			require.NoError(b, err)
			missing, affected := 0, 0
			best := fastest(1, func(int) { missing = len(snapshot.Missing(inventory, catalog.Options{}, now)) }, func(int) {
				affected = 0
				for i, name := range names {
					if order, err := osv.MustParse(have[i], "Debian").CompareStr(fixed[name]); err == nil && order < 0 {
						affected++
					}
				}
			})
			require.Equal(b, scanned/c.behind, missing)
			require.Equal(b, missing, affected)
			b.ReportMetric(per(best[0], scanned), "ns/package")
			b.ReportMetric(float64(best[1])/float64(best[0]), "times-as-fast-as-osv-scalibr")
			b.ReportMetric(0, "ns/op")
		})
	}
}
