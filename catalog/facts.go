package catalog

import (
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/internal/enum"
)

// Answer says whether a fact holds. Zero: unknown, which never reads as no
// (CAT-18).
type Answer uint8

// The answers.
const (
	Yes Answer = 1 + iota
	No
)

var answers = enum.Of[Answer]("answer", "yes", "no")

// String returns the answer's name.
func (a Answer) String() string { return answers.String(a) }

// MarshalText returns the answer's name, and the empty text if it is unknown.
func (a Answer) MarshalText() ([]byte, error) { return answers.MarshalText(a) }

// UnmarshalText is the inverse of MarshalText.
func (a *Answer) UnmarshalText(text []byte) error { return answers.UnmarshalText(text, a) }

// Vulnerability is what a feed knows of one vulnerability (CAT-18). Any feed
// may speak of any vulnerability: facts decide order and deadline, never a
// verdict (CAT-4).
type Vulnerability struct {
	ID          string    `json:"id"`                    // like CVE-2026-1234
	Severity    Severity  `json:"severity,omitempty"`    // zero: unknown
	Published   time.Time `json:"published,omitzero"`    // zero: unknown
	Exploited   Answer    `json:"exploited,omitempty"`   // it is known to be exploited; No counts only from a feed with Batch.AllExploited
	Listed      time.Time `json:"listed,omitzero"`       // when it was listed as exploited; zero: unknown
	Due         time.Time `json:"due,omitzero"`          // by when the source wants it gone; zero: it does not say
	Ransomware  Answer    `json:"ransomware,omitempty"`  // ransomware is known to use it
	Automatable Answer    `json:"automatable,omitempty"` // an attack can be automated
	TotalImpact Answer    `json:"totalImpact,omitempty"` // an attack gives total control
	Probability uint32    `json:"probability,omitempty"` // that it is exploited within 30 days, in millionths; zero: unknown
	Withdrawn   bool      `json:"withdrawn,omitempty"`   // the source withdrew it
}

// Package is the name under which advisories speak of a product: an ecosystem
// and a name in it as OSV writes them, like "Debian:12" and "openssl", which is
// the source package. Zero: no advisory speaks of it.
type Package struct {
	Ecosystem string `json:"ecosystem,omitempty"`
	Name      string `json:"name,omitempty"`
}

// Advisory says which versions of which packages fix which vulnerabilities.
type Advisory struct {
	ID        string    `json:"id"`                  // like DSA-5532-1
	CVEs      []string  `json:"cves,omitempty"`      // the vulnerabilities; none: the advisory's own id is one
	Severity  Severity  `json:"severity,omitempty"`  // zero: unknown
	Published time.Time `json:"published,omitzero"`  // zero: unknown
	Modified  time.Time `json:"modified,omitzero"`   // zero: unknown
	Withdrawn bool      `json:"withdrawn,omitempty"` // it has no effect any more
	Fixes     []Fix     `json:"fixes"`
}

// Fix is a range of versions of a package that have the vulnerabilities of an
// advisory: from Introduced on, and before Fixed.
type Fix struct {
	Package    Package         `json:"package"`
	Introduced version.Version `json:"introduced,omitzero"` // zero: every earlier version has them
	Fixed      version.Version `json:"fixed,omitzero"`      // zero: no version fixes them yet
}

// LineSet is the version lines of products that another feed lists, with their
// ends of life (CAT-11). A feed may only give them for products that are its
// own or granted to it (CAT-17).
type LineSet struct {
	Product ProductID `json:"product"` // an id, or a prefix that ends in "*"
	Lines   []Line    `json:"lines"`
}

// Check returns everything that is wrong with the facts, one plain phrase each.
// None: they are fit for a snapshot (CAT-16).
func (v Vulnerability) Check() []string {
	var c checker
	c.text("the id", v.ID, MaxCVE, true)
	if strings.HasPrefix(strings.ToUpper(v.ID), "CVE-") && v.ID != strings.ToUpper(v.ID) {
		c.addf("the CVE id %q is not in capitals", v.ID)
	}
	c.severity(v.Severity)
	c.instant("the publishing time", v.Published)
	c.instant("the listing time", v.Listed)
	c.instant("the due date", v.Due)
	for i, a := range v.answers() {
		if *a != 0 && !answers.Valid(*a) {
			c.addf("the answer to %q is unknown: %d", questions[i], uint8(*a))
		}
	}
	if v.Probability > 1_000_000 {
		c.addf("the probability of %d millionths is over 1,000,000", v.Probability)
	}
	return c.problems
}

// answers are the facts that are an answer. questions names them.
func (v *Vulnerability) answers() [4]*Answer {
	return [...]*Answer{&v.Exploited, &v.Ransomware, &v.Automatable, &v.TotalImpact}
}

var questions = [...]string{"exploited", "ransomware", "automatable", "totalImpact"}

// Check returns everything that is wrong with the advisory, one plain phrase
// each. None: it is fit for a snapshot (CAT-16).
func (a Advisory) Check() []string {
	var c checker
	c.text("the id", a.ID, MaxCVE, true)
	texts(&c, "CVE ids", "a CVE id", a.CVEs, MaxCVEs, MaxCVE)
	c.severity(a.Severity)
	c.instant("the publishing time", a.Published)
	c.instant("the time of the change", a.Modified)
	if c.count("fixes", len(a.Fixes), MaxFixes) {
		for _, f := range a.Fixes {
			c.fix(f)
		}
	}
	return c.problems
}

func (c *checker) fix(f Fix) {
	if f.Package == (Package{}) {
		c.addf("a fix has no package")
	}
	c.pkg(f.Package)
	for _, v := range []version.Version{f.Introduced, f.Fixed} {
		if unknown := v.NotKnown(); unknown != "" {
			c.addf("package %.80q: unknown %s", f.Package.Name, unknown)
			return
		}
	}
	if f.Introduced.IsZero() || f.Fixed.IsZero() {
		return
	}
	switch order, ok := f.Introduced.Compare(f.Fixed); {
	case !ok:
		c.addf("package %.80q: introduced in %s of scheme %s, but fixed in %s of scheme %s",
			f.Package.Name, f.Introduced, f.Introduced.Scheme(), f.Fixed, f.Fixed.Scheme())
	case order >= 0:
		c.addf("package %.80q: introduced in %s, which is not below %s, where it is fixed", f.Package.Name, f.Introduced, f.Fixed)
	}
}

func (c *checker) pkg(p Package) {
	if p != (Package{}) {
		c.text("the package's ecosystem", p.Ecosystem, MaxText, true)
		c.text("the package's name", p.Name, MaxText, true)
	}
}

// Check returns everything that is wrong with the line set, one plain phrase
// each. None: it is fit for a snapshot (CAT-16).
func (l LineSet) Check() []string {
	var c checker
	c.pattern("the product", string(l.Product))
	c.lines(l.Lines)
	return c.problems
}
