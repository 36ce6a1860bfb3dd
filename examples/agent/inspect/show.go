package inspect

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/authenticode"
	"github.com/patchpolicy/patchpolicy/integrity/openpgp"
	"github.com/patchpolicy/patchpolicy/integrity/sigstoreverify"
	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
)

// JSON writes the file as one JSON object on one line.
func (f File) JSON(out io.Writer) error {
	line, err := json.Marshal(f)
	if err != nil {
		line, err = json.Marshal(File{Name: f.Name, Error: "what was found cannot be written as JSON: " + err.Error()})
	}
	_, write := out.Write(append(job.NameCodes(line), '\n'))
	return errors.Join(err, write)
}

// Text writes the file for people.
func (f File) Text(out io.Writer) error {
	p := &page{}
	p.line("%s", f.Name)
	if f.Error != "" {
		p.row("cannot be judged", "%s", f.Error)
	} else {
		p.found(f)
		p.verdict(f)
	}
	_, err := io.WriteString(out, p.String()+"\n")
	return err
}

type page struct {
	strings.Builder
	last string // name of the last row that had one
}

// line adds a line. Nothing in it can steer a terminal: names and certificates
// come from outside.
func (p *page) line(format string, args ...any) {
	p.WriteString(strings.TrimRight(problem.Printable(fmt.Sprintf(format, args...)), " ") + "\n")
}

// row adds a line with a name before it. Of rows with the same name only the
// first shows it.
func (p *page) row(name, format string, args ...any) {
	shown := name
	if name == p.last {
		shown = ""
	}
	p.last = cmp.Or(name, p.last)
	p.line("  %-9s %s", shown, fmt.Sprintf(format, args...))
}

func (p *page) found(f File) {
	p.row("what", "%s, %d bytes", f.Kind, f.Size)
	for _, d := range f.Digests {
		if d.Algorithm != integrity.SHA384 {
			p.row("digest", "%s", d)
		}
	}
	if !f.Signed {
		p.row("signed", "no")
	}
	if f.Authenticode != nil {
		p.windows(*f.Authenticode)
	}
	if f.OpenPGP != nil {
		p.openpgp(*f.OpenPGP)
	}
	if f.Sigstore != nil {
		p.sigstore(*f.Sigstore)
	}
}

func instant(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

func (p *page) windows(r authenticode.Report) {
	for _, s := range r.Signatures {
		name, trust := "signed", "it holds, if you trust the signer"
		if s.Nested {
			name = "also"
		}
		if s.Problem != "" {
			trust = "it does not hold: " + s.Problem
		}
		p.last = ""
		p.row(name, "by %s, in the format %s", holder(s.Chain, "somebody"), r.Format)
		for _, t := range s.Timestamps {
			p.timestamp(t.Problem, "at %s, says %s", instant(t.Time), holder(t.Chain, "an authority"))
		}
		if len(s.Timestamps) == 0 {
			p.row("", "at an unknown time: there is no timestamp")
		}
		if s.Program != "" {
			p.row("", "as %q", s.Program)
		}
		p.row("", "%s", trust)
		p.chain("chain", s.Chain)
		for _, t := range s.Timestamps {
			p.last = ""
			p.chain("timestamp", t.Chain)
		}
	}
	p.odd(r.Odd)
}

func (p *page) timestamp(problem, format string, args ...any) {
	p.row("", format, args...)
	if problem != "" {
		p.row("", "that timestamp does not hold: %s", problem)
	}
}

func (p *page) odd(list []string) {
	for _, odd := range list {
		p.row("odd", "%s", odd)
	}
}

func holder(chain []authenticode.CertificateReport, who string) string {
	switch {
	case len(chain) == 0:
		return who + " whose certificate is missing"
	case chain[0].Organization != "":
		return fmt.Sprintf("%q", chain[0].Organization)
	default:
		return chain[0].Subject
	}
}

func (p *page) chain(name string, chain []authenticode.CertificateReport) {
	for _, c := range chain {
		p.certificate(name, c.Subject, c.SHA256, c.NotBefore, c.NotAfter)
		if c.Weak != "" {
			p.row("", "  weak: %s", c.Weak)
		}
	}
}

func (p *page) certificate(name, subject, sum string, from, to time.Time) {
	p.row(name, "%s", subject)
	p.row("", "  sha256:%s  %s to %s", sum, from.Format(time.DateOnly), to.Format(time.DateOnly))
}

func (p *page) openpgp(r openpgp.Report) {
	for _, s := range r.Signatures {
		by := s.By()
		if s.Signer != "" {
			by = fmt.Sprintf("%q, %s", s.Signer, by)
		}
		p.row("signed", "by %s (%s, %s) over the %s", by, s.Key, s.Digest, s.Covers)
		expiry := "no expiry"
		if !s.Expires.IsZero() {
			expiry = "expires at " + instant(s.Expires)
		}
		p.row("", "at %s by the signer's own clock, %s", instant(s.Created), expiry)
		if s.Outcome != openpgp.Good {
			p.row("", "%s: %s", s.Outcome, s.Problem)
		}
	}
	for _, d := range r.Digests {
		matches := "matches"
		if !d.Holds {
			matches = "DOES NOT MATCH"
		}
		p.row("inside", "%s of the %s %s", d.Algorithm, d.Covers, matches)
	}
}

func (p *page) sigstore(r sigstoreverify.Report) {
	p.row("signed", "in %s (%s), format %s", r.Kind, r.Algorithm, r.Format)
	by := "a key that it does not name"
	if len(r.Chain) > 0 {
		by = strings.Join(r.Chain[0].Names, ", ")
	}
	p.row("", "by %s", by)
	for _, t := range r.Times {
		p.timestamp(t.Problem, "at %s", instant(t.Time))
	}
	for _, c := range r.Chain {
		p.certificate("chain", strings.TrimSpace(c.Subject+" "+strings.Join(c.Names, ", ")), c.SHA256, c.NotBefore, c.NotAfter)
	}
	if s := r.Statement; s != nil {
		p.row("states", "%s about %s", s.Predicate, strings.Join(s.Subjects, ", "))
	}
	p.odd(r.Odd)
}

func (p *page) verdict(f File) {
	v := f.Verdict
	if v.Passed {
		p.row("verdict", "PASSED by %s, %s", v.Rule, v.Reason)
	} else {
		p.row("verdict", "REFUSED by %s, %s, code %d %s", v.Rule, v.Reason, v.Code, v.Code)
	}
	p.row("", "%s", v.Text)
	if f.Policy != nil {
		p.row("", "under policy %s", f.Policy)
	} else if f.Signed {
		p.row("", "There is no policy (--policy), so nobody is trusted.")
	}
	for _, note := range f.Notes {
		p.row("note", "%s", note)
	}
	if f.Pin != nil {
		p.row("pin", "This policy trusts the signer. Compare it with a source that you trust, then save it as %s:", f.PinFile)
		if f.Policy != nil && !v.Passed {
			p.row("", "(To keep the policy that you have, add these signers and clauses to it instead.)")
		}
		if data, err := json.MarshalIndent(f.Pin, "", "  "); err == nil {
			for line := range strings.Lines(string(data)) {
				p.line("%s", strings.TrimSuffix(line, "\n"))
			}
		}
	}
	if f.Next != "" {
		p.row("next", "%s", f.Next)
	}
}
