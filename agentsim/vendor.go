package agentsim

import (
	"cmp"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
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

// digestsOf are the digests of the bytes that a version of a product consists of, by every algorithm.
func digestsOf(product string, v version.Version, salt string) []integrity.Digest {
	data := []byte(product + " " + v.String() + salt)
	s256, s384, s512, s1, m5 := sha256.Sum256(data), sha512.Sum384(data), sha512.Sum512(data), sha1.Sum(data), md5.Sum(data)
	var list []integrity.Digest
	for _, d := range []struct {
		algorithm integrity.Algorithm
		sum       []byte
	}{{integrity.SHA256, s256[:]}, {integrity.SHA384, s384[:]}, {integrity.SHA512, s512[:]}, {integrity.SHA1, s1[:]}, {integrity.MD5, m5[:]}} {
		list = append(list, integrity.Digest{Algorithm: d.algorithm, Sum: hex.EncodeToString(d.sum)})
	}
	return list
}

// offered is how a patch's one file is offered.
type offered struct {
	availability catalog.Availability
	signer       string
	checksum     integrity.Algorithm // zero: none is published
}

// publish lists a patch and serves its file. A LatestOnly product has one URL for all its versions.
func (v *vendor) publish(p catalog.Patch, o offered) {
	name := string(p.Product)
	url := fmt.Sprintf("https://%s.example/%s", name, p.Version)
	if o.availability == catalog.LatestOnly {
		url = fmt.Sprintf("https://%s.example/latest", name)
	}
	p.Published = v.w.now
	a := catalog.Artifact{Name: name + ".pkg", Availability: o.availability, URL: url, Signer: o.signer}
	for _, d := range digestsOf(name, p.Version, "") {
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
		v.serve(url, name, p.Version, o.signer)
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

// serve puts a version's file at a URL, signed by signer if that is not empty.
func (v *vendor) serve(url, product string, at version.Version, signer string) *content {
	c := &content{version: at, digests: digestsOf(product, at, ""), signature: integrity.Signature{Status: integrity.Absent}}
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
		if f.SignatureURL == "" && f.Expect.Signer == "" && signature.Status == integrity.Valid {
			signature = integrity.Signature{Status: integrity.Absent} // a detached one that nobody pointed to
		}
		out.Files = append(out.Files, execution.Evidence{Size: 1, Digests: slices.Clone(c.digests), Signature: signature})
		really = c.version
	}
	return out, really
}

// line sets a version line of a product and its end of life.
func (v *vendor) line(product, prefix string, eol, extended time.Time) {
	p := v.products[catalog.ProductID(product)]
	lines := slices.DeleteFunc(slices.Clone(p.Lines), func(l catalog.Line) bool { return l.Prefix == prefix })
	p.Lines = append(lines, catalog.Line{Prefix: prefix, EOL: eol, Extended: extended})
	slices.SortFunc(p.Lines, func(a, b catalog.Line) int { return cmp.Compare(a.Prefix, b.Prefix) })
	v.products[p.ID] = p
}

// vendorDeeds is what a vendor can do.
const vendorDeeds = `vendor marks PATCH end of life[ at TIME]
vendor withdraws|removes|takes down|restores PATCH
vendor strips|damages PATCH                 its signature is gone; its bytes are others
vendor signs PATCH by NAME|unreadably
vendor serves VERSION for PATCH
vendor feed fails|recovers`

// does carries out a line about the vendor.
func (v *vendor) does(p *player, rest string) error {
	teach := fmt.Errorf("%q is nothing a vendor does; write one of:\n%s", rest, vendorDeeds)
	f := strings.Fields(rest)
	switch {
	case len(f) < 2:
		return teach
	case rest == "feed fails":
		v.failing = "connection refused"
		v.w.log("vendor", "%s", rest)
		return nil
	case rest == "feed recovers":
		v.failing = ""
		v.w.log("vendor", "%s", rest)
		return nil
	}
	id := f[1]
	if f[0] == "takes" || f[0] == "serves" {
		id = f[len(f)-1]
	}
	patch, ok := v.patches[catalog.PatchID(id)]
	if !ok {
		return notNowf("there is no patch %q; what a vendor does is one of:\n%s", id, vendorDeeds)
	}
	product, artifact := string(patch.Product), patch.Artifacts[0]
	served := v.served[artifact.Source()]
	if served == nil {
		served = &content{}
	}
	switch {
	case f[0] == "marks" && strings.HasPrefix(rest, "marks "+id+" end of life"):
		patch.EOLMarked = true
		if _, at, ok := strings.Cut(rest, " at "); ok {
			t, err := p.instant(at)
			if err != nil {
				return err
			}
			patch.EOL = t
		}
	case f[0] == "withdraws":
		patch.Withdrawn = true
	case f[0] == "removes":
	case f[0] == "takes" && f[1] == "down":
		served.gone = true
	case f[0] == "restores":
		v.serve(artifact.Source(), product, patch.Version, artifact.Signer)
	case f[0] == "strips":
		served.signature = integrity.Signature{Status: integrity.Absent}
	case f[0] == "damages":
		served.digests = digestsOf(product, patch.Version, " damaged")
		if served.signature.Status == integrity.Valid {
			served.signature = integrity.Signature{Status: integrity.Bad, Detail: "the bytes were changed"}
		}
	case len(f) == 3 && f[0] == "signs" && f[2] == "unreadably":
		served.signature = integrity.Signature{Status: integrity.Unsupported, Detail: "a format that nobody here reads"}
	case len(f) == 4 && f[0] == "signs" && f[2] == "by":
		served.signature = integrity.Signature{Status: integrity.Valid, Signer: f[3]}
	case len(f) == 4 && f[0] == "serves" && f[2] == "for":
		version, err := v.parseVersion(product, f[1])
		if err != nil {
			return err
		}
		v.serve(artifact.Source(), product, version, artifact.Signer)
	default:
		return teach
	}
	v.w.log("vendor", "%s", rest)
	v.patches[patch.ID] = patch
	if f[0] == "removes" {
		delete(v.patches, patch.ID)
	}
	return nil
}
