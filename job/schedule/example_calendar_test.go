package schedule_test

import (
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// A calendar of nights, closed over the end of the year.
func ExampleCalendar_At() {
	nights, err := schedule.ParseCalendar([]byte(`{"name": "nights", "zone": "Europe/Berlin",
		"openings": [{"when": {"kind": "daily", "time": "22:00"}, "length": 28800000000000}],
		"closed": [{"name": "year end", "reason": "the books are closed", "first": "2026-12-20", "last": "2027-01-02"}]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	berlin, err := time.LoadLocation(nights.Zone)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, at := range []time.Time{time.Date(2026, 12, 18, 23, 0, 0, 0, berlin), time.Date(2026, 12, 24, 23, 0, 0, 0, berlin)} {
		m := nights.At(at, berlin)
		fmt.Printf("%t until %s %q\n", m.Open, m.Until.In(berlin).Format(time.DateTime), m.Period)
	}
	// The asset's clock shows 22:00, and the calendar closes at midnight, when the first closed day begins.
	closes, ok := nights.NextClose(time.Date(2026, 12, 19, 22, 0, 0, 0, berlin), berlin)
	fmt.Println(closes.In(berlin).Format(time.DateTime), ok)
	last, err := schedule.ParseDate("2027-01-02")
	fmt.Println(nights.Closed[0].Last == last, err)
	// Output:
	// true until 2026-12-19 06:00:00 ""
	// false until 2027-01-03 00:00:00 "year end"
	// 2026-12-20 00:00:00 true
	// true <nil>
}
