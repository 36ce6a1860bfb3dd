package job

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the zones, wherever the test runs

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

func instant(t testing.TB, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	require.NoError(t, err)
	return at.UTC()
}

// The definition is where a schedule is refused, and the messages say what to do.
func TestDefinitionsRefuseSchedules_JOB20(t *testing.T) {
	d := Definition{ID: "j", State: Disabled, Window: time.Hour,
		Schedule: schedule.Schedule{Kind: schedule.Daily, Zone: "Mars/Olympus Mons", Weekdays: schedule.WeekdaysOf(schedule.Friday), Spread: time.Hour}}
	err := d.Validate()
	require.ErrorContains(t, err, `schedule.time: is missing; a "daily" schedule needs a time of day from 00:00 to 23:59 (JOB-20)`)
	require.ErrorContains(t, err, `schedule.zone "Mars/Olympus Mons": is not the name of a time zone such as Europe/Berlin or UTC, or "asset" for each asset's own (JOB-20)`)
	require.ErrorContains(t, err, `schedule.weekdays "friday": a "daily" schedule takes no weekdays; leave it out, or choose another kind (JOB-20)`)
	require.ErrorContains(t, err, `schedule.spread "1h0m0s": is not shorter than the window, 1h0m0s (JOB-9)`)
}

func TestAPastStartIsRefused_JOB20(t *testing.T) {
	noon, err := schedule.ParseLocalTime("2026-06-01T12:00")
	require.NoError(t, err)
	for now, want := range map[string]bool{"2026-03-01T23:59:59Z": false, "2026-03-02T00:00:00Z": true} {
		err := Definition{ID: "j", Schedule: schedule.Schedule{Kind: schedule.Once, At: instant(t, "2026-03-02T00:00:00Z")}}.Enable(instant(t, now))
		require.Equal(t, want, strings.Contains(err.Error(), `schedule.at "2026-03-02T00:00:00Z": is past`), now)
	}
	for now, want := range map[string]bool{"2026-06-01T23:59:59Z": false, "2026-06-02T00:00:00Z": true} {
		err := Definition{ID: "j", Schedule: schedule.Schedule{Kind: schedule.Once, Local: noon, Zone: schedule.AssetZone}}.Enable(instant(t, now))
		require.Equal(t, want, strings.Contains(err.Error(), "is past in every zone"), now)
	}
}

func TestOnceTakesOneStart_JOB20(t *testing.T) {
	local, err := schedule.ParseLocalTime("2026-03-02T06:00")
	require.NoError(t, err)
	d := Definition{ID: "x", State: Disabled, Platform: 1, Schedule: schedule.Schedule{Kind: schedule.Once, At: epoch, Local: local, Zone: "UTC"}}
	require.ErrorContains(t, d.Validate(), "keep one of them")
}

func TestSpreadIsShorterThanTheWindow_JOB9(t *testing.T) {
	refused := func(spread, window time.Duration) (fields []string) {
		d := Definition{ID: "j", State: Disabled, Platform: catalog.Linux, Window: window,
			Schedule: schedule.Schedule{Kind: schedule.Daily, Time: schedule.Clock(0, 0), Zone: "UTC", Spread: spread}}
		if invalid, ok := errors.AsType[*Invalid](d.Validate()); ok {
			for _, p := range invalid.Problems {
				fields = append(fields, p.Field)
			}
		}
		return fields
	}
	require.Equal(t, []string{"schedule.spread"}, refused(time.Hour, time.Hour), "as long as the window")
	require.Empty(t, refused(time.Hour, time.Hour+time.Second))
	require.Equal(t, []string{"schedule.spread"}, refused(schedule.MaxSpread+time.Second, time.Hour), "named once")
}

func TestSpreadStaysInsideTheWindow_JOB10(t *testing.T) {
	d := Definition{ID: "j", Window: time.Hour, Schedule: schedule.Schedule{Kind: schedule.Daily, Time: schedule.Clock(2, 30), Zone: "UTC", Spread: 30 * time.Minute}}
	o, ok := d.Schedule.NextIn(epoch, epoch, time.UTC)
	require.True(t, ok)
	late := 0
	for i := range 100 {
		asset := AssetID(fmt.Sprint("host-", i))
		start, end := d.Span(o, asset)
		require.Equal(t, o.Start.Add(time.Hour), end)
		require.False(t, start.Before(o.Start))
		require.Less(t, start.Sub(o.Start), d.Schedule.Spread)
		if start.After(o.Start) {
			late++
		}
		run := d.Run(o)
		require.NoError(t, Order{ID: MakeOrderID(run, asset), Job: d.ID, Run: run, Start: start, End: end}.Validate())
	}
	require.Greater(t, late, 90)
	d.Window = 0
	_, end := d.Span(o, "a")
	require.Zero(t, end)
}

func TestARunHasOneNameInAllZones_JOB9(t *testing.T) {
	s := schedule.Schedule{Kind: schedule.PatchTuesday, Time: schedule.Clock(2, 30), Zone: schedule.AssetZone, Offset: 3}
	enabled := instant(t, "2026-02-01T00:00:00Z")
	for name, start := range map[string]string{
		"Pacific/Kiritimati": "2026-02-12T12:30:00Z",
		"Europe/Berlin":      "2026-02-13T01:30:00Z",
		"UTC":                "2026-02-13T02:30:00Z",
		"Pacific/Niue":       "2026-02-13T13:30:00Z",
	} {
		o, ok := s.NextIn(enabled, enabled, zone(t, name))
		require.True(t, ok)
		require.Equal(t, instant(t, start), o.Start, name)
		require.Equal(t, RunID("office@20260213T023000"), Definition{ID: "office"}.Run(o), name)
	}
	once, ok := schedule.Schedule{Kind: schedule.Once, At: enabled}.NextIn(enabled, enabled.Add(-1), nil)
	require.True(t, ok)
	require.Equal(t, MakeRunID("office", enabled), Definition{ID: "office"}.Run(once))
	require.Equal(t, RunID("office@20260201T000000Z"), Definition{ID: "office"}.Run(once))
}

func TestOrdersNameARunOfTheirJob_JOB20(t *testing.T) {
	start := instant(t, "2026-03-29T01:00:00Z")
	for run, ok := range map[RunID]bool{
		"j@20260329T010000Z":  true,
		"j@20260328T230001Z":  true, // spread
		"j@20260328T230000Z":  true, // it waited for its calendar (CAL-1)
		"j@20251227T010001Z":  true,
		"j@20251227T010000Z":  false, // 92 days before
		"j@20260329T010001Z":  false, // after
		"j@20260329T023000":   true,
		"j@20260329T143000":   true,
		"j@20260329T0230":     false,
		"j@20260230T023000":   false,
		"j@2026-03-29T02:30Z": false,
		"j@20260329T010000ZZ": false,
		"j@":                  false,
		"j":                   false,
		"k@20260329T010000Z":  false,
		"":                    false,
	} {
		o := Order{ID: MakeOrderID(run, "a"), Job: "j", Run: run, Start: start}
		if err := o.Validate(); ok {
			require.NoError(t, err, run)
		} else {
			require.ErrorContains(t, err, "run", run)
		}
	}
}

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	require.NoError(t, err)
	return z
}
