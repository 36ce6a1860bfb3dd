package schedule

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/internal/enum/enumtest"
)

func TestNames_JOB9(t *testing.T) {
	enumtest.Check(t, map[Kind]string{
		OnDemand: "on demand", Once: "once", Daily: "daily", Weekly: "weekly", MonthlyDay: "monthly by day",
		MonthlyLast: "monthly on the last day", MonthlyWeekday: "monthly by weekday", PatchTuesday: "patch tuesday",
	}, kinds.All(), kinds.Parse)
	enumtest.Check(t, map[Nth]string{First: "first", Second: "second", Third: "third", Fourth: "fourth", Fifth: "fifth", Last: "last"},
		nths.All(), nths.Parse)
	enumtest.Check(t, map[Weekday]string{
		Monday: "monday", Tuesday: "tuesday", Wednesday: "wednesday", Thursday: "thursday", Friday: "friday", Saturday: "saturday", Sunday: "sunday",
	}, weekdays.All(), weekdays.Parse)
}

func TestTimesOfDayAreWrittenAsTheyAreRead_JOB9(t *testing.T) {
	for _, text := range []string{"00:00", "00:59", "01:00", "12:34", "23:00", "23:59"} {
		at, err := ParseTimeOfDay(text)
		require.NoError(t, err)
		require.Equal(t, text, at.String())
	}
	var l LocalTime
	require.Error(t, l.UnmarshalText([]byte("2")), "too short a text is none, and not the empty one")
	require.NoError(t, l.UnmarshalText(nil))
	require.Zero(t, l)
}
