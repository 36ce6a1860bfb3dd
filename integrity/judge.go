package integrity

import (
	"fmt"
	"slices"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// observe records the facts before anything is decided.
func observe(e Expectation, s Signature, computed []Digest) Verdict {
	if !statuses.Valid(s.Status) {
		s = Signature{Status: s.Status, Detail: fmt.Sprintf("the verifier answered %s. %s", s.Status, s.Detail)}
	}
	s.Untrusted = s.Untrusted && s.Status == Bad
	if !s.Format.valid() {
		s.Format = "" // unknown
	}
	s.Detail = problem.Clip(s.Detail, MaxDetail)
	v := Verdict{Signature: s}
	v.Checksum, v.Compared = compare(e.Digests, computed)
	return v
}

// judge decides by the expectation and the clause, if there is one. It is the table in the
// package documentation.
func judge(e Expectation, c *Clause, v Verdict) Verdict {
	s := v.Signature
	legacy := e.AllowLegacy && (s.Status == Valid || c == nil || c.AllowLegacy)
	sum, trusted := v.checksumText(e, legacy), legacy || !v.Compared.Legacy() // the compared digest carries trust (INT-7)
	expected := e.Signer != "" || c != nil && len(c.Signers) > 0
	unsigned := e.Signer == "" && (c == nil || c.AllowUnsigned) // a file without a signature may pass
	differs := v.Checksum == Mismatched
	why := ""
	if s.Detail != "" {
		why = " (" + s.Detail + ")"
	}
	switch s.Status {
	case Bad:
		if s.Untrusted {
			return v.decide(NotTrusted, "INT-1", "Nobody who signed the file is trusted here%s: "+
				"if the signer may sign it, pin the signer's certificate or key in the signer policy.", why)
		}
		return v.decide(SignatureBad, "INT-1", "The file's signature does not hold%s.", why)

	case Valid:
		switch {
		case s.Signer == "":
			return v.decide(SignerUnexpected, "INT-1", "The file is validly signed, but the verifier does not name the signer.")
		case e.Signer != "" && s.Signer != e.Signer:
			return v.decide(SignerUnexpected, "INT-1", "The file is signed by %q; the order expects %q.", s.Signer, e.Signer)
		case c != nil && !slices.Contains(c.Signers, s.Signer):
			return v.decide(SignerUnexpected, "INT-1", "The file is signed by %q; the policy trusts %s here.", s.Signer, either(c.Signers))
		case c != nil && len(c.Formats) > 0 && !slices.Contains(c.Formats, s.Format):
			return v.decide(FormatNotAllowed, "INT-1", "The file is signed by %q in the format %q; the policy allows %s here.",
				s.Signer, s.Format, either(c.Formats))
		case differs && (!expected || trusted && !e.LatestOnly):
			return v.decide(ChecksumMismatch, "INT-5", "The file is validly signed by %q, but is not the one ordered: %s.", s.Signer, sum)
		}
		return v.decide(SignatureValid, "INT-1", "The file is validly signed by %q; %s.", s.Signer, sum)

	case Absent:
		switch {
		case e.Signer != "":
			return v.decide(SignatureMissing, "INT-4", "The file carries no signature; the order expects one by %q.", e.Signer)
		case !unsigned:
			return v.decide(SignatureMissing, "INT-4", "The file carries no signature; the policy wants one by %s.", either(c.Signers))
		case v.Checksum == NotCompared:
			return v.decide(NoEvidence, "INT-3", "The file carries no signature, and %s.", sum)
		case !trusted:
			return v.decide(LegacyDigest, "INT-7", "The file carries no signature, and %s.", sum)
		case differs:
			return v.decide(ChecksumMismatch, "INT-2", "The file carries no signature, and %s.", sum)
		}
		return v.decide(ChecksumMatched, "INT-2", "The file carries no signature; %s.", sum)

	case Unsupported:
		if unsigned && !expected && v.Checksum == Matched && trusted {
			return v.decide(SignedNotJudged, "INT-2", "The file is signed, not judged%s; %s.", why, sum)
		}
	}
	return v.decide(SignatureUnsupported, "INT-9",
		"The file's signature cannot be judged, which is not the same as absent%s.", why)
}

// checksumText says how the checksum compared, as part of a sentence.
func (v Verdict) checksumText(e Expectation, allowed bool) string {
	legacy := ""
	if v.Compared.Legacy() && allowed {
		legacy = ", a legacy algorithm that the order allows"
	} else if v.Compared.Legacy() {
		legacy = ", a legacy algorithm that carries no trust here"
	}
	switch {
	case v.Checksum == Matched:
		return fmt.Sprintf("its checksum matches by %s%s", v.Compared, legacy)
	case v.Checksum == Mismatched:
		return fmt.Sprintf("its checksum does not match by %s%s", v.Compared, legacy)
	case len(e.Digests) == 0:
		return "there is no checksum to compare"
	default:
		return "none of the checksums known for it was computed"
	}
}

func (v Verdict) decide(r Reason, rule, format string, args ...any) Verdict {
	switch r {
	case SignatureValid, ChecksumMatched, SignedNotJudged:
		v.Passed = true
	case NoEvidence, LegacyDigest:
		v.Code = FileValidationFailed
	case ChecksumMismatch:
		v.Code = FileHashValidationFailed
	default:
		v.Code = FileSignatureFailed
	}
	if !statuses.Valid(v.Signature.Status) { // the verifier did not answer
		v.Signature.Status = Unsupported
	}
	v.Reason, v.Rule, v.Text = r, rule, fmt.Sprintf(format, args...)
	return v
}

// compare compares by the strongest algorithm that both sides have.
func compare(expected, computed []Digest) (Checksum, Algorithm) {
	for _, a := range byStrength {
		want := slices.DeleteFunc(slices.Clone(expected), func(d Digest) bool { return d.Algorithm != a })
		got := slices.DeleteFunc(slices.Clone(computed), func(d Digest) bool { return d.Algorithm != a || d.fault() != "" })
		switch {
		case len(want) == 0 || len(got) == 0:
		case len(slices.Compact(append(want, got...))) == 1: // all are equal: digests that contradict each other prove nothing
			return Matched, a
		default:
			return Mismatched, a
		}
	}
	return NotCompared, 0
}
