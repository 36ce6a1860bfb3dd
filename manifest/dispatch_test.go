package manifest_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

func TestDispatch_MAN1(t *testing.T) {
	start := t0.Add(24 * time.Hour)
	due := start.Add(-3 * time.Hour)
	o := order("a", start)
	for _, c := range []struct {
		name string
		p    manifest.Pending
		now  time.Time
		hold []job.Order
		next time.Time
	}{
		{"before its time", manifest.Pending{Order: o}, due.Add(-1), nil, due},
		{"three hours before the start", manifest.Pending{Order: o}, due, []job.Order{o}, time.Time{}},
		{"enabled later than that", manifest.Pending{Order: o}, start.Add(-time.Minute), []job.Order{o}, time.Time{}},
		{"after the start", manifest.Pending{Order: o}, start.Add(48 * time.Hour), []job.Order{o}, time.Time{}},
		{"JOB-5: withdrawn", manifest.Pending{Order: o, Withdrawn: true}, due, nil, time.Time{}},
		{"JOB-5: withdrawn before its time", manifest.Pending{Order: o, Withdrawn: true}, t0, nil, time.Time{}},
		{"ended", manifest.Pending{Order: o, Ended: true}, due, nil, time.Time{}},
		{"ended before its time", manifest.Pending{Order: o, Ended: true}, t0, nil, time.Time{}},
		{"JOB-3: cancelled stays, marked", manifest.Pending{Order: cancelled(o)}, start, []job.Order{cancelled(o)}, time.Time{}},
		{"JOB-3: cancelled is told at once", manifest.Pending{Order: cancelled(o)}, t0, []job.Order{cancelled(o)}, time.Time{}},
		{"JOB-3: cancelled until its report", manifest.Pending{Order: cancelled(o), Ended: true}, start, nil, time.Time{}},
		{"JOB-5: withdrawn outweighs cancelled", manifest.Pending{Order: cancelled(o), Withdrawn: true}, start, nil, time.Time{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			hold, next := manifest.Dispatch([]manifest.Pending{c.p}, c.now, manifest.Lead)
			require.Equal(t, c.hold, hold)
			require.Equal(t, c.next, next)
		})
	}
	require.Equal(t, 3*time.Hour, manifest.Lead)
}

func TestDispatchHoldsTheEarliest(t *testing.T) {
	var pending []manifest.Pending
	for _, o := range jobs(manifest.MaxOrders + 1) {
		pending = append(pending, manifest.Pending{Order: o})
	}
	slices.Reverse(pending)
	hold, next := manifest.Dispatch(pending, t0.AddDate(1, 0, 0), manifest.Lead)
	require.Zero(t, next)
	require.Equal(t, ids(jobs(manifest.MaxOrders)...), ids(hold...))
	seal(t, document(hold...))
}

// Next is exactly when the answer changes by itself: not before, and then indeed.
func TestDispatchNext_MAN1(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var pending []manifest.Pending
		for i := range rapid.IntRange(0, 6).Draw(t, "n") {
			o := order(fmt.Sprint("job", i), t0.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "start"))*time.Hour))
			o.Cancelled = rapid.Bool().Draw(t, "cancelled")
			pending = append(pending, manifest.Pending{
				Order: o, Withdrawn: rapid.Bool().Draw(t, "withdrawn"), Ended: rapid.Bool().Draw(t, "ended"),
			})
		}
		at := func(now time.Time) (list []job.OrderID, next time.Time) {
			hold, next := manifest.Dispatch(pending, now, manifest.Lead)
			return ids(hold...), next
		}
		now := t0.Add(time.Duration(rapid.IntRange(-5, 25).Draw(t, "now")) * time.Hour)
		list, next := at(now)
		if next.IsZero() {
			far, _ := at(now.AddDate(10, 0, 0))
			require.Equal(t, list, far)
			return
		}
		require.True(t, next.After(now))
		before, same := at(next.Add(-1))
		require.Equal(t, list, before)
		require.Equal(t, next, same)
		then, _ := at(next)
		require.Greater(t, len(then), len(list))
	})
}
