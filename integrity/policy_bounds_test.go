package integrity

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// slowFor is For in other words: of the clauses that match, the one in the best of eight classes; a
// product that is named anywhere is not open to the clauses that name none, nor a vendor that is
// named with a feed to those for all.
func slowFor(clauses []Clause, feed, vendor, product string) (Clause, bool) {
	tied := slices.ContainsFunc(clauses, func(c Clause) bool {
		return c.Vendor == vendor && vendor != Any && c.Product == Any && c.Feed != ""
	})
	named := slices.ContainsFunc(clauses, func(c Clause) bool { return c.Product == product && product != Any })
	for _, class := range []func(Clause) bool{
		func(c Clause) bool { return c.Vendor == vendor && c.Product == product },
		func(c Clause) bool { return c.Vendor == Any && c.Product == product && product != Any },
		func(c Clause) bool { return c.Vendor == vendor && c.Product == Any && !named },
		func(c Clause) bool { return c.Vendor == Any && c.Product == Any && !named && (!tied || vendor == Any) },
	} {
		for _, of := range []string{feed, ""} {
			for _, c := range clauses {
				if c.Feed == of && class(c) {
					return c, true
				}
			}
		}
	}
	return Clause{}, false
}

// Every problem is told, with its place and what to do.
func TestPolicyProblemsAreAllTold(t *testing.T) {
	require.NoError(t, wholePolicy().Validate())
	require.NoError(t, Policy{Format: PolicyFormat}.Validate(), "an empty one trusts nobody")
	p := wholePolicy()
	p.Format = 2
	p.Signers = append(p.Signers, Signer{Name: "Acme"}, Signer{Name: " x", Sigstore: []SigstoreTrust{{}, {Keys: []string{keyPEM + keyPEM, "no PEM", certificatePEM}, Threshold: 4}},
		Other: []OtherTrust{{Format: PE}, {Format: "Mini", Keys: []string{""}}}})
	p.Signers[0].OpenPGP[0] = OpenPGPTrust{Keyring: "binary", Fingerprints: []string{"0x12", "0f0f"}, Threshold: -1}
	p.Signers[1].Authenticode[0] = AuthenticodeTrust{Anchors: []string{"sha256:12", "md5:34"}, Usage: "codeSigning", Organization: "a\tb", At: time.Unix(0, 0)}
	p.Signers[1].Authenticode = append(p.Signers[1].Authenticode, AuthenticodeTrust{})
	p.Signers[2].Sigstore[1].Identities[0] = Identity{Anchors: []string{"sha256:" + strings.Repeat("ab", 32)}}
	p.Signers[2].Sigstore = append(p.Signers[2].Sigstore, SigstoreTrust{Identities: []Identity{{
		Anchors: []string{certificatePEM}, Organization: " x", Timestampers: []string{"none"}, At: time.Date(9999, 12, 31, 23, 59, 59, 0, time.FixedZone("west", -3600)),
	}}})
	p.Clauses = []Clause{
		{Name: "a", Vendor: "", Product: strings.Repeat("x", MaxTarget+1), Signers: []string{"Acme", "Nobody", "Acme"}},
		{Name: "a", Vendor: "V", Product: Any, AllowUnsigned: true},
		{Name: "b", Vendor: "V", Product: Any, Signers: []string{"Acme"}, Formats: []Format{PE, PE, RPM, "", "a b"}},
	}
	invalid, ok := errors.AsType[*Invalid](p.Validate())
	require.True(t, ok)
	var fields []string
	for _, p := range invalid.Problems {
		fields = append(fields, p.Field)
		require.NotEmpty(t, p.Text)
		require.LessOrEqual(t, len(p.Value), problem.MaxValue)
	}
	require.Equal(t, []string{
		"format",
		"signers[0].openpgp[0].keyring", "signers[0].openpgp[0].fingerprints[0]", "signers[0].openpgp[0].fingerprints[1]", "signers[0].openpgp[0].threshold",
		"signers[1].authenticode[0].anchors[0]", "signers[1].authenticode[0].anchors[1]", "signers[1].authenticode[0].organization", "signers[1].authenticode[0].usage", "signers[1].authenticode[0].at",
		"signers[1].authenticode[1].anchors",
		"signers[2].sigstore[1].identities[0].anchors[0]", "signers[2].sigstore[1].identities[0]",
		"signers[2].sigstore[2].identities[0].timestampers[0]", "signers[2].sigstore[2].identities[0].organization", "signers[2].sigstore[2].identities[0].at",
		"signers[3].name", "signers[3]",
		"signers[4].name", "signers[4].sigstore[0]",
		"signers[4].sigstore[1].keys[0]", "signers[4].sigstore[1].keys[1]", "signers[4].sigstore[1].keys[2]", "signers[4].sigstore[1].threshold",
		"signers[4].other[0].format", "signers[4].other[0].keys", "signers[4].other[1].format", "signers[4].other[1].keys[0]",
		"clauses[0].vendor", "clauses[0].product", "clauses[0].signers[1]", "clauses[0].signers[2]",
		"clauses[1].name",
		"clauses[2]", "clauses[2].formats[1]", "clauses[2].formats[2]", "clauses[2].formats[3]", "clauses[2].formats[4]",
	}, fields)
	require.ErrorContains(t, invalid, "and 18 more")

	bad, ok := errors.AsType[*Invalid](Excerpt{Digest: Digest{MD5, strings.Repeat("a", 32)}, Clauses: []Clause{{Name: "a", Vendor: "V", Product: "p", Signers: []string{""}}}}.Validate())
	require.True(t, ok)
	require.Len(t, bad.Problems, 2)
}

// Each bound of a policy, at it and one past it.
func TestPolicyBounds(t *testing.T) {
	many := func(n int) (names []string) {
		for i := range n {
			names = append(names, fmt.Sprint("n", i))
		}
		return names
	}
	repeat := func(s string, n int) []string { return slices.Repeat([]string{s}, n) }
	signer := func(s Signer) Policy {
		s.Name = "S"
		return Policy{Format: PolicyFormat, Signers: []Signer{s}}
	}
	key := func(n int) string { return keyPEM + strings.Repeat("\n", n-len(keyPEM)) }
	for _, tc := range []struct {
		field string
		most  int
		with  func(n int) Policy
	}{
		{"signers", MaxPolicySigners, func(n int) Policy {
			p := Policy{Format: PolicyFormat}
			for _, name := range many(n) {
				p.Signers = append(p.Signers, Signer{Name: name, Sigstore: []SigstoreTrust{{Keys: []string{keyPEM}}}})
			}
			return p
		}},
		{"clauses", MaxClauses, func(n int) Policy {
			p := Policy{Format: PolicyFormat}
			for _, name := range many(n) {
				p.Clauses = append(p.Clauses, Clause{Name: name, Vendor: Any, Product: name})
			}
			return p
		}},
		{"clauses[0].signers", MaxWays, func(n int) Policy {
			p := Policy{Format: PolicyFormat, Clauses: []Clause{{Name: "a", Vendor: Any, Product: Any, Signers: many(n)}}}
			for _, name := range many(MaxWays) {
				p.Signers = append(p.Signers, Signer{Name: name, Sigstore: []SigstoreTrust{{Keys: []string{keyPEM}}}})
			}
			return p
		}},
		{"clauses[0].vendor", MaxTarget, func(n int) Policy {
			return Policy{Format: PolicyFormat, Clauses: []Clause{{Name: "a", Vendor: strings.Repeat("v", n), Product: Any}}}
		}},
		{"clauses[0].name", MaxSigner, func(n int) Policy {
			return Policy{Format: PolicyFormat, Clauses: []Clause{{Name: strings.Repeat("v", n), Vendor: Any, Product: Any}}}
		}},
		{"signers[0].authenticode", MaxWays, func(n int) Policy {
			return signer(Signer{Authenticode: slices.Repeat([]AuthenticodeTrust{{Anchors: []string{certificatePEM}}}, n)})
		}},
		{"signers[0].authenticode[0].anchors", MaxWays, func(n int) Policy {
			return signer(Signer{Authenticode: []AuthenticodeTrust{{Anchors: repeat(certificatePEM, n)}}})
		}},
		{"signers[0].openpgp", MaxWays, func(n int) Policy {
			return signer(Signer{OpenPGP: slices.Repeat([]OpenPGPTrust{{Keyring: ringPEM}}, n)})
		}},
		{"signers[0].openpgp[0].keyring", MaxTrust, func(n int) Policy {
			return signer(Signer{OpenPGP: []OpenPGPTrust{{Keyring: ringPEM + strings.Repeat("\n", n-len(ringPEM))}}})
		}},
		{"signers[0].openpgp[0].fingerprints", MaxWays, func(n int) Policy {
			return signer(Signer{OpenPGP: []OpenPGPTrust{{Keyring: ringPEM, Fingerprints: repeat(strings.Repeat("a", 40), n)}}})
		}},
		{"signers[0].openpgp[0].threshold", MaxWays, func(n int) Policy {
			return signer(Signer{OpenPGP: []OpenPGPTrust{{Keyring: ringPEM, Threshold: n}}})
		}},
		{"signers[0].sigstore", MaxWays, func(n int) Policy {
			return signer(Signer{Sigstore: slices.Repeat([]SigstoreTrust{{Keys: []string{keyPEM}}}, n)})
		}},
		{"signers[0].sigstore[0].keys", MaxWays, func(n int) Policy { return signer(Signer{Sigstore: []SigstoreTrust{{Keys: repeat(keyPEM, n)}}}) }},
		{"signers[0].sigstore[0].keys[0]", MaxTrust, func(n int) Policy { return signer(Signer{Sigstore: []SigstoreTrust{{Keys: []string{key(n)}}}}) }},
		{"signers[0].sigstore[0].threshold", 2, func(n int) Policy {
			return signer(Signer{Sigstore: []SigstoreTrust{{Keys: repeat(keyPEM, 2), Threshold: n}}})
		}},
		{"signers[0].sigstore[0].identities", MaxWays, func(n int) Policy {
			return signer(Signer{Sigstore: []SigstoreTrust{{Identities: slices.Repeat([]Identity{{Anchors: []string{certificatePEM}, Name: "n"}}, n)}}})
		}},
		{"signers[0].other", MaxWays, func(n int) Policy {
			return signer(Signer{Other: slices.Repeat([]OtherTrust{{Format: "minisign", Keys: []string{"RWQ"}}}, n)})
		}},
		{"signers[0].other[0].keys", MaxWays, func(n int) Policy {
			return signer(Signer{Other: []OtherTrust{{Format: "minisign", Keys: repeat("RWQ", n)}}})
		}},
		{"signers[0].other[0].keys[0]", MaxTrust, func(n int) Policy {
			return signer(Signer{Other: []OtherTrust{{Format: "minisign", Keys: []string{strings.Repeat("k", n)}}}})
		}},
		{"signers[0].other[0].format", MaxFormat, func(n int) Policy {
			return signer(Signer{Other: []OtherTrust{{Format: Format(strings.Repeat("f", n)), Keys: []string{"k"}}}})
		}},
		{"signers[0].sigstore[0].predicates", MaxWays, func(n int) Policy {
			return signer(Signer{Sigstore: []SigstoreTrust{{Keys: []string{keyPEM}, Predicates: repeat("p", n)}}})
		}},
	} {
		require.NoError(t, tc.with(tc.most).Validate(), tc.field)
		invalid, ok := errors.AsType[*Invalid](tc.with(tc.most + 1).Validate())
		require.True(t, ok, tc.field)
		require.Equal(t, tc.field, invalid.Problems[0].Field)
	}
	formats := Policy{Format: PolicyFormat, Clauses: []Clause{{Name: "a", Vendor: Any, Product: Any, Formats: slices.Repeat([]Format{PE}, MaxWays+1)}}}
	require.ErrorContains(t, formats.Validate(), "clauses[0].formats \"65\": are too many; at most 64")
}
