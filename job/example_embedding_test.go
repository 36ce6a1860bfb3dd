package job_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/jsonfeed"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

const acmeFeed = `{"format": 1,
	"products": [
		{"id": "reader", "name": "Acme Reader", "platform": "linux", "scheme": "semver"},
		{"id": "player", "name": "Acme Player", "platform": "linux", "scheme": "semver", "lines": [{"prefix": "3", "eol": "2026-01-31"}]}],
	"patches": [
		{"id": "reader-1.5.0", "product": "reader", "version": "semver:1.5.0", "artifacts": [{"name": "reader.pkg",
			"availability": "Pinned", "url": "https://acme.example/reader-1.5.0.pkg", "signer": "Acme"}]},
		{"id": "player-3.2.0", "product": "player", "version": "semver:3.2.0", "artifacts": [{"name": "player.pkg",
			"availability": "Pinned", "url": "https://acme.example/player-3.2.0.pkg", "signer": "Acme"}]}]}`

// What is missing on an asset, and what a job would do about it.
func Example_embedding() {
	now := time.Date(2026, time.June, 1, 12, 0, 0, 0, time.UTC)

	// What the vendor offers becomes a snapshot, and what one asset has installed an inventory.
	offers, err := jsonfeed.Parse("acme", []byte(acmeFeed))
	snapshot, _ := catalog.Sync(nil, []catalog.Batch{offers}, now)
	var inventory catalog.Inventory
	err = errors.Join(err, json.Unmarshal([]byte(`{"platform": "linux", "installed": [
		{"product": "reader", "version": "semver:1.4.0"}, {"product": "player", "version": "semver:3.1.0"}]}`), &inventory))
	if err != nil {
		fmt.Println(err)
		return
	}

	// A job takes everything that is missing. Its plan is what the asset would
	// be ordered to do, and what not, and why.
	everything := job.Definition{ID: "monthly", Platform: catalog.Linux, Patches: job.Patches{Query: &job.Query{}}}
	plan := everything.Plan(job.PlanInput{Snapshot: snapshot, Asset: "pc-1", Inventory: inventory,
		Occurrence: schedule.Occurrence{Start: now.Add(3 * time.Hour)}, Now: now})
	for _, patch := range plan.Order.Patches {
		fmt.Println("install:", patch.Name, patch.Version, "from", patch.Files[0].URL)
	}
	for _, patch := range plan.LeftOut {
		fmt.Printf("not %s %s: %s (%s)\n", patch.Name, patch.To, patch.Text, patch.Rule)
	}

	// Output:
	// install: Acme Reader 1.5.0 from https://acme.example/reader-1.5.0.pkg
	// not Acme Player 3.2.0: Line 3 of Acme Player, to which 3.2.0 belongs, reached its end of life on 2026-02-01T00:00:00Z. (CAT-11)
}
