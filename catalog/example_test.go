package catalog_test

import (
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
)

// A feed brings two versions of an editor; an asset has an older one.
func ExampleSync() {
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	batch := catalog.Batch{
		Feed: "acme", At: now,
		Products: []catalog.Product{{
			ID: "editor", Name: "Acme Editor", Platform: catalog.Linux, Scheme: version.Semver,
			Lines: []catalog.Line{{Prefix: "1", EOL: catalog.EOLInstant(2025, time.December, 31)}, {Prefix: "2"}},
		}},
	}
	for _, text := range []string{"1.9.0", "2.0.0"} {
		batch.Patches = append(batch.Patches, catalog.Patch{
			ID: catalog.PatchID("editor-" + text), Product: "editor", Version: version.MustParse(version.Semver, text),
			Artifacts: []catalog.Artifact{{Name: "editor.run", Availability: catalog.LatestOnly, URL: "https://acme.example/editor.run"}},
		})
	}
	snapshot, changes := catalog.Sync(nil, []catalog.Batch{batch}, now)
	fmt.Println("added:", changes.Added)

	inventory, err := catalog.NewInventory(catalog.Linux, []catalog.Installed{{Product: "editor", Version: version.MustParse(version.Semver, "1.4.2")}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, id := range changes.Added {
		verdict := snapshot.Evaluate(id, inventory, catalog.Options{}, now)
		fmt.Println(id, "deployable:", verdict.Deployable)
		for _, reason := range verdict.Reasons {
			fmt.Printf("  %s %s: %s\n", reason.Rule, reason.Code, reason.Text)
		}
	}
	// Output:
	// added: [editor-1.9.0 editor-2.0.0]
	// editor-1.9.0 deployable: false
	//   CAT-6 VersionNotDownloadable: The vendor serves only the newest version of Acme Editor, which is 2.0.0, not 1.9.0.
	//   CAT-11 EOLVersion: Line 1 of Acme Editor, to which 1.9.0 belongs, reached its end of life on 2026-01-01T00:00:00Z.
	// editor-2.0.0 deployable: true
	//   CAT-3 Upgrade: Acme Editor can be upgraded from 1.4.2 to 2.0.0.
	//   CAT-11 LeavesEOL: The upgrade leaves line 1 of Acme Editor, which reached its end of life on 2026-01-01T00:00:00Z.
}

// A vendor offers a patch to its customers only. They supply the file and set its URL.
func ExampleSnapshot_WithCustomURLs() {
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	snapshot, _ := catalog.Sync(nil, []catalog.Batch{{
		Feed: "acme", At: now,
		Products: []catalog.Product{{ID: "cad", Name: "Acme CAD", Platform: catalog.Windows, Scheme: version.Dotted}},
		Patches: []catalog.Patch{{
			ID: "cad-12.1", Product: "cad", Version: version.MustParse(version.Dotted, "12.1"),
			Artifacts: []catalog.Artifact{{Name: "cad.msi", Availability: catalog.Vendor}},
		}},
	}}, now)

	_, err := snapshot.WithCustomURLs([]catalog.CustomURL{{Patch: "cad-12.1", Artifact: "cad.exe", URL: "ftp://files.example/cad"}})
	fmt.Println(err)
	snapshot, err = snapshot.WithCustomURLs([]catalog.CustomURL{{Patch: "cad-12.1", Artifact: "cad.msi", URL: "https://files.example/cad.msi"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	snapshot, _ = catalog.Sync(snapshot, nil, now.Add(catalog.SyncEvery))
	patch, _ := snapshot.Patch("cad-12.1")
	fmt.Println(patch.Artifacts[0].Source())
	// Output:
	// list of custom URLs is not valid: artifact "cad.exe" of patch "cad-12.1": the patch has no such artifact
	// https://files.example/cad.msi
}
