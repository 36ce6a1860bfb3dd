package controller_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
	"github.com/patchpolicy/patchpolicy/job/schedule"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// A server in one page: a catalog, an asset, a job, and the asset's signed orders.
func Example() {
	ctx := context.Background()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)) // a real one is random and kept
	public := key.Public().(ed25519.PublicKey)
	c, err := controller.New(memstore.New(memstore.Options{}), controller.Config{Signer: manifest.NewSigner(key)})
	if err != nil {
		panic(err)
	}

	v1, _ := version.Parse(version.Semver, "1.0.0")
	v2, _ := version.Parse(version.Semver, "2.0.0")
	_, err = c.Sync(ctx, []catalog.Batch{{
		Feed:     "vendor",
		Products: []catalog.Product{{ID: "editor", Name: "Editor", Platform: catalog.Linux, Scheme: version.Semver}},
		Patches: []catalog.Patch{{ID: "editor-2", Product: "editor", Version: v2, Artifacts: []catalog.Artifact{{
			Name: "editor.bin", Availability: catalog.Pinned, URL: "http://vendor.example/editor-2.bin",
			Digests: []integrity.Digest{{Algorithm: integrity.SHA256, Sum: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}},
		}}}},
	}}, now)
	fmt.Println("sync:", err)

	_, _ = c.AddToken(ctx, "22 random bytes or more", controller.Token{Tags: []string{"lab"}}, now)
	_, err = c.Enrol(ctx, manifest.Enrolment{Token: "22 random bytes or more", Asset: "pc-1", Key: public, Platform: catalog.Linux}, now)
	fmt.Println("enrol:", err)
	inventory, _ := catalog.NewInventory(catalog.Linux, []catalog.Installed{{Product: "editor", Version: v1}})
	in := manifest.CheckIn{Asset: "pc-1", At: now, Inventory: &inventory}
	_, _ = c.CheckIn(ctx, in, now)

	_, _ = c.SaveJob(ctx, job.Definition{
		ID: "update", Name: "Update the lab", Platform: catalog.Linux, Assets: job.Assets{IncludeTags: []string{"lab"}},
		Patches: job.Patches{Query: &job.Query{}}, Schedule: schedule.Schedule{Kind: schedule.OnDemand},
	}, now)
	run, err := c.EnableJob(ctx, "update", now)
	fmt.Println("run:", run, err)

	answer, _ := c.CheckIn(ctx, in, now)
	document, err := manifest.Open(answer.Manifest, manifest.NewVerifier(public), "pc-1", 0, "", now)
	if err != nil {
		panic(err)
	}
	for _, order := range document.Orders {
		for _, p := range order.Patches {
			fmt.Println("order:", p.Name, p.Version)
		}
	}

	report, err := c.CancelRun(ctx, run, now)
	fmt.Println("cancel:", report.Assets[0].State, err)
	// Output:
	// sync: <nil>
	// enrol: <nil>
	// run: update@20260301T120000Z <nil>
	// order: Editor 2.0.0
	// cancel: CancelPending <nil>
}
