package random_test

import (
	"fmt"

	"github.com/patchpolicy/patchpolicy/agentsim"
	"github.com/patchpolicy/patchpolicy/agentsim/random"
)

// A world from a seed: its kinds of trouble, and whether every rule held.
func ExampleSearch() {
	r, err := random.Search(random.Options{Seed: 7, Assets: 2, Weeks: 1}, agentsim.Config{})
	fmt.Println(r.Troubles, r.Failure, err)
	// Output: [network power clocks installers server vendors edits store policies] <nil> <nil>
}

// A scenario that fails, shrunk to what matters.
func ExampleShrink() {
	_, failure := random.Play(`clock 2026-03-02T00:00:00Z
patch chrome-121: chrome 121.0, pinned, severity high
asset web-1 tagged office has chrome 120.0
asset web-2 tagged office has chrome 120.0
job nightly: query, tags office, once at +6h, window 2h
enable nightly
+1h     web-2 logs in
+2h     web-1 crashes
+4h     web-1 sleeps for 9h
+1d     expect web-1 starts 1
`, agentsim.Config{})
	fmt.Println(failure.Kind)
	fmt.Print(random.Shrink(failure, agentsim.Config{}, 0).Script)
	// Output:
	// expectation
	// clock 2026-03-02T00:00:00Z
	// +0s          asset web-1
	//              expect web-1 starts 1
}
