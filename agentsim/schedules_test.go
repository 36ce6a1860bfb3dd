package agentsim

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
)

func TestScheduleWords_JOB9(t *testing.T) {
	two := job.Clock(2, 0)
	for clause, want := range map[string]job.Schedule{
		"daily at 02:00 in Europe/Berlin":                  {Kind: job.Daily, Time: two, Zone: "Europe/Berlin"},
		"daily at 02:00 in each zone":                      {Kind: job.Daily, Time: two, Zone: job.AssetZone},
		"weekly on fri sat at 23:30 in UTC":                {Kind: job.Weekly, Time: job.Clock(23, 30), Zone: "UTC", Weekdays: job.WeekdaysOf(job.Friday, job.Saturday)},
		"monthly on day 31 at 02:00 in UTC":                {Kind: job.MonthlyDay, Time: two, Zone: "UTC", Day: 31},
		"monthly on the last day at 02:00 in UTC":          {Kind: job.MonthlyLast, Time: two, Zone: "UTC"},
		"monthly on the 2nd tue at 02:00 in UTC":           {Kind: job.MonthlyWeekday, Time: two, Zone: "UTC", Nth: job.Second, Weekdays: job.WeekdaysOf(job.Tuesday)},
		"monthly on the last fri at 02:00 in UTC":          {Kind: job.MonthlyWeekday, Time: two, Zone: "UTC", Nth: job.Last, Weekdays: job.WeekdaysOf(job.Friday)},
		"patch tuesday at 02:00 in UTC":                    {Kind: job.PatchTuesday, Time: two, Zone: "UTC"},
		"patch tuesday -27d at 02:00 in America/Sao_Paulo": {Kind: job.PatchTuesday, Time: two, Zone: "America/Sao_Paulo", Offset: -27},
	} {
		require.True(t, isSchedule(clause), clause)
		want.Spread = time.Hour
		have, err := parseSchedule(clause, job.Schedule{Kind: job.Once, Spread: time.Hour})
		require.NoError(t, err, clause)
		require.Equal(t, want, have, clause)
	}
	for _, clause := range []string{"dailyish at 02:00 in UTC", "patches a", "once at +1h"} {
		require.False(t, isSchedule(clause), clause)
	}
}

func TestDurationWords(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"90s": 90 * time.Second, "15m": 15 * time.Minute, "3h15m": 195 * time.Minute, "2d": 48 * time.Hour, "2d12h": 60 * time.Hour, "0s": 0,
	} {
		have, err := ParseDuration(text)
		require.NoError(t, err)
		require.Equal(t, want, have)
		if want > 0 && text != "90s" {
			require.Equal(t, text, short(have))
		}
	}
	for _, text := range []string{"", "d", "1", "-1h", "-1d", "1d-1h", "+1d", "01d", "36501d", "1dd", "9999999999h"} {
		_, err := ParseDuration(text)
		require.ErrorContains(t, err, "write 90s", text)
	}
}
