package catalog

import (
	"fmt"

	"github.com/patchpolicy/patchpolicy/internal/enum"
)

// factsOf returns what is read so far of a feed. If there is no such feed, it
// goes nowhere.
func (d *decoder) factsOf(id FeedID, c *checker) *facts {
	if i := d.feedIndex(id, c); len(c.problems) == 0 {
		return &d.facts[i]
	}
	return &facts{}
}

// addTo appends a record that must come after the last one of its feed.
func addTo[T any](list *[]T, record T, id string, idOf func(*T) string, c *checker) {
	if n := len(*list); n > 0 && idOf(&(*list)[n-1]) >= id {
		c.addf("it is out of order")
	}
	*list = append(*list, record)
}

// vulnerability takes a name that this release does not know for unknown. To
// leave the record out could read as "not exploited" (CAT-18).
func (d *decoder) vulnerability(v *encodedVulnerability, c *checker) (kind, name string) {
	for _, a := range v.Vulnerability.answers() {
		if *a == enum.Unknown {
			*a = 0
		}
	}
	if v.Vulnerability.Severity == enum.Unknown {
		v.Vulnerability.Severity = 0
	}
	id, problems := stampVulnerability(&v.Vulnerability)
	c.problems = problems
	addTo(&d.factsOf(v.Feed, c).vulnerabilities, v.Vulnerability, id, func(o *Vulnerability) string { return o.ID }, c)
	return "vulnerability", id
}

func (d *decoder) advisory(a *encodedAdvisory, c *checker) (kind, name string) {
	if a.Advisory.Severity == enum.Unknown {
		a.Advisory.Severity = 0
	}
	for _, f := range a.Advisory.Fixes {
		if f.Introduced.NotKnown() != "" || f.Fixed.NotKnown() != "" {
			return "", ""
		}
	}
	id, problems := stampAdvisory(&a.Advisory)
	c.problems = problems
	addTo(&d.factsOf(a.Feed, c).advisories, a.Advisory, id, func(o *Advisory) string { return o.ID }, c)
	return "advisory", id
}

func (d *decoder) lineSet(l *encodedLines, c *checker) (kind, name string) {
	id, problems := stampLineSet(&l.Lines)
	c.problems = problems
	addTo(&d.factsOf(l.Feed, c).sets, l.Lines, id, func(o *LineSet) string { return string(o.Product) }, c)
	return "lines of product", id
}

func (d *decoder) former(f *encodedFormer, c *checker) (kind, name string) {
	if f.Patch.Version.NotKnown() != "" || f.Patch.Source.NotKnown() != "" {
		return "", ""
	}
	if f.Patch.Severity == enum.Unknown {
		f.Patch.Severity = 0
	}
	if f.Patch.Class == enum.Unknown {
		f.Patch.Class = 0
	}
	p := f.Patch
	c.problems = Patch{ID: p.Patch, Product: "any", Version: p.Version, Source: p.Source, Published: p.Published, Severity: p.Severity, Class: p.Class, CVEs: p.CVEs}.Check()
	c.instant("the time of listing", p.Listed)
	c.instant("the time of leaving", p.Left)
	c.text("the product", string(f.Product), MaxID, true)
	c.text("the authority", f.Authority, MaxText, true)
	kind, name = fmt.Sprintf("former patch of product %.80q, patch", f.Product), string(f.Patch.Patch)
	n := len(d.s.former)
	if n == 0 || d.s.former[n-1].product != f.Product {
		if n > 0 && d.s.former[n-1].product > f.Product {
			c.addf("it is out of order")
		}
		d.s.former = append(d.s.former, formerPatches{product: f.Product, authority: f.Authority, gone: f.Gone, list: []Former{f.Patch}})
		return kind, name
	}
	of := &d.s.former[n-1]
	last := of.list[len(of.list)-1]
	switch {
	case f.Authority != of.authority || !f.Gone.Equal(of.gone):
		c.addf("it differs from the one before in its authority or in when the product left")
	case last.Version.Scheme() != f.Patch.Version.Scheme():
		c.addf("its version is not of its product's scheme")
	case compareFormer(last, f.Patch) >= 0:
		c.addf("it is out of order")
	case len(of.list) >= MaxHistory:
		c.addf("the product has more than %d", MaxHistory)
	}
	of.list = append(of.list, f.Patch)
	return kind, name
}
