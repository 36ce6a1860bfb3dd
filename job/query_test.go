package job

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// conditionsOf draws conditions from a small world, so that patches meet some of them.
func conditionsOf(t *rapid.T, label string) (c Conditions) {
	list := func(name string, from ...string) []string {
		if !rapid.Bool().Draw(t, label+" by "+name) {
			return nil
		}
		return rapid.SliceOfNDistinct(rapid.SampledFrom(from), 1, 2, strings.ToLower).Draw(t, label+" "+name)
	}
	c.Products = list("products", "Editor", "editor", "deb-editor", "viewer")
	c.Vendors = list("vendors", "acme", "ACME", "other")
	c.Channels = list("channels", "stable", "beta")
	c.CVEs = list("cves", "CVE-1", "cve-1", "CVE-2")
	for _, name := range list("classes", "security", "driver", "feature") {
		class, _ := catalog.ParseClass(name)
		c.Classes = append(c.Classes, class)
	}
	c.MinSeverity = rapid.SampledFrom([]catalog.Severity{0, 0, catalog.Unrated, catalog.Low, catalog.High, catalog.Critical}).Draw(t, label+" severity")
	flag := rapid.SampledFrom([]bool{false, false, true})
	c.AnyCVE, c.Exploited, c.Reboot = flag.Draw(t, label+" any cve"), flag.Draw(t, label+" exploited"), flag.Draw(t, label+" reboot")
	return c
}

func productAndPatch(tb testing.TB, t *rapid.T) (catalog.Product, catalog.Patch) {
	product := catalog.Product{
		ID: rapid.SampledFrom([]catalog.ProductID{"deb-editor", "deb-viewer"}).Draw(t, "id"), Name: rapid.SampledFrom([]string{"Editor", "viewer"}).Draw(t, "name"),
		Vendor: rapid.SampledFrom([]string{"", "acme", "other"}).Draw(t, "vendor"), Channel: rapid.SampledFrom([]string{"", "stable", "beta"}).Draw(t, "channel"),
		Platform: catalog.Linux, Scheme: version.Semver,
	}
	patch := patchOf(tb, string(product.ID), "2.0.0", epoch)
	patch.Severity = rapid.SampledFrom([]catalog.Severity{0, catalog.Unrated, catalog.Low, catalog.Medium, catalog.High, catalog.Critical}).Draw(t, "severity")
	patch.Class = rapid.SampledFrom([]catalog.Class{0, catalog.Security, catalog.Driver, catalog.Feature}).Draw(t, "class")
	patch.CVEs = rapid.SliceOfDistinct(rapid.SampledFrom([]string{"CVE-1", "CVE-2", "CVE-3"}), func(s string) string { return s }).Draw(t, "cves")
	patch.Exploited, patch.Reboot = rapid.Bool().Draw(t, "exploited"), rapid.Bool().Draw(t, "reboot")
	return product, patch
}

// answers is JOB-8 read once more: for each condition in words, whether it is
// set and whether the patch meets it.
func answers(c Conditions, product catalog.Product, patch catalog.Patch) map[string]bool {
	lower := strings.ToLower
	answers := map[string]bool{}
	for _, name := range c.Products {
		answers["product"] = answers["product"] || lower(name) == lower(product.Name) || lower(name) == lower(string(product.ID))
	}
	for _, name := range c.Vendors {
		answers["vendor"] = answers["vendor"] || lower(name) == lower(product.Vendor)
	}
	for _, name := range c.Channels {
		answers["channel"] = answers["channel"] || lower(name) == lower(product.Channel)
	}
	for _, class := range c.Classes {
		answers["class"] = answers["class"] || class == patch.Class
	}
	for _, asked := range c.CVEs {
		for _, fixed := range append([]string{""}, patch.CVEs...) {
			answers["cve"] = answers["cve"] || lower(asked) == lower(fixed)
		}
	}
	if c.AnyCVE {
		answers["any cve"] = len(patch.CVEs) != 0
	}
	if c.MinSeverity > catalog.Unrated {
		answers["severity"] = patch.Severity == c.MinSeverity || patch.Severity > c.MinSeverity
	}
	if c.MinSeverity == catalog.Unrated {
		answers["severity"] = true
	}
	if c.Exploited {
		answers["exploited"] = patch.Exploited
	}
	if c.Reboot {
		answers["reboot"] = patch.Reboot
	}
	return answers
}

// A query takes a patch that meets each of its conditions, unless it meets any
// one of its exclusions.
func TestQueryAgainstANaiveReading_JOB8(tb *testing.T) {
	rapid.Check(tb, func(t *rapid.T) {
		product, patch := productAndPatch(tb, t)
		snap := listed(tb, []catalog.Product{product}, []catalog.Patch{patch})
		q := Query{Conditions: conditionsOf(t, "asked")}
		if rapid.Bool().Draw(t, "excludes") {
			q.Exclude = conditionsOf(t, "excluded")
		}
		want := true
		for _, met := range answers(q.Conditions, product, patch) {
			want = want && met
		}
		for _, met := range answers(q.Exclude, product, patch) {
			want = want && !met
		}
		require.Equal(t, want, q.matches(snap, catalog.Verdict{Patch: patch.ID, Product: product.ID, To: patch.Version}, epoch))

		d := Definition{ID: "q", Platform: catalog.Linux, State: Disabled, Schedule: schedule.Schedule{Kind: schedule.OnDemand}, Patches: Patches{Query: &q}}
		if err := d.Validate(); err != nil {
			require.ErrorContains(t, err, "no patch can match")
			require.False(t, want, "what is refused matches nothing")
		}
	})
}

func TestQueryThatMatchesNothingIsRefused_JOB8(t *testing.T) {
	for field, q := range map[string]Query{
		"products":    {Conditions{Products: []string{"a", "b"}}, Conditions{Products: []string{"c", "B", "A"}}},
		"vendors":     {Conditions{Vendors: []string{"a"}}, Conditions{Vendors: []string{"a"}}},
		"channels":    {Conditions{Channels: []string{"a"}}, Conditions{Channels: []string{"a"}}},
		"classes":     {Conditions{Classes: []catalog.Class{catalog.Driver}}, Conditions{Classes: []catalog.Class{catalog.Security, catalog.Driver}}},
		"cves":        {Conditions{CVEs: []string{"a"}}, Conditions{CVEs: []string{"A"}}},
		"anyCve":      {Conditions{CVEs: []string{"a"}}, Conditions{AnyCVE: true}},
		"minSeverity": {Conditions{MinSeverity: catalog.High}, Conditions{MinSeverity: catalog.Low}},
		"exploited":   {Conditions{Exploited: true}, Conditions{Exploited: true}},
		"reboot":      {Conditions{Reboot: true}, Conditions{Reboot: true}},
	} {
		require.Equal(t, []string{"patches.query.exclude." + field}, problemsOf(t, q))
	}
	require.Equal(t, []string{"patches.query.exclude.minSeverity"}, problemsOf(t, Query{Exclude: Conditions{MinSeverity: catalog.Unrated}}), "all are at least unrated")
	for _, q := range []Query{
		{Conditions{Products: []string{"a", "b"}}, Conditions{Products: []string{"b"}}},
		{Conditions{AnyCVE: true}, Conditions{CVEs: []string{"a"}}},
		{Conditions{MinSeverity: catalog.Low}, Conditions{MinSeverity: catalog.High}},
		{Exclude: Conditions{Products: []string{"a"}, Exploited: true, Reboot: true, AnyCVE: true}},
	} {
		require.Empty(t, problemsOf(t, q))
	}
}

func TestQueryListsAreChecked_JOB8_JOB20(t *testing.T) {
	q := Query{
		Conditions{Products: []string{"", "a", "b", "A"}, Classes: []catalog.Class{catalog.Driver, 99, catalog.Driver, 0}, MinSeverity: 77},
		Conditions{CVEs: []string{"x\x00"}, Vendors: []string{strings.Repeat("x", MaxText+1)}, MinSeverity: 78},
	}
	require.Equal(t, []string{
		"patches.query.products[0]", "patches.query.products[3]", "patches.query.classes[2]", "patches.query.classes[1]", "patches.query.classes[3]",
		"patches.query.minSeverity", "patches.query.exclude.vendors[0]", "patches.query.exclude.cves[0]", "patches.query.exclude.minSeverity",
	}, problemsOf(t, q))
}

// problemsOf are the fields that a job of the query is refused for.
func problemsOf(t *testing.T, q Query) (fields []string) {
	t.Helper()
	d := Definition{ID: "q", Platform: catalog.Linux, State: Disabled, Schedule: schedule.Schedule{Kind: schedule.OnDemand}, Patches: Patches{Query: &q}}
	if invalid, bad := errors.AsType[*Invalid](d.Validate()); bad {
		for _, p := range invalid.Problems {
			fields = append(fields, p.Field)
		}
	}
	return slices.Clip(fields)
}
