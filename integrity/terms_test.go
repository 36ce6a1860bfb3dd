package integrity

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func acmeClause() Clause {
	return Clause{Name: "acme", Vendor: "Acme", Product: Any, Signers: []string{"Acme", "Acme Labs"}, Formats: []Format{PE, MSI}}
}

func excerpt(clauses ...Clause) Excerpt {
	return Policy{Format: PolicyFormat, Clauses: clauses}.Excerpt()
}

// What a clause decides about a file, one row a way to be decided.
func TestClauseDecides_INT1_INT4_INT5_INT7_INT9(t *testing.T) {
	good, old := sum(SHA256, "x"), sum(SHA1, "x")
	with := func(change func(*Clause)) Clause {
		c := acmeClause()
		change(&c)
		return c
	}
	unsigned := with(func(c *Clause) { c.AllowUnsigned = true })
	nobody := Clause{Name: "deb", Vendor: Any, Product: Any, AllowUnsigned: true}
	for _, tc := range []struct {
		name   string
		clause Clause
		expect Expectation
		found  Signature
		reason Reason
		code   Code
		rule   string
		text   string
	}{
		{"by its signer", acmeClause(), Expectation{}, Signature{Status: Valid, Signer: "Acme", Format: PE}, SignatureValid, 0, "INT-1", ""},
		{"by its other signer", acmeClause(), Expectation{}, Signature{Status: Valid, Signer: "Acme Labs", Format: MSI}, SignatureValid, 0, "INT-1", ""},
		{"by somebody else", acmeClause(), Expectation{}, Signature{Status: Valid, Signer: "Other", Format: PE}, SignerUnexpected, 11, "INT-1", `the policy trusts "Acme" or "Acme Labs" here`},
		{"by nobody named", acmeClause(), Expectation{}, Signature{Status: Valid, Format: PE}, SignerUnexpected, 11, "INT-1", "does not name the signer"},
		{"by another than ordered", acmeClause(), Expectation{Signer: "Acme Labs"}, Signature{Status: Valid, Signer: "Acme", Format: PE}, SignerUnexpected, 11, "INT-1", `the order expects "Acme Labs"`},
		{"ordered from a stranger", acmeClause(), Expectation{Signer: "Other"}, Signature{Status: Valid, Signer: "Other", Format: PE}, SignerUnexpected, 11, "INT-1", "the policy trusts"},
		{"in another format", acmeClause(), Expectation{}, Signature{Status: Valid, Signer: "Acme", Format: CAB}, FormatNotAllowed, 11, "INT-1", `in the format "cab"; the policy allows "msi" or "pe" here`},
		{"in no format", acmeClause(), Expectation{}, Signature{Status: Valid, Signer: "Acme"}, FormatNotAllowed, 11, "INT-1", ""},
		{"in any format", with(func(c *Clause) { c.Formats = nil }), Expectation{}, Signature{Status: Valid, Signer: "Acme", Format: DSSE}, SignatureValid, 0, "INT-1", ""},
		{"does not hold", acmeClause(), Expectation{Digests: []Digest{good}}, Signature{Status: Bad}, SignatureBad, 11, "INT-1", ""},
		{"cannot be judged", acmeClause(), Expectation{Digests: []Digest{good}}, Signature{Status: Unsupported}, SignatureUnsupported, 11, "INT-9", ""},
		{"cannot be judged, and signers are named", unsigned, Expectation{Digests: []Digest{good}}, Signature{Status: Unsupported}, SignatureUnsupported, 11, "INT-9", ""},
		{"no signature", acmeClause(), Expectation{Digests: []Digest{good}}, Signature{Status: Absent}, SignatureMissing, 11, "INT-4", `wants one by "Acme" or "Acme Labs"`},
		{"no signature, allowed", unsigned, Expectation{Digests: []Digest{good}}, Signature{Status: Absent}, ChecksumMatched, 0, "INT-2", ""},
		{"no signature, allowed, but ordered", unsigned, Expectation{Signer: "Acme", Digests: []Digest{good}}, Signature{Status: Absent}, SignatureMissing, 11, "INT-4", "the order expects"},
		{"no signature, allowed, wrong sum", unsigned, Expectation{Digests: []Digest{sum(SHA256, "y")}}, Signature{Status: Absent}, ChecksumMismatch, 12, "INT-2", ""},
		{"no signature, allowed, no sum", unsigned, Expectation{}, Signature{Status: Absent}, NoEvidence, 7, "INT-3", ""},
		{"nobody may sign", nobody, Expectation{}, Signature{Status: Valid, Signer: "Acme"}, SignerUnexpected, 11, "INT-1", "trusts nobody here"},
		{"nothing may pass", Clause{Name: "never", Vendor: Any, Product: Any}, Expectation{Digests: []Digest{good}}, Signature{Status: Absent}, SignatureMissing, 11, "INT-4", "by nobody"},
		{"cannot be judged, nobody is named", nobody, Expectation{Digests: []Digest{good}}, Signature{Status: Unsupported, Detail: "a catalog"}, SignedNotJudged, 0, "INT-2", "signed, not judged (a catalog)"},
		{"cannot be judged, nobody is named, but ordered", nobody, Expectation{Signer: "Acme", Digests: []Digest{good}}, Signature{Status: Unsupported}, SignatureUnsupported, 11, "INT-9", ""},
		{"cannot be judged, wrong sum", nobody, Expectation{Digests: []Digest{sum(SHA256, "y")}}, Signature{Status: Unsupported}, SignatureUnsupported, 11, "INT-9", ""},
		{"cannot be judged, old sum, allowed by the order", nobody, Expectation{Digests: []Digest{old}, AllowLegacy: true}, Signature{Status: Unsupported}, SignatureUnsupported, 11, "INT-9", ""},
		{"cannot be judged, nothing may pass", Clause{Name: "never", Vendor: Any, Product: Any}, Expectation{Digests: []Digest{good}}, Signature{Status: Unsupported}, SignatureUnsupported, 11, "INT-9", ""},
		{"other bytes", acmeClause(), Expectation{Digests: []Digest{sum(SHA256, "y")}}, Signature{Status: Valid, Signer: "Acme", Format: PE}, ChecksumMismatch, 12, "INT-5", "is not the one ordered: its checksum does not match by sha256"},
		{"other bytes of the latest", acmeClause(), Expectation{LatestOnly: true, Digests: []Digest{sum(SHA256, "y")}}, Signature{Status: Valid, Signer: "Acme", Format: PE}, SignatureValid, 0, "INT-1", "does not match by sha256"},
		{"other bytes by an old sum", acmeClause(), Expectation{Digests: []Digest{sum(SHA1, "y")}}, Signature{Status: Valid, Signer: "Acme", Format: PE}, SignatureValid, 0, "INT-1", "carries no trust"},
		{"other bytes by an old sum, allowed by the order", acmeClause(), Expectation{Digests: []Digest{sum(SHA1, "y")}, AllowLegacy: true}, Signature{Status: Valid, Signer: "Acme", Format: PE}, ChecksumMismatch, 12, "INT-5", ""},
		{"old sum, allowed by both", with(func(c *Clause) { c.AllowUnsigned, c.AllowLegacy = true, true }), Expectation{Digests: []Digest{old}, AllowLegacy: true}, Signature{Status: Absent}, ChecksumMatched, 0, "INT-2", ""},
		{"old sum, allowed by the order", unsigned, Expectation{Digests: []Digest{old}, AllowLegacy: true}, Signature{Status: Absent}, LegacyDigest, 7, "INT-7", ""},
		{"old sum, allowed by the clause", with(func(c *Clause) { c.AllowUnsigned, c.AllowLegacy = true, true }), Expectation{Digests: []Digest{old}}, Signature{Status: Absent}, LegacyDigest, 7, "INT-7", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			terms := Terms{Vendor: "Acme", Product: "reader", Expect: tc.expect, Own: excerpt(tc.clause)}
			v := terms.Judge(tc.found, []Digest{good, old})
			require.Equal(t, []any{tc.reason, tc.code, tc.rule, tc.code == 0, tc.clause.Name}, []any{v.Reason, v.Code, v.Rule, v.Passed, v.Clause}, v.Text)
			require.Contains(t, v.Text, tc.text)
			require.True(t, strings.HasSuffix(v.Text, fmt.Sprintf(" (clause %q).", tc.clause.Name)), v.Text)
			// The order's excerpt does the same where the asset has no policy,
			// and changes nothing where it has the same.
			terms.Order = terms.Own
			require.Equal(t, v, terms.Judge(tc.found, []Digest{good, old}))
			terms.Own = Excerpt{}
			require.Equal(t, v, terms.Judge(tc.found, []Digest{good, old}))
		})
	}
}

// An agent cannot be talked into a weaker policy than its own, and without any
// policy all is as ever (INT-4).
func TestPolicyOfOrderAndAsset_INT4(t *testing.T) {
	own := excerpt(acmeClause(), Clause{Name: "rest", Vendor: Any, Product: Any, AllowUnsigned: true})
	weaker := acmeClause()
	weaker.Formats = nil
	renamed := acmeClause()
	renamed.Name = "acme, too"
	reordered := acmeClause()
	reordered.Signers, reordered.Formats = []string{"Acme Labs", "Acme"}, []Format{MSI, PE}
	signed, none := Signature{Status: Valid, Signer: "Acme", Format: PE}, Signature{Status: Absent}
	good := sum(SHA256, "x")
	for _, tc := range []struct {
		name           string
		vendor         string
		own, order     Excerpt
		found          Signature
		reason         Reason
		clause, inText string
	}{
		{"none on either side", "Acme", Excerpt{}, Excerpt{}, signed, SignatureValid, "", "validly signed"},
		{"none on either side, unsigned", "Acme", Excerpt{}, Excerpt{}, none, ChecksumMatched, "", "checksum matches"},
		{"the same", "Acme", own, own.Only(acmeClause()), signed, SignatureValid, "acme", "validly signed"},
		{"the same, written otherwise", "Acme", own, Excerpt{Digest: own.Digest, Clauses: []Clause{reordered}}, signed, SignatureValid, "acme", "validly signed"},
		{"another", "Acme", own, excerpt(acmeClause()), signed, PolicyMismatch, "", "give server and asset the same policy"},
		{"another digest, same clause", "Acme", own, Excerpt{Digest: excerpt().Digest, Clauses: own.Clauses}, signed, PolicyMismatch, "", "was made under signer policy sha256:"},
		{"a weaker clause under its name", "Acme", own, Excerpt{Digest: own.Digest, Clauses: []Clause{weaker}}, signed, PolicyMismatch, "", "does not carry its clause"},
		{"a renamed clause", "Acme", own, Excerpt{Digest: own.Digest, Clauses: []Clause{renamed}}, signed, PolicyMismatch, "", "does not carry its clause"},
		{"the digest without the clause", "Acme", own, Excerpt{Digest: own.Digest}, signed, PolicyMismatch, "", "does not carry its clause"},
		{"clauses without a digest", "Acme", own, Excerpt{Clauses: own.Clauses}, signed, PolicyMismatch, "", "give server and asset"},
		{"only the asset's", "Acme", own, Excerpt{}, signed, SignatureValid, "acme", ""},
		{"only the asset's, unsigned", "Acme", own, Excerpt{}, none, SignatureMissing, "acme", ""},
		{"only the asset's, the rest", "Else", own, Excerpt{}, none, ChecksumMatched, "rest", ""},
		{"only the order's", "Acme", Excerpt{}, own.Only(acmeClause()), none, SignatureMissing, "acme", ""},
		{"only the order's, no clause", "Else", Excerpt{}, own.Only(acmeClause()), none, NoClause, "", `No clause of the order's signer policy is about product "reader" of vendor "Else"`},
		{"no clause on either side", "Else", excerpt(acmeClause()), excerpt(acmeClause()), none, NoClause, "", "this asset's signer policy"},
		{"an empty policy trusts nothing", "Acme", excerpt(), Excerpt{}, signed, NoClause, "", "nothing is trusted"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := Terms{"", tc.vendor, "reader", Expectation{Digests: []Digest{good}}, tc.order, tc.own}.Judge(tc.found, []Digest{good})
			require.Equal(t, []any{tc.reason, tc.clause}, []any{v.Reason, v.Clause}, v.Text)
			require.Contains(t, v.Text, tc.inText)
			require.Equal(t, Matched, v.Checksum, "INT-5: recorded whatever decides")
			require.Equal(t, tc.found, v.Signature)
			if tc.reason == PolicyMismatch || tc.reason == NoClause {
				require.Equal(t, []any{false, FileSignatureFailed, "INT-4"}, []any{v.Passed, v.Code, v.Rule})
			}
		})
	}
}

// A sentence names five of those who may sign, and counts the rest.
func TestSentencesStayShort_INT1(t *testing.T) {
	text := func(signers ...string) string {
		own := excerpt(Clause{Name: "c", Vendor: Any, Product: Any, Signers: signers})
		return Terms{Own: own}.Judge(Signature{Status: Absent}, nil).Text
	}
	require.Equal(t, `The file carries no signature; the policy wants one by "A" or "B" or "C" or "D" or "E" (clause "c").`, text("A", "B", "C", "D", "E"))
	require.Equal(t, `The file carries no signature; the policy wants one by "A" or "B" or "C" or "D" or "E" or 2 more (clause "c").`, text("A", "B", "C", "D", "E", "F", "G"))
	long := strings.Repeat("v", MaxTarget)
	v := Terms{Vendor: long, Product: long, Own: excerpt()}.Judge(Signature{Status: Absent}, nil)
	require.Less(t, len(v.Text), 300)
}
