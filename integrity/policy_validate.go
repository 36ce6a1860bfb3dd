package integrity

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/internal/strictjson"
)

// ParsePolicy reads a policy from JSON and validates it. The error is an
// [Invalid]. Unknown, repeated and null fields are refused: ignoring one could
// weaken the policy (JOB-20).
func ParsePolicy(data []byte) (Policy, error) {
	var p Policy
	var err error
	switch {
	case len(data) > MaxPolicy:
		err = fmt.Errorf("has %d bytes; at most %d are allowed", len(data), MaxPolicy)
	case !utf8.Valid(data):
		err = errors.New("is not UTF-8")
	default:
		err = strictjson.Unmarshal(data, &p)
	}
	if err != nil {
		return Policy{}, problem.One("signer policy", "document", "", "%s", problem.Clip(err.Error(), MaxDetail))
	}
	if err := p.Validate(); err != nil {
		return Policy{}, err
	}
	return p, nil
}

// Validate returns nil or an [Invalid] with everything that is wrong. Whether
// keys and certificates can be read is checked by the verifiers.
func (p Policy) Validate() error {
	bad := problems{policy: true}
	if p.Format != PolicyFormat {
		bad.Add("format", fmt.Sprint(p.Format), "want %d", PolicyFormat)
	}
	signers := bad.signers(p.Signers)
	bad.clauses(p.Clauses, signers)
	bad.commands(p.Commands)
	return bad.Err("signer policy")
}

// ValidateSigners checks signers before their keys and certificates are read.
// It returns nil or an [Invalid] with fields such as
// "signers[2].openpgp[0].threshold". Policy.Validate and every verifier call
// it.
func ValidateSigners(signers []Signer) error {
	var bad problems
	bad.signers(signers)
	return bad.Err("list of signers")
}

// signers checks the signers and returns them by name.
func (p *problems) signers(list []Signer) map[string]Signer {
	known := map[string]Signer{}
	for at, s := range each(p, "signers", list, MaxPolicySigners) {
		p.name(at+".name", s.Name, MaxSigner)
		if _, twice := known[s.Name]; twice {
			p.Add(at+".name", s.Name, "is the name of another signer; put everything about a signer in one place")
		} else {
			known[s.Name] = s
		}
		first := len(p.List)
		if len(s.Authenticode)+len(s.OpenPGP)+len(s.Sigstore)+len(s.Other) == 0 {
			p.Add(at, s.Name, "has no keys or certificates; want authenticode, openpgp, sigstore or other")
		}
		p.authenticode(at+".authenticode", s.Authenticode)
		p.openpgp(at+".openpgp", s.OpenPGP)
		p.sigstore(at+".sigstore", s.Sigstore)
		p.other(at+".other", s.Other)
		for i := range p.List[first:] { // name the signer where no value is quoted
			p.List[first+i].Value = cmp.Or(p.List[first+i].Value, s.Name)
		}
	}
	return known
}

// Validate returns nil or an [Invalid] with everything that is wrong.
func (x Excerpt) Validate() error {
	var bad problems
	if x.Digest.Algorithm != SHA256 || x.Digest.fault() != "" {
		bad.Add("digest", x.Digest.String(), "want the SHA-256 of a policy")
	}
	bad.clauses(x.Clauses, nil)
	bad.commands(x.Commands)
	return bad.Err("signer policy")
}

type problems struct {
	problem.List
	policy bool // the signers are in a policy, so in JSON
}

// each refuses a list that is too long, and yields its first elements with their fields.
func each[T any](p *problems, field string, list []T, most int) iter.Seq2[string, T] {
	if len(list) > most {
		p.Add(field, fmt.Sprint(len(list)), "are too many; at most %d are allowed", most)
	}
	return func(yield func(string, T) bool) {
		for i, v := range list[:min(len(list), most)] {
			if !yield(fmt.Sprintf("%s[%d]", field, i), v) {
				return
			}
		}
	}
}

func (p *problems) name(field, s string, most int) {
	switch {
	case s == "" || len(s) > most:
		p.Add(field, s, "has %d bytes; want 1 to %d", len(s), most)
	case strings.TrimSpace(s) != s || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl):
		p.Add(field, s, "want UTF-8 without control characters or space around it")
	}
}

// once refuses a value that was seen before.
func (p *problems) once(seen map[string]bool, field, value, text string) {
	if seen[value] {
		p.Add(field, value, "%s", text)
	}
	seen[value] = true
}

// clauses checks clauses. Signers are those of the policy; nil: unknown.
func (p *problems) clauses(list []Clause, signers map[string]Signer) {
	names, targets := map[string]bool{}, map[[3]string]string{}
	for at, c := range each(p, "clauses", list, MaxClauses) {
		p.name(at+".name", c.Name, MaxSigner)
		p.name(at+".vendor", c.Vendor, MaxTarget)
		p.name(at+".product", c.Product, MaxTarget)
		p.name(at+".feed", cmp.Or(c.Feed, Any), MaxTarget)
		p.once(names, at+".name", c.Name, "is the name of another clause")
		target := [3]string{c.Vendor, c.Product, c.Feed}
		if other, twice := targets[target]; twice {
			p.Add(at, c.Name, "is about the same vendor, product and feed as clause %q; keep one of them", other)
		}
		targets[target] = c.Name
		p.clauseSigners(at, c, signers)
	}
}

// commands checks the commands (INT-10).
func (p *problems) commands(list []Command) {
	names := map[string]bool{}
	for at, c := range each(p, "commands", list, maxCommands) {
		p.name(at+".name", c.Name, MaxSigner)
		p.once(names, at+".name", c.Name, "is the name of another command")
		if len(c.Command) == 0 || c.Command[0] == "" {
			p.Add(at+".command", c.Name, "is empty; want the program and its arguments")
		}
		for field, word := range each(p, at+".command", c.Command, maxWords) {
			if len(word) > maxWord || !utf8.ValidString(word) {
				p.Add(field, c.Name, "has %d bytes; want at most %d of UTF-8", len(word), maxWord)
			}
		}
		if c.Script != (Digest{}) && (c.Script.Algorithm != SHA256 || c.Script.fault() != "") {
			p.Add(at+".script", c.Script.String(), "want the SHA-256 of the script")
		}
	}
}

func (p *problems) clauseSigners(at string, c Clause, signers map[string]Signer) {
	names := map[string]bool{}
	for field, name := range each(p, at+".signers", c.Signers, MaxWays) {
		p.once(names, field, name, "is listed twice")
		if _, known := signers[name]; signers != nil && !known {
			p.Add(field, name, "is not a signer of this policy")
		} else if signers == nil {
			p.name(field, name, MaxSigner)
		}
	}
	seen := map[Format]bool{}
	for field, f := range each(p, at+".formats", c.Formats, MaxWays) {
		switch {
		case !f.valid():
			p.Add(field, string(f), "want 1 to %d lower-case letters, digits, dots and dashes, as in %q", MaxFormat, PE)
		case seen[f]:
			p.Add(field, string(f), "is listed twice")
		case signers != nil && !slices.ContainsFunc(c.Signers[:min(len(c.Signers), MaxWays)], func(name string) bool { return signers[name].signs(f) }):
			p.Add(field, string(f), "no signer of the clause has keys or certificates for this format; add them, or remove the format")
		}
		seen[f] = true
	}
}

func (p *problems) authenticode(at string, list []AuthenticodeTrust) {
	for at, a := range each(p, at, list, MaxWays) {
		p.anchors(at+".anchors", a.Anchors, true, true)
		p.anchors(at+".timestampers", a.Timestampers, false, true)
		p.name(at+".organization", cmp.Or(a.Organization, "any"), MaxSigner)
		if oid, err := x509.ParseOID(a.Usage); a.Usage != "" && (err != nil || oid.String() != a.Usage) {
			p.Add(at+".usage", a.Usage, "want dotted numbers, such as 1.3.6.1.5.5.7.3.3")
		}
		p.time(at+".at", a.At)
	}
}

func (p *problems) other(at string, list []OtherTrust) {
	for at, o := range each(p, at, list, MaxWays) {
		if !o.Format.valid() || slices.Contains([]Format{PE, MSI, CAB, OpenPGP, RPM, Key, Certificate, DSSE}, o.Format) {
			p.Add(at+".format", string(o.Format), "want the format of a verifier of your own: 1 to %d lower-case letters, digits, dots and dashes", MaxFormat)
		}
		if len(o.Keys) == 0 {
			p.Add(at+".keys", "", "is empty, so nobody could be trusted; add at least one")
		}
		for field, k := range each(p, at+".keys", o.Keys, MaxWays) {
			if k == "" || len(k) > MaxTrust || !utf8.ValidString(k) {
				p.Add(field, "", "has %d bytes; want 1 to %d of UTF-8", len(k), MaxTrust)
			}
		}
	}
}

func (p *problems) openpgp(at string, list []OpenPGPTrust) {
	for at, o := range each(p, at, list, MaxWays) {
		if p.policy && (len(o.Keyring) > MaxTrust || !strings.Contains(o.Keyring, "-----BEGIN PGP PUBLIC KEY BLOCK-----")) {
			p.Add(at+".keyring", "", "want armored public keys, at most %d bytes", MaxTrust)
		}
		for field, f := range each(p, at+".fingerprints", o.Fingerprints, MaxWays) {
			if raw, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSuffix(f, "!"), " ", "")); err != nil || len(raw) != 20 && len(raw) != 32 {
				p.Add(field, f, "want 40 or 64 hex digits")
			}
		}
		p.threshold(at, o.Threshold, MaxWays)
	}
}

func (p *problems) sigstore(at string, list []SigstoreTrust) {
	for at, w := range each(p, at, list, MaxWays) {
		if len(w.Keys)+len(w.Identities) == 0 {
			p.Add(at, "", "has neither keys nor identities")
		}
		for field, k := range each(p, at+".keys", w.Keys, MaxWays) {
			p.pem(field, k, "PUBLIC KEY")
		}
		for at, id := range each(p, at+".identities", w.Identities, MaxWays) {
			p.anchors(at+".anchors", id.Anchors, true, false)
			p.anchors(at+".timestampers", id.Timestampers, false, false)
			p.name(at+".organization", cmp.Or(id.Organization, "any"), MaxSigner)
			if id.Name == "" && id.Organization == "" {
				p.Add(at, "", "has neither name nor organization, so everybody with a certificate of the authority would be trusted")
			}
			p.time(at+".at", id.At)
		}
		p.threshold(at, w.Threshold, len(w.Keys))
		each(p, at+".predicates", w.Predicates, MaxWays)
	}
}

// time checks a time at which certificates are judged.
func (p *problems) time(field string, t time.Time) {
	if y := t.UTC().Year(); !t.IsZero() && (y < 1990 || y > 9999) {
		p.Add(field, fmt.Sprint(y), "is a year in which no certificate is valid; remove it, or give the time the policy was made")
	}
}

func (p *problems) threshold(at string, n, most int) {
	if n != 0 && (n < 1 || n > most) {
		p.Add(at+".threshold", fmt.Sprint(n), "want 1 to %d, or leave it out", most)
	}
}

// anchors checks a list of certificates; byDigest allows digests instead.
func (p *problems) anchors(at string, list []string, needed, byDigest bool) {
	if needed && len(list) == 0 {
		p.Add(at, "", "is empty, so nobody could be trusted; add at least one")
	}
	for field, a := range each(p, at, list, MaxWays) {
		if !byDigest || !strings.HasPrefix(a, "sha256:") {
			p.pem(field, a, "CERTIFICATE")
			continue
		}
		if _, err := ParseDigest(a); err != nil {
			p.Add(field, a, "%s", err.(*InvalidDigest).Problem)
		}
	}
}

// pem checks a key or certificate. It never quotes one, because it may be a private key.
func (p *problems) pem(field, text, kind string) {
	block, rest := pem.Decode([]byte(text))
	switch {
	case len(text) > MaxTrust:
		p.Add(field, "", "has %d bytes; at most %d are allowed", len(text), MaxTrust)
	case strings.Contains(text, "PRIVATE KEY"):
		p.Add(field, "", "has a private key; give the public key instead, and keep the private key secret")
	case block == nil || !strings.HasSuffix(block.Type, kind):
		p.Add(field, "", "want one PEM block %s", kind)
	case len(bytes.TrimSpace(rest)) > 0:
		p.Add(field, "", "has more than one PEM block; give each as an element of its own")
	}
}
