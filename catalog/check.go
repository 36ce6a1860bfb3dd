package catalog

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/patchpolicy/patchpolicy/catalog/version"
)

// Check returns everything that is wrong with the product itself, one plain
// phrase each. None: it is fit for a snapshot (CAT-16).
func (p Product) Check() []string {
	var c checker
	c.text("the id", string(p.ID), MaxID, true)
	c.text("the name", p.Name, MaxText, true)
	c.text("the vendor", p.Vendor, MaxText, false)
	c.text("the architecture", p.Architecture, MaxText, false)
	c.text("the channel", p.Channel, MaxText, false)
	if !platforms.Valid(p.Platform) {
		c.addf("unknown platform %d", uint8(p.Platform))
	}
	if err := p.Scheme.Check(); err != nil {
		c.addf("%v", err)
	}
	c.lines(p.Lines)
	c.pkg(p.Package)
	return c.problems
}

func (c *checker) lines(lines []Line) {
	if !c.count("version lines", len(lines), MaxLines) {
		return
	}
	seen := make(map[string]bool, len(lines))
	for _, line := range lines {
		c.text("a line's prefix", line.Prefix, version.MaxLength, true)
		c.instant("a line's end of life", line.EOL)
		c.instant("a line's extended support", line.Extended)
		if seen[line.Prefix] {
			c.addf("line %q occurs twice", line.Prefix)
		}
		seen[line.Prefix] = true
	}
}

// Check returns everything that is wrong with the patch itself, one plain
// phrase each (CAT-16). Sync checks whether its product exists and orders its
// version.
func (p Patch) Check() []string {
	var c checker
	c.text("the id", string(p.ID), MaxID, true)
	c.text("the product", string(p.Product), MaxID, true)
	c.text("the title", p.Title, MaxText, false)
	c.text("the transaction", p.Transaction, MaxText, false)
	c.instant("the publishing time", p.Published)
	c.instant("the end of life", p.EOL)
	if p.Version.IsZero() {
		c.addf("it has no version")
	}
	if p.Source.Scheme() != p.Version.Scheme() && !p.Source.IsZero() {
		c.addf("the source's version %s is of scheme %s, the patch's is %s", p.Source, p.Source.Scheme(), p.Version.Scheme())
	}
	c.severity(p.Severity)
	if p.Class != 0 && !classes.Valid(p.Class) {
		c.addf("unknown class %d", uint8(p.Class))
	}
	texts(&c, "CVE ids", "a CVE id", p.CVEs, MaxCVEs, MaxCVE)
	if c.count("artifacts", len(p.Artifacts), MaxArtifacts) {
		for i, a := range p.Artifacts {
			c.artifact(a)
			for _, b := range p.Artifacts[:i] {
				if a.Name == b.Name {
					c.addf("artifact %q occurs twice", a.Name)
				}
			}
		}
	}
	texts(&c, "superseded patches", "a superseded patch's id", p.Supersedes, MaxEdges, MaxID)
	texts(&c, "requirements", "a required patch's id", requirements.to(&p), MaxEdges, MaxID)
	return c.problems
}

type checker struct {
	problems []string
}

func (c *checker) addf(format string, args ...any) {
	if len(c.problems) < maxProblems {
		c.problems = append(c.problems, fmt.Sprintf(format, args...))
	}
}

func (c *checker) count(what string, n, most int) bool {
	if n > most {
		c.addf("it has %d %s, at most %d are allowed", n, what, most)
	}
	return n <= most
}

func (c *checker) text(what, s string, most int, required bool) {
	switch {
	case s == "":
		if required {
			c.addf("%s is empty", what)
		}
	case len(s) > most:
		c.addf("%s has %d bytes, at most %d are allowed", what, len(s), most)
	case !printable(s):
		c.addf("%s %q contains control characters or is not UTF-8", what, s)
	}
}

func (c *checker) severity(s Severity) {
	if s != 0 && !severities.Valid(s) {
		c.addf("unknown severity %d", uint8(s))
	}
}

// pattern checks an id, or a prefix that ends in a star.
func (c *checker) pattern(what, id string) {
	c.text(what, id, MaxID, true)
	if i := strings.IndexByte(id, '*'); i >= 0 && i < len(id)-1 {
		c.addf("%s %.*q has a star that is not at its end", what, MaxID, id)
	}
}

// texts checks a list of required texts: their number, and the length of each in
// bytes.
func texts[T ~string](c *checker, what, each string, list []T, most, length int) {
	if c.count(what, len(list), most) {
		for _, s := range list {
			c.text(each, string(s), length, true)
		}
	}
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] >= 0x7f {
			return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
		}
	}
	return true
}

// instant refuses what no calendar and no JSON can carry.
func (c *checker) instant(what string, t time.Time) {
	if !t.IsZero() && (t.UTC().Year() < 1 || t.UTC().Year() > 9999) {
		c.addf("%s is in the year %d", what, t.UTC().Year())
	}
}

func (c *checker) artifact(a Artifact) {
	c.text("an artifact's name", a.Name, MaxFileName, true)
	if strings.ContainsAny(a.Name, `/\`) || a.Name == "." || a.Name == ".." {
		c.addf("artifact name %q is not a plain file name", a.Name)
	}
	if !availabilities.Valid(a.Availability) {
		c.addf("artifact %q: unknown availability %d", a.Name, uint8(a.Availability))
	}
	if a.URL == "" && (a.Availability == Pinned || a.Availability == LatestOnly) {
		c.addf("artifact %q: %s needs a URL", a.Name, a.Availability)
	}
	if a.CustomURL != "" && a.Availability != Vendor {
		c.addf("artifact %q: only a Vendor artifact takes a custom URL, and this one is %s", a.Name, a.Availability)
	}
	c.url(a.Name, "URL", a.URL)
	c.url(a.Name, "custom URL", a.CustomURL)
	c.url(a.Name, "signature URL", a.SignatureURL)
	if a.Size < 0 {
		c.addf("artifact %q: negative size %d", a.Name, a.Size)
	}
	if a.Size > MaxSize {
		c.addf("artifact %q: size %d is over the limit of %d bytes", a.Name, a.Size, int64(MaxSize))
	}
	c.text("an artifact's signer", a.Signer, MaxText, false)
	if c.count("digests", len(a.Digests), MaxDigests) {
		for _, d := range a.Digests {
			switch want := 2 * d.Algorithm.Size(); {
			case want == 0:
				c.addf("artifact %q: unknown digest algorithm %d", a.Name, uint8(d.Algorithm))
			case len(d.Sum) != want:
				c.addf("artifact %q: malformed digest: %d characters, want %d", a.Name, len(d.Sum), want)
			case strings.Trim(d.Sum, "0123456789abcdef") != "":
				c.addf("artifact %q: malformed digest: %q is not lower-case hex", a.Name, d.Sum)
			}
		}
	}
}

func (c *checker) url(name, what, text string) {
	if text == "" {
		return
	}
	if problem := urlProblem(text); problem != "" {
		c.addf("artifact %q: %s %.200q %s", name, what, text, problem)
	}
}

func urlProblem(text string) string {
	if len(text) > MaxURL {
		return fmt.Sprintf("has %d bytes, at most %d are allowed", len(text), MaxURL)
	}
	// Bytes outside ASCII and blanks must be escaped; url.Parse would let some
	// through.
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return "contains characters that a URL must escape"
	}
	u, err := url.Parse(text)
	if err != nil {
		return "cannot be parsed"
	}
	switch u.Scheme {
	case "http", "https":
		if u.Hostname() == "" {
			return "names no host"
		}
	case "file":
		if !strings.HasPrefix(u.Path, "/") || u.Host != "" {
			return "is not file:/// followed by an absolute path"
		}
	default:
		return "is not http, https or file"
	}
	return ""
}

// localFiles returns which artifacts have a file URL. Whoever downloads it
// reads a file of its own computer, so no feed from elsewhere may name one
// (INT-11).
func localFiles(p *Patch) (problems []string) {
	for _, a := range p.Artifacts {
		if slices.ContainsFunc([]string{a.URL, a.CustomURL, a.SignatureURL}, func(address string) bool {
			u, err := url.Parse(address)
			return err == nil && u.Scheme == "file"
		}) {
			problems = append(problems, fmt.Sprintf("artifact %.*q: its URL is a local file, which only a feed that is marked local may name (INT-11)", MaxID, a.Name))
		}
	}
	return problems
}
