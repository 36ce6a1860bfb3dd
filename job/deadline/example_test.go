package deadline_test

import (
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job/deadline"
)

func Example() {
	published := time.Date(2026, 6, 10, 9, 0, 0, 0, time.UTC)
	facts := deadline.Facts{Exploited: deadline.Yes, Automatable: deadline.No, TotalImpact: deadline.No, Severity: catalog.High, Published: published}
	asset := deadline.Asset{Exposed: deadline.No, Missing: published.Add(6 * time.Hour)}

	now := published.AddDate(0, 0, 20)
	d := deadline.Decide(deadline.BOD2604(), facts, asset, now)
	fmt.Println(d.Text)
	status := d.Status(deadline.Progress{Holds: []deadline.Cause{deadline.HeldBack, deadline.PendingReboot}}, 48*time.Hour, now)
	fmt.Println(status.State, status.Cause)
	// Output:
	// CISA BOD 26-04 wants it gone by the end of day 14 after its fix was published: it is exploited, not exposed, not automatable, not of total impact, of severity high.
	// overdue pendingReboot
}
