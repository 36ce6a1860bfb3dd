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

// maxTries is how many policies are tried on a file. Each try reads the file.
const maxTries = 16

// advise says what the user can do about a file that did not pass. Any policy
// or command it gives was tried on the file.
func (i *Inspector) advise(content io.ReaderAt, out *File) {
	i.lookBeside(out)
	next := i.config
	hasDigest := slices.ContainsFunc(next.Digests, func(d integrity.Digest) bool { return !d.Algorithm.Legacy() })
	unproven := !out.Signed && !hasDigest && out.Verdict.Checksum != integrity.Mismatched // nothing shows that it is the right file
	if unproven {
		next.Digests = append(slices.Clone(next.Digests), out.Digests[0])
	}
	reason, signature := out.Verdict.Reason, out.Verdict.Signature.Status
	switch {
	case unproven && next.judge(i.own, out.Answer, out.Digests).Passed:
		out.note("The file has no signature, so only a digest can show that it is the right one. If a source that you trust names this digest, run the next command: the file passes.")
		out.Next = next.command(out.Name)
	case i.passesByClause(out, next):
	case reason != integrity.NoClause && signature == integrity.Valid: // the policy or the digest wants something else
	case !out.Signed, i.needsKey(out):
	default:
		i.pin(content, out)
	}
}

// lookBeside notes signature files next to an unsigned file.
func (i *Inspector) lookBeside(out *File) {
	if i.config.Signature != "" || out.Signed {
		return
	}
	for _, ending := range []string{".asc", ".sig", ".sigstore.json", ".sigstore", ".bundle"} {
		if info, err := os.Stat(out.Name + ending); err == nil && info.Mode().IsRegular() {
			next := i.config
			next.Signature = out.Name + ending
			out.note("There is a signature file, %s. To judge by it, run: %s", next.Signature, next.command(out.Name))
		}
	}
}

// passesByClause finds a clause that lets the file pass, if none is about the
// product that the user named.
func (i *Inspector) passesByClause(out *File, next Config) bool {
	if out.Verdict.Reason != integrity.NoClause {
		return false
	}
	for _, c := range i.own.Clauses {
		if c.Vendor != integrity.Any {
			next.Vendor = c.Vendor
		}
		if next.Product = i.config.Product; c.Product != integrity.Any {
			next.Product = c.Product
		}
		if i.config.PolicyFile != "-" && next.judge(i.own, out.Answer, out.Digests).Passed {
			out.note("Clause %q lets the file pass, if the file is of that vendor and product. Name them with --vendor and --product.", c.Name)
			out.Next = next.command(out.Name)
			return true
		}
	}
	out.note("No clause matches. Name the vendor and the product as the catalog does, with --vendor and --product.")
	return false
}

// needsKey says where to get the key of a signature that comes without it.
func (i *Inspector) needsKey(out *File) bool {
	next := i.config
	switch r := out.Report; {
	case r.Authenticode != nil && len(r.Authenticode.Signatures) > 0:
		return false
	case r.Sigstore != nil && len(r.Sigstore.Chain) == 0 && (r.Sigstore.Statement == nil || r.Sigstore.Statement.NamesFile):
		next.Key = "key.pem"
		out.note("A signature by a plain key does not name its signer. Get the signer's public key from a source that you trust, and save it as %s.", next.Key)
	case r.Sigstore == nil && r.OpenPGP != nil && r.OpenPGP.Answer.Untrusted:
		by := r.OpenPGP.Signatures[slices.IndexFunc(r.OpenPGP.Signatures, func(s openpgp.SignatureInfo) bool { return s.Outcome == openpgp.UnknownKey })]
		next.Key = "key.asc"
		out.note("Get the signer's key from a source that you trust, and save it as %s. If the key is in your keyring, run: gpg --armor --export %s > %s",
			next.Key, cmp.Or(by.Fingerprint, by.KeyID), next.Key)
	default:
		return false
	}
	if i.config.Key != "" {
		out.note("No key in %s made this signature, or the file was changed.", i.config.Key)
		return true
	}
	next.Policy, next.PolicyFile = nil, ""
	out.Next = next.command(out.Name)
	return true
}

// pin tries policies that trust the file's signer, the strictest first.
func (i *Inspector) pin(content io.ReaderAt, out *File) {
	var signers []integrity.Signer
	now := i.config.Now.UTC().Truncate(time.Second)
	if r := out.Authenticode; r != nil && len(r.Signatures) > 0 {
		signers = windowsSigners(r.Signatures, now)
	} else if out.Sigstore != nil && out.Sigstore.Holds {
		signers = certifiedSigners(*out.Sigstore, now)
	}
	if len(signers) == 0 {
		out.note("No signature of the file holds, so there is nothing to pin.")
	}
	for n, s := range signers[:min(len(signers), maxTries)] {
		next, policy := i.trust(s)
		verdict := i.try(content, out, next, policy)
		if verdict.Passed {
			i.keep(out, next, policy)
			return
		}
		if n == 0 {
			out.note("A policy that pins the signer does not let the file pass: %s", verdict.Text)
		}
	}
}

// windowsSigners pins the signer's organization under each certificate of the
// chain, the last one first, then the signer's certificate itself. It tries
// that with the signature's timestamps, then with now instead.
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
			add := func(organization string, c authenticode.CertificateReport) {
				trust.Organization, trust.Anchors = organization, []string{"sha256:" + c.SHA256}
				all = append(all, integrity.Signer{Name: organization, Authenticode: []integrity.AuthenticodeTrust{trust}})
			}
			for _, c := range slices.Backward(s.Chain) {
				if s.Chain[0].Organization != "" {
					add(s.Chain[0].Organization, c)
				}
			}
			add("", s.Chain[0])
		}
	}
	return all
}

// certifiedSigners pins the name in the signer's certificate under each
// certificate of the chain, in the order of windowsSigners.
func certifiedSigners(r sigstoreverify.Report, now time.Time) (all []integrity.Signer) {
	leaf := r.Chain[0]
	id := integrity.Identity{Organization: leaf.Organization, Issuer: leaf.TokenIssuer}
	if len(leaf.Names) > 0 {
		id.Name, id.Organization = leaf.Names[0], ""
	}
	for _, t := range r.Times {
		if t.Problem == "" && len(t.Chain) > 0 {
			id.Timestampers = append(id.Timestampers, t.Chain[len(t.Chain)-1].PEM())
		}
	}
	for _, id.At = range []time.Time{{}, now} {
		for _, c := range slices.Backward(r.Chain) {
			id.Anchors = []string{c.PEM()}
			all = append(all, integrity.Signer{Name: leaf.Organization, Sigstore: []integrity.SigstoreTrust{{Identities: []integrity.Identity{id}}}})
		}
	}
	return all
}

// try judges a file by a policy, as that policy will be read from its file.
func (i *Inspector) try(content io.ReaderAt, out *File, c Config, policy integrity.Policy) integrity.Verdict {
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

// keep offers a policy that lets the file pass, under a file name that is free.
func (i *Inspector) keep(out *File, next Config, policy integrity.Policy) {
	for taken := true; taken; {
		i.pins++
		next.PolicyFile = "signers.json"
		if i.pins > 1 {
			next.PolicyFile = fmt.Sprintf("signers-%d.json", i.pins)
		}
		_, err := os.Lstat(next.PolicyFile)
		taken = err == nil
	}
	out.Pin, out.PinFile, out.Next, out.Notes = &policy, next.PolicyFile, next.command(out.Name), nil
}

// command is the shell command that verifies a file with this configuration.
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

// quote quotes a word for a POSIX shell, in characters that a terminal shows as
// they are. A word with characters that do not show loses the line ends at its
// end.
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
