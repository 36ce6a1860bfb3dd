package inspect

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/authenticode"
	"github.com/patchpolicy/patchpolicy/integrity/openpgp"
	"github.com/patchpolicy/patchpolicy/integrity/policyverify"
	"github.com/patchpolicy/patchpolicy/integrity/sigstoreverify"
	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// siblings are the endings that signature files commonly have.
var siblings = []string{".asc", ".sig", ".sigstore.json", ".sigstore", ".bundle"}

// maxTries is how many policies are tried on a file before it is said that none lets it pass. Each try reads the file.
const maxTries = 16

// advise says what a person can do about a file that did not pass. Any policy it gives was tried on the file.
func (i *Inspector) advise(content io.ReaderAt, out *File) {
	note := func(format string, args ...any) { out.Notes = append(out.Notes, fmt.Sprintf(format, args...)) }
	if i.config.Signature == "" && !out.Signed {
		for _, ending := range siblings {
			if info, err := os.Stat(out.Name + ending); err == nil && info.Mode().IsRegular() {
				beside := i.config
				beside.Signature = out.Name + ending
				note("%s lies beside it. To judge by it, run: %s", out.Name+ending, beside.command(out.Name))
			}
		}
	}
	next := i.config
	trusted := slices.ContainsFunc(next.Digests, func(d integrity.Digest) bool { return !d.Algorithm.Legacy() })
	if !out.Signed && !trusted && out.Verdict.Checksum != integrity.Mismatched {
		next.Digests = append(slices.Clone(next.Digests), out.Digests[0])
		if next.judge(i.own, out.Answer, out.Digests).Passed {
			note("Without a signature only a digest tells whether this is the right file. If a source that you trust gives this one, the next command passes.")
			out.Next = next.command(out.Name)
			return
		}
	}
	switch {
	case out.Verdict.Reason == integrity.NoClause:
		for _, c := range i.own.Clauses {
			if c.Vendor != integrity.Any {
				next.Vendor = c.Vendor
			}
			if next.Product = i.config.Product; c.Product != integrity.Any {
				next.Product = c.Product
			}
			if i.config.PolicyFile != "-" && next.judge(i.own, out.Answer, out.Digests).Passed {
				note("The clause %q lets it pass if it is a file of that vendor and product: name them with --vendor and --product.", c.Name)
				out.Next = next.command(out.Name)
				return
			}
		}
		note("Name the vendor and the product as the catalog does (--vendor, --product), so that their clause is found.")
	case out.Verdict.Signature.Status == integrity.Valid:
		return // the policy or the digest wants something else
	}
	if !out.Signed || i.needsKey(out, note) {
		return
	}
	var signers []integrity.Signer
	now := i.config.Now.UTC().Truncate(time.Second)
	if r := out.Authenticode; r != nil && len(r.Signatures) > 0 {
		signers = windowsSigners(r.Signatures, now)
	} else if out.Sigstore != nil && out.Sigstore.Holds {
		signers = certified(*out.Sigstore, now)
	}
	for n, s := range signers[:min(len(signers), maxTries)] {
		trial, policy := i.trust(s)
		verdict := i.tried(content, out, trial, policy)
		if verdict.Passed {
			i.keep(out, trial, policy)
			return
		}
		if n == 0 {
			note("A policy that pins its signer does not let it pass: %s", verdict.Text)
		}
	}
	if len(signers) == 0 {
		note("No signature of it holds, so there is nothing to pin.")
	}
}

// needsKey says where to get the key of a signature that comes without it.
func (i *Inspector) needsKey(out *File, note func(string, ...any)) bool {
	next := i.config
	switch r := out.Report; {
	case r.Authenticode != nil && len(r.Authenticode.Signatures) > 0:
		return false
	case r.Sigstore != nil && len(r.Sigstore.Chain) == 0 && (r.Sigstore.Statement == nil || r.Sigstore.Statement.NamesFile):
		next.Key = "key.pem"
		note("A signature by a plain key does not say whose it is. Get the signer's public key from a source that you trust, and save it as %s.", next.Key)
	case r.Sigstore == nil && r.OpenPGP != nil && r.OpenPGP.Answer.Untrusted:
		by := r.OpenPGP.Signatures[slices.IndexFunc(r.OpenPGP.Signatures, func(s openpgp.SignatureInfo) bool { return s.Outcome == openpgp.UnknownKey })]
		next.Key = "key.asc"
		note("Get the signer's key from a source that you trust, and save it as %s; gpg writes it with: gpg --armor --export %s > %s", next.Key,
			cmp.Or(by.Fingerprint, by.KeyID), next.Key)
	default:
		return false
	}
	if i.config.Key != "" {
		note("No key in %s made this signature, or the file was changed.", i.config.Key)
		return true
	}
	next.Policy, next.PolicyFile = nil, ""
	out.Next = next.command(out.Name)
	return true
}

// windowsSigners pins signers by the last certificate that the file carries and their organisation; failing that by
// certificates further down, and by when it is now where no timestamp says when they signed.
func windowsSigners(list []authenticode.SignatureReport, now time.Time) (all []integrity.Signer) {
	for _, s := range list {
		if s.Problem != "" || !s.Matches || len(s.Chain) == 0 {
			continue
		}
		trust := integrity.AuthenticodeTrust{}
		for _, t := range s.Timestamps {
			if t.Problem == "" && len(t.Chain) > 0 {
				trust.Timestampers = append(trust.Timestampers, "sha256:"+t.Chain[len(t.Chain)-1].SHA256)
			}
		}
		for _, trust.At = range []time.Time{{}, now} {
			add := func(organisation string, c authenticode.CertificateReport) {
				trust.Organisation, trust.Anchors = organisation, []string{"sha256:" + c.SHA256}
				all = append(all, integrity.Signer{Name: organisation, Authenticode: []integrity.AuthenticodeTrust{trust}})
			}
			for _, c := range slices.Backward(s.Chain) {
				if s.Chain[0].Organisation != "" {
					add(s.Chain[0].Organisation, c)
				}
			}
			add("", s.Chain[0]) // nothing but the certificate itself says who it is
		}
	}
	return all
}

// certified pins whom the certificate in a signature file names, by the last certificate in it.
func certified(r sigstoreverify.Report, now time.Time) (all []integrity.Signer) {
	leaf := r.Chain[0]
	id := integrity.Identity{Organisation: leaf.Organisation, Issuer: leaf.TokenIssuer}
	if len(leaf.Names) > 0 {
		id.Name, id.Organisation = leaf.Names[0], ""
	}
	for _, t := range r.Times {
		if t.Problem == "" && len(t.Chain) > 0 {
			id.Timestampers = append(id.Timestampers, t.Chain[len(t.Chain)-1].PEM())
		}
	}
	for _, id.At = range []time.Time{{}, now} {
		for _, c := range slices.Backward(r.Chain) {
			id.Anchors = []string{c.PEM()}
			all = append(all, integrity.Signer{Name: leaf.Organisation, Sigstore: []integrity.SigstoreTrust{{Identities: []integrity.Identity{id}}}})
		}
	}
	return all
}

// trust makes the policy that trusts a signer for what was named, or for all of a vendor's, and says how to verify by it.
func (i *Inspector) trust(s integrity.Signer) (Config, integrity.Policy) {
	if s.Name == "" || s.Name == integrity.Any || problem.Printable(s.Name) != s.Name {
		s.Name = cmp.Or(i.config.Vendor, "SIGNER") // the signature does not say who made it
	}
	next := i.config
	next.Vendor = cmp.Or(next.Vendor, s.Name)
	next.Key = ""
	return next, integrity.Policy{
		Format: integrity.PolicyFormat, Signers: []integrity.Signer{s},
		Clauses: []integrity.Clause{{
			Name: strings.ToLower(next.Vendor), Vendor: next.Vendor, Product: cmp.Or(next.Product, integrity.Any), Signers: []string{s.Name},
		}},
	}
}

// tried judges a file by a policy as it will be read.
func (i *Inspector) tried(content io.ReaderAt, out *File, c Config, policy integrity.Policy) integrity.Verdict {
	data, err := json.Marshal(policy)
	if err == nil {
		policy, err = integrity.ParsePolicy(data)
	}
	var verifier *policyverify.Verifier
	if err == nil {
		verifier, err = policyverify.New(policy)
	}
	if err != nil {
		return integrity.Verdict{Text: err.Error()}
	}
	return c.judge(policy.Excerpt(), verifier.Verify(content, out.Size, i.detached), out.Digests)
}

// keep tells a person to keep a policy that lets the file pass.
func (i *Inspector) keep(out *File, next Config, policy integrity.Policy) {
	for { // a name that is free
		i.pins++
		next.PolicyFile = "signers.json"
		if i.pins > 1 {
			next.PolicyFile = fmt.Sprintf("signers-%d.json", i.pins)
		}
		if _, err := os.Lstat(next.PolicyFile); err != nil {
			break
		}
	}
	out.Pin, out.PinFile, out.Next, out.Notes = &policy, next.PolicyFile, next.command(out.Name), nil
}

// command is the command line that verifies a file so, for a shell.
func (c Config) command(file string) string {
	line := quote(c.Program) + " verify"
	add := func(flag, value string) {
		if value != "" {
			line += " " + flag + " " + quote(value)
		}
	}
	add("--policy", c.PolicyFile)
	add("--key", c.Key)
	add("--feed", c.Feed)
	add("--vendor", c.Vendor)
	add("--product", c.Product)
	add("--signature", c.Signature)
	for _, d := range c.Digests {
		add("--digest", d.String())
	}
	if strings.HasPrefix(file, "-") {
		line += " --"
	}
	return line + " " + quote(file)
}

// quote writes a word for a POSIX shell, in characters that a terminal shows as themselves. Line ends at the end of a word
// are lost where it has characters that do not show.
func quote(word string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789%+,-./:=@_"
	switch {
	case word != "" && strings.Trim(word, plain) == "":
		return word
	case problem.Printable(word) == word:
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	var b strings.Builder
	for _, c := range []byte(word) {
		switch {
		case c == '%':
			b.WriteString("%%")
		case c == ' ' || strings.IndexByte(plain, c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, `\%03o`, c)
		}
	}
	return `"$(printf -- '` + b.String() + `')"`
}
