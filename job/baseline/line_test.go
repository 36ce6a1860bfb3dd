package baseline_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/job/baseline"
)

// A delay counts by the versions of the patch's own line that are newer than
// what is installed.
func TestLine_APR2(t *testing.T) {
	at := func(s string) version.Version {
		v, err := version.Parse(version.Semver, s)
		require.NoError(t, err)
		return v
	}
	var history []catalog.Former
	for _, v := range []string{"3.0.0", "2.1.0", "2.0.0", "1.2.0", "1.1.0", "1.0.0"} {
		history = append(history, catalog.Former{Patch: catalog.PatchID(v), Version: at(v)})
	}
	lines := catalog.Product{Scheme: version.Semver, Lines: []catalog.Line{{Prefix: "1"}, {Prefix: "2"}}}
	for _, c := range []struct {
		product  catalog.Product
		from, to string
		want     []catalog.PatchID
	}{
		{lines, "1.0.0", "1.2.0", []catalog.PatchID{"1.2.0", "1.1.0"}},
		{lines, "1.0.0", "2.1.0", []catalog.PatchID{"2.1.0", "2.0.0"}},
		{lines, "2.0.0", "2.1.0", []catalog.PatchID{"2.1.0"}},
		{lines, "1.0.0", "3.0.0", []catalog.PatchID{"3.0.0"}}, // on no line
		{catalog.Product{Scheme: version.Semver}, "1.1.0", "2.0.0", []catalog.PatchID{"3.0.0", "2.1.0", "2.0.0", "1.2.0"}},
	} {
		var got []catalog.PatchID
		for _, f := range baseline.Line(c.product, history, catalog.Verdict{From: at(c.from), To: at(c.to)}) {
			got = append(got, f.Patch)
		}
		require.Equal(t, c.want, got, "%s to %s", c.from, c.to)
	}
	require.Empty(t, baseline.Line(lines, history, catalog.Verdict{To: at("2.1.0")}), "it is not installed")
}
