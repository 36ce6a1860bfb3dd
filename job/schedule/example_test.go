package schedule_test

import (
	"fmt"
	"time"
	_ "time/tzdata"

	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// Three days after Patch Tuesday, at half past two in Berlin. Between March and
// April the clocks change there.
func ExampleSchedule_NextIn() {
	s := schedule.Schedule{Kind: schedule.PatchTuesday, Offset: 3, Time: schedule.Clock(2, 30), Zone: "Europe/Berlin"}
	zone, err := time.LoadLocation(s.Zone)
	if err != nil {
		fmt.Println(err) // refuse the job: the zone is unknown
		return
	}
	enabled := time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC)
	for after := enabled; ; {
		run, ok := s.NextIn(enabled, after, zone)
		if !ok || run.Start.Month() == time.May {
			break
		}
		fmt.Println(run.Local, run.Start.Format(time.RFC3339))
		after = run.Start
	}
	// Output:
	// 2026-02-13T02:30 2026-02-13T01:30:00Z
	// 2026-03-13T02:30 2026-03-13T01:30:00Z
	// 2026-04-17T02:30 2026-04-17T00:30:00Z
}
