package agentsim

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/execution"
)

// vendor publishes products and patches, and serves files.
type vendor struct {
	w        *World
	failing  string // why its feed cannot be fetched; empty: it can
	products map[catalog.ProductID]catalog.Product
	patches  map[catalog.PatchID]catalog.Patch
	served   map[string]*content // by URL
}

// content is what a URL serves.
type content struct {
	version   version.Version
	digests   []integrity.Digest
	signature integrity.Signature
	within    string // by whom the file carries a signature within it; empty: by nobody
	gone      bool
}

func newVendor(w *World) *vendor {
	return &vendor{w: w, products: map[catalog.ProductID]catalog.Product{}, patches: map[catalog.PatchID]catalog.Patch{}, served: map[string]*content{}}
}

// batch is what a fetch of the vendor's feed brings now.
func (v *vendor) batch() catalog.Batch {
	b := catalog.Batch{Feed: "vendor", At: v.w.now}
	if v.failing != "" {
		b.Err = v.failing
		return b
	}
	for _, p := range v.products {
		b.Products = append(b.Products, p)
	}
	for _, p := range v.patches {
		b.Patches = append(b.Patches, p)
	}
	slices.SortFunc(b.Products, func(a, b catalog.Product) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(b.Patches, func(a, b catalog.Patch) int { return cmp.Compare(a.ID, b.ID) })
	return b
}

// parseVersion reads a version of what is called so at a place, in the product's scheme. A product named for the first time
// gets the first scheme of dotted, semver and debian that takes the text.
func (v *vendor) parseVersion(name string, at place, text string) (catalog.ProductID, version.Version, error) {
	id := v.product(name, at)
	if p, ok := v.products[id]; ok {
		parsed, err := version.Parse(p.Scheme, text)
		return id, parsed, err
	}
	for _, scheme := range []version.Scheme{version.Dotted, version.Semver, version.Debian} {
		if parsed, err := version.Parse(scheme, text); err == nil {
			v.products[id] = catalog.Product{ID: id, Name: name, Vendor: name, Platform: at.platform, Architecture: at.architecture, Scheme: scheme}
			return id, parsed, nil
		}
	}
	return id, version.Version{}, fmt.Errorf("%q is no version: write it as 121.0.6167.85, 1.2.3-rc.1 or 1:2.3-4", text)
}

// product is the id of what is called so at a place: the name, and where that is not the usual place, the place behind it.
func (v *vendor) product(name string, at place) catalog.ProductID {
	if p, ok := v.products[catalog.ProductID(name)]; at == usual || ok && at.fits(p) {
		return catalog.ProductID(name)
	}
	return catalog.ProductID(name + "/" + at.String())
}

// named lists the products of a name, at whatever place, by id.
func (v *vendor) named(name string) (ids []catalog.ProductID) {
	for id, p := range v.products {
		if p.Name == name || string(id) == name {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// digestsOf are the digests of the bytes that a version of a product consists of, by every algorithm.
func digestsOf(product string, v version.Version, salt string) []integrity.Digest {
	d := integrity.NewDigester(integrity.Algorithms()...)
	_, _ = fmt.Fprintf(d, "%s %s%s", product, v, salt) // it never fails
	return d.Sums()
}

// offered is a patch, and how its one file is offered.
type offered struct {
	catalog.Patch
	place        place
	availability catalog.Availability
	signer       string              // as the catalog says
	within       string              // who signed the file within it
	checksum     integrity.Algorithm // zero: none is published
}

// publish lists a patch and serves its file. A LatestOnly product has one URL for all its versions.
func (v *vendor) publish(o offered) {
	p, id := o.Patch, string(o.Product)
	name, at, _ := strings.Cut(id, "/")
	file := p.Version.String()
	if o.availability == catalog.LatestOnly {
		file = "latest"
	}
	url := "https://" + path.Join(name+".example", at, file)
	p.Published = v.w.now
	a := catalog.Artifact{Name: name + ".pkg", Availability: o.availability, URL: url, Signer: o.signer}
	for _, d := range digestsOf(id, p.Version, "") {
		if d.Algorithm == o.checksum {
			a.Digests = []integrity.Digest{d}
		}
	}
	if o.signer != "" {
		a.SignatureURL = url + ".sig"
	}
	if o.availability == catalog.Vendor {
		a.URL = ""
	} else {
		v.served[url] = &content{within: o.within}
		v.serve(url, id, p.Version, o.signer)
	}
	p.Artifacts = []catalog.Artifact{a}
	v.patches[p.ID] = p
}

// supply puts a file that only the customer has at a URL of the customer's own (CAT-5).
func (v *vendor) supply(p *catalog.Patch) {
	url := fmt.Sprintf("https://files.customer.example/%s", p.ID)
	for i := range p.Artifacts {
		p.Artifacts[i].CustomURL = url
	}
	v.serve(url, string(p.Product), p.Version, p.Artifacts[0].Signer)
}

// serve puts a version's file at a URL, signed by signer if that is not empty, and within it as the one before.
func (v *vendor) serve(url, product string, at version.Version, signer string) *content {
	c := &content{version: at, digests: digestsOf(product, at, ""), signature: integrity.Signature{Status: integrity.Absent}}
	if old := v.served[url]; old != nil && old.within != "" {
		c.within, signer = old.within, old.within
	}
	if signer != "" {
		c.signature = integrity.Signature{Status: integrity.Valid, Signer: signer}
	}
	v.served[url] = c
	return c
}

// add lists products and patches that were made elsewhere, and serves files as they describe them.
func (v *vendor) add(b catalog.Batch) {
	for _, p := range b.Products {
		v.products[p.ID] = p
	}
	for _, p := range b.Patches {
		if p.Published.IsZero() {
			p.Published = v.w.now
		}
		v.patches[p.ID] = p
		for i, a := range p.Artifacts {
			c := v.serve(a.Source(), fmt.Sprint(p.Product, i), p.Version, a.Signer)
			for _, want := range a.Digests {
				c.digests = slices.DeleteFunc(c.digests, func(d integrity.Digest) bool { return d.Algorithm == want.Algorithm })
				c.digests = append(c.digests, want)
			}
		}
	}
}

// fetch is what a download of a patch's files finds.
func (v *vendor) fetch(p job.OrderPatch) (execution.Downloaded, version.Version) {
	var out execution.Downloaded
	var really version.Version
	for _, f := range p.Files {
		c := v.served[f.URL]
		if c == nil || c.gone {
			out.Code, out.Text = job.FileDownloadFailed, "Nothing is served at "+f.URL+"."
			return out, really
		}
		signature := c.signature
		if f.SignatureURL == "" && f.Expect.Signer == "" && c.within == "" && signature.Status == integrity.Valid {
			signature = integrity.Signature{Status: integrity.Absent} // a detached one that nobody pointed to
		}
		out.Files = append(out.Files, execution.Evidence{Size: 1, Digests: slices.Clone(c.digests), Signature: signature})
		really = c.version
	}
	return out, really
}

// patchesOf lists the patches of a product to a version by id; all, if none leads there.
func (v *vendor) patchesOf(product catalog.ProductID, to string) (ids []catalog.PatchID) {
	var all []catalog.PatchID
	for id, p := range v.patches {
		if p.Product != product {
			continue
		}
		if all = append(all, id); p.Version.String() == to {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		ids = all
	}
	slices.Sort(ids)
	return ids
}

// line sets a version line of a product and its end of life.
func (v *vendor) line(product catalog.ProductID, prefix string, eol, extended time.Time) {
	p := v.products[product]
	lines := slices.DeleteFunc(slices.Clone(p.Lines), func(l catalog.Line) bool { return l.Prefix == prefix })
	p.Lines = append(lines, catalog.Line{Prefix: prefix, EOL: eol, Extended: extended})
	slices.SortFunc(p.Lines, func(a, b catalog.Line) int { return cmp.Compare(a.Prefix, b.Prefix) })
	v.products[p.ID] = p
}

// serveOf puts a version's file where a patch is fetched from.
func (v *vendor) serveOf(p *catalog.Patch, at version.Version) {
	v.serve(p.Artifacts[0].Source(), string(p.Product), at, p.Artifacts[0].Signer)
}

// ofPatch is a line about a patch, whose id is the ith word, and what is served of it. A patch that loses its id is removed.
func ofPatch(i int, do func(*match, *catalog.Patch, *content)) func(*player, *match) {
	return func(p *player, m *match) {
		v, id := p.w.vendor, catalog.PatchID(m.w[i])
		patch, ok := v.patches[id]
		if !ok {
			m.err = notNowf("there is no patch %q", id)
			return
		}
		served := v.served[patch.Artifacts[0].Source()]
		if served == nil {
			served = &content{}
		}
		if do(m, &patch, served); m.err != nil {
			return
		}
		v.w.log("vendor", "%s", strings.TrimPrefix(m.text, "vendor "))
		if v.patches[id] = patch; patch.ID == "" {
			delete(v.patches, id)
		}
	}
}
