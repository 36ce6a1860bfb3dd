package job_test

import (
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/deadline"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// A job that runs every Saturday cannot keep a deadline of 3 days.
func ExampleDefinition_Check() {
	d := job.Definition{ID: "weekly", Window: 8 * time.Hour, Schedule: schedule.Schedule{
		Kind: schedule.Weekly, Time: schedule.Clock(22, 0), Zone: "UTC", Weekdays: schedule.WeekdaysOf(schedule.Saturday)}}
	p := job.Policies{Tables: []deadline.Table{deadline.BOD2604()}, Lead: 3 * time.Hour, Now: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)}
	for _, f := range d.Check(p) {
		if f.Kind == job.WorstCase && (f.Row == 0 || f.Row == 4) {
			fmt.Println(f.Missed, f.Text)
			fmt.Println(f.Worst.Total(), "=", f.Worst.Wait, f.Worst.Lead, f.Worst.Window, f.Worst.Reboot)
		}
	}
	// Output:
	// true At worst a fix takes 180 hours, and row 1 of CISA BOD 26-04 allows 3 days, which can be too late: published 2026-03-07T19:00:00Z, installed by 2026-03-15T06:00:00Z, rebooted 2026-03-15T06:05:00Z, due 2026-03-11T00:00:00Z.
	// 179h5m0s = 168h0m0s 3h0m0s 8h0m0s 5m0s
	// false At worst a fix takes 180 hours, and row 5 of CISA BOD 26-04 allows 14 days, in time: published 2026-03-07T19:00:00Z, installed by 2026-03-15T06:00:00Z, rebooted 2026-03-15T06:05:00Z, due 2026-03-22T00:00:00Z.
	// 179h5m0s = 168h0m0s 3h0m0s 8h0m0s 5m0s
}

// A start in a closed time waits for the next opening, and the calendar ends the
// window.
func ExampleDefinition_SpanIn() {
	nights := job.Calendar{Calendar: schedule.Calendar{Name: "nights", Zone: "UTC", Openings: []schedule.Opening{
		{When: schedule.Schedule{Kind: schedule.Daily, Time: schedule.Clock(22, 0)}, Length: 8 * time.Hour}}}, Zone: time.UTC}
	d := job.Definition{ID: "noon", Window: 24 * time.Hour}
	noon := schedule.Occurrence{Start: time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)}
	start, end, why, ok := d.SpanIn(noon, "web-1", nights)
	fmt.Println(start.Format(time.DateTime), end.Format(time.DateTime), ok)
	fmt.Println(why.Text == nights.At(noon.Start).Text, why.Text)
	// Output:
	// 2026-03-02 22:00:00 2026-03-03 06:00:00 true
	// true It is outside the openings of calendar "nights"; it opens again at 2026-03-02T22:00:00Z.
}
