package job_test

import (
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/jsonfeed"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/job"
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

// The README shows this example; internal/archtest compares them.
func Example_embedding() {
	now := time.Date(2026, time.June, 1, 12, 0, 0, 0, time.UTC)

	// What the vendor offers becomes a snapshot. Real feeds: catalog/jsonfeed, catalog/aptfeed.
	products, patches, _, err := jsonfeed.Parse([]byte(acmeFeed))
	if err != nil {
		fmt.Println(err)
		return
	}
	snapshot, _ := catalog.Sync(nil, []catalog.Batch{{Feed: "acme", Products: products, Patches: patches}}, now)

	// What one asset has installed.
	reader, _ := version.Parse(version.Semver, "1.4.0")
	player, _ := version.Parse(version.Semver, "3.1.0")
	inventory, err := catalog.NewInventory(catalog.Linux, []catalog.Installed{
		{Product: "reader", Version: reader}, {Product: "player", Version: player},
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	// A job that takes everything missing. Its plan is the order the asset would be given, and what was left out, with the reasons.
	everything := job.Definition{ID: "monthly", Name: "Monthly", Platform: catalog.Linux, Patches: job.Patches{Query: &job.Query{}}}
	plan := everything.Plan(snapshot, "pc-1", inventory, now.Add(3*time.Hour), now)
	for _, patch := range plan.Order.Patches {
		fmt.Println("install: ", patch.Name, patch.Version, "from", patch.Files[0].URL)
	}
	for _, patch := range plan.LeftOut {
		fmt.Println("left out:", patch.Name, patch.To, "by", patch.Rule)
		fmt.Println("         ", patch.Text)
	}

	// Output:
	// install:  Acme Reader 1.5.0 from https://acme.example/reader-1.5.0.pkg
}
