package jsonfeed

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
)

// Format is the number of the document format.
const Format = 1

// end is an end of life in its two forms (CAT-13).
type end time.Time

func (e end) MarshalText() ([]byte, error) { return time.Time(e).MarshalText() }

func (e *end) UnmarshalText(text []byte) error {
	t, err := catalog.ParseEOL(string(text))
	*e = end(t)
	return err
}

func (e end) IsZero() bool { return time.Time(e).IsZero() }

type line struct {
	Prefix   string  `json:"prefix"`
	EOL      lineEnd `json:"eol,omitzero"`
	Extended end     `json:"extended,omitzero"`
}

// product and patch are the catalog's records with an end of life in either form.
type product struct {
	catalog.Product
	Lines []line `json:"lines,omitempty"`
}

type patch struct {
	catalog.Patch
	EOL end `json:"eol,omitzero"`
}

type document struct {
	Format   int               `json:"format"`
	Products []json.RawMessage `json:"products"`
	Patches  []json.RawMessage `json:"patches"`
}

// Parse reads a document. Records that are not fit for the catalog come back as rejected, with every reason and without
// a feed (CAT-16). An error says why the text is no document as a whole; nothing of it is used then.
func Parse(data []byte) (products []catalog.Product, patches []catalog.Patch, rejected []catalog.Rejected, err error) {
	var d document
	if err := strict(data, &d); err != nil {
		return nil, nil, nil, fmt.Errorf("no patch document: %w", err)
	}
	if d.Format != Format {
		return nil, nil, nil, fmt.Errorf("no patch document: format %d is not known, want %d", d.Format, Format)
	}
	products = records(d.Products, "product", &rejected, func(raw json.RawMessage) (catalog.Product, string, error) {
		var r product
		err := strict(raw, &r)
		for _, l := range r.Lines {
			r.Product.Lines = append(r.Product.Lines, l.line())
		}
		return r.Product, string(r.ID), err
	})
	patches = records(d.Patches, "patch", &rejected, func(raw json.RawMessage) (catalog.Patch, string, error) {
		var r patch
		err := strict(raw, &r)
		if err == nil && !r.Listed.IsZero() { // the catalog's own
			err = errors.New(`unknown field "listed"`)
		}
		r.Patch.Published, r.Patch.EOL = r.Published.UTC(), time.Time(r.EOL)
		return r.Patch, string(r.ID), err
	})
	return products, patches, rejected, nil
}

// records reads those of one kind.
func records[T interface{ Check() []string }](raws []json.RawMessage, kind string, rejected *[]catalog.Rejected, read func(json.RawMessage) (T, string, error)) (fit []T) {
	seen := make(map[string]bool, len(raws))
	for i, raw := range raws {
		record, id, err := read(raw)
		var problems []string
		switch {
		case string(raw) == "null":
			problems = []string{"it is null"}
		case err != nil:
			problems = []string{err.Error()}
		default:
			problems = record.Check()
		}
		if seen[id] {
			problems = append(problems, "duplicate id: the document has it more than once")
		}
		if problems != nil {
			*rejected = append(*rejected, catalog.Rejected{Record: called(raw, kind, i), Reasons: problems})
			continue
		}
		seen[id] = true
		fit = append(fit, record)
	}
	return fit
}

// strict reads one JSON value and nothing else, refusing unknown members.
func strict(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return errors.New("it ends too early")
		}
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows after its end")
	}
	return nil
}

// called names a record: by its id where it has one, else by its place.
func called(raw json.RawMessage, kind string, index int) string {
	var named struct {
		ID string `json:"id"`
	}
	// Other members may be of any kind here; the strict reading tells what is wrong with them.
	if err := json.Unmarshal(raw, &named); err == nil && named.ID != "" && len(named.ID) <= catalog.MaxID {
		return kind + " " + named.ID
	}
	return fmt.Sprintf("%s number %d", kind, index+1)
}

// Marshal writes a document that Parse reads back. Listed, which is the catalog's own, is left out. It refuses records
// that Parse would reject, with the *catalog.Rejected of each joined.
func Marshal(products []catalog.Product, patches []catalog.Patch) ([]byte, error) {
	var problems []error
	refuse := func(record string, reasons []string) {
		problems = append(problems, &catalog.Rejected{Record: record, Reasons: reasons})
	}
	out := struct {
		Format   int       `json:"format"`
		Products []product `json:"products"`
		Patches  []patch   `json:"patches"`
	}{Format, make([]product, 0, len(products)), make([]patch, 0, len(patches))}
	for _, p := range products {
		if reasons := p.Check(); len(reasons) > 0 {
			refuse("product "+string(p.ID), reasons)
		}
		r := product{Product: p}
		for _, l := range p.Lines {
			r.Lines = append(r.Lines, line{Prefix: l.Prefix, EOL: lineEndOf(l), Extended: end(l.Extended.UTC())})
		}
		out.Products = append(out.Products, r)
	}
	for _, p := range patches {
		if reasons := p.Check(); len(reasons) > 0 {
			refuse("patch "+string(p.ID), reasons)
		}
		p.Published, p.Listed = p.Published.UTC(), time.Time{}
		if p.Artifacts == nil {
			p.Artifacts = []catalog.Artifact{}
		}
		out.Patches = append(out.Patches, patch{Patch: p, EOL: end(p.EOL.UTC())})
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(out); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
