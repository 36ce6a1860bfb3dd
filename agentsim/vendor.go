package agentsim

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
)

// vendor publishes products and patches, and serves files.
type vendor struct {
	w        *World
	failing  string // why its feed cannot be fetched; empty: it can
	products map[catalog.ProductID]catalog.Product
	patches  map[catalog.PatchID]catalog.Patch
	served   map[string]*content // by URL
}

// content is what stands at a URL.
type content struct {
	version   version.Version
	digest    integrity.Digest
	signature integrity.Signature
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

// parseVersion reads a version in the product's scheme. A product named for the first time gets the first scheme of
// dotted, semver and debian that takes the text.
func (v *vendor) parseVersion(name, text string) (version.Version, error) {
	if p, ok := v.products[catalog.ProductID(name)]; ok {
		return version.Parse(p.Scheme, text)
	}
	for _, scheme := range []version.Scheme{version.Dotted, version.Semver, version.Debian} {
		if parsed, err := version.Parse(scheme, text); err == nil {
			v.products[catalog.ProductID(name)] = catalog.Product{ID: catalog.ProductID(name), Name: name, Vendor: name, Platform: catalog.Linux, Scheme: scheme}
			return parsed, nil
		}
	}
	return version.Version{}, fmt.Errorf("%q is no version: write it as 121.0.6167.85, 1.2.3-rc.1 or 1:2.3-4", text)
}

// digestOf is the digest of the bytes that a version of a product consists of.
func digestOf(product string, v version.Version, salt string) integrity.Digest {
	sum := sha256.Sum256([]byte(product + " " + v.String() + salt))
	return integrity.Digest{Algorithm: integrity.SHA256, Sum: hex.EncodeToString(sum[:])}
}

// publish lists a patch and serves its file. A LatestOnly product has one URL for all its versions.
func (v *vendor) publish(p catalog.Patch, availability catalog.Availability, signer string, noChecksum bool) catalog.Patch {
	name := string(p.Product)
	url := fmt.Sprintf("https://%s.example/%s", name, p.Version)
	if availability == catalog.LatestOnly {
		url = fmt.Sprintf("https://%s.example/latest", name)
	}
	p.Published = v.w.now
	a := catalog.Artifact{Name: name + ".pkg", Availability: availability, URL: url, Signer: signer}
	if !noChecksum {
		a.Digests = []integrity.Digest{digestOf(name, p.Version, "")}
	}
	if availability == catalog.Vendor {
		a.URL = ""
	}
	if signer != "" {
		a.SignatureURL = url + ".sig"
	}
	p.Artifacts = []catalog.Artifact{a}
	v.patches[p.ID] = p
	v.serve(url, name, p.Version, signer)
	return p
}

// serve puts a version's file at a URL, signed by signer if that is not empty.
func (v *vendor) serve(url, product string, at version.Version, signer string) {
	c := &content{version: at, digest: digestOf(product, at, ""), signature: integrity.Signature{Status: integrity.Absent}}
	if signer != "" {
		c.signature = integrity.Signature{Status: integrity.Valid, Signer: signer}
	}
	v.served[url] = c
}

// fetch is what a download of a patch's files finds.
func (v *vendor) fetch(p job.OrderPatch) (job.Fetched, version.Version) {
	var out job.Fetched
	var really version.Version
	for _, f := range p.Files {
		c := v.served[f.URL]
		if c == nil || c.gone {
			out.Code, out.Text = job.FileDownloadFailed, "Nothing is served at "+f.URL+"."
			return out, really
		}
		signature := c.signature
		if f.SignatureURL == "" && signature.Status == integrity.Valid {
			signature = integrity.Signature{Status: integrity.Absent} // a detached one that nobody pointed to
		}
		out.Files = append(out.Files, job.Evidence{Size: 1, Digests: []integrity.Digest{c.digest}, Signature: signature})
		really = c.version
	}
	return out, really
}

// line sets a version line of a product and its end of life.
func (v *vendor) line(product, prefix string, eol time.Time) {
	p := v.products[catalog.ProductID(product)]
	lines := slices.DeleteFunc(slices.Clone(p.Lines), func(l catalog.Line) bool { return l.Prefix == prefix })
	p.Lines = append(lines, catalog.Line{Prefix: prefix, EOL: eol})
	slices.SortFunc(p.Lines, func(a, b catalog.Line) int { return cmp.Compare(a.Prefix, b.Prefix) })
	v.products[p.ID] = p
}
