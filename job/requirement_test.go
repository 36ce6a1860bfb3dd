package job

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// What a patch needs is a fact about the asset, or is brought by the same
// order: top-2.0.0 needs base-2.0.0.
func TestRequirementIsAFactAboutTheAsset_JOB14(t *testing.T) {
	for name, c := range map[string]struct {
		reboot    bool
		installed string // base; empty: it is not there
		also      string // a version of base in the same list
		pending   PendingReboots
		unknown   bool // the catalog does not have base-2.0.0
		want      string
	}{
		"there":                     {installed: "2.0.0"},
		"newer":                     {installed: "2.0.1"},
		"older":                     {installed: "1.0.0", want: "It needs base-2.0.0 (base 2.0.0), and 1.0.0 is installed."},
		"not there":                 {want: "and base is not installed."},
		"not in the catalog":        {installed: "2.0.0", unknown: true, want: "which the catalog does not have."},
		"ahead in the order":        {installed: "1.0.0", also: "2.0.0"},
		"a newer one ahead":         {installed: "1.0.0", also: "3.0.0"},
		"an older one ahead":        {installed: "1.0.0", also: "1.5.0", want: "and 1.0.0 is installed."},
		"a reboot between":          {reboot: true, installed: "1.0.0", also: "2.0.0", want: "a reboot between them; a later run takes it."},
		"a newer one and a reboot":  {reboot: true, installed: "1.0.0", also: "3.0.0", want: "a reboot between them; a later run takes it."},
		"there, and no reboot":      {reboot: true, installed: "2.0.0"},
		"there, with another ahead": {reboot: true, installed: "2.0.0", also: "3.0.0"},
		"its reboot is pending":     {reboot: true, installed: "2.0.0", pending: PendingReboots{Products: []catalog.ProductID{"base"}}, want: "a reboot after it, which is pending."},
		"some reboot is pending":    {reboot: true, installed: "2.0.0", pending: PendingReboots{Unknown: true}, want: "a reboot is pending here."},
		"another's is pending":      {reboot: true, installed: "2.0.0", pending: PendingReboots{Products: []catalog.ProductID{"else"}}},
		"pending, and none between": {installed: "2.0.0", pending: PendingReboots{Unknown: true, Products: []catalog.ProductID{"base"}}},
	} {
		t.Run(name, func(t *testing.T) {
			top := patchOf(t, "top", "2.0.0", epoch)
			top.Requires = []catalog.Requirement{{Patch: "base-2.0.0", Reboot: c.reboot}}
			patches := []catalog.Patch{top}
			list := []catalog.PatchID{top.ID}
			for _, v := range []string{"1.5.0", "2.0.0", "3.0.0"} {
				if v != "2.0.0" || !c.unknown {
					patches = append(patches, patchOf(t, "base", v, epoch))
				}
				if v == c.also {
					list = append(list, catalog.PatchID("base-"+v))
				}
			}
			installed := map[string]string{"top": "1.0.0"}
			if c.installed != "" {
				installed["base"] = c.installed
			}
			d := Definition{ID: "nightly", Platform: catalog.Linux, Patches: Patches{List: list}}
			plan := d.Plan(PlanInput{
				Snapshot: listed(t, []catalog.Product{productOf("top"), productOf("base")}, patches), Asset: "web-1", Inventory: inventoryOf(t, installed),
				Occurrence: schedule.Occurrence{Start: epoch}, Pending: c.pending, Now: epoch,
			})
			require.NoError(t, plan.Order.Validate())
			has := map[string]int{}
			for i, p := range plan.Order.Patches {
				has[p.Name] = i + 1
			}
			require.Equal(t, c.want == "", has["top"] > 0)
			require.Equal(t, c.want != "", plan.Waits())
			if c.want != "" {
				out := plan.LeftOut[len(plan.LeftOut)-1]
				require.Equal(t, []any{catalog.PatchID("top-2.0.0"), "JOB-14", semver(t, "1.0.0")}, []any{out.Patch, out.Rule, out.From})
				require.Contains(t, out.Text, c.want)
			} else if !c.reboot && c.also != "" {
				require.Less(t, has["base"], has["top"], "what it needs comes first")
			}
		})
	}
}

// An order has a patch exactly if what it needs is there or ahead of it,
// whatever needs what, also in a circle over newer versions; and nothing is
// lost.
func TestRequirementsAgainstAFixpoint_JOB14(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 7).Draw(t, "patches")
		in, at := PlanInput{}, map[string]string{}
		var patches []OrderPatch
		name := func(i int) string { return fmt.Sprintf("p%d", i) }
		for i := range n {
			at[name(i)] = rapid.SampledFrom([]string{"1.0.0", "2.0.0"}).Draw(t, "installed")
			p := OrderPatch{Patch: catalog.PatchID(name(i) + "-3"), Product: catalog.ProductID(name(i)), Name: name(i), Version: mustSemver("3.0.0")}
			for range rapid.IntRange(0, 2).Draw(t, "requirements") {
				of := rapid.IntRange(0, n).Draw(t, "of") // one more than there are: it is not installed
				p.Requires = append(p.Requires, Requirement{
					Patch: catalog.PatchID(name(of) + "-x"), Product: catalog.ProductID(name(of)),
					Version: mustSemver(rapid.SampledFrom([]string{"2.0.0", "3.0.0", "4.0.0"}).Draw(t, "version")), Reboot: rapid.Bool().Draw(t, "reboot"),
				})
			}
			patches = append(patches, p)
		}
		var list []catalog.Installed
		for i := range n {
			list = append(list, catalog.Installed{Product: catalog.ProductID(name(i)), Version: mustSemver(at[name(i)])})
		}
		var err error
		in.Inventory, err = catalog.NewInventory(catalog.Linux, list)
		require.NoError(t, err)
		for i := range n {
			if rapid.Bool().Draw(t, "pending") {
				in.Pending.Products = append(in.Pending.Products, catalog.ProductID(name(i)))
			}
		}
		arranged, without := arrange(in, patches)
		if len(arranged)+len(without) != n {
			t.Fatalf("%d patches became %d and %d", n, len(arranged), len(without))
		}
		// The oracle adds what can be added until nothing can.
		brought := map[string]bool{}
		met := func(r Requirement) bool {
			if r.Unmet(in.Inventory, in.Pending) == "" {
				return true
			}
			return !r.Reboot && brought[string(r.Product)] && r.Version.String() <= "3.0.0"
		}
		for more := true; more; {
			more = false
			for _, p := range patches {
				ok := !brought[p.Name]
				for _, r := range p.Requires {
					ok = ok && met(r)
				}
				if ok {
					brought[p.Name], more = true, true
				}
			}
		}
		ahead := map[string]bool{}
		for _, p := range arranged {
			if !brought[p.Name] {
				t.Fatalf("%s is in the order, and should not be", p.Name)
			}
			for _, r := range p.Requires {
				if r.Unmet(in.Inventory, in.Pending) != "" && !ahead[string(r.Product)] {
					t.Fatalf("%s comes before what it needs", p.Name)
				}
			}
			ahead[p.Name] = true
		}
		for _, o := range without {
			if brought[o.Name] || !strings.HasPrefix(o.Text, "It needs ") {
				t.Fatalf("%s is left out: %s", o.Name, o.Text)
			}
		}
	})
}

func mustSemver(s string) version.Version {
	v, err := version.Parse(version.Semver, s)
	if err != nil {
		panic(err)
	}
	return v
}
