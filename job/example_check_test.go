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
			fmt.Println(f.Worst.Wait, f.Worst.Lead, f.Worst.Window, f.Worst.Reboot)
		}
	}
	// Output:
	// true At worst a fix takes 180 hours, and row 1 of CISA BOD 26-04 allows 3 days, which can be too late: published 2026-03-07T19:00:00Z, installed by 2026-03-15T06:00:00Z, rebooted 2026-03-15T06:05:00Z, due 2026-03-11T00:00:00Z.
	// 168h0m0s 3h0m0s 8h0m0s 5m0s
	// false At worst a fix takes 180 hours, and row 5 of CISA BOD 26-04 allows 14 days, in time: published 2026-03-07T19:00:00Z, installed by 2026-03-15T06:00:00Z, rebooted 2026-03-15T06:05:00Z, due 2026-03-22T00:00:00Z.
	// 168h0m0s 3h0m0s 8h0m0s 5m0s
}
