package agentsim

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/execution"
)

// vendor publishes products and patches, and serves files.
type vendor struct {
	w        *World
	failing  string                     // why its feed cannot be fetched; empty: it can be fetched
	barred   map[catalog.PatchID]string // why patches are not admitted
	products map[catalog.ProductID]catalog.Product
	patches  map[catalog.PatchID]catalog.Patch
	served   map[string]*content // by URL

	vulnerabilities map[string]catalog.Vulnerability
}

// content is what a URL serves.
type content struct {
	version   version.Version
	digests   []integrity.Digest
	signature integrity.Signature
	within    string // who signed the file within it; empty: nobody
	gone      bool
}

func (v *vendor) batch() catalog.Batch {
	b := catalog.Batch{Feed: "vendor", At: v.w.now, AllExploited: len(v.vulnerabilities) > 0}
	if v.failing != "" {
		b.Err = v.failing
		return b
	}
	for _, id := range slices.Sorted(maps.Keys(v.products)) {
		b.Products = append(b.Products, v.products[id])
	}
	for _, id := range slices.Sorted(maps.Keys(v.vulnerabilities)) {
		b.Vulnerabilities = append(b.Vulnerabilities, v.vulnerabilities[id])
	}
	for _, id := range slices.Sorted(maps.Keys(v.patches)) {
		if v.admits(v.patches[id]) {
			b.Patches = append(b.Patches, v.patches[id])
		}
	}
	return b
}

// admits asks the importer's admission function.
func (v *vendor) admits(p catalog.Patch) bool {
	if v.w.cfg.Admit == nil {
		return true
	}
	why := v.w.cfg.Admit(p, v.w.now)
	if why != v.barred[p.ID] {
		v.w.log("server", "catalog: %s is %s", p.ID, map[bool]string{true: "admitted", false: "not admitted: " + why}[why == ""])
	}
	v.barred[p.ID] = why
	return why == ""
}

// parseVersion parses a version of the product of this name at a place. A new
// product gets the first of the schemes dotted, semver and debian that accepts
// the version.
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
	return id, version.Version{}, fmt.Errorf("%q is not a version; write one such as 121.0.6167.85, 1.2.3-rc.1 or 1:2.3-4", text)
}

// product returns the id of the product of this name at a place: the name, and
// the place after it if that is not the usual one.
func (v *vendor) product(name string, at place) catalog.ProductID {
	if p, ok := v.products[catalog.ProductID(name)]; at == usual || ok && p.Platform == at.platform && (p.Architecture == "" || p.Architecture == at.architecture) {
		return catalog.ProductID(name)
	}
	return catalog.ProductID(name + "/" + at.String())
}

// named returns the products of a name at any place, by id.
func (v *vendor) named(name string) (ids []catalog.ProductID) {
	for _, id := range slices.Sorted(maps.Keys(v.products)) {
		if v.products[id].Name == name || string(id) == name {
			ids = append(ids, id)
		}
	}
	return ids
}

// digestsOf returns the digests, by every algorithm, of a version's file.
func digestsOf(product string, v version.Version, salt string) []integrity.Digest {
	d := integrity.NewDigester(integrity.Algorithms()...)
	_, _ = fmt.Fprintf(d, "%s %s%s", product, v, salt) // it never fails
	return d.Sums()
}

// offered is a patch and how its one file is offered.
type offered struct {
	catalog.Patch
	place        place
	availability catalog.Availability
	signer       string              // in the catalog
	within       string              // who signed the file within it; not in the catalog
	checksum     integrity.Algorithm // zero: none is published
}

// publish adds a patch to the feed and serves its file. A LatestOnly product has
// one URL for all versions.
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
		v.serve(a, id, p.Version)
	}
	p.Artifacts = []catalog.Artifact{a}
	v.patches[p.ID] = p
}

// serve serves a version's file where the artifact is downloaded. Without a
// signer it is unsigned; a signature within the previous file there stays.
func (v *vendor) serve(a catalog.Artifact, product string, at version.Version) *content {
	c := &content{version: at, digests: digestsOf(product, at, ""), signature: integrity.Signature{Status: integrity.Absent}}
	signer := a.Signer
	if old := v.served[a.Source()]; old != nil && old.within != "" {
		c.within, signer = old.within, old.within
	}
	if signer != "" {
		c.signature = integrity.Signature{Status: integrity.Valid, Signer: signer}
	}
	v.served[a.Source()] = c
	return c
}

// add adds products and patches of an importer to the feed, and serves files as
// they describe them.
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
			c := v.serve(a, fmt.Sprint(p.Product, i), p.Version)
			for _, want := range a.Digests {
				c.digests = slices.DeleteFunc(c.digests, func(d integrity.Digest) bool { return d.Algorithm == want.Algorithm })
				c.digests = append(c.digests, want)
			}
		}
	}
}

// fetch downloads the files of a patch, and returns the version that they
// contain.
func (v *vendor) fetch(p job.OrderPatch) (execution.Downloaded, version.Version) {
	var out execution.Downloaded
	var contains version.Version
	for i, f := range p.Files {
		c := v.served[f.URL]
		if c == nil || c.gone {
			out.Code, out.Text = job.FileDownloadFailed, "Nothing is served at "+f.URL+"."
			return out, contains
		}
		signature := c.signature
		if f.SignatureURL == "" && f.Expect.Signer == "" && c.within == "" && signature.Status == integrity.Valid {
			signature = integrity.Signature{Status: integrity.Absent} // a detached one that nothing refers to
		}
		if v.w.cfg.Verify != nil {
			signature = v.w.cfg.Verify(p, i, signature)
		}
		out.Files = append(out.Files, execution.Evidence{Size: 1, Digests: slices.Clone(c.digests), Signature: signature})
		contains = c.version
	}
	return out, contains
}

// patchesOf returns the patches of a product to a version, by id; all patches of
// the product if none has that version.
func (v *vendor) patchesOf(product catalog.ProductID, to string) (ids []catalog.PatchID) {
	var all []catalog.PatchID
	for _, id := range slices.Sorted(maps.Keys(v.patches)) {
		if p := v.patches[id]; p.Product == product {
			all = append(all, id)
			if p.Version.String() == to {
				ids = append(ids, id)
			}
		}
	}
	if len(ids) == 0 {
		return all
	}
	return ids
}

// ofPatch handles a line about a patch and its served file. The ith word is the
// id; a patch whose id becomes empty is removed.
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

// place is a platform and an architecture: of an asset, or of a product.
type place struct {
	platform     catalog.Platform
	architecture string
}

// usual is the place of a patch or an asset that names none.
var usual = place{catalog.Linux, "amd64"}

var architectures = []string{usual.architecture, "arm64", "386"}

// parsePlace parses a place; what is empty is as usual.
func parsePlace(platform, architecture string) (at place, err error) {
	if at.platform, err = catalog.ParsePlatform(cmp.Or(platform, usual.platform.String())); err != nil {
		return at, err
	}
	if at.architecture = cmp.Or(architecture, usual.architecture); !slices.Contains(architectures, at.architecture) {
		return at, fmt.Errorf("%q is not an architecture; write one of: %s", architecture, strings.Join(architectures, ", "))
	}
	return at, nil
}

func (at place) String() string {
	if at.architecture == usual.architecture {
		return at.platform.String()
	}
	return at.platform.String() + "/" + at.architecture
}
