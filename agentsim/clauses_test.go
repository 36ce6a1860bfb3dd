package agentsim

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

func TestScheduleWords_JOB9(t *testing.T) {
	two := schedule.Clock(2, 0)
	for clause, want := range map[string]schedule.Schedule{
		"daily at 02:00 in Europe/Berlin":                  {Kind: schedule.Daily, Time: two, Zone: "Europe/Berlin"},
		"daily at 02:00 in each zone":                      {Kind: schedule.Daily, Time: two, Zone: schedule.AssetZone},
		"weekly on fri sat at 23:30 in UTC":                {Kind: schedule.Weekly, Time: schedule.Clock(23, 30), Zone: "UTC", Weekdays: schedule.WeekdaysOf(schedule.Friday, schedule.Saturday)},
		"monthly on day 31 at 02:00 in UTC":                {Kind: schedule.MonthlyDay, Time: two, Zone: "UTC", Day: 31},
		"monthly on the last day at 02:00 in UTC":          {Kind: schedule.MonthlyLast, Time: two, Zone: "UTC"},
		"monthly on the 2nd tue at 02:00 in UTC":           {Kind: schedule.MonthlyWeekday, Time: two, Zone: "UTC", Nth: schedule.Second, Weekdays: schedule.WeekdaysOf(schedule.Tuesday)},
		"monthly on the last fri at 02:00 in UTC":          {Kind: schedule.MonthlyWeekday, Time: two, Zone: "UTC", Nth: schedule.Last, Weekdays: schedule.WeekdaysOf(schedule.Friday)},
		"patch tuesday at 02:00 in UTC":                    {Kind: schedule.PatchTuesday, Time: two, Zone: "UTC"},
		"patch tuesday -27d at 02:00 in America/Sao_Paulo": {Kind: schedule.PatchTuesday, Time: two, Zone: "America/Sao_Paulo", Offset: -27},
	} {
		have := schedule.Schedule{}
		require.NoError(t, recurring.apply(&player{}, &have, clause), clause)
		require.Equal(t, want, have, clause)
	}
	d := job.Definition{Schedule: schedule.Schedule{Kind: schedule.Once, Spread: time.Hour}}
	require.NoError(t, jobClauses.apply(&player{}, &d, "daily at 02:00 in UTC"))
	require.Equal(t, schedule.Schedule{Kind: schedule.Daily, Time: two, Zone: "UTC", Spread: time.Hour}, d.Schedule, "the spread is a clause of its own")
	for _, clause := range []string{"dailyish at 02:00 in UTC", "patches a", "once at +1h"} {
		require.ErrorContains(t, recurring.apply(&player{}, &d.Schedule, clause), "is not a schedule; write one of")
	}
}

func TestDurationWords(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"90s": 90 * time.Second, "15m": 15 * time.Minute, "3h15m": 195 * time.Minute, "2d": 48 * time.Hour, "2d12h": 60 * time.Hour, "0s": 0,
	} {
		have, err := parseDuration(text)
		require.NoError(t, err)
		require.Equal(t, want, have)
	}
	for want, d := range map[string]time.Duration{
		"0s": 0, "10m": 10 * time.Minute, "1h": time.Hour, "1h40m": 100 * time.Minute, "1m30s": 90 * time.Second, "50ms": 50 * time.Millisecond,
		"1h1s": time.Hour + time.Second, "10m50ms": 10*time.Minute + 50*time.Millisecond, "2d12h": 60 * time.Hour,
		"1d2h3m4s5ms": 26*time.Hour + 3*time.Minute + 4*time.Second + 5*time.Millisecond,
	} {
		require.Equal(t, want, FormatDuration(d))
		again, err := parseDuration(want)
		require.NoError(t, err)
		require.Equal(t, d, again)
	}
	for _, text := range []string{"", "d", "1", "-1h", "-1d", "1d-1h", "+1d", "01d", "36501d", "1dd", "9999999999h"} {
		_, err := parseDuration(text)
		require.ErrorContains(t, err, "write 90s", text)
	}
}
