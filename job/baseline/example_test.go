package baseline_test

import (
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job/baseline"
)

// Security fixes wait for a week after the oldest fix of the line that the asset
// does not have.
func ExampleBaseline_Decide() {
	b, err := baseline.Parse([]byte(`{"name": "offices", "rules": [{"when": {"classes": ["security"]}, "delay": 7, "minAge": 2, "maxWait": 14}], "denied": ["browser-3.0"]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	now := time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)
	fix := func(id catalog.PatchID, days int) baseline.Fix {
		return baseline.Fix{Patch: id, Class: catalog.Security, Released: now.AddDate(0, 0, -days)}
	}
	line := []baseline.Fix{fix("browser-3.0", 0), fix("browser-2.1", 3), fix("browser-2.0", 6)}
	for i := range line {
		d := b.Decide(baseline.Request{Product: catalog.Product{ID: "browser"}, Patch: line[i], Line: line[i:]}, now)
		fmt.Println(line[i].Patch, d.Answer, d.Code, d.Until.Format(time.DateOnly))
	}
	fmt.Println(b.Warnings(1)[0])
	// Output:
	// browser-3.0 denied ApprovalDenied 0001-01-01
	// browser-2.1 waiting ApprovalWaiting 2026-03-11
	// browser-2.0 waiting ApprovalWaiting 2026-03-11
	// rules[0] wants a version to be 2 days old, and the next one comes after 1: a fix waits 14 days, the maximum wait.
}
