package job

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// Each bound of a definition holds at the limit, and the same field is named one past it.
func TestBoundsOfADefinition_JOB20(t *testing.T) {
	command := func(words int) []string { return strings.Fields(strings.Repeat("x ", words)) }
	for _, c := range []struct {
		field string
		limit int64
		step  int64 // past it
		set   func(d *Definition, n int64)
	}{
		{"name", MaxText, 1, func(d *Definition, n int64) { d.Name = strings.Repeat("x", int(n)) }},
		{"window", int64(MaxWindow), 1, func(d *Definition, n int64) { d.Window = time.Duration(n) }},
		{"installLimit", int64(MaxInstallLimit), 1, func(d *Definition, n int64) { d.InstallLimit = time.Duration(n) }},
		{"installLimit", int64(MinInstallLimit), -1, func(d *Definition, n int64) { d.InstallLimit = time.Duration(n) }},
		{"stuckAfter", int64(MaxStuckAfter), 1, func(d *Definition, n int64) { d.StuckAfter = time.Duration(n) }},
		{"stuckAfter", int64(MinStuckAfter), -1, func(d *Definition, n int64) { d.StuckAfter = time.Duration(n) }},
		{"window", int64(MinWindow), -1, func(d *Definition, n int64) { d.Window = time.Duration(n) }},
		{"assets.include", MaxSelection, 1, func(d *Definition, n int64) { d.Assets.Include = repeated[AssetID]("a", n) }},
		{"assets.excludeTags", MaxSelection, 1, func(d *Definition, n int64) { d.Assets.ExcludeTags = repeated[string]("a", n) }},
		{"patches.query.cves", MaxSelection, 1, func(d *Definition, n int64) { d.Patches.Query = &Query{Conditions: Conditions{CVEs: numbered(n)}} }},
		{"patches.query.exclude.products", MaxSelection, 1, func(d *Definition, n int64) {
			d.Patches.Query = &Query{Exclude: Conditions{Products: numbered(n)}}
		}},
		{"patches.query.exclude.vendors[0]", MaxText, 1, func(d *Definition, n int64) {
			d.Patches.Query = &Query{Exclude: Conditions{Vendors: []string{strings.Repeat("x", int(n))}}}
		}},
		{"pre", MaxActions, 1, func(d *Definition, n int64) {
			d.Pre = nil
			for range n {
				d.Pre = append(d.Pre, Action{Name: "a", Command: command(1)})
			}
		}},
		{"post[0].command", MaxArguments, 1, func(d *Definition, n int64) { d.Post = []Action{{Command: command(int(n))}} }},
		{"post[0].command[0]", MaxText, 1, func(d *Definition, n int64) { d.Post = []Action{{Command: []string{strings.Repeat("x", int(n))}}} }},
		{"post[0].timeout", int64(MaxActionTime), 1, func(d *Definition, n int64) {
			d.Post = []Action{{Command: command(1), Timeout: time.Duration(n)}}
		}},
	} {
		d := Definition{ID: "j", State: Disabled, Platform: catalog.Linux, Schedule: schedule.Schedule{Kind: schedule.OnDemand}}
		c.set(&d, c.limit)
		require.NoError(t, d.Validate(), c.field)
		c.set(&d, c.limit+c.step)
		var invalid *Invalid
		require.ErrorAs(t, d.Validate(), &invalid, c.field)
		require.Len(t, invalid.Problems, 1)
		require.Equal(t, c.field, invalid.Problems[0].Field)
	}
}

func numbered(n int64) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = strconv.Itoa(i)
	}
	return list
}

func repeated[T ~string](s T, n int64) []T {
	return slices.Repeat([]T{s}, int(n))
}
