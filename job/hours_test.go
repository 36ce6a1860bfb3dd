package job

import (
	"testing"
	"time"
	_ "time/tzdata" // the zones, wherever the test runs

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job/deadline"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// nightly is open from 22:00 to 06:00 in UTC, and closed for two days from
// epoch's noon on.
func nightly() Calendar {
	return Calendar{schedule.Calendar{
		Name: "nights", Zone: "UTC",
		Openings: []schedule.Opening{{When: schedule.Schedule{Kind: schedule.Daily, Time: schedule.Clock(22, 0)}, Length: 8 * time.Hour}},
		Closed:   []schedule.Closed{{Name: "audit", Reason: "the books are closed", From: epoch.Add(6 * time.Hour), Until: epoch.Add(54 * time.Hour)}},
	}, time.UTC}
}

func TestStartsWaitForTheCalendar_CAL1_JOB10_JOB12(t *testing.T) {
	at := func(h int) time.Time { return epoch.Truncate(24 * time.Hour).Add(time.Duration(h) * time.Hour) }
	for _, c := range []struct {
		name       string
		start, h   int // the hours of the start and the window
		want, till int // hours; till 0: it cannot start
	}{
		{"open", 2, 0, 2, 6},
		{"open, and the window ends first", 2, 1, 2, 3},
		{"open, and the calendar closes first", 5, 4, 5, 6},
		{"outside the openings", 7, 0, 70, 78}, // the night before is in the closed period
		{"the window ends before it opens", 7, 12, 0, 0},
		{"the window ends at the opening", 68, 2, 0, 0},
		{"the window ends after the opening", 68, 3, 70, 71},
		{"in the closed period", 12, 0, 70, 78},
	} {
		d := Definition{ID: "j", Window: time.Duration(c.h) * time.Hour}
		o := schedule.Occurrence{Start: at(c.start)}
		start, end, why, ok := d.SpanIn(o, "web-1", nightly())
		require.Equal(t, c.till != 0, ok, c.name)
		if ok {
			require.Equal(t, at(c.want), start, c.name)
			require.Equal(t, at(c.till), end, c.name)
		} else {
			require.NotEmpty(t, why.Text, c.name)
		}
	}
	d := Definition{ID: "j", Schedule: schedule.Schedule{Spread: time.Hour}}
	start, _, _, ok := d.SpanIn(schedule.Occurrence{Start: at(68)}, "web-1", nightly())
	plain, _ := d.Span(schedule.Occurrence{Start: at(68)}, "web-1")
	require.True(t, ok)
	require.Equal(t, plain.Add(2*time.Hour), start, "the spread counts from the opening")
	s, end := d.Span(schedule.Occurrence{Start: at(68)}, "web-1")
	start, e, _, ok := d.SpanIn(schedule.Occurrence{Start: at(68)}, "web-1", Calendar{})
	require.True(t, ok && s.Equal(start) && end.Equal(e), "the zero calendar changes nothing")
}

func TestCalendarInAPlan_CAL1_CAL2(t *testing.T) {
	urgent, other := fixOf(t, "a", "CVE-2026-0001", catalog.Critical, epoch), fixOf(t, "b", "CVE-2026-0002", catalog.Low, epoch)
	snap := listedWith(t, []catalog.Product{productOf("a"), productOf("b")}, []catalog.Patch{urgent, other})
	d := Definition{ID: "q", Platform: catalog.Linux, Patches: Patches{Query: &Query{}}, Calendar: "nights", Window: 20 * time.Hour, Pre: []Action{{Name: "x", Command: []string{"y"}}}}
	in := PlanInput{Snapshot: snap, Asset: "web-1", Inventory: inventoryOf(t, map[string]string{"a": "1.0.0", "b": "1.0.0"}),
		Occurrence: schedule.Occurrence{Start: epoch.Add(8 * time.Hour)}, Now: epoch, Calendar: nightly()}
	plan := d.Plan(in)
	require.True(t, plan.Empty())
	require.Len(t, plan.LeftOut, 2)
	for _, left := range plan.LeftOut {
		require.Equal(t, "CAL-1", left.Rule)
		require.Equal(t, `Calendar "nights" is closed by "audit" (the books are closed); it opens again at 2026-03-04T22:00:00Z.`, left.Text)
	}

	in.Deadlines = []deadline.Table{{Name: "ours", Anchor: deadline.FromPublished, Rows: []deadline.Row{
		{When: deadline.Condition{Severity: catalog.Critical}, Days: 3, Overrides: true}, {Days: 30}}}}
	plan = d.Plan(in)
	require.Len(t, plan.Order.Patches, 1)
	require.Equal(t, urgent.ID, plan.Order.Patches[0].Patch, "its deadline overrides the closed period, and the openings still hold")
	require.Equal(t, time.Date(2026, 3, 2, 22, 0, 0, 0, time.UTC), plan.Order.Start)
	require.Equal(t, time.Date(2026, 3, 3, 6, 0, 0, 0, time.UTC), plan.Order.End)
	require.NoError(t, plan.Order.Validate())
	require.Len(t, plan.LeftOut, 1)
	require.Equal(t, other.ID, plan.LeftOut[0].Patch)

	in.Calendar.Zone = nil
	require.Equal(t, "JOB-9", d.Plan(in).LeftOut[0].Rule, "a calendar whose zone is not known is closed")
}
