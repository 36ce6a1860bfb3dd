package controller_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
)

func fixing(s catalog.Severity, exploited bool, cves ...string) func(*catalog.Patch) {
	return func(p *catalog.Patch) { p.Severity, p.Exploited, p.CVEs = s, exploited, cves }
}

// The report over all assets adds up what the reports on each say, whatever the
// filter.
func TestFleetMissingIsTheSumOfMissing_RPT3_CAT18(t *testing.T) {
	once(t, func(f *fixture) {
		vendored := func(p *catalog.Patch) { p.Artifacts[0].Availability, p.Artifacts[0].URL = catalog.Vendor, "" }
		f.sync(patch("editor", "2.0.0", fixing(catalog.Low, false, "CVE-1", "CVE-2")), patch("editor", "3.0.0", fixing(catalog.High, false, "CVE-3"), vendored),
			patch("player", "2.0.0", fixing(catalog.Critical, true, "CVE-2")), patch("reader", "2.0.0"))
		for i := range 5 {
			a := f.enrol(job.AssetID(fmt.Sprint("a", i)), "all")
			if i < 2 {
				a.install("editor", "2.0.0", "player", "1.0.0")
				f.call(a)
			}
		}
		f.enrolOnly("new", "all")
		for i, filter := range []controller.MissingFilter{
			{}, {Patch: "editor-3.0.0"}, {CVE: "CVE-2"}, {Severity: catalog.High}, {Exploited: true}, {CVE: "CVE-2", Severity: catalog.Critical}, {CVE: "none"},
		} {
			assets, deployable := map[string]int{}, map[string]int{}
			for i := range 5 {
				list, err := f.MissingRisks(ctx, job.AssetID(fmt.Sprint("a", i)), filter, f.now)
				require.NoError(t, err)
				fixable := map[string]bool{}
				for _, m := range list {
					require.True(t, filter.Patch == "" || filter.Patch == m.Patch)
					require.GreaterOrEqual(t, m.Severity, filter.Severity)
					require.True(t, !filter.Exploited || m.Exploited == catalog.Yes)
					assets[string(m.Patch)]++
					if m.Deployable {
						deployable[string(m.Patch)]++
					}
					for _, id := range m.CVEs {
						fixable[id] = fixable[id] || m.Deployable
					}
				}
				for id, can := range fixable {
					assets[id]++
					if can {
						deployable[id]++
					}
				}
			}
			got, err := f.MissingFleet(ctx, filter, f.now)
			require.NoError(t, err)
			require.Equal(t, []int{6, 1}, []int{got.Assets, got.NoInventory})
			n := 0
			for _, p := range got.Patches {
				n++
				require.Equal(t, []int{assets[string(p.Patch)], deployable[string(p.Patch)]}, []int{p.Assets, p.Deployable}, p.Patch)
			}
			for _, v := range got.CVEs {
				n++
				require.Equal(t, []int{assets[v.ID], deployable[v.ID]}, []int{v.Assets, v.Deployable}, v.ID)
				require.True(t, filter.CVE == "" || filter.CVE == v.ID)
			}
			if filter.CVE == "" {
				require.Len(t, assets, n)
			}
			require.Equal(t, filter.CVE == "none", n == 0, "filter %d finds something", i)
		}
		var none *controller.NotFoundError
		_, err := f.MissingRisks(ctx, "new", controller.MissingFilter{}, f.now)
		require.ErrorAs(t, err, &none)
	})
}
