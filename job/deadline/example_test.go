package deadline_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job/deadline"
)

func Example() {
	published := time.Date(2026, 6, 10, 9, 0, 0, 0, time.UTC)
	facts := deadline.Facts{Exploited: catalog.Yes, Automatable: catalog.No, TotalImpact: catalog.No, Severity: catalog.High, Published: published}
	asset := deadline.Asset{Exposed: catalog.No, Missing: published.Add(6 * time.Hour)}

	now := published.AddDate(0, 0, 20)
	d := deadline.Decide(deadline.BOD2604(), facts, asset, now)
	fmt.Println(d.Text)
	status := d.Status(deadline.Progress{Holds: []deadline.Cause{deadline.HeldBack, deadline.PendingReboot}}, 48*time.Hour, now)
	fmt.Println(status.State, status.Cause)
	// Output:
	// CISA BOD 26-04 wants it gone by the end of day 14 after its fix was published: it is exploited, not exposed, not automatable, not of total impact, of severity high.
	// overdue pendingReboot
}

// Several tables hold for one asset: the earliest deadline counts.
func ExampleEarliest() {
	published := time.Date(2026, 6, 10, 9, 0, 0, 0, time.UTC)
	facts := deadline.Facts{Severity: catalog.High, Published: published}
	var all []deadline.Deadline
	for _, table := range []deadline.Table{deadline.PCIDSS(), deadline.CyberEssentials()} {
		all = append(all, deadline.Decide(table, facts, deadline.Asset{}, published))
	}
	first := deadline.Earliest(all...)
	fmt.Println(first.Table, first.Due.Format(time.RFC3339))

	slices.SortFunc(all, deadline.Deadline.Compare)
	fmt.Println(all[0].Table, "before", all[1].Table)
	// Output:
	// Cyber Essentials 2026-06-25T00:00:00Z
	// Cyber Essentials before PCI DSS 6.3.3
}

// A table of one's own, in JSON. Its warnings show a row that is out of order.
func ExampleParse() {
	table, err := deadline.Parse([]byte(`{
		"name": "house rules",
		"anchor": "missing",
		"zone": "Europe/Berlin",
		"assume": {"exploited": "no"},
		"rows": [
			{"when": {"severity": "high"}, "days": 14},
			{"when": {"severity": "critical"}, "days": 7},
			{"days": 30}
		]
	}`), time.LoadLocation)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, warning := range table.Warnings() {
		fmt.Println(warning)
	}
	// Output:
	// rows[1] never matches: the rows before it match all of its cases.
}

// An exception ends by itself, or when a trigger comes first.
func ExampleException() {
	now := time.Date(2026, 6, 10, 9, 0, 0, 0, time.UTC)
	e := deadline.Exception{Owner: "ana", Reason: "the vendor's fix breaks the scanner", Until: now.AddDate(0, 0, 30), PatchAppears: true}
	if err := e.Validate(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%q\n", e.Ended(deadline.Seen{}, now))
	fmt.Println(e.Ended(deadline.Seen{Patch: true}, now))
	// Output:
	// ""
	// The exception ended because a patch appeared.
}
