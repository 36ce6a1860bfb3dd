package fleet

import (
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/schedule"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// Enabled is when the job is enabled, from the beginning of the world. Its
// orders go out with the next check-ins (MAN-1).
const Enabled = 10 * time.Hour

const (
	day     = 24 * time.Hour
	spread  = 20 * time.Minute // of the starts (JOB-9)
	settled = 16 * time.Hour   // the longest time from the start to the end of an order: installs and deferral
)

// began is when a world begins: a Monday.
var began = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

const (
	tag   = "fleet" // of every asset
	jobID = job.ID("monthly-update")
)

var runID = job.MakeRunID(jobID, since(Enabled))

// policy lets a user put the reboot off three times for four hours.
var policy = reboot.Policy{Deferrals: 3, Interval: 4 * time.Hour, Prompt: 10 * time.Minute, Countdown: 5 * time.Minute}

// product is an installed product with its patch.
type product struct {
	id       catalog.ProductID
	patch    catalog.PatchID
	old, new version.Version
	signer   string
	reboot   bool
	digests  []integrity.Digest
	damaged  []integrity.Digest // of a file with other bytes
}

const titles = 2

// scene is what all shards of a world share.
type scene struct {
	products    [titles]product
	inventories [1 << titles]catalog.Inventory // indexed by installed
	digests     [1 << titles]string
}

func newScene() *scene {
	s := &scene{products: [titles]product{
		{id: "browser", patch: "browser-121", signer: "Browser Maker"},
		{id: "system", patch: "system-4046", reboot: true},
	}}
	for i, text := range [titles][2]string{{"120.0.6099.71", "121.0.6167.85"}, {"10.0.19045.3930", "10.0.19045.4046"}} {
		p := &s.products[i]
		p.old, p.new = version.MustParse(version.Dotted, text[0]), version.MustParse(version.Dotted, text[1])
		p.digests, p.damaged = digests(string(p.patch)), digests(string(p.patch)+", damaged")
	}
	for i := range s.inventories {
		list := make([]catalog.Installed, titles)
		for n, p := range s.products {
			list[n] = catalog.Installed{Product: p.id, Version: p.old}
			if installed(i).has(n) {
				list[n].Version = p.new
			}
		}
		s.inventories[i], _ = catalog.NewInventory(catalog.Linux, list) // it is valid
		s.digests[i] = s.inventories[i].Digest()
	}
	return s
}

func digests(content string) []integrity.Digest {
	d := integrity.NewDigester(integrity.SHA256)
	_, _ = d.Write([]byte(content)) // it never fails
	return d.Sums()
}

// installed has a bit for each product at its new version.
type installed uint8

const current installed = 1<<titles - 1 // nothing is missing

func (i installed) has(product int) bool { return i>>product&1 == 1 }

// definition is the world's one job: every patch for every asset, now.
func (s *scene) definition() job.Definition {
	d := job.Definition{
		ID: jobID, Name: "Monthly update", Platform: catalog.Linux, Assets: job.Assets{IncludeTags: []string{tag}}, Reboot: policy,
		Schedule: schedule.Schedule{Kind: schedule.OnDemand, Spread: spread},
	}
	for _, p := range s.products {
		d.Patches.List = append(d.Patches.List, p.patch)
	}
	return d
}

func (s *scene) batch() catalog.Batch {
	b := catalog.Batch{Feed: "vendors", At: began}
	for _, p := range s.products {
		b.Products = append(b.Products, catalog.Product{ID: p.id, Name: string(p.id), Vendor: "Example", Platform: catalog.Linux, Scheme: version.Dotted})
		b.Patches = append(b.Patches, catalog.Patch{
			ID: p.patch, Product: p.id, Version: p.new, Published: began.Add(-time.Hour), Severity: catalog.High, Reboot: p.reboot,
			Artifacts: []catalog.Artifact{{
				Name: string(p.id) + ".pkg", Availability: catalog.Pinned, URL: "https://vendor.example/" + string(p.patch),
				Size: 80 << 20, Signer: p.signer, Digests: p.digests,
			}},
		})
	}
	return b
}
