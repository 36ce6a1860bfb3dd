package integrity

import (
	"fmt"
	"slices"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// observe records what was found out, before anything is decided.
func observe(e Expectation, s Signature, computed []Digest) Verdict {
	if !statuses.Valid(s.Status) {
		s = Signature{Status: Unsupported, Detail: fmt.Sprintf("the verifier answered %s. %s", s.Status, s.Detail)}
	}
	s.Untrusted = s.Untrusted && s.Status == Bad
	if !s.Format.valid() {
		s.Format = "" // not told
	}
	s.Detail = problem.Clip(s.Detail, MaxDetail)
	v := Verdict{Signature: s}
	v.Checksum, v.Compared = compare(e.Digests, computed)
	return v
}

// judge decides by the expectation, and by the clause if there is one.
func judge(e Expectation, c *Clause, v Verdict) Verdict {
	switch s := v.Signature; s.Status {
	case Valid:
		return judgeSigned(e, c, v)
	case Bad:
		if s.Untrusted {
			return v.fail(FileSignatureFailed, NotTrusted, "INT-1", "The file is signed by nobody who is trusted here%s: "+
				"if its signer may sign it, pin the signer's certificate or key in the signer policy.", because(s.Detail))
		}
		return v.fail(FileSignatureFailed, SignatureBad, "INT-1", "The file's signature does not hold%s.", because(s.Detail))
	case Absent:
		return judgeUnsigned(e, c, v)
	default:
		return v.fail(FileSignatureFailed, SignatureUnsupported, "INT-9",
			"The file's signature cannot be judged, which is not the same as absent%s.", because(s.Detail))
	}
}

// judgeSigned decides about a file whose signature is valid.
func judgeSigned(e Expectation, c *Clause, v Verdict) Verdict {
	signer := v.Signature.Signer
	switch {
	case signer == "":
		return v.fail(FileSignatureFailed, SignerUnexpected, "INT-1", "The file is validly signed, but the verifier does not say by whom.")
	case e.Signer != "" && signer != e.Signer:
		return v.fail(FileSignatureFailed, SignerUnexpected, "INT-1", "The file is signed by %q; the order expects %q.", signer, e.Signer)
	case c != nil && !slices.Contains(c.Signers, signer):
		return v.fail(FileSignatureFailed, SignerUnexpected, "INT-1", "The file is signed by %q; the policy trusts %s here.", signer, either(c.Signers))
	case c != nil && len(c.Formats) > 0 && !slices.Contains(c.Formats, v.Signature.Format):
		return v.fail(FileSignatureFailed, FormatNotAllowed, "INT-1", "The file is signed by %q in the format %q; the policy allows %s here.",
			signer, v.Signature.Format, either(c.Formats))
	case e.Strict && !v.trusted(e):
		return v.fail(FileHashValidationFailed, StrictUnmet, "INT-5",
			"The file is validly signed by %q, but %s wants a matching checksum as well: %s.", signer, c.strict(), v.checksumText(e))
	default:
		return v.pass(SignatureValid, "INT-1", "The file is validly signed by %q; %s.", signer, v.checksumText(e))
	}
}

// strict names who wants both, the order if it is not the clause.
func (c *Clause) strict() string {
	if c != nil && c.Strict {
		return "the policy"
	}
	return "the order"
}

// judgeUnsigned decides about a file that carries no signature.
func judgeUnsigned(e Expectation, c *Clause, v Verdict) Verdict {
	switch {
	case e.Signer != "":
		return v.fail(FileSignatureFailed, SignatureMissing, "INT-4", "The file carries no signature; the order expects one by %q.", e.Signer)
	case c != nil && !c.AllowUnsigned:
		return v.fail(FileSignatureFailed, SignatureMissing, "INT-4", "The file carries no signature; the policy wants one by %s.", either(c.Signers))
	case v.Checksum == NotCompared:
		return v.fail(FileValidationFailed, NoEvidence, "INT-3", "The file carries no signature, and %s.", v.checksumText(e))
	case v.Compared.Legacy() && !e.AllowLegacy:
		return v.fail(FileValidationFailed, LegacyDigest, "INT-7", "The file carries no signature, and %s.", v.checksumText(e))
	case v.Checksum != Matched:
		return v.fail(FileHashValidationFailed, ChecksumMismatch, "INT-2", "The file carries no signature, and %s.", v.checksumText(e))
	case e.Strict:
		return v.fail(FileSignatureFailed, StrictUnmet, "INT-5",
			"The file carries no signature, and the order wants one beside the checksum; %s.", v.checksumText(e))
	default:
		return v.pass(ChecksumMatched, "INT-2", "The file carries no signature; %s.", v.checksumText(e))
	}
}

// trusted reports whether the checksum matched by an algorithm that carries trust here (INT-7).
func (v Verdict) trusted(e Expectation) bool {
	return v.Checksum == Matched && (e.AllowLegacy || !v.Compared.Legacy())
}

// checksumText is a clause about the checksum.
func (v Verdict) checksumText(e Expectation) string {
	legacy := ""
	if v.Compared.Legacy() {
		legacy = ", a legacy algorithm that carries no trust here"
		if e.AllowLegacy {
			legacy = ", a legacy algorithm that the order allows"
		}
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

func (v Verdict) pass(r Reason, rule, format string, args ...any) Verdict {
	v.Passed, v.Reason, v.Rule, v.Text = true, r, rule, fmt.Sprintf(format, args...)
	return v
}

func (v Verdict) fail(c Code, r Reason, rule, format string, args ...any) Verdict {
	v.Code, v.Reason, v.Rule, v.Text = c, r, rule, fmt.Sprintf(format, args...)
	return v
}

func because(detail string) string {
	if detail == "" {
		return ""
	}
	return " (" + detail + ")"
}

// compare compares by the strongest algorithm known on both sides.
func compare(expected, computed []Digest) (Checksum, Algorithm) {
	for _, a := range byStrength {
		pairs, matches := 0, 0
		for _, want := range expected {
			for _, got := range computed {
				if want.Algorithm != a || got.Algorithm != a || got.check() != nil {
					continue
				}
				pairs++
				if want == got {
					matches++
				}
			}
		}
		if pairs > 0 && matches == pairs { // all of them: contradicting digests prove nothing
			return Matched, a
		}
		if pairs > 0 {
			return Mismatched, a
		}
	}
	return NotCompared, 0
}
