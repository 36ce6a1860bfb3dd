package schedule

import (
	"slices"
	"testing"
	"time"
	_ "time/tzdata" // the zones, wherever the test runs

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"
)

// The oracle: walk through the years minute by minute and watch the clock on
// the wall. Whenever it shows a minute later than any before, the runs of that
// minute start, and with them those of the minutes that the clock jumped over.

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	require.NoError(t, err)
	return z
}

// walk calls show for each minute a clock in the zone shows or jumps over for
// the first time, with the instant and with the date and time shown, as a time
// in UTC.
func walk(from, to time.Time, zone *time.Location, show func(at, wall time.Time)) {
	face := func(t time.Time) time.Time {
		l := t.In(zone)
		return time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), l.Minute(), 0, 0, time.UTC)
	}
	latest := face(from)
	for at := from.Add(time.Minute); at.Before(to); at = at.Add(time.Minute) {
		for now := face(at); latest.Before(now); {
			latest = latest.Add(time.Minute)
			show(at, latest)
		}
	}
}

// recurs says whether the schedule names the date, counting days out where the real one calculates.
func recurs(s Schedule, date time.Time) bool {
	day := func(i int) time.Time { return time.Date(date.Year(), date.Month(), i, 0, 0, 0, 0, time.UTC) }
	same := func(weekday time.Weekday, in time.Time) (days []time.Time) {
		for d := time.Date(in.Year(), in.Month(), 1, 0, 0, 0, 0, time.UTC); d.Month() == in.Month(); d = d.AddDate(0, 0, 1) {
			if d.Weekday() == weekday {
				days = append(days, d)
			}
		}
		return days
	}
	switch s.Kind {
	case Daily:
		return true
	case Weekly:
		return slices.Contains(s.Weekdays.List(), (Weekday(date.Weekday())+6)%7+1)
	case MonthlyDay:
		return date.Day() == s.Day
	case MonthlyLast:
		return date.Equal(time.Date(date.Year(), date.Month()+1, 0, 0, 0, 0, 0, time.UTC))
	case MonthlyWeekday:
		days := same(time.Weekday(s.Weekdays.List()[0]%7), date)
		if s.Nth == Last {
			return date.Equal(days[len(days)-1])
		}
		return len(days) >= int(s.Nth) && date.Equal(days[s.Nth-1])
	case PatchTuesday:
		for months := -2; months <= 2; months++ {
			if same(time.Tuesday, day(1).AddDate(0, months, 0))[1].AddDate(0, 0, s.Offset).Equal(date) {
				return true
			}
		}
	}
	return false
}

// samples is a schedule of every sort at times around which clocks are changed.
func samples() (all []Schedule) {
	sorts := []Schedule{
		{Kind: Daily},
		{Kind: Weekly, Weekdays: WeekdaysOf(Sunday)},
		{Kind: Weekly, Weekdays: WeekdaysOf(Monday, Friday, Saturday)},
		{Kind: Weekly, Weekdays: WeekdaysOf(weekdays.All()...)},
		{Kind: MonthlyLast},
	}
	for _, day := range []int{1, 28, 29, 30, 31} {
		sorts = append(sorts, Schedule{Kind: MonthlyDay, Day: day})
	}
	for i, n := range nths.All() {
		sorts = append(sorts, Schedule{Kind: MonthlyWeekday, Nth: n, Weekdays: WeekdaysOf(Sunday)},
			Schedule{Kind: MonthlyWeekday, Nth: n, Weekdays: WeekdaysOf(Weekday(1 + i))})
	}
	for _, offset := range []int{-27, -10, -9, -1, 0, 3, 19, 27} {
		sorts = append(sorts, Schedule{Kind: PatchTuesday, Offset: offset})
	}
	for _, s := range sorts {
		for _, clock := range []TimeOfDay{Clock(0, 0), Clock(0, 30), Clock(1, 45), Clock(2, 30), Clock(23, 59)} {
			s.Time, s.Zone = clock, AssetZone
			all = append(all, s)
		}
	}
	return all
}

func TestSchedulesAgreeWithAMinuteWalk_JOB9(t *testing.T) {
	if testing.Short() {
		t.Skip("a walk over years, minute by minute: left out by -short")
	}
	schedules := samples()
	for _, c := range []struct {
		zone     string
		from, to int // years
		why      string
	}{
		{"UTC", 2024, 2025, "a leap year"},
		{"Europe/Berlin", 2024, 2026, "02:00 to 03:00 and back"},
		{"America/New_York", 2024, 2026, "the other weeks"},
		{"Australia/Lord_Howe", 2024, 2026, "half an hour"},
		{"Asia/Kathmandu", 1985, 1987, "+5:30 became +5:45 at midnight"},
		{"Asia/Kolkata", 2024, 2025, "+5:30"},
		{"America/Sao_Paulo", 2017, 2019, "midnight is skipped, and comes twice"},
		{"Pacific/Apia", 2011, 2012, "2011-12-30 is skipped"},
		{"Africa/Casablanca", 2024, 2026, "four changes a year"},
		{"Europe/Dublin", 2024, 2026, "winter is the time that is saved"},
		{"Antarctica/Troll", 2024, 2026, "two hours"},
		{"Asia/Pyongyang", 2015, 2016, "half an hour back"},
		{"Asia/Pyongyang", 2018, 2019, "and forth again"},
		{"Africa/Cairo", 2023, 2025, "midnight is skipped; set back across midnight"},
	} {
		t.Run(c.zone, func(t *testing.T) {
			z := zone(t, c.zone)
			from, to := time.Date(c.from, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(c.to, 1, 1, 0, 0, 0, 0, time.UTC)
			want := make([][]Occurrence, len(schedules))
			byTime := make([][]int, dayMinutes)
			for i, s := range schedules {
				byTime[s.Time.minutes()] = append(byTime[s.Time.minutes()], i)
			}
			walk(from, to, z, func(at, wall time.Time) {
				for _, i := range byTime[wall.Hour()*60+wall.Minute()] {
					if !recurs(schedules[i], wall.Truncate(24*time.Hour)) {
						continue
					}
					if n := len(want[i]); n > 0 && want[i][n-1].Start.Equal(at) {
						want[i] = want[i][:n-1] // both jumped over: the later is the one
					}
					want[i] = append(want[i], Occurrence{LocalTime(wall.Unix() / 60), at})
				}
			})
			for i, s := range schedules {
				require.GreaterOrEqual(t, len(want[i]), 2, "%+v", s)
				compare(t, s, from, to, z, want[i])
			}
		})
	}
}

// compare asks for the occurrences forwards, backwards, and around each.
func compare(t *testing.T, s Schedule, from, to time.Time, z *time.Location, want []Occurrence) {
	t.Helper()
	var forth, back []Occurrence
	for o, ok := s.NextIn(time.Time{}, from, z); ok && o.Start.Before(to); o, ok = s.NextIn(time.Time{}, o.Start, z) {
		forth = append(forth, o)
	}
	for o, ok := s.PrevIn(time.Time{}, to.Add(-1), z); ok && o.Start.After(from); o, ok = s.PrevIn(time.Time{}, o.Start.Add(-1), z) {
		back = append(back, o)
	}
	slices.Reverse(back)
	require.Empty(t, cmp.Diff(want, forth), "forwards: %+v", s)
	require.Empty(t, cmp.Diff(want, back), "backwards: %+v", s)

	for i, o := range want[:len(want)-1] {
		for _, before := range []time.Duration{1, 90 * time.Minute, 25 * time.Hour} {
			now := want[i+1].Start.Add(-before)
			if now.Before(o.Start) {
				continue
			}
			next, ok := s.NextIn(time.Time{}, now, z)
			require.True(t, ok && next == want[i+1], "%+v: next after %v is %v", s, now, next)
			prev, ok := s.PrevIn(time.Time{}, now, z)
			require.True(t, ok && prev == o, "%+v: previous to %v is %v", s, now, prev)
		}
	}
}

// Every local time around every clock change of a century, asked for alone.
func TestLocalTimesAgreeWithAMinuteWalk_JOB9(t *testing.T) {
	if testing.Short() {
		t.Skip("a walk around every clock change of a century: left out by -short")
	}
	for name, least := range map[string]int{"Europe/Berlin": 190, "America/New_York": 190, "Australia/Lord_Howe": 180,
		"Asia/Kathmandu": 1, "Asia/Kolkata": 0, "America/Sao_Paulo": 60, "Pacific/Apia": 20, "Africa/Casablanca": 120, "UTC": 0,
		"Pacific/Kwajalein": 1, "Asia/Tehran": 60, "America/Caracas": 2} {
		t.Run(name, func(t *testing.T) {
			z := zone(t, name)
			changes := 0
			for at := time.Date(1975, 1, 1, 0, 0, 0, 0, z); at.Year() < 2075; changes++ {
				end, ok := stretchEnd(at)
				if !ok {
					break
				}
				walk(end.Add(-30*time.Hour).UTC().Truncate(time.Minute), end.Add(30*time.Hour), z, func(at, wall time.Time) {
					local := LocalTime(wall.Unix() / 60)
					if got := local.In(z); !got.Equal(at) {
						require.Equal(t, at, got, local)
					}
				})
				at = end
			}
			require.GreaterOrEqual(t, changes, least)
		})
	}
}

// No schedule looks further than the horizon: in four hundred years, after
// which the calendar repeats, no gap is longer.
func TestEveryScheduleRecursWithinTheHorizon_JOB9(t *testing.T) {
	var all []Schedule
	for i := range 31 {
		all = append(all, Schedule{Kind: MonthlyDay, Day: i + 1})
	}
	for i := -MaxOffset; i <= MaxOffset; i++ {
		all = append(all, Schedule{Kind: PatchTuesday, Offset: i})
	}
	for _, d := range weekdays.All() {
		all = append(all, Schedule{Kind: Weekly, Weekdays: WeekdaysOf(d)})
		for _, n := range nths.All() {
			all = append(all, Schedule{Kind: MonthlyWeekday, Nth: n, Weekdays: WeekdaysOf(d)})
		}
	}
	all = append(all, Schedule{Kind: MonthlyLast}, Schedule{Kind: Daily})
	longest := int64(0)
	for _, s := range all {
		last := int64(firstDay)
		for day := int64(firstDay); day < firstDay+146_097; day++ {
			if s.falls(day) {
				longest = max(longest, day-last)
				last = day
			}
		}
		require.Greater(t, last, int64(firstDay+146_097-horizon), "%+v", s)
	}
	require.Equal(t, int64(119), longest, "first days of the walk included")
	require.Less(t, longest, int64(horizon))
}
