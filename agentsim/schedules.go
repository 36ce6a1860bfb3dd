package agentsim

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// scheduleWords is the syntax of a recurring schedule (JOB-9).
const scheduleWords = "daily | weekly on DAY… | monthly on day N | monthly on the last day | monthly on the 1st|2nd|3rd|4th|5th|last DAY | " +
	"patch tuesday[ +Nd|-Nd], each followed by at HH:MM in ZONE, where ZONE is a name such as Europe/Berlin, or each zone: the asset's own"

var dayWords = map[string]schedule.Weekday{
	"mon": schedule.Monday, "tue": schedule.Tuesday, "wed": schedule.Wednesday, "thu": schedule.Thursday, "fri": schedule.Friday, "sat": schedule.Saturday, "sun": schedule.Sunday,
}

var nthWords = map[string]schedule.Nth{
	"1st": schedule.First, "2nd": schedule.Second, "3rd": schedule.Third, "4th": schedule.Fourth, "5th": schedule.Fifth, "last": schedule.Last,
}

// isSchedule tells a clause that is a recurring schedule.
func isSchedule(clause string) bool {
	first, _, _ := strings.Cut(clause, " ")
	return slices.Contains([]string{"daily", "weekly", "monthly"}, first) || strings.HasPrefix(clause, "patch tuesday")
}

// parseSchedule reads a recurring schedule; the spread, which is a clause of its own, stays.
func parseSchedule(clause string, spread schedule.Schedule) (s schedule.Schedule, err error) {
	s.Spread = spread.Spread
	day, rest, at := strings.Cut(clause, " at ")
	clock, zone, in := strings.Cut(rest, " in ")
	if !at || !in {
		return s, errors.New("a schedule is one of: " + scheduleWords)
	}
	if s.Time, err = schedule.ParseTimeOfDay(clock); err != nil {
		return s, err
	}
	if s.Zone = zone; zone == "each zone" {
		s.Zone = schedule.AssetZone
	}
	f := strings.Fields(day)
	switch {
	case day == "daily":
		s.Kind = schedule.Daily
	case len(f) > 2 && f[0] == "weekly" && f[1] == "on":
		s.Kind = schedule.Weekly
		s.Weekdays, err = weekdays(f[2:])
	case day == "monthly on the last day":
		s.Kind = schedule.MonthlyLast
	case len(f) == 4 && strings.HasPrefix(day, "monthly on day "):
		s.Kind = schedule.MonthlyDay
		s.Day, err = number(f[3])
	case len(f) == 5 && strings.HasPrefix(day, "monthly on the "):
		s.Kind = schedule.MonthlyWeekday
		nth, ok := nthWords[f[3]]
		if !ok {
			return s, fmt.Errorf("%q is no place in a month; write 1st, 2nd, 3rd, 4th, 5th or last", f[3])
		}
		s.Nth = nth
		s.Weekdays, err = weekdays(f[4:])
	case len(f) >= 2 && len(f) <= 3 && f[0] == "patch" && f[1] == "tuesday":
		s.Kind = schedule.PatchTuesday
		if len(f) == 3 {
			days, ok := strings.CutSuffix(f[2], "d")
			if s.Offset, err = strconv.Atoi(days); err != nil || !ok {
				return s, fmt.Errorf("%q is no number of days; write patch tuesday +4d or -3d", f[2])
			}
		}
	default:
		err = errors.New("a schedule is one of: " + scheduleWords)
	}
	return s, err
}

func weekdays(words []string) (schedule.Weekdays, error) {
	var days []schedule.Weekday
	for _, word := range words {
		day, ok := dayWords[word]
		if !ok {
			return 0, fmt.Errorf("%q is no day; write mon, tue, wed, thu, fri, sat or sun", word)
		}
		days = append(days, day)
	}
	return schedule.WeekdaysOf(days...), nil
}
