package catalog_test

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
)

// A fleet is scanned on all cores, with a Scanner for each.
func ExampleScanner() {
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	snapshot, _ := catalog.Sync(nil, []catalog.Batch{{
		Feed: "acme", At: now,
		Products: []catalog.Product{{ID: "editor", Name: "Acme Editor", Platform: catalog.Linux, Scheme: version.Semver}},
		Patches: []catalog.Patch{{
			ID: "editor-2.0.0", Product: "editor", Version: version.MustParse(version.Semver, "2.0.0"),
			Artifacts: []catalog.Artifact{{Name: "editor.run", Availability: catalog.Pinned, URL: "https://acme.example/editor.run"}},
		}},
	}}, now)

	assets := make(chan catalog.Inventory)
	var missing atomic.Int64
	var cores sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		cores.Go(func() {
			scanner := snapshot.Scanner(catalog.Options{}, now)
			for inventory := range assets {
				missing.Add(int64(len(scanner.Missing(inventory))))
			}
		})
	}
	for i := range 1000 {
		have := fmt.Sprintf("%d.0.0", 1+i%2)
		inventory, err := catalog.NewInventory(catalog.Linux, []catalog.Installed{{Product: "editor", Version: version.MustParse(version.Semver, have)}})
		if err != nil {
			fmt.Println(err)
			break
		}
		assets <- inventory
	}
	close(assets)
	cores.Wait()
	fmt.Println("missing in the fleet:", missing.Load())
	// Output:
	// missing in the fleet: 500
}
