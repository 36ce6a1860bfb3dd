package controller_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/deadline"
)

// A patch whose deadline wants evidence waits until the evidence is marked, or
// until the hold itself ends, in time for the deadline (DUE-1, DUE-5).
func TestTriageHold_DUE1_DUE5(t *testing.T) {
	for _, c := range []struct {
		name string
		mark *controller.Evidence // after a day; nil: nobody does
		want int                  // the night in which it is installed
	}{
		{"nobody marks it", nil, 2},
		{"it is collected", &controller.Evidence{CVE: "CVE-1", Asset: "a", Owner: "ann"}, 1},
		{"it is waived", &controller.Evidence{CVE: "CVE-1", Asset: "a", Owner: "ann", Waived: true, Reason: "a fresh image"}, 1},
		{"another is collected", &controller.Evidence{CVE: "CVE-9", Asset: "a", Owner: "ann"}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := dated(t)
			f.sync(patch("editor", "2.0.0", fixing(catalog.Critical, true, "CVE-1"), func(p *catalog.Patch) { p.Published = f.now.Add(-time.Hour) }))
			a := f.enrol("a", "all")
			d := nightly("editor-2.0.0")
			d.TriageHold = 30 * time.Hour
			f.enable(d)
			due := f.statusOf("CVE-1").Due
			w, steps := f.why("CVE-1")
			require.Contains(t, steps, "DUE-1 j The job leaves it out. Its deadline wants evidence about CVE-1 to be collected first.")
			require.True(t, w.Earliest.Before(due), "the hold ends in time")
			f.tick(start.Add(14 * time.Hour)) // the first night's orders are made
			f.call(a)
			require.Empty(t, a.patches())
			if c.mark != nil {
				require.NoError(t, f.MarkEvidence(ctx, *c.mark, f.now))
			}
			for night := 1; len(a.orders) == 0; night++ {
				require.LessOrEqual(t, night, c.want)
				f.tick(f.now.Add(day))
				f.call(a)
				if len(a.orders) > 0 {
					require.Equal(t, c.want, night)
				}
			}
			if c.want == 2 {
				require.Equal(t, w.Earliest, a.orders[0].Start, "as was said at first")
			}
			require.True(t, a.orders[0].Start.Before(due))
		})
	}
	f := dated(t)
	f.enrol("a", "all")
	require.ErrorAs(t, f.MarkEvidence(ctx, controller.Evidence{CVE: "CVE-1", Asset: "a", Waived: true, Owner: "ann"}, f.now), new(*job.Invalid))
	require.ErrorAs(t, f.MarkEvidence(ctx, controller.Evidence{CVE: "CVE-1", Asset: "b", Owner: "ann"}, f.now), new(*controller.NotFoundError))
	require.Equal(t, deadline.HeldBack.String(), "heldBack")
}
