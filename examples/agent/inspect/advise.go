package inspect

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/authenticode"
	"github.com/patchpolicy/patchpolicy/integrity/openpgp"
)

// siblings are the endings that signature files commonly have.
var siblings = []string{".asc", ".sig", ".sigstore.json", ".sigstore", ".bundle"}

// advise says what a person can do about a file that did not pass.
func (i *Inspector) advise(out *File) {
	note := func(format string, args ...any) { out.Notes = append(out.Notes, fmt.Sprintf(format, args...)) }
	if out.Verdict.Reason == integrity.NoClause && i.config.Vendor == "" && i.config.Product == "" {
		note("Name the product with --vendor and --product as the catalog does, so that its clause is found.")
	}
	if i.detached == nil && !out.Signed {
		for _, ending := range siblings {
			if info, err := os.Stat(out.Name + ending); err == nil && info.Mode().IsRegular() {
				note("%s lies beside it: give it with --signature.", out.Name+ending)
			}
		}
	}
	if out.Verdict.Reason == integrity.NoEvidence {
		note("Nothing says whose file this is: a digest from a source that you trust can, with --digest.")
	}
	switch r := out.Report; {
	case out.Verdict.Signature.Status == integrity.Valid:
		// It is trusted; only the clause wants something else.
	case r.Authenticode != nil && len(r.Authenticode.Signatures) > 0:
		i.pinWindows(out, note)
	case r.Sigstore != nil:
		i.pinSigstore(out, note)
	case r.OpenPGP != nil && len(r.OpenPGP.Signatures) > 0:
		i.pinOpenPGP(out, note)
	}
}

// pin is a policy that trusts one signer for what was named, or for all of a vendor's.
func (i *Inspector) pin(name string, format integrity.Format, trust func(*integrity.Signer)) *integrity.Policy {
	vendor := cmp.Or(i.config.Vendor, name)
	signer := integrity.Signer{Name: name}
	trust(&signer)
	return &integrity.Policy{
		Format: integrity.PolicyFormat, Signers: []integrity.Signer{signer},
		Clauses: []integrity.Clause{{
			Name: strings.ToLower(vendor), Vendor: vendor, Product: cmp.Or(i.config.Product, integrity.Any),
			Signers: []string{name}, Formats: []integrity.Format{format},
		}},
	}
}

// pinWindows pins the first signature that could hold, by the last certificate that the file carries.
func (i *Inspector) pinWindows(out *File, note func(string, ...any)) {
	for _, s := range out.Authenticode.Signatures {
		if s.Problem != "" || !s.Matches || len(s.Chain) == 0 {
			continue
		}
		signer, anchor := s.Chain[0], s.Chain[len(s.Chain)-1]
		if signer.Organisation == "" { // nothing but the certificate itself says who it is
			anchor = signer
		}
		trust := integrity.AuthenticodeTrust{Anchors: []string{"sha256:" + anchor.SHA256}, Organisation: signer.Organisation}
		if stamp, found := usable(s.Timestamps); found {
			trust.Timestampers = []string{"sha256:" + stamp.Chain[len(stamp.Chain)-1].SHA256}
		} else {
			trust.At = i.config.Now.UTC().Truncate(time.Second)
			if trust.At.After(signer.NotAfter) || trust.At.Before(signer.NotBefore) {
				note("No timestamp says when it was signed, and its certificate is not valid now: nobody can tell whether it was then.")
				return
			}
		}
		out.Pin = i.pin(cmp.Or(signer.Organisation, "SIGNER"), out.Authenticode.Format, func(s *integrity.Signer) {
			s.Authenticode = []integrity.AuthenticodeTrust{trust}
		})
		return
	}
	note("No signature of it holds, so there is nothing to pin.")
}

func usable(stamps []authenticode.TimestampReport) (authenticode.TimestampReport, bool) {
	for _, s := range stamps {
		if !s.Legacy && s.Problem == "" && len(s.Chain) > 0 {
			return s, true
		}
	}
	return authenticode.TimestampReport{}, false
}

// pinSigstore can only name who a certificate says it is: the authority's certificate is not in the file.
func (i *Inspector) pinSigstore(out *File, note func(string, ...any)) {
	trust := integrity.SigstoreTrust{}
	name := cmp.Or(i.config.Vendor, "SIGNER")
	switch r := out.Sigstore; {
	case len(r.Chain) == 0:
		trust.Keys = []string{"the signer's public key: -----BEGIN PUBLIC KEY-----…"}
		note("A signature by a plain key does not say whose: get the public key from a source that you trust, and put it into \"keys\".")
	case !r.Holds || len(r.Chain[0].Names) == 0:
		note("No signature of it holds, so there is nothing to pin.")
		return
	default:
		trust.Identities = []integrity.Identity{{
			Anchors: []string{"the authority's certificate: -----BEGIN CERTIFICATE-----…"}, Name: r.Chain[0].Names[0], Issuer: r.Chain[0].TokenIssuer,
		}}
		note("Put the certificate of the authority into \"anchors\": %s.", r.Chain[len(r.Chain)-1].Issuer)
	}
	out.Pin = i.pin(name, out.Sigstore.Format, func(s *integrity.Signer) { s.Sigstore = []integrity.SigstoreTrust{trust} })
}

// pinOpenPGP can only name the keys: they are not in the file.
func (i *Inspector) pinOpenPGP(out *File, note func(string, ...any)) {
	var prints []string
	for _, s := range out.OpenPGP.Signatures {
		if s.Outcome != openpgp.UnknownKey {
			continue
		}
		print := cmp.Or(s.Fingerprint, s.KeyID)
		if print != "" && !slices.Contains(prints, print) {
			prints = append(prints, print)
		}
	}
	if prints == nil {
		note("No signature of it holds, so there is nothing to pin.")
		return
	}
	note("Get the key from a source that you trust, and put into \"keyring\" what this prints: gpg --armor --export %s", strings.Join(prints, " "))
	trust := integrity.OpenPGPTrust{Keyring: "-----BEGIN PGP PUBLIC KEY BLOCK-----…"}
	for _, print := range prints {
		if len(print) == 40 || len(print) == 64 {
			trust.Fingerprints = append(trust.Fingerprints, print)
		}
	}
	out.Pin = i.pin(cmp.Or(i.config.Vendor, "SIGNER"), out.OpenPGP.Answer.Format, func(s *integrity.Signer) { s.OpenPGP = []integrity.OpenPGPTrust{trust} })
}
