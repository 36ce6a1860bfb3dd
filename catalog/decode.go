package catalog

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"errors"
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
	d.json = json.NewDecoder(&d.rest)
	if err := d.snapshot(); err != nil {
		return nil, err
	}
	return d.s, nil
}

// decoder is one call of Decode.
type decoder struct {
	lines *bufio.Scanner
	line  int
	rest  rest
	json  *json.Decoder // reads rest; one for all lines, because making one costs as much as reading a line
	s     *Snapshot

	strange bool // this record has an unknown name
	left    map[ProductID]bool
}

// NoteUnknown notes that this record is left out.
func (d *decoder) NoteUnknown(string, string) { d.strange = true }

// rest is the unread part of the line. A value that does not end on its line is
// an error.
type rest []byte

func (r *rest) Read(p []byte) (int, error) {
	if len(*r) == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n := copy(p, *r)
	*r = (*r)[n:]
	return n, nil
}

func (d *decoder) fail(format string, args ...any) error {
	return fmt.Errorf("stored catalog: line %d: %w", d.line, fmt.Errorf(format, args...))
}

// next reads the next line into v. It refuses more than one value.
func (d *decoder) next(v any) error {
	d.line++
	if !d.lines.Scan() {
		return d.fail("%w", cmp.Or(d.lines.Err(), io.ErrUnexpectedEOF))
	}
	d.rest = d.lines.Bytes()
	end := d.json.InputOffset() + int64(len(d.rest))
	d.strange = false
	line := []byte(d.rest)
	if err := d.json.Decode(v); err != nil && (errors.Is(err, io.ErrUnexpectedEOF) || enum.UnmarshalTo(line, v, d) != nil) {
		return d.fail("%w", err)
	}
	if d.json.InputOffset() != end {
		return d.fail("more than one value")
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
	for _, bound := range []struct {
		what      string
		have, max int
	}{{"feeds", h.Feeds, MaxFeeds}, {"owners", h.Owners, maxOwners}, {"products", h.Products, MaxProducts}, {"patches", h.Patches, MaxPatches}, {"custom URLs", h.Custom, MaxCustomURLs}} {
		if bound.have < 0 || bound.have > bound.max {
			return d.fail("%d %s, want 0 to %d", bound.have, bound.what, bound.max)
		}
	}
	d.s.id, d.s.at = h.ID, h.At
	d.s.products = make([]Product, 0, min(h.Products, maxReserved))
	d.s.from = make([]int32, 0, min(h.Products, maxReserved))
	d.s.patches = make([]Patch, 0, min(h.Patches, maxReserved))
	d.s.states = make([]patchState, 0, min(h.Patches, maxReserved))
	for _, part := range []struct {
		n    int
		read func() error
	}{{h.Feeds, d.feed}, {h.Owners, d.owner}, {h.Products, d.product}, {h.Patches, d.patch}, {h.Custom, d.custom}} {
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
		if found := cycles(d.s.edges(kind)); len(found) > 0 {
			return d.fail("%s cycle with patch %s", kind.noun, d.s.patches[found[0][0]].ID)
		}
	}
	slices.SortFunc(d.s.owners, compareOwned) // another release may have written other kinds
	d.s.index()
	return nil
}

func (d *decoder) feed() error {
	var f FeedHealth
	if err := d.next(&f); err != nil {
		return err
	}
	var c checker
	c.text("the feed id", string(f.Feed), MaxID, true)
	if n := len(d.s.feeds); n > 0 && d.s.feeds[n-1].Feed >= f.Feed {
		c.addf("feed %s is out of order", f.Feed)
	}
	if len(c.problems) > 0 {
		return d.fail("%s", c.problems[0])
	}
	f.Authority = cmp.Or(f.Authority, string(f.Feed))
	d.s.feeds = append(d.s.feeds, f)
	return nil
}

func (d *decoder) owner() error {
	var o owned
	if err := d.next(&o); err != nil {
		return err
	}
	var c checker
	c.text("the name", o.Name, 2*MaxText, true) // a vendor's name can be longer in lower case
	c.text("the authority", o.Authority, MaxText, true)
	if n := len(d.s.owners); n > 0 && compareOwned(d.s.owners[n-1], o) >= 0 && slices.Contains(kinds, o.Kind) {
		c.addf("it is out of order")
	}
	if len(c.problems) > 0 {
		return d.fail("owner of %s %.80q: %s", o.Kind, o.Name, c.problems[0])
	}
	d.s.owners = append(d.s.owners, o)
	return nil
}

func (d *decoder) product() error {
	var p encodedProduct
	if err := d.next(&p); err != nil {
		return err
	}
	if d.strange || p.Product.Scheme == version.Unknown {
		d.left[p.Product.ID] = true
		return nil
	}
	problems := p.Product.Check()
	if n := len(d.s.products); n > 0 && d.s.products[n-1].ID >= p.Product.ID {
		problems = append(problems, "it is out of order")
	}
	feed, known := d.s.feedIndex(p.Feed)
	if !known {
		problems = append(problems, fmt.Sprintf("unknown feed %.80q", p.Feed))
	}
	if len(problems) > 0 {
		return d.fail("product %.80q: %s", p.Product.ID, problems[0])
	}
	p.Product.Lines = normalLines(p.Product.Lines)
	d.s.products, d.s.from = append(d.s.products, p.Product), append(d.s.from, int32(feed))
	return nil
}

func (d *decoder) patch() error {
	var p encodedPatch
	if err := d.next(&p); err != nil {
		return err
	}
	if d.strange || d.left[p.Patch.Product] || p.Patch.Version.NotKnown() != "" {
		return nil
	}
	problems := p.Patch.Check()
	if n := len(d.s.patches); n > 0 && d.s.patches[n-1].ID >= p.Patch.ID {
		problems = append(problems, "it is out of order")
	}
	feed, known := d.s.feedIndex(p.Feed)
	if !known {
		problems = append(problems, fmt.Sprintf("unknown feed %.80q", p.Feed))
	}
	product, known := findProduct(d.s.products, p.Patch.Product)
	switch {
	case !known:
		problems = append(problems, fmt.Sprintf("unknown product %.80q", p.Patch.Product))
	case d.s.products[product].Scheme != p.Patch.Version.Scheme():
		problems = append(problems, "its version is not of its product's scheme")
	case len(problems) == 0 && d.s.feeds[d.s.from[product]].Authority != d.s.feeds[feed].Authority:
		problems = append(problems, "its feed has no authority over its product")
	}
	if len(problems) > 0 {
		return d.fail("patch %.80q: %s", p.Patch.ID, problems[0])
	}
	d.s.patches = append(d.s.patches, p.Patch)
	d.s.states = append(d.s.states, patchState{feed: int32(feed), product: int32(product), deprecated: p.Deprecated})
	return nil
}

func (d *decoder) custom() error {
	var u CustomURL
	if err := d.next(&u); err != nil {
		return err
	}
	var c checker
	c.text("the patch", string(u.Patch), MaxID, true)
	c.text("the artifact's name", u.Artifact, MaxFileName, true)
	if problem := urlProblem(u.URL); problem != "" {
		c.addf("URL %.200q %s", u.URL, problem)
	}
	if n := len(d.s.custom); n > 0 && compareCustom(d.s.custom[n-1], u) >= 0 {
		c.addf("it is out of order")
	}
	if len(c.problems) > 0 {
		return d.fail("custom URL of artifact %.80q of patch %.80q: %s", u.Artifact, u.Patch, c.problems[0])
	}
	d.s.custom = append(d.s.custom, u)
	return nil
}
