package sigstoreverify

import (
	"cmp"
	"crypto/x509"
	"encoding/asn1"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sigstore/sigstore/pkg/cryptoutils"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/internal/cms"
)

var rules = cms.Rules{MaxRSA: MaxRSA, Ed25519: true}

type identity struct {
	integrity.Identity
	way                   int // index of the way it belongs to
	anchors, timestampers []cms.Fingerprint
}

// The extensions with the issuer that Fulcio believed: a DER string, and in the older form the
// bare text.
var (
	issuerOID    = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 8}
	oldIssuerOID = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 1}
)

// tokenIssuer returns the issuer that Fulcio believed; false if there is none or the certificate
// contradicts itself.
func tokenIssuer(c *x509.Certificate) (string, bool) {
	var found []string
	for _, e := range c.Extensions {
		switch {
		case e.Id.Equal(oldIssuerOID):
			found = append(found, string(e.Value))
		case e.Id.Equal(issuerOID):
			r := cms.Read(e.Value)
			s := r.Only(tagUTF8).Rest()
			if r.Err() != nil || !utf8.Valid(s) {
				return "", false
			}
			found = append(found, string(s))
		}
	}
	if len(found) == 0 || len(slices.Compact(found)) > 1 {
		return "", false
	}
	return found[0], true
}

const tagUTF8 = 0x0c

// The kinds of subject alternative names, by their tags (RFC 5280, 4.2.1.6).
const (
	otherName = cms.TagContext0
	mailName  = cms.TagContext | 1
	hostName  = cms.TagContext | 2
	uriName   = cms.TagContext | 6
)

// kindOf returns the kind of a policy's name. A name of one kind must not match another kind,
// because what an authority may name is limited per kind.
func kindOf(name string) byte {
	switch {
	case strings.Contains(name, ":"):
		return uriName
	case strings.Contains(name, "@"):
		return mailName
	case strings.Contains(name, "!"): // as in Fulcio's user!host
		return otherName
	default:
		return hostName
	}
}

// alternativeNames lists the certificate's names of a kind exactly as written. Package x509
// returns URIs in parsed form.
func alternativeNames(c *x509.Certificate, kind byte) (out []string) {
	if kind == otherName {
		if name, err := cryptoutils.UnmarshalOtherNameSAN(c.Extensions); err == nil && name != "" {
			out = []string{name}
		}
		return out
	}
	for _, e := range c.Extensions {
		if !e.Id.Equal(cryptoutils.SANOID) {
			continue
		}
		list := cms.Read(e.Value).Only(cms.TagSequence)
		for list.More() {
			if tag, _, name := list.Next(); tag == kind {
				out = append(out, string(name.Rest()))
			}
		}
		if list.Err() != nil {
			return nil
		}
	}
	return out
}

// everyName lists the names of all kinds.
func everyName(c *x509.Certificate) (out []string) {
	for _, kind := range []byte{hostName, mailName, uriName, otherName} {
		out = append(out, alternativeNames(c, kind)...)
	}
	return out
}

func (id *identity) matches(c *x509.Certificate) bool {
	if id.Name != "" && !slices.Contains(alternativeNames(c, kindOf(id.Name)), id.Name) {
		return false
	}
	if o := c.Subject.Organization; id.Organization != "" && (len(o) != 1 || o[0] != id.Organization) {
		return false
	}
	if id.Issuer != "" {
		issuer, ok := tokenIssuer(c)
		return ok && issuer == id.Issuer
	}
	return true
}

// leafOf returns the signer's certificate for the search of chains. Package x509 cannot read a
// subject that only Fulcio's other name gives; matches can.
func leafOf(c *x509.Certificate) *cms.Certificate {
	leaf := *c
	if name, err := cryptoutils.UnmarshalOtherNameSAN(leaf.Extensions); err == nil && name != "" {
		leaf.UnhandledCriticalExtensions = slices.DeleteFunc(slices.Clone(leaf.UnhandledCriticalExtensions), cryptoutils.SANOID.Equal)
	}
	return rules.Certificate(&leaf)
}

// whose finds the way whose identity the certificate has, and the time of signing; zero: unknown.
func (v *Verifier) whose(chain []*x509.Certificate, sig []byte, tokens [][]byte) (way int, at time.Time, err error) {
	named := slices.DeleteFunc(slices.Clone(v.identities), func(id *identity) bool { return !id.matches(chain[0]) })
	file := cms.NewFile(rules, v.pinned)
	for _, c := range chain[1:] {
		if err := file.Add(c.Raw); err != nil {
			return 0, at, err
		}
	}
	var anchors, timestampers []cms.Fingerprint
	for _, id := range named {
		anchors, timestampers = append(anchors, id.anchors...), append(timestampers, id.timestampers...)
	}
	stamps, why := readTokens(file, tokens, sig)
	dated, untrusted, err := file.Dated(stamps, timestampers)
	if err != nil {
		return 0, at, err
	}
	leaf := leafOf(chain[0])
	chains, err := file.Chains(leaf, anchors, x509.ExtKeyUsageCodeSigning)
	switch {
	case err != nil && len(named) == 0 && cms.AsRefusal(err).Stranger:
		return 0, at, cms.Stranger("its certificate is of none of the trusted signers (%q)", v.names)
	case err != nil:
		return 0, at, err
	}
	for _, id := range named {
		if at, err = id.judge(leaf, chains, dated, cmp.Or(untrusted, why)); err == nil {
			return id.way, at, nil
		}
	}
	return 0, at, err
}

// readTokens reads the timestamps over sig. It skips those whose authority's certificate is
// neither included nor pinned: that authority is not trusted here.
func readTokens(file *cms.File, tokens [][]byte, sig []byte) (stamps []cms.Stamp, why string) {
	why = "it has no timestamp"
	for _, token := range tokens {
		t := file.Answer(token, sig)
		if t.Signer.Signature != nil && file.Find(&t.Signer) == nil {
			why = "its timestamp's certificate is missing"
			continue
		}
		stamps = append(stamps, t)
	}
	return stamps, why
}

// judge requires a chain to one of the identity's anchors that was valid at the times of all
// trusted timestamps, and returns the earliest. It returns zero if there are none and the
// identity says when to judge.
func (id *identity) judge(leaf *cms.Certificate, chains cms.Chains, dated []cms.Dated, why string) (signed time.Time, err error) {
	if !chains.EndIn(id.anchors) {
		return signed, cms.Stranger("the certificate of %.200q leads to no anchor of %q", leaf.Holder(), cmp.Or(id.Name, id.Organization))
	}
	times := cms.Times(dated, id.timestampers)
	switch {
	case len(times) > 0:
		signed = times[0]
	case id.At.IsZero():
		return signed, cms.Undated("no trusted timestamp says when it was made (%s), so its certificate cannot be judged", why)
	default:
		times = []time.Time{id.At}
	}
	for _, at := range times {
		if !chains.ValidAt(id.anchors, at) {
			return time.Time{}, cms.Untrusted("the certificate of %.200q leads to no anchor of %q that was valid with it at %s; it is from %s to %s", leaf.Holder(),
				cmp.Or(id.Name, id.Organization), at.UTC().Format(time.RFC3339), leaf.NotBefore.Format(time.RFC3339), leaf.NotAfter.Format(time.RFC3339))
		}
	}
	return signed, nil
}
