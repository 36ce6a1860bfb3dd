package jsonfeed

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/internal/fetch"
	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/internal/strictjson"
)

// Format is the number of the document format.
const Format = 1

// Bounds on a document.
const (
	MaxDocument = 64 << 20 // bytes: enough for some 75,000 patches
	MaxRecords  = 1 << 18  // of every kind
	MaxRecord   = 1 << 20  // bytes of one record
)

// end is an end of life in its two forms (CAT-13).
type end time.Time

func (e end) MarshalText() ([]byte, error) { return time.Time(e).MarshalText() }

func (e *end) UnmarshalText(text []byte) error {
	t, err := catalog.ParseEOL(string(text))
	*e = end(t)
	return err
}

func (e end) IsZero() bool { return time.Time(e).IsZero() }

// lineEnd is the end of life of a line. True: it has ended on an unknown date
// (CAT-11).
type lineEnd struct {
	at   end
	over bool
}

func (e lineEnd) IsZero() bool { return e == lineEnd{} }

func (e lineEnd) MarshalJSON() ([]byte, error) {
	if e.over && e.at.IsZero() {
		return []byte("true"), nil
	}
	return json.Marshal(e.at)
}

func (e *lineEnd) UnmarshalJSON(data []byte) error {
	if text := string(data); text == "true" || text == "false" {
		e.over = text == "true"
		return nil
	}
	if err := json.Unmarshal(data, &e.at); err != nil {
		return fmt.Errorf("a line's end of life %.60s is no date, no instant, and not true or false", data)
	}
	return nil
}

type line struct {
	Prefix   string  `json:"prefix"`
	EOL      lineEnd `json:"eol,omitzero"`
	Extended end     `json:"extended,omitzero"`
}

func readLines(list []line) []catalog.Line {
	var lines []catalog.Line
	for _, l := range list {
		lines = append(lines, catalog.Line{Prefix: l.Prefix, EOL: time.Time(l.EOL.at), Over: l.EOL.over, Extended: time.Time(l.Extended)})
	}
	return lines
}

// product, patch and lineSet are the catalog's records with an end of life in
// either form.
type product struct {
	catalog.Product
	Lines []line `json:"lines,omitempty"`
}

type patch struct {
	catalog.Patch
	EOL end `json:"eol,omitzero"`
}

type lineSet struct {
	catalog.LineSet
	Lines []line `json:"lines"`
}

// document is what Marshal writes.
type document struct {
	Format   int       `json:"format"`
	Dated    time.Time `json:"dated,omitzero"`
	Products []product `json:"products"`
	Patches  []patch   `json:"patches"`

	Vulnerabilities []catalog.Vulnerability `json:"vulnerabilities,omitempty"`
	AllExploited    bool                    `json:"allExploited,omitempty"`
	Advisories      []catalog.Advisory      `json:"advisories,omitempty"`
	LineSets        []lineSet               `json:"lineSets,omitempty"`
}

// Parse reads the document of a feed. The batch has Dated, AllExploited, the
// records of each kind, and in Rejected those that are not fit for the catalog,
// with every reason (CAT-16): at most 999, and one more that counts the others.
// An error means that the text as a whole is not a document, and that nothing
// of it is used.
func Parse(feed catalog.FeedID, data []byte) (catalog.Batch, error) {
	b, err := read(context.Background(), feed, data)
	if err != nil {
		return catalog.Batch{}, fmt.Errorf("no patch document: %w", err)
	}
	return b, nil
}

func read(ctx context.Context, feed catalog.FeedID, data []byte) (catalog.Batch, error) {
	p := parser{ctx: ctx, batch: catalog.Batch{Feed: feed}, ids: map[string]bool{}, json: json.NewDecoder(bytes.NewReader(data))}
	if err := p.document(); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("it ends too early")
		}
		return catalog.Batch{}, errors.New(problem.Clip(err.Error(), fetch.MaxReason))
	}
	p.batch.Rejected = p.rejects.List(feed)
	return p.batch, nil
}

// parser reads a document record by record, so that no part of it costs much
// more than its length.
type parser struct {
	ctx     context.Context
	json    *json.Decoder
	batch   catalog.Batch
	ids     map[string]bool // of fit records, with their kind
	records int
	rejects fetch.Rejects
}

func (p *parser) document() error {
	if token, err := p.json.Token(); err != nil {
		return err
	} else if token != json.Delim('{') {
		return errors.New(`the document does not begin with "{"`)
	}
	format, seen := 0, map[string]bool{}
	for p.json.More() {
		token, err := p.json.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string)
		if seen[name] {
			return fmt.Errorf("member %q is there twice", name)
		}
		seen[name] = true
		switch name {
		case "format":
			err = p.json.Decode(&format)
		case "dated":
			err = p.json.Decode(&p.batch.Dated)
			p.batch.Dated = p.batch.Dated.UTC()
		case "products":
			err = p.list("product", p.product)
		case "patches":
			err = p.list("patch", p.patch)
		case "vulnerabilities":
			err = p.list("vulnerability", p.vulnerability)
		case "allExploited":
			err = p.json.Decode(&p.batch.AllExploited)
		case "advisories":
			err = p.list("advisory", p.advisory)
		case "lineSets":
			err = p.list("lines of product", p.lineSet)
		default:
			return fmt.Errorf("unknown field %q", name)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if _, err := p.json.Token(); err != nil {
		return err
	}
	if _, err := p.json.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows after its end")
	}
	if format != Format {
		return fmt.Errorf("format %d is not known, want %d", format, Format)
	}
	return nil
}

// list reads the records of one kind. Read returns what is wrong with one, or
// adds it to the batch.
func (p *parser) list(kind string, read func(raw []byte) (id string, problems []string)) error {
	if token, err := p.json.Token(); err != nil || token == nil { // null: none
		return err
	} else if token != json.Delim('[') {
		return errors.New("it is not a list")
	}
	for i := 1; p.json.More(); i++ {
		if p.records++; p.records > MaxRecords {
			return fmt.Errorf("the document has more than %d records", MaxRecords)
		}
		var raw json.RawMessage
		if err := cmp.Or(p.ctx.Err(), p.json.Decode(&raw)); err != nil {
			return err
		}
		var id string
		var problems []string
		switch {
		case len(raw) > MaxRecord:
			problems = []string{fmt.Sprintf("it has %d bytes, the most is %d", len(raw), MaxRecord)}
		case string(raw) == "null":
			problems = []string{"it is null"}
		case raw[0] != '{':
			problems = []string{"it is not an object"}
		default:
			id, problems = read(raw)
		}
		if record := fmt.Sprintf("%s number %d", kind, i); len(problems) > 0 {
			if id != "" && len(id) <= catalog.MaxID {
				record = kind + " " + id
			}
			p.rejects.Add(record, problems...)
		}
	}
	_, err := p.json.Token()
	return err
}

func (p *parser) fit(kind, id string, err error, check func() []string) (problems []string) {
	if err != nil {
		problems = []string{err.Error()}
	} else {
		problems = check()
	}
	if p.ids[kind+id] {
		problems = append(problems, fetch.Duplicate)
	} else if problems == nil {
		p.ids[kind+id] = true
	}
	return problems
}

func (p *parser) product(raw []byte) (id string, problems []string) {
	var r product
	err := strict(raw, &r)
	r.Product.Lines = readLines(r.Lines)
	if problems = p.fit("product ", string(r.ID), err, r.Product.Check); problems == nil {
		p.batch.Products = append(p.batch.Products, r.Product)
	}
	return string(r.ID), problems
}

func (p *parser) patch(raw []byte) (id string, problems []string) {
	var r patch
	err := strict(raw, &r)
	if err == nil && !r.Listed.IsZero() { // the catalog's own
		err = errors.New(`unknown field "listed"`)
	}
	r.Patch.Published, r.Patch.EOL = r.Published.UTC(), time.Time(r.EOL)
	if problems = p.fit("patch ", string(r.ID), err, r.Patch.Check); problems == nil {
		p.batch.Patches = append(p.batch.Patches, r.Patch)
	}
	return string(r.ID), problems
}

func (p *parser) vulnerability(raw []byte) (id string, problems []string) {
	var r catalog.Vulnerability
	err := strict(raw, &r)
	r.Published, r.Listed, r.Due = r.Published.UTC(), r.Listed.UTC(), r.Due.UTC()
	if problems = p.fit("vulnerability ", r.ID, err, r.Check); problems == nil {
		p.batch.Vulnerabilities = append(p.batch.Vulnerabilities, r)
	}
	return r.ID, problems
}

func (p *parser) advisory(raw []byte) (id string, problems []string) {
	var r catalog.Advisory
	err := strict(raw, &r)
	r.Published, r.Modified = r.Published.UTC(), r.Modified.UTC()
	if problems = p.fit("advisory ", r.ID, err, r.Check); problems == nil {
		p.batch.Advisories = append(p.batch.Advisories, r)
	}
	return r.ID, problems
}

func (p *parser) lineSet(raw []byte) (id string, problems []string) {
	var r lineSet
	err := strict(raw, &r)
	r.LineSet.Lines = readLines(r.Lines)
	if problems = p.fit("lines ", string(r.Product), err, r.LineSet.Check); problems == nil {
		p.batch.Lines = append(p.batch.Lines, r.LineSet)
	}
	return string(r.Product), problems
}

// strict reads a record and refuses unknown members and repeated ones.
func strict(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return cmp.Or(strictjson.Check(data, true), d.Decode(v)) // V is set in any case, for its id
}
