package job

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
)

// What both ends of a wire hold each other to does not change by accident.
func TestBoundsAreThoseOfTheBook(t *testing.T) {
	for name, c := range map[string]struct{ have, want any }{
		"MaxID": {MaxID, 128}, "MaxPatches": {MaxPatches, 2000}, "MaxSelection": {MaxSelection, 100_000},
		"MaxActions": {MaxActions, 32}, "MaxCapabilities": {MaxCapabilities, 64}, "MaxArguments": {MaxArguments, 256}, "MaxFiles": {MaxFiles, 64}, "MaxText": {MaxText, 4096},
		"MinInstallLimit": {MinInstallLimit, 600 * time.Second}, "MaxInstallLimit": {MaxInstallLimit, 7 * 24 * time.Hour},
		"MinStuckAfter": {MinStuckAfter, 60 * time.Second}, "MaxStuckAfter": {MaxStuckAfter, 7 * 24 * time.Hour},
		"DefaultStuckAfter": {DefaultStuckAfter, 120 * time.Minute},
		"MinWindow":         {MinWindow, 60 * time.Second}, "MaxWindow": {MaxWindow, 7 * 24 * time.Hour},
		"MaxActionTime": {MaxActionTime, 1440 * time.Minute}, "DefaultActionTime": {DefaultActionTime, 600 * time.Second},
	} {
		require.EqualValues(t, c.want, c.have, name)
	}
}

// Each bound of an order holds at the limit, and the same field, and no other,
// is named one past it.
func TestBoundsOfAnOrder_JOB20(t *testing.T) {
	file := func(i int) File { return File{Name: fmt.Sprintf("f%d", i), URL: "https://vendor.example/f"} }
	for _, c := range []struct {
		field string
		limit int
		set   func(o *Order, n int)
	}{
		{"needs", MaxCapabilities, func(o *Order, n int) { o.Needs = slices.Repeat([]string{"flying"}, n) }},
		{"needs[0]", MaxID, func(o *Order, n int) { o.Needs = []string{strings.Repeat("x", n)} }},
		{"name", MaxText, func(o *Order, n int) { o.Name = strings.Repeat("x", n) }},
		{"patches", MaxPatches, func(o *Order, n int) {
			first := o.Patches[0]
			o.Patches = nil
			for i := range n {
				patch := first
				patch.Product = catalog.ProductID(fmt.Sprintf("p%d", i))
				o.Patches = append(o.Patches, patch)
			}
		}},
		{"patches[0].files", MaxFiles, func(o *Order, n int) {
			o.Patches[0].Files = nil
			for i := range n {
				o.Patches[0].Files = append(o.Patches[0].Files, file(i))
			}
		}},
		{"patches[0].name", MaxText, func(o *Order, n int) { o.Patches[0].Name = strings.Repeat("x", n) }},
		{"patches[0].transaction", MaxText, func(o *Order, n int) { o.Patches[0].Transaction = strings.Repeat("x", n) }},
		{"patches[0].files[0].name", MaxText, func(o *Order, n int) { o.Patches[0].Files[0].Name = strings.Repeat("x", n) }},
		{"patches[0].files[0].url", MaxText, func(o *Order, n int) {
			o.Patches[0].Files[0].URL = "https://vendor.example/" + strings.Repeat("x", n-len("https://vendor.example/"))
		}},
	} {
		o := orderOf(t, "a")
		c.set(&o, c.limit)
		require.NoError(t, o.Validate(), c.field)
		c.set(&o, c.limit+1)
		invalid, ok := errors.AsType[*Invalid](o.Validate())
		require.True(t, ok, c.field)
		require.Len(t, invalid.Problems, 1, c.field)
		require.Equal(t, c.field, invalid.Problems[0].Field)
	}

	// what is least is allowed, too
	o := orderOf(t, "a")
	o.Patches[0].Files[0].Size, o.Patches[0].Files[0].URL = 0, ""
	o.End = o.Start.Add(1)
	require.NoError(t, o.Validate())
	o.Patches[0].Patch = ""
	invalid, ok := errors.AsType[*Invalid](o.Validate())
	require.True(t, ok)
	require.Equal(t, "patches[0]", invalid.Problems[0].Field)
}

func TestOrderWithoutAStart_JOB20(t *testing.T) {
	o := orderOf(t, "a")
	o.Start = time.Time{}
	invalid, ok := errors.AsType[*Invalid](o.Validate())
	require.True(t, ok)
	require.True(t, slices.ContainsFunc(invalid.Problems, func(p Problem) bool { return p.Field == "start" }), invalid)
}
