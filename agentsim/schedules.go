package agentsim

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/patchpolicy/patchpolicy/job/schedule"
)

var dayWords = map[string]schedule.Weekday{
	"mon": schedule.Monday, "tue": schedule.Tuesday, "wed": schedule.Wednesday, "thu": schedule.Thursday, "fri": schedule.Friday, "sat": schedule.Saturday, "sun": schedule.Sunday,
}

var nthWords = map[string]schedule.Nth{
	"1st": schedule.First, "2nd": schedule.Second, "3rd": schedule.Third, "4th": schedule.Fourth, "5th": schedule.Fifth, "last": schedule.Last,
}

// recurring are the schedules that recur (JOB-9).
var recurring = newGrammar("a schedule", "", []pattern[*schedule.Schedule]{
	{"daily at HH:MM in ZONE", "", func(s *schedule.Schedule, m *match) { s.Kind, s.Time, s.Zone = schedule.Daily, m.clock, m.w[1] }},
	{"weekly on DAY… at HH:MM in ZONE  DAY: mon, tue, wed, thu, fri, sat or sun", "", func(s *schedule.Schedule, m *match) {
		s.Kind, s.Time, s.Zone, s.Weekdays = schedule.Weekly, m.clock, m.w[2], m.weekdays(m.w[0])
	}},
	{"monthly on day N at HH:MM in ZONE", "", func(s *schedule.Schedule, m *match) {
		s.Kind, s.Time, s.Zone, s.Day = schedule.MonthlyDay, m.clock, m.w[2], m.n[0]
	}},
	{"monthly on the last day at HH:MM in ZONE", "", func(s *schedule.Schedule, m *match) {
		s.Kind, s.Time, s.Zone = schedule.MonthlyLast, m.clock, m.w[1]
	}},
	{"monthly on the 1st|2nd|3rd|4th|5th|last DAY at HH:MM in ZONE", "", func(s *schedule.Schedule, m *match) {
		s.Kind, s.Time, s.Zone, s.Nth, s.Weekdays = schedule.MonthlyWeekday, m.clock, m.w[3], nthWords[m.w[0]], m.weekdays(m.w[1])
	}},
	{"patch tuesday[ +Nd|-Nd] at HH:MM in ZONE", "", func(s *schedule.Schedule, m *match) {
		s.Kind, s.Time, s.Zone = schedule.PatchTuesday, m.clock, m.w[2]
		days, ok := strings.CutSuffix(m.w[0], "d")
		if s.Offset, m.err = strconv.Atoi(days); m.w[0] == "" {
			m.err = nil
		} else if m.err != nil || !ok {
			m.err = fmt.Errorf("%q is not a number of days; write patch tuesday +4d or -3d", m.w[0])
		}
	}},
})

func (m *match) weekdays(words string) schedule.Weekdays {
	var days []schedule.Weekday
	for _, word := range strings.Fields(words) {
		day, ok := dayWords[word]
		if !ok {
			m.err = fmt.Errorf("%q is not a day; write mon, tue, wed, thu, fri, sat or sun", word)
			return 0
		}
		days = append(days, day)
	}
	return schedule.WeekdaysOf(days...)
}
