package catalog

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"fmt"
	"io"
	"slices"

	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/internal/enum"
)

// Decode reads what Encode wrote, in this release or another (MAN-11). It
// checks everything again, and takes at most 4 GiB unpacked. It leaves out a
// product or patch with a name or a version scheme that this release does not
// know: the next sync lists it again or rejects it (CAT-16).
func Decode(r io.Reader) (*Snapshot, error) {
	zip, err := gzip.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("stored catalog: not a gzip stream: %w", err)
	}
	d := &decoder{lines: bufio.NewScanner(io.LimitReader(zip, maxEncoded)), s: &Snapshot{}, left: map[ProductID]bool{}}
	d.lines.Buffer(make([]byte, 1<<16), maxEncodedLine)
	if err := d.snapshot(); err != nil {
		return nil, err
	}
	return d.s, nil
}

type decoder struct {
	lines *bufio.Scanner
	line  int
	s     *Snapshot

	facts []facts // by feed

	strange bool // this record has an unknown name
	left    map[ProductID]bool
}

// NoteUnknown notes that this record is left out.
func (d *decoder) NoteUnknown(string, string) { d.strange = true }

func (d *decoder) fail(format string, args ...any) error {
	return fmt.Errorf("stored catalog: line %d: %w", d.line, fmt.Errorf(format, args...))
}

// next reads the next line into v.
func (d *decoder) next(v any) error {
	d.line++
	if !d.lines.Scan() {
		return d.fail("%w", cmp.Or(d.lines.Err(), io.ErrUnexpectedEOF))
	}
	d.strange = false
	if err := enum.UnmarshalTo(d.lines.Bytes(), v, d); err != nil {
		return d.fail("%w", err)
	}
	return nil
}

func (d *decoder) snapshot() error {
	var h encodedHeader
	if err := d.next(&h); err != nil {
		return err
	}
	if h.Format != encodingFormat {
		return d.fail("format %d is unknown, want %d", h.Format, encodingFormat)
	}
	d.s.id, d.s.at = h.ID, h.At
	for _, part := range []struct {
		what    string
		n, most int
		read    func() error
	}{
		{"feeds", h.Feeds, MaxFeeds, record(d, d.feed)},
		{"owners", h.Owners, maxOwners, record(d, d.owner)},
		{"products", h.Products, MaxProducts, record(d, d.product)},
		{"patches", h.Patches, MaxPatches, record(d, d.patch)},
		{"custom URLs", h.Custom, MaxCustomURLs, record(d, d.custom)},
		{"vulnerabilities", h.Vulnerabilities, MaxVulnerabilities, record(d, d.vulnerability)},
		{"advisories", h.Advisories, MaxAdvisories, record(d, d.advisory)},
		{"line sets", h.LineSets, MaxLineSets, record(d, d.lineSet)},
		{"former patches", h.Former, MaxFormer, record(d, d.former)},
	} {
		if part.n < 0 || part.n > part.most {
			return d.fail("%d %s, want 0 to %d", part.n, part.what, part.most)
		}
		for range part.n {
			if err := part.read(); err != nil {
				return err
			}
		}
	}
	d.line++
	if d.lines.Scan() {
		return d.fail("text after the last record")
	}
	if err := d.lines.Err(); err != nil {
		return d.fail("%w", err)
	}
	for _, kind := range []edgeKind{supersedence, requirements} {
		edges := edgesOf(len(d.s.patches), func(i int) *Patch { return &d.s.patches[i].Patch }, d.s.authority, kind)
		if found := cycles(edges); len(found) > 0 {
			return d.fail("%s cycle with patch %s", kind.noun, d.s.patches[found[0][0]].ID)
		}
	}
	slices.SortFunc(d.s.owners, compareOwned) // another release may have written other kinds
	for i := range d.s.feeds {
		d.s.facts = append(d.s.facts, newFacts(d.facts[i]))
	}
	d.s.index()
	return nil
}

// record returns a function that reads the next record. Add adds it to the
// snapshot and returns what to call it. With a problem nothing of the snapshot is used.
func record[T any](d *decoder, add func(v *T, c *checker) (kind, name string)) func() error {
	return func() error {
		var v T
		if err := d.next(&v); err != nil {
			return err
		}
		var c checker
		if kind, name := add(&v, &c); len(c.problems) > 0 {
			return d.fail("%s %.80q: %s", kind, name, c.problems[0])
		}
		return nil
	}
}

func (d *decoder) feed(f *FeedHealth, c *checker) (kind, name string) {
	c.text("the feed id", string(f.Feed), MaxID, true)
	if n := len(d.s.feeds); n > 0 && d.s.feeds[n-1].Feed >= f.Feed {
		c.addf("it is out of order")
	}
	f.Authority = cmp.Or(f.Authority, string(f.Feed))
	d.s.feeds, d.facts = append(d.s.feeds, *f), append(d.facts, facts{})
	return "feed", string(f.Feed)
}

func (d *decoder) owner(o *owned, c *checker) (kind, name string) {
	c.text("the name", o.Name, 2*MaxText, true) // a vendor's name can be longer in lower case
	c.text("the authority", o.Authority, MaxText, true)
	if n := len(d.s.owners); n > 0 && compareOwned(d.s.owners[n-1], *o) >= 0 && slices.Contains(kinds, o.Kind) {
		c.addf("it is out of order")
	}
	d.s.owners = append(d.s.owners, *o)
	return "owner of " + o.Kind, o.Name
}

func (d *decoder) product(p *encodedProduct, c *checker) (kind, name string) {
	if d.strange || p.Product.Scheme == version.Unknown {
		d.left[p.Product.ID] = true
		return "", ""
	}
	c.problems = p.Product.Check()
	if n := len(d.s.products); n > 0 && d.s.products[n-1].ID >= p.Product.ID {
		c.addf("it is out of order")
	}
	p.Product.Lines = normalLines(p.Product.Lines)
	d.s.products = append(d.s.products, listedProduct{Product: p.Product, own: p.Product.Lines, feed: d.feedIndex(p.Feed, c)})
	return "product", string(p.Product.ID)
}

func (d *decoder) feedIndex(id FeedID, c *checker) int32 {
	i, known := d.s.feedIndex(id)
	if !known {
		c.addf("unknown feed %.80q", id)
	}
	return int32(i)
}

func (d *decoder) patch(p *encodedPatch, c *checker) (kind, name string) {
	if d.strange || d.left[p.Patch.Product] || p.Patch.Version.NotKnown() != "" || p.Patch.Source.NotKnown() != "" {
		return "", ""
	}
	c.problems = p.Patch.Check()
	if n := len(d.s.patches); n > 0 && d.s.patches[n-1].ID >= p.Patch.ID {
		c.addf("it is out of order")
	}
	feed := d.feedIndex(p.Feed, c)
	product, known := d.s.productIndex(p.Patch.Product)
	switch {
	case !known:
		c.addf("unknown product %.80q", p.Patch.Product)
	case d.s.products[product].Scheme != p.Patch.Version.Scheme():
		c.addf("its version is not of its product's scheme")
	case len(c.problems) == 0 && d.s.feeds[d.s.products[product].feed].Authority != d.s.feeds[feed].Authority:
		c.addf("its feed has no authority over its product")
	}
	d.s.patches = append(d.s.patches, listedPatch{p.Patch, feed, int32(product), p.Deprecated})
	return "patch", string(p.Patch.ID)
}

func (d *decoder) custom(u *CustomURL, c *checker) (kind, name string) {
	c.text("the patch", string(u.Patch), MaxID, true)
	c.text("the artifact's name", u.Artifact, MaxFileName, true)
	if problem := urlProblem(u.URL); problem != "" {
		c.addf("URL %.200q %s", u.URL, problem)
	}
	if n := len(d.s.custom); n > 0 && compareCustom(d.s.custom[n-1], *u) >= 0 {
		c.addf("it is out of order")
	}
	d.s.custom = append(d.s.custom, *u)
	return fmt.Sprintf("custom URL of patch %.80q, artifact", u.Patch), u.Artifact
}
