package catalog

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"
)

// The stored form of a snapshot is a gzip stream of lines, each one JSON object:
//
//	header   {"format":1,"id":7,"at":"2026-01-02T03:04:05Z","feeds":1,"products":1,"patches":1}
//	feeds    FeedHealth, one a line, by id
//	products {"product":Product without lines,"offers":[{"feed":ID,"lines":[Line…],"implied":true}]}, by id
//	patches  {"feed":ID,"deprecated":true,"patch":Patch}, by id
//
// Equal snapshots have equal lines. Order by version and supersedence are derived again on reading.
const encodingFormat = 1

// Bounds of the stored form: on a line, far above what the limits on a record allow; on the whole, unpacked.
const (
	maxEncodedLine = 16 << 20
	maxEncoded     = 4 << 30
)

type encodedHeader struct {
	Format   int       `json:"format"`
	ID       uint64    `json:"id"`
	At       time.Time `json:"at,omitzero"`
	Feeds    int       `json:"feeds"`
	Products int       `json:"products"`
	Patches  int       `json:"patches"`
}

type encodedProduct struct {
	Product Product        `json:"product"`
	Offers  []encodedOffer `json:"offers"`
}

type encodedOffer struct {
	Feed    FeedID `json:"feed"`
	Lines   []Line `json:"lines,omitempty"`
	Implied bool   `json:"implied,omitempty"`
}

type encodedPatch struct {
	Feed       FeedID `json:"feed"`
	Deprecated bool   `json:"deprecated,omitempty"`
	Patch      Patch  `json:"patch"`
}

// Encode writes the snapshot with everything Sync needs to go on from it: feed health and deprecations included.
func (s *Snapshot) Encode(w io.Writer) error {
	if s == nil {
		s = &Snapshot{}
	}
	zip := gzip.NewWriter(w)
	buffer := bufio.NewWriterSize(zip, 1<<16)
	if err := s.encodeLines(buffer); err != nil {
		return err
	}
	if err := buffer.Flush(); err != nil {
		return err
	}
	return zip.Close()
}

func (s *Snapshot) encodeLines(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	if err := e.Encode(encodedHeader{encodingFormat, s.id, s.at, len(s.feeds), len(s.products), len(s.patches)}); err != nil {
		return err
	}
	for _, f := range s.feeds {
		if err := e.Encode(f); err != nil {
			return err
		}
	}
	offers := s.offers
	for i, p := range s.products {
		record := encodedProduct{Product: p}
		record.Product.Lines = nil
		for len(offers) > 0 && offers[0].product == int32(i) {
			o := offers[0]
			record.Offers = append(record.Offers, encodedOffer{Feed: s.feeds[o.feed].Feed, Lines: o.lines, Implied: o.implied})
			offers = offers[1:]
		}
		if err := e.Encode(record); err != nil {
			return err
		}
	}
	for i := range s.patches {
		st := s.states[i]
		if err := e.Encode(encodedPatch{Feed: s.feeds[st.feed].Feed, Deprecated: st.deprecated, Patch: s.patches[i]}); err != nil {
			return err
		}
	}
	return nil
}

// DecodeError tells why bytes are no stored snapshot.
type DecodeError struct {
	Line    int // of the unpacked text, from 1
	Problem string
	Err     error // underneath; may be nil
}

func (e *DecodeError) Error() string {
	return fmt.Sprintf("stored catalog: line %d: %s", e.Line, e.Problem)
}

// Unwrap returns the error underneath.
func (e *DecodeError) Unwrap() error { return e.Err }

// Decode reads what Encode wrote. It checks everything again, takes at most 4 GiB unpacked and returns a *DecodeError.
func Decode(r io.Reader) (*Snapshot, error) {
	zip, err := gzip.NewReader(r)
	if err != nil {
		return nil, &DecodeError{Line: 1, Problem: "not a gzip stream: " + err.Error(), Err: err}
	}
	d := &decoder{lines: bufio.NewScanner(io.LimitReader(zip, maxEncoded)), s: &Snapshot{}}
	d.lines.Buffer(make([]byte, 1<<16), maxEncodedLine)
	if err := d.snapshot(); err != nil {
		return nil, err
	}
	return d.s, nil
}

// decoder is one Decode under way.
type decoder struct {
	lines *bufio.Scanner
	line  int
	s     *Snapshot
}

func (d *decoder) fail(format string, args ...any) error {
	return &DecodeError{Line: d.line, Problem: fmt.Sprintf(format, args...)}
}

// next reads the next line into v, refusing unknown fields and more than one value.
func (d *decoder) next(v any) error {
	d.line++
	if !d.lines.Scan() {
		err := d.lines.Err()
		if err == nil {
			err = io.ErrUnexpectedEOF
		}
		return &DecodeError{Line: d.line, Problem: err.Error(), Err: err}
	}
	j := json.NewDecoder(bytes.NewReader(d.lines.Bytes()))
	j.DisallowUnknownFields()
	if err := j.Decode(v); err != nil {
		return &DecodeError{Line: d.line, Problem: err.Error(), Err: err}
	}
	if j.InputOffset() != int64(len(d.lines.Bytes())) {
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
		return d.fail("format %d is not known, want %d", h.Format, encodingFormat)
	}
	for _, bound := range []struct {
		what      string
		have, max int
	}{{"feeds", h.Feeds, MaxFeeds}, {"products", h.Products, MaxProducts}, {"patches", h.Patches, MaxPatches}} {
		if bound.have < 0 || bound.have > bound.max {
			return d.fail("%d %s, want 0 to %d", bound.have, bound.what, bound.max)
		}
	}
	d.s.id, d.s.at = h.ID, h.At
	for _, part := range []struct {
		n    int
		read func() error
	}{{h.Feeds, d.feed}, {h.Products, d.product}, {h.Patches, d.patch}} {
		for range part.n {
			if err := part.read(); err != nil {
				return err
			}
		}
	}
	if d.lines.Scan() {
		d.line++
		return d.fail("text after the last patch")
	}
	if err := d.lines.Err(); err != nil {
		return &DecodeError{Line: d.line + 1, Problem: err.Error(), Err: err}
	}
	for _, kind := range []edgeKind{supersedence, requirements} {
		edges := edgesOf(len(d.s.patches), func(i int) *Patch { return &d.s.patches[i] }, kind)
		if found := cycles(edges); len(found) > 0 {
			return d.fail("%s cycle with patch %s", kind.noun, d.s.patches[found[0][0]].ID)
		}
	}
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
	d.s.feeds = append(d.s.feeds, f)
	return nil
}

func (d *decoder) product() error {
	var p encodedProduct
	if err := d.next(&p); err != nil {
		return err
	}
	problems := p.Product.Check()
	if n := len(d.s.products); n > 0 && d.s.products[n-1].ID >= p.Product.ID {
		problems = append(problems, "it is out of order")
	}
	if len(p.Product.Lines) > 0 || len(p.Offers) == 0 {
		problems = append(problems, "its lines belong into at least one offer")
	}
	index := int32(len(d.s.products))
	for i, o := range p.Offers {
		feed, known := d.s.feedIndex(o.Feed)
		if !known || i > 0 && p.Offers[i-1].Feed >= o.Feed {
			problems = append(problems, fmt.Sprintf("offer of feed %.80q is unknown or out of order", o.Feed))
		}
		with := p.Product
		with.Lines = o.Lines
		problems = append(problems, with.Check()...)
		lines := normalLines(o.Lines)
		d.s.offers = append(d.s.offers, offer{product: index, feed: int32(feed), implied: o.Implied, lines: lines})
		p.Product.Lines = mergeLines(p.Product.Lines, lines)
	}
	if len(problems) > 0 {
		return d.fail("product %.80q: %s", p.Product.ID, problems[0])
	}
	d.s.products = append(d.s.products, p.Product)
	return nil
}

func (d *decoder) patch() error {
	var p encodedPatch
	if err := d.next(&p); err != nil {
		return err
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
	default:
		o := offer{product: int32(product), feed: int32(feed)}
		if _, listed := slices.BinarySearchFunc(d.s.offers, o, compareOffers); !listed {
			problems = append(problems, "its feed does not offer its product")
		}
	}
	if len(problems) > 0 {
		return d.fail("patch %.80q: %s", p.Patch.ID, problems[0])
	}
	d.s.patches = append(d.s.patches, p.Patch)
	d.s.states = append(d.s.states, patchState{feed: int32(feed), product: int32(product), deprecated: p.Deprecated})
	return nil
}
