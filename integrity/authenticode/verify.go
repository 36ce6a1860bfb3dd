package authenticode

import (
	"crypto/x509"
	"encoding/asn1"
	"io"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/internal/cms"
	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// Verifier judges signatures in files by its signers. It is immutable and safe
// for concurrent use. Make it with [New]; the zero Verifier trusts nobody.
type Verifier struct {
	policies              []policy
	anchors, timestampers []cms.Fingerprint  // of all policies
	pinned                []*cms.Certificate // from the policies
}

var _ integrity.SignatureVerifier = (*Verifier)(nil)

// Verify judges the signatures in the first size bytes of content. The package
// documentation says which answer means what. Signature files are ignored.
func (v *Verifier) Verify(content io.ReaderAt, size int64, _ []byte) integrity.Signature {
	f, err := open(content, size)
	if err == nil {
		var answer integrity.Signature
		if answer, err = v.judge(f, cms.NewFile(rules, v.pinned)); err == nil {
			return answer
		}
	}
	r := cms.AsRefusal(err)
	return integrity.Signature{Status: r.Status, Format: f.format, Untrusted: r.Stranger, Detail: problem.Printable(r.Text)}
}

// judge judges all signatures of a file. One that does not hold decides; otherwise the first
// valid one does.
func (v *Verifier) judge(f *layout, file *cms.File) (integrity.Signature, error) {
	all, err := parseSignatures(f, file)
	if err != nil {
		return integrity.Signature{}, err
	}
	var algs []integrity.Algorithm
	for _, s := range all {
		if s.err == nil {
			algs = append(algs, s.digest)
		}
	}
	sums := map[integrity.Algorithm][]byte{}
	if len(algs) > 0 {
		if sums, err = f.digest(algs); err != nil {
			return integrity.Signature{}, err
		}
	}
	var valid []integrity.Signature
	var why *cms.Refusal
	for _, s := range all {
		answer, err := v.judgeOne(f, s, file, sums[s.digest])
		switch r := cms.AsRefusal(err); {
		case err == nil:
			valid = append(valid, answer)
		case r.Decides:
			return integrity.Signature{}, r
		case why == nil || hope(r) > hope(why):
			why = r
		}
	}
	if valid == nil {
		return integrity.Signature{}, why
	}
	return valid[0], nil
}

// hope orders refusals: the higher, the less is missing from the policy.
func hope(r *cms.Refusal) int {
	switch {
	case r.Status == integrity.Unsupported:
		return 2
	case r.Stranger:
		return 1
	default:
		return 0
	}
}

// judgeOne judges one signature of a file with the digest.
func (v *Verifier) judgeOne(f *layout, s *signature, file *cms.File, has []byte) (integrity.Signature, error) {
	var none integrity.Signature
	signer, err := s.check(f, file, has)
	if err != nil && cms.AsRefusal(err).Decides {
		return none, err
	}
	stamps, _, stampErr := file.Dated(s.stamps, v.timestampers)
	switch {
	case stampErr != nil:
		return none, stampErr
	case s.tag > 0:
		return none, s.tagged()
	case err != nil:
		return none, err
	}
	chains, err := file.Chains(signer, v.anchors, x509.ExtKeyUsageCodeSigning)
	if err != nil {
		return none, err
	}
	var why *cms.Refusal
	near := -1 // how far the nearest policy was met
	for _, p := range v.policies {
		at, met, r := p.judge(signer, chains, stamps)
		if r == nil {
			return integrity.Signature{Status: integrity.Valid, Format: f.format, Signer: p.name, SignedAt: at}, nil
		}
		if met > near {
			why, near = r, met
		}
	}
	return none, why
}

// check requires the signature to hold over a file with the digest, whoever signed, and returns
// the signer's certificate. Its refusal decides unless the signature only carries no trust.
func (s *signature) check(f *layout, file *cms.File, has []byte) (*cms.Certificate, error) {
	if s.err != nil {
		return nil, s.err
	}
	if err := f.compare(s, has); err != nil {
		return nil, err
	}
	signer, err := file.Verify(&s.signer, s.data, oidIndirectData)
	if err == nil && s.digest.Legacy() {
		err = cms.Untrusted("it names the file by its %s digest, which carries no trust", s.digest)
	}
	return signer, err
}

// tagged refuses a tagged program: the signature may hold, but anybody could have put the tag
// there.
func (s *signature) tagged() error {
	return cms.Unsupported("the program is tagged: there are %d bytes after its signature, in a place that no signature covers", s.tag)
}

// judge checks whether the policy's signer signed, and when. Met says how far the policy was met.
func (p policy) judge(signer *cms.Certificate, chains cms.Chains, stamps []cms.Dated) (at time.Time, met int, why *cms.Refusal) {
	if !chains.EndIn(p.anchors) {
		return at, 0, cms.Stranger("the certificate of %.200q leads to no anchor of %q", signer.Subject, p.name)
	}
	if p.Organization != "" && !slices.Equal(signer.Subject.Organization, []string{p.Organization}) {
		return at, 1, cms.Stranger("it is by organization %.200q; %q is %.200q", signer.Subject.Organization, p.name, p.Organization)
	}
	if p.Usage != "" && !hasUsage(signer, p.Usage) {
		return at, 2, cms.Stranger("the certificate of %.200q is not for usage %s, which %q wants", signer.Subject, p.Usage, p.name)
	}
	if times := cms.Times(stamps, p.timestampers); times != nil {
		at = times[0]
	}
	judged := at
	if at.IsZero() || hasUsage(signer, usageLifetime) {
		judged = p.At
	}
	if judged.IsZero() {
		if at.IsZero() {
			return at, 3, cms.Undated("no trusted timestamp says when it was made, so whether the certificate of %.200q was valid cannot be judged", signer.Subject)
		}
		return at, 3, cms.Undated("the certificate of %.200q counts only while it is valid, whatever the timestamp says", signer.Subject)
	}
	if !chains.ValidAt(p.anchors, judged) {
		return at, 4, cms.Untrusted("the certificate of %.200q or one above it was not valid at %s; it is from %s to %s", signer.Subject,
			judged.Format(time.RFC3339), signer.NotBefore.Format(time.RFC3339), signer.NotAfter.Format(time.RFC3339))
	}
	return at, 5, nil
}

// usageLifetime marks certificates whose signatures expire with them, timestamp or not.
const usageLifetime = "1.3.6.1.4.1.311.10.3.13"

func hasUsage(c *cms.Certificate, usage string) bool {
	return slices.ContainsFunc(c.UnknownExtKeyUsage, func(u asn1.ObjectIdentifier) bool { return u.String() == usage }) ||
		slices.ContainsFunc(c.ExtKeyUsage, func(u x509.ExtKeyUsage) bool { return u.OID().String() == usage })
}
