package explore

import (
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
)

// feed is what a vendor publishes and serves of the first job's first patch.
type feed struct {
	done  [MoveOn - Publish + 1]bool // the choices from Publish on
	ended time.Time
}

func (f feed) did(c Choice) bool { return f.done[c-Publish] }

// change carries out what the vendor does. A catalog change makes a sync due.
func (v *server) change(now time.Time, c Choice) {
	v.feed.done[c-Publish] = true
	if c == End {
		v.feed.ended = now
	}
	if c != MoveOn && v.sync.IsZero() {
		v.sync = now.Add(syncEvery)
	}
}

// batch is what the server downloads from the vendor's feed.
func (f feed) batch(s *scene, now time.Time) catalog.Batch {
	b := catalog.Batch{Feed: "vendor", At: now}
	for i := range 2 {
		name := string(product(i))
		b.Products = append(b.Products, catalog.Product{ID: product(i), Name: name, Vendor: vendor, Platform: catalog.Linux, Scheme: version.Semver})
	}
	for i, u := range upgrades {
		if i == maxPatches && s.Jobs == 1 && !f.did(Publish) {
			continue
		}
		p := catalog.Patch{ID: u.id, Product: product(u.product), Version: s.versions[u.level], Published: epoch, Reboot: s.needsReboot(u)}
		a := catalog.Artifact{Name: "f", Availability: catalog.Pinned, URL: "https://vendor.example/" + string(u.id), Signer: vendor,
			Digests: []integrity.Digest{digest(good, u.level)}}
		if s.Latest && u.product == 0 {
			a.Availability, a.URL = catalog.LatestOnly, "https://vendor.example/a-latest"
		}
		p.Artifacts = []catalog.Artifact{a}
		if i == 0 {
			p.EOL, p.EOLMarked, p.Withdrawn = f.ended, f.did(End), f.did(Unlist)
		}
		b.Patches = append(b.Patches, p)
	}
	return b
}
