package jsonfeed

import (
	"bytes"
	"encoding/json"
	"errors"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
)

// Marshal writes the document of b's Dated, AllExploited and records. Parse
// reads it. Listed of patches, which is the catalog's, is left out. It refuses
// records that Parse would reject, with a joined *[catalog.Rejected] for each.
func Marshal(b catalog.Batch) ([]byte, error) {
	out, problems := documentOf(b)
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(out); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}

func documentOf(b catalog.Batch) (out document, problems []error) {
	check := func(record string, reasons []string) {
		if len(reasons) > 0 {
			problems = append(problems, &catalog.Rejected{Feed: b.Feed, Record: record, Reasons: reasons})
		}
	}
	out = document{Format: Format, Dated: b.Dated.UTC(), Products: make([]product, 0, len(b.Products)), Patches: make([]patch, 0, len(b.Patches))}
	for _, p := range b.Products {
		check("product "+string(p.ID), p.Check())
		out.Products = append(out.Products, product{Product: p, Lines: writeLines(p.Lines)})
	}
	for _, p := range b.Patches {
		check("patch "+string(p.ID), p.Check())
		p.Published, p.Listed = p.Published.UTC(), time.Time{}
		if p.Artifacts == nil {
			p.Artifacts = []catalog.Artifact{}
		}
		out.Patches = append(out.Patches, patch{Patch: p, EOL: end(p.EOL.UTC())})
	}
	out.AllExploited = b.AllExploited
	for _, v := range b.Vulnerabilities {
		check("vulnerability "+v.ID, v.Check())
		v.Published, v.Listed, v.Due = v.Published.UTC(), v.Listed.UTC(), v.Due.UTC()
		out.Vulnerabilities = append(out.Vulnerabilities, v)
	}
	for _, a := range b.Advisories {
		check("advisory "+a.ID, a.Check())
		a.Published, a.Modified = a.Published.UTC(), a.Modified.UTC()
		if a.Fixes == nil {
			a.Fixes = []catalog.Fix{}
		}
		out.Advisories = append(out.Advisories, a)
	}
	for _, l := range b.Lines {
		check("lines of product "+string(l.Product), l.Check())
		out.LineSets = append(out.LineSets, lineSet{LineSet: l, Lines: writeLines(l.Lines)})
	}
	return out, problems
}

func writeLines(list []catalog.Line) []line {
	lines := make([]line, 0, len(list))
	for _, l := range list {
		lines = append(lines, line{Prefix: l.Prefix, EOL: lineEnd{end(l.EOL.UTC()), l.Over}, Extended: end(l.Extended.UTC())})
	}
	return lines
}
