package schedule

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Clock changes as they are on record, worked out by hand.
func TestLocalTimesAtClockChanges_JOB9(t *testing.T) {
	for _, c := range []struct{ zone, local, want, why string }{
		{"Europe/Berlin", "2026-03-29T01:59", "2026-03-29T00:59:00Z", "the last minute of winter"},
		{"Europe/Berlin", "2026-03-29T02:00", "2026-03-29T01:00:00Z", "the first that is skipped"},
		{"Europe/Berlin", "2026-03-29T02:30", "2026-03-29T01:00:00Z", "skipped: not 03:30"},
		{"Europe/Berlin", "2026-03-29T03:00", "2026-03-29T01:00:00Z", "the first after the gap"},
		{"Europe/Berlin", "2026-10-25T02:30", "2026-10-25T00:30:00Z", "occurs twice: the first"},
		{"Europe/Berlin", "2026-10-25T03:00", "2026-10-25T02:00:00Z", "occurs once, after both"},
		{"America/New_York", "2026-03-08T02:30", "2026-03-08T07:00:00Z", "skipped"},
		{"America/New_York", "2026-11-01T01:30", "2026-11-01T05:30:00Z", "twice"},
		{"Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-03T15:30:00Z", "half an hour skipped"},
		{"Australia/Lord_Howe", "2026-04-05T01:45", "2026-04-04T14:45:00Z", "half an hour twice"},
		{"Asia/Kathmandu", "2026-05-01T02:30", "2026-04-30T20:45:00Z", "+5:45"},
		{"Asia/Kolkata", "2026-05-01T02:30", "2026-04-30T21:00:00Z", "+5:30"},
		{"America/Sao_Paulo", "2018-11-04T00:30", "2018-11-04T03:00:00Z", "no midnight"},
		{"America/Sao_Paulo", "2018-02-17T23:30", "2018-02-18T01:30:00Z", "twice, around midnight"},
		{"Pacific/Apia", "2011-12-29T23:59", "2011-12-30T09:59:00Z", "the end of the day before"},
		{"Pacific/Apia", "2011-12-30T12:00", "2011-12-30T10:00:00Z", "no such day"},
		{"Pacific/Apia", "2011-12-31T00:30", "2011-12-30T10:30:00Z", "the day after"},
		{"Africa/Casablanca", "2026-02-15T02:30", "2026-02-15T01:30:00Z", "twice, for Ramadan"},
		{"Africa/Casablanca", "2026-03-22T02:30", "2026-03-22T02:00:00Z", "skipped after it"},
		{"UTC", "2026-03-29T02:30", "2026-03-29T02:30:00Z", "no changes"},
		{"Africa/Monrovia", "1971-08-10T00:00", "1971-08-10T00:44:30Z", "an offset with seconds"},
		{"Europe/Berlin", "2040-12-31T02:30", "2040-12-31T01:30:00Z", "the 366th day of a year far ahead"},
	} {
		require.Equal(t, instant(t, c.want), local(t, c.local).In(zone(t, c.zone)), "%s %s: %s", c.zone, c.local, c.why)
	}
	require.Zero(t, local(t, "2026-01-01T00:00").In(nil))
	require.Zero(t, LocalTime(0).In(time.UTC))
	require.Zero(t, LocalTime(1<<62).In(time.UTC))
}

// Where a change skips a day, two runs can start at one instant. They are one
// run, and Next and Prev name it the same.
func TestRunsThatStartTogetherAreOne_JOB9(t *testing.T) {
	apia := zone(t, "Pacific/Apia")
	s := Schedule{Kind: Daily, Time: Clock(0, 0), Zone: "Pacific/Apia"}
	want := Occurrence{local(t, "2011-12-31T00:00"), instant(t, "2011-12-30T10:00:00Z")}
	next, ok := s.NextIn(time.Time{}, instant(t, "2011-12-29T20:00:00Z"), apia)
	require.True(t, ok)
	require.Equal(t, want, next)
	prev, ok := s.PrevIn(time.Time{}, want.Start, apia)
	require.True(t, ok)
	require.Equal(t, want, prev)
}

// In Newfoundland a minute of the new day had passed when the clock was set back into the old one.
func TestTheRunBeforeIsFoundWhenTheClockShowsYesterday_JOB9(t *testing.T) {
	s := Schedule{Kind: Daily, Time: Clock(0, 0), Zone: "America/St_Johns"}
	prev, ok := s.PrevIn(time.Time{}, instant(t, "2010-11-07T02:45:00Z"), zone(t, s.Zone)) // 23:15 on the 6th
	require.True(t, ok)
	require.Equal(t, Occurrence{local(t, "2010-11-07T00:00"), instant(t, "2010-11-07T02:30:00Z")}, prev)
}

func TestDaysThatAMonthLacksAreSkipped_JOB9(t *testing.T) {
	for _, c := range []struct {
		s    Schedule
		from string
		want []string
	}{
		{Schedule{Kind: MonthlyDay, Day: 29}, "2027-01-01", []string{"2027-01-29", "2027-03-29", "2027-04-29"}},
		{Schedule{Kind: MonthlyDay, Day: 29}, "2028-02-01", []string{"2028-02-29", "2028-03-29"}},
		{Schedule{Kind: MonthlyDay, Day: 30}, "2028-01-31", []string{"2028-03-30", "2028-04-30"}},
		{Schedule{Kind: MonthlyDay, Day: 31}, "2026-01-01", []string{"2026-01-31", "2026-03-31", "2026-05-31", "2026-07-31", "2026-08-31"}},
		{Schedule{Kind: MonthlyLast}, "2028-01-15", []string{"2028-01-31", "2028-02-29", "2028-03-31", "2028-04-30"}},
		{Schedule{Kind: MonthlyWeekday, Nth: Fifth, Weekdays: WeekdaysOf(Saturday)}, "2026-01-01", []string{"2026-01-31", "2026-05-30", "2026-08-29"}},
		{Schedule{Kind: MonthlyWeekday, Nth: Last, Weekdays: WeekdaysOf(Saturday)}, "2026-01-01", []string{"2026-01-31", "2026-02-28", "2026-03-28"}},
		{Schedule{Kind: MonthlyWeekday, Nth: First, Weekdays: WeekdaysOf(Sunday)}, "2026-01-01", []string{"2026-01-04", "2026-02-01", "2026-03-01"}},
		{Schedule{Kind: PatchTuesday}, "2026-01-01", []string{"2026-01-13", "2026-02-10", "2026-03-10", "2026-04-14"}},
		{Schedule{Kind: PatchTuesday, Offset: 27}, "2026-01-01", []string{"2026-01-05", "2026-02-09", "2026-03-09", "2026-04-06"}},
		{Schedule{Kind: PatchTuesday, Offset: -27}, "2026-01-01", []string{"2026-01-14", "2026-02-11", "2026-03-18"}},
		{Schedule{Kind: Weekly, Weekdays: WeekdaysOf(Friday, Monday)}, "2026-01-01", []string{"2026-01-02", "2026-01-05", "2026-01-09"}},
	} {
		c.s.Time, c.s.Zone = Clock(12, 0), "UTC"
		at := instant(t, c.from+"T00:00:00Z")
		for _, want := range c.want {
			o, ok := c.s.NextIn(time.Time{}, at, time.UTC)
			require.True(t, ok)
			require.Equal(t, want+"T12:00", o.Local.String(), "%+v", c.s)
			at = o.Start
		}
	}
}

// A run before the job was enabled is none, and of several missed the newest is the one to run.
func TestMissedRuns_JOB12(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	s := Schedule{Kind: Daily, Time: Clock(2, 30), Zone: "Europe/Berlin"}
	enabled := instant(t, "2026-06-01T00:30:00.9Z") // 02:30 in Berlin, and the fraction that starts do not have
	first := Occurrence{local(t, "2026-06-01T02:30"), instant(t, "2026-06-01T00:30:00Z")}

	_, ok := s.PrevIn(enabled, first.Start.Add(-time.Second), berlin)
	require.False(t, ok, "yesterday's run is older than the job")
	o, ok := s.NextIn(enabled, time.Time{}, berlin)
	require.True(t, ok)
	require.Equal(t, first, o)
	o, ok = s.PrevIn(enabled, instant(t, "2026-06-09T23:00:00Z"), berlin)
	require.True(t, ok)
	require.Equal(t, "2026-06-09T02:30", o.Local.String(), "eight missed, one to run")
	o, ok = s.NextIn(enabled.Add(time.Second), time.Time{}, berlin)
	require.True(t, ok)
	require.Equal(t, "2026-06-02T02:30", o.Local.String())
}

func TestSchedulesThatDoNotRecur_JOB9(t *testing.T) {
	enabled := instant(t, "2026-06-01T12:00:00.5Z")
	start := instant(t, "2026-06-01T12:00:00Z")
	kiritimati, niue := zone(t, "Pacific/Kiritimati"), zone(t, "Pacific/Niue")
	noon := Schedule{Kind: Once, Local: local(t, "2026-06-01T18:00"), Zone: AssetZone}
	for name, c := range map[string]struct {
		s           Schedule
		zone        *time.Location
		after       time.Time
		want        time.Time
		found, prev bool
	}{
		"on demand starts when enabled": {Schedule{Kind: OnDemand}, nil, time.Time{}, start, true, true},
		"and once":                      {Schedule{Kind: OnDemand}, nil, start, time.Time{}, false, true},
		"once":                          {Schedule{Kind: Once, At: enabled.Add(time.Hour)}, nil, enabled, start.Add(time.Hour), true, true},
		"once, before it was enabled":   {Schedule{Kind: Once, At: enabled.Add(-time.Hour)}, nil, time.Time{}, time.Time{}, false, false},
		"once at a local time":          {noon, niue, enabled, instant(t, "2026-06-02T05:00:00Z"), true, true},
		"a local time already past":     {noon, kiritimati, time.Time{}, time.Time{}, false, false},
		"a local time without a zone":   {noon, nil, time.Time{}, time.Time{}, false, false},
	} {
		o, ok := c.s.NextIn(enabled, c.after, c.zone)
		require.Equal(t, c.found, ok, name)
		require.Equal(t, c.want, o.Start, name)
		o, ok = c.s.PrevIn(enabled, enabled.AddDate(1, 0, 0), c.zone)
		require.Equal(t, c.prev, ok, name)
		if ok && c.found {
			require.Equal(t, c.want, o.Start, name)
		}
	}
	_, ok := Schedule{Kind: OnDemand}.PrevIn(time.Time{}, enabled, nil)
	require.False(t, ok, "a job that was never enabled")
}

// What cannot be understood never runs, and every search ends.
func TestSchedulesWithoutAnOccurrence_JOB20(t *testing.T) {
	daily := Schedule{Kind: Daily, Time: Clock(2, 30), Zone: "UTC"}
	for name, s := range map[string]Schedule{
		"nothing":         {},
		"no time":         {Kind: Daily, Zone: "UTC"},
		"no zone":         {Kind: Daily, Time: Clock(1, 0)},
		"no weekday":      {Kind: Weekly, Time: Clock(1, 0), Zone: "UTC"},
		"the 32nd":        {Kind: MonthlyDay, Day: 32, Time: Clock(1, 0), Zone: "UTC"},
		"a sixth weekday": {Kind: MonthlyWeekday, Nth: Last + 1, Weekdays: WeekdaysOf(Monday), Time: Clock(1, 0), Zone: "UTC"},
		"too far":         {Kind: PatchTuesday, Offset: 28, Time: Clock(1, 0), Zone: "UTC"},
		"a weekday daily": {Kind: Daily, Weekdays: WeekdaysOf(Monday), Time: Clock(1, 0), Zone: "UTC"},
	} {
		_, ok := s.NextIn(epoch, epoch, time.UTC)
		require.False(t, ok, name)
		_, ok = s.PrevIn(time.Time{}, epoch, time.UTC)
		require.False(t, ok, name)
	}
	_, ok := daily.NextIn(epoch, epoch, nil)
	require.False(t, ok, "without a zone it is not UTC")
	_, ok = daily.PrevIn(epoch, epoch.AddDate(1, 0, 0), nil)
	require.False(t, ok, "without a zone it is not UTC")

	last, ok := daily.PrevIn(time.Time{}, time.Unix(1<<40, 0), time.UTC)
	require.True(t, ok)
	require.Equal(t, "9998-12-31T02:30", last.Local.String())
	_, ok = daily.NextIn(time.Time{}, last.Start, time.UTC)
	require.False(t, ok)
	first, ok := daily.NextIn(time.Time{}, time.Time{}, time.UTC)
	require.True(t, ok)
	require.Equal(t, "1971-01-01T02:30", first.Local.String())
	_, ok = daily.PrevIn(time.Time{}, first.Start.Add(-1), time.UTC)
	require.False(t, ok)
}

func TestNextAndPrevAdjoin_JOB9(t *testing.T) {
	var zones []*time.Location
	for _, name := range []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu",
		"America/Sao_Paulo", "Pacific/Apia", "Africa/Casablanca", "Antarctica/Troll"} {
		zones = append(zones, zone(t, name))
	}
	sorts := samples()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.SampledFrom(sorts).Draw(t, "schedule")
		s.Time = Clock(rapid.IntRange(0, 23).Draw(t, "hour"), rapid.IntRange(0, 59).Draw(t, "minute"))
		z := rapid.SampledFrom(zones).Draw(t, "zone")
		at := time.Unix(rapid.Int64Range(40e6, 5e9).Draw(t, "at"), rapid.Int64Range(0, 999_999_999).Draw(t, "fraction"))

		next, ok := s.NextIn(time.Time{}, at, z)
		require.True(t, ok)
		require.True(t, next.Start.After(at))
		require.Equal(t, next.Local.In(z), next.Start)

		before, ok := s.PrevIn(time.Time{}, at, z)
		require.True(t, ok)
		require.False(t, before.Start.After(at))
		require.Less(t, before.Local, next.Local)
		again, ok := s.PrevIn(time.Time{}, next.Start.Add(-1), z)
		require.True(t, ok && again == before, "nothing between them")
		again, ok = s.NextIn(time.Time{}, before.Start, z)
		require.True(t, ok && again == next, "nothing between them")
		again, ok = s.PrevIn(time.Time{}, next.Start, z)
		require.True(t, ok && again == next)

		then, ok := s.NextIn(time.Time{}, next.Start, z)
		require.True(t, ok && then.Start.After(next.Start) && then.Local > next.Local)
	})
}
