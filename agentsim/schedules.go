package agentsim

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/patchpolicy/patchpolicy/job"
)

// scheduleWords is the syntax of a recurring schedule (JOB-9).
const scheduleWords = "daily | weekly on DAY… | monthly on day N | monthly on the last day | monthly on the 1st|2nd|3rd|4th|5th|last DAY | " +
	"patch tuesday[ +Nd|-Nd], each followed by at HH:MM in ZONE, where ZONE is a name such as Europe/Berlin, or each zone: the asset's own"

var dayWords = map[string]job.Weekday{
	"mon": job.Monday, "tue": job.Tuesday, "wed": job.Wednesday, "thu": job.Thursday, "fri": job.Friday, "sat": job.Saturday, "sun": job.Sunday,
}

var nthWords = map[string]job.Nth{
	"1st": job.First, "2nd": job.Second, "3rd": job.Third, "4th": job.Fourth, "5th": job.Fifth, "last": job.Last,
}

// isSchedule tells a clause that is a recurring schedule.
func isSchedule(clause string) bool {
	first, _, _ := strings.Cut(clause, " ")
	return slices.Contains([]string{"daily", "weekly", "monthly"}, first) || strings.HasPrefix(clause, "patch tuesday")
}

// parseSchedule reads a recurring schedule; the spread, which is a clause of its own, stays.
func parseSchedule(clause string, spread job.Schedule) (s job.Schedule, err error) {
	s.Spread = spread.Spread
	day, rest, at := strings.Cut(clause, " at ")
	clock, zone, in := strings.Cut(rest, " in ")
	if !at || !in {
		return s, errors.New("a schedule is one of: " + scheduleWords)
	}
	if s.Time, err = job.ParseTimeOfDay(clock); err != nil {
		return s, err
	}
	if s.Zone = zone; zone == "each zone" {
		s.Zone = job.AssetZone
	}
	f := strings.Fields(day)
	switch {
	case day == "daily":
		s.Kind = job.Daily
	case len(f) > 2 && f[0] == "weekly" && f[1] == "on":
		s.Kind = job.Weekly
		s.Weekdays, err = weekdays(f[2:])
	case day == "monthly on the last day":
		s.Kind = job.MonthlyLast
	case len(f) == 4 && strings.HasPrefix(day, "monthly on day "):
		s.Kind = job.MonthlyDay
		s.Day, err = number(f[3])
	case len(f) == 5 && strings.HasPrefix(day, "monthly on the "):
		s.Kind = job.MonthlyWeekday
		nth, ok := nthWords[f[3]]
		if !ok {
			return s, fmt.Errorf("%q is no place in a month; write 1st, 2nd, 3rd, 4th, 5th or last", f[3])
		}
		s.Nth = nth
		s.Weekdays, err = weekdays(f[4:])
	case len(f) >= 2 && len(f) <= 3 && f[0] == "patch" && f[1] == "tuesday":
		s.Kind = job.PatchTuesday
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

func weekdays(words []string) (job.Weekdays, error) {
	var days []job.Weekday
	for _, word := range words {
		day, ok := dayWords[word]
		if !ok {
			return 0, fmt.Errorf("%q is no day; write mon, tue, wed, thu, fri, sat or sun", word)
		}
		days = append(days, day)
	}
	return job.WeekdaysOf(days...), nil
}
