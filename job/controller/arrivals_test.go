package controller_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
	"github.com/patchpolicy/patchpolicy/job/deadline"
)

// A deadline that counts from when a fix was first missing on the asset counts
// from the product's arrival or the first fix, whichever is later. Neither a new
// inventory nor a newer fix moves it; a product that left and came back starts
// again (DUE-2, DUE-3).
func TestFirstMissing_DUE2_DUE3(t *testing.T) {
	c := config()
	c.Deadlines = []deadline.Table{{Name: "five days", Anchor: deadline.FromMissing, Rows: []deadline.Row{{Days: 5}}}}
	f := fixtureOf(t, memstore.New(memstore.Options{Seed: 1}), c)
	at := func(days int) func(*catalog.Patch) {
		return func(p *catalog.Patch) { p.Published = start.AddDate(0, 0, days) }
	}
	fixes := []catalog.Patch{
		patch("editor", "2.0.0", at(-9), fixing(catalog.High, false, "CVE-1")), patch("player", "2.0.0", at(-9), fixing(catalog.High, false, "CVE-2")),
	}
	f.sync(fixes...)
	a := f.enrolOnly("a", "all")
	a.install("editor", "1.0.0")
	f.call(a)
	due := func(cve string) (days int) {
		list, err := f.Due(ctx, "a", f.now)
		require.NoError(t, err)
		for _, d := range list {
			if d.CVE == cve {
				return int(d.Due.Sub(start).Hours()/24) - 5
			}
		}
		return -1000
	}
	require.Equal(t, 0, due("CVE-1"), "nobody knows of an earlier day")
	require.Equal(t, -1000, due("CVE-2"))

	f.pass(2 * day)
	a.install("editor", "1.0.0", "player", "1.0.0")
	f.call(a)
	require.Equal(t, []int{0, 2}, []int{due("CVE-1"), due("CVE-2")})
	f.pass(day)
	f.sync(append(fixes, patch("player", "2.1.0", at(2), fixing(catalog.High, false, "CVE-2", "CVE-3")))...)
	a.install("editor", "1.0.0", "player", "1.0.0", "reader", "1.0.0")
	f.call(a)
	require.Equal(t, []int{0, 2, 2}, []int{due("CVE-1"), due("CVE-2"), due("CVE-3")})

	plan, _, err := f.Preview(ctx, job.Definition{
		ID: "j", Name: "j", Platform: catalog.Linux, Patches: job.Patches{Query: &job.Query{}}, Assets: job.Assets{IncludeTags: []string{"all"}},
		Schedule: definition("j").Schedule,
	}, "a", f.now)
	require.NoError(t, err)
	require.Equal(t, start.Truncate(day).AddDate(0, 0, 6), plan.Order.Patches[0].Due, "orders go by the same dates")

	f.pass(day)
	a.install("editor", "1.0.0")
	f.call(a)
	require.Equal(t, -1000, due("CVE-2"))
	f.pass(day)
	a.install("editor", "1.0.0", "player", "1.0.0")
	f.call(a)
	require.Equal(t, []int{0, 5}, []int{due("CVE-1"), due("CVE-2")})
	require.Equal(t, time.Time{}, deadline.FirstMissing(time.Time{}, start))
}
