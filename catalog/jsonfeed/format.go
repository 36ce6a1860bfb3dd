package jsonfeed

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
)

// Format is the number of the document format.
const Format = 1

// FormatError tells why a text is no document of this format. Nothing of it is used.
type FormatError struct {
	Problem string
	Err     error // underneath; may be nil
}

func (e *FormatError) Error() string { return "no patch document: " + e.Problem }

// Unwrap returns the error underneath.
func (e *FormatError) Unwrap() error { return e.Err }

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
	Prefix   string `json:"prefix"`
	EOL      end    `json:"eol,omitzero"`
	Extended end    `json:"extended,omitzero"`
}

type product struct {
	ID           catalog.ProductID `json:"id"`
	Name         string            `json:"name"`
	Vendor       string            `json:"vendor,omitempty"`
	Platform     catalog.Platform  `json:"platform"`
	Architecture string            `json:"architecture,omitempty"`
	Channel      string            `json:"channel,omitempty"`
	Scheme       version.Scheme    `json:"scheme"`
	Lines        []line            `json:"lines,omitempty"`
}

type patch struct {
	ID          catalog.PatchID       `json:"id"`
	Product     catalog.ProductID     `json:"product"`
	Version     version.Version       `json:"version"`
	Title       string                `json:"title,omitempty"`
	Published   time.Time             `json:"published,omitzero"`
	Severity    catalog.Severity      `json:"severity,omitempty"`
	CVEs        []string              `json:"cves,omitempty"`
	Artifacts   []catalog.Artifact    `json:"artifacts"`
	EOLMarked   bool                  `json:"eolMarked,omitempty"`
	EOL         end                   `json:"eol,omitzero"`
	Withdrawn   bool                  `json:"withdrawn,omitempty"`
	Supersedes  []catalog.PatchID     `json:"supersedes,omitempty"`
	Requires    []catalog.Requirement `json:"requires,omitempty"`
	Reboot      bool                  `json:"reboot,omitempty"`
	Transaction string                `json:"transaction,omitempty"`
}

type document struct {
	Format   int               `json:"format"`
	Products []json.RawMessage `json:"products"`
	Patches  []json.RawMessage `json:"patches"`
}

// Parse reads a document. Records that are not fit for the catalog come back as rejected, with every reason and without
// a feed (CAT-16). What is no document as a whole is a *FormatError.
func Parse(data []byte) (products []catalog.Product, patches []catalog.Patch, rejected []catalog.Rejected, err error) {
	var d document
	if err := strict(data, &d); err != nil {
		return nil, nil, nil, &FormatError{Problem: err.Error(), Err: err}
	}
	if d.Format != Format {
		return nil, nil, nil, &FormatError{Problem: fmt.Sprintf("format %d is not known, want %d", d.Format, Format)}
	}
	refuse := func(record string, problems ...string) {
		rejected = append(rejected, catalog.Rejected{Record: record, Reasons: problems})
	}
	productIDs := make(map[catalog.ProductID]bool, len(d.Products))
	for i, raw := range d.Products {
		var r product
		record, problems := read(raw, &r, "product", i)
		p := r.product()
		if problems == nil {
			problems = p.Check()
		}
		if productIDs[p.ID] {
			problems = append(problems, "duplicate id: the document has it more than once")
		}
		if problems != nil {
			refuse(record, problems...)
			continue
		}
		productIDs[p.ID] = true
		products = append(products, p)
	}
	patchIDs := make(map[catalog.PatchID]bool, len(d.Patches))
	for i, raw := range d.Patches {
		var r patch
		record, problems := read(raw, &r, "patch", i)
		p := r.patch()
		if problems == nil {
			problems = p.Check()
		}
		if patchIDs[p.ID] {
			problems = append(problems, "duplicate id: the document has it more than once")
		}
		if problems != nil {
			refuse(record, problems...)
			continue
		}
		patchIDs[p.ID] = true
		patches = append(patches, p)
	}
	return products, patches, rejected, nil
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

// read reads one record and says how to call it: by its id where it has one, else by its place.
func read(raw json.RawMessage, v any, kind string, index int) (record string, problems []string) {
	record = fmt.Sprintf("%s number %d", kind, index+1)
	var named struct {
		ID string `json:"id"`
	}
	// Other members may be of any kind here; the strict reading below tells what is wrong with them.
	if err := json.Unmarshal(raw, &named); err == nil && named.ID != "" && len(named.ID) <= catalog.MaxID {
		record = kind + " " + named.ID
	}
	if string(raw) == "null" {
		return record, []string{"it is null"}
	}
	if err := strict(raw, v); err != nil {
		return record, []string{err.Error()}
	}
	return record, nil
}

func (r product) product() catalog.Product {
	p := catalog.Product{
		ID: r.ID, Name: r.Name, Vendor: r.Vendor, Platform: r.Platform, Architecture: r.Architecture,
		Channel: r.Channel, Scheme: r.Scheme,
	}
	for _, l := range r.Lines {
		p.Lines = append(p.Lines, catalog.Line{Prefix: l.Prefix, EOL: time.Time(l.EOL), Extended: time.Time(l.Extended)})
	}
	return p
}

func (r patch) patch() catalog.Patch {
	return catalog.Patch{
		ID: r.ID, Product: r.Product, Version: r.Version, Title: r.Title, Published: r.Published.UTC(), Severity: r.Severity,
		CVEs: r.CVEs, Artifacts: r.Artifacts, EOLMarked: r.EOLMarked, EOL: time.Time(r.EOL), Withdrawn: r.Withdrawn,
		Supersedes: r.Supersedes, Requires: r.Requires, Reboot: r.Reboot, Transaction: r.Transaction,
	}
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
		r := product{
			ID: p.ID, Name: p.Name, Vendor: p.Vendor, Platform: p.Platform, Architecture: p.Architecture,
			Channel: p.Channel, Scheme: p.Scheme,
		}
		for _, l := range p.Lines {
			r.Lines = append(r.Lines, line{Prefix: l.Prefix, EOL: end(l.EOL.UTC()), Extended: end(l.Extended.UTC())})
		}
		out.Products = append(out.Products, r)
	}
	for _, p := range patches {
		if reasons := p.Check(); len(reasons) > 0 {
			refuse("patch "+string(p.ID), reasons)
		}
		artifacts := p.Artifacts
		if artifacts == nil {
			artifacts = []catalog.Artifact{}
		}
		out.Patches = append(out.Patches, patch{
			ID: p.ID, Product: p.Product, Version: p.Version, Title: p.Title, Published: p.Published.UTC(), Severity: p.Severity,
			CVEs: p.CVEs, Artifacts: artifacts, EOLMarked: p.EOLMarked, EOL: end(p.EOL.UTC()), Withdrawn: p.Withdrawn,
			Supersedes: p.Supersedes, Requires: p.Requires, Reboot: p.Reboot, Transaction: p.Transaction,
		})
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
