package integrity

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func sum(a Algorithm, content string) Digest {
	d := NewDigester(a)
	_, _ = d.Write([]byte(content))
	return d.Sums()[0]
}

// want is what the rules say, worked out by oracle without looking at the code under test.
type want struct {
	passed   bool
	code     Code
	reason   Reason
	rule     string
	checksum Checksum
	compared Algorithm
}

// situation is one row of the truth table.
type situation struct {
	status      Status
	expected    string // signer in the order
	signer      string // signer found
	strong      string // "", "match", "mismatch": a SHA-256 in the order
	legacy      string // the same for a SHA-1
	strict      bool
	allowLegacy bool
	untrusted   bool
}

// oracle is the rule text, clause by clause.
func oracle(s situation) want {
	w := want{checksum: NotCompared}
	record := map[string]Checksum{"match": Matched, "mismatch": Mismatched}
	if s.legacy != "" {
		w.checksum, w.compared = record[s.legacy], SHA1
	}
	if s.strong != "" { // INT-7: what carries trust goes before what does not
		w.checksum, w.compared = record[s.strong], SHA256
	}
	// The checksum as evidence: INT-7 lets SHA-1 be evidence only by the switch.
	evidence := s.strong
	if evidence == "" && s.allowLegacy {
		evidence = s.legacy
	}
	set := func(passed bool, code Code, reason Reason, rule string) want {
		w.passed, w.code, w.reason, w.rule = passed, code, reason, rule
		return w
	}
	// INT-1: is the file signed? Then its signature decides.
	if s.status == Bad && s.untrusted {
		return set(false, 11, NotTrusted, "INT-1")
	}
	if s.status == Bad {
		return set(false, 11, SignatureBad, "INT-1")
	}
	if s.status == Valid {
		byExpected := s.signer != "" && (s.expected == "" || s.expected == s.signer)
		if !byExpected {
			return set(false, 11, SignerUnexpected, "INT-1")
		}
		// INT-5: strict requires both; the half that failed is the checksum.
		if s.strict && evidence != "match" {
			return set(false, 12, StrictUnmet, "INT-5")
		}
		return set(true, 0, SignatureValid, "INT-1")
	}
	// INT-9: only absent may lead to the checksum.
	if s.status != Absent {
		return set(false, 11, SignatureUnsupported, "INT-9")
	}
	// INT-4: the order expects a signer and the file carries no signature.
	if s.expected != "" {
		return set(false, 11, SignatureMissing, "INT-4")
	}
	// INT-3: neither.
	if s.strong == "" && s.legacy == "" {
		return set(false, 7, NoEvidence, "INT-3")
	}
	// INT-7: only legacy, and not allowed.
	if evidence == "" {
		return set(false, 7, LegacyDigest, "INT-7")
	}
	// INT-2: the checksum is compared.
	if evidence == "mismatch" {
		return set(false, 12, ChecksumMismatch, "INT-2")
	}
	// INT-5: strict requires both; the half that failed is the signature.
	if s.strict {
		return set(false, 11, StrictUnmet, "INT-5")
	}
	return set(true, 0, ChecksumMatched, "INT-2")
}

// TestTruthTable_INT1_INT2_INT3_INT4_INT5_INT7_INT9 goes through every combination.
func TestTruthTable_INT1_INT2_INT3_INT4_INT5_INT7_INT9(t *testing.T) {
	const content = "the bytes of a patch"
	seen := map[Reason]int{}
	rows := 0
	outcomes := []string{"", "match", "mismatch"}
	for _, status := range append(statuses.All(), 0, 9) {
		for _, expected := range []string{"", "Vendor"} {
			for _, signer := range []string{"", "Vendor", "Somebody"} {
				for _, strong := range outcomes {
					for _, legacy := range outcomes {
						for flags := range 8 {
							row := situation{status, expected, signer, strong, legacy, flags&1 != 0, flags&2 != 0, flags&4 != 0}
							rows++
							e := Expectation{Signer: expected, Strict: row.strict, AllowLegacy: row.allowLegacy}
							for a, outcome := range map[Algorithm]string{SHA256: strong, SHA1: legacy} {
								switch outcome {
								case "match":
									e.Digests = append(e.Digests, sum(a, content))
								case "mismatch":
									e.Digests = append(e.Digests, sum(a, "other bytes"))
								}
							}
							d := NewDigester(e.Algorithms()...)
							_, _ = d.Write([]byte(content))
							v := Judge(e, Signature{Status: status, Signer: signer, Untrusted: row.untrusted}, d.Sums())
							got := want{v.Passed, v.Code, v.Reason, v.Rule, v.Checksum, v.Compared}
							require.Equal(t, oracle(row), got, "%+v", row)
							checkVerdict(t, row, v)
							seen[v.Reason]++
						}
					}
				}
			}
		}
	}
	require.Equal(t, 6*2*3*9*8, rows)
	for _, r := range reasons.All() {
		ofPolicy := r == FormatNotAllowed || r == NoClause || r == PolicyMismatch
		require.Equal(t, ofPolicy, seen[r] == 0, "how often a row came out as %s: %d", r, seen[r])
	}
}

// checkVerdict checks what holds of every verdict.
func checkVerdict(t *testing.T, row situation, v Verdict) {
	require.Equal(t, v.Passed, v.Code == 0, "%+v: %+v", row, v)
	require.True(t, strings.HasSuffix(v.Text, "."), v.Text)
	require.NotContains(t, v.Text, "%!", "%+v", row)
	require.Equal(t, v.Reason == NotTrusted, v.Signature.Untrusted, "any other status is as if it were not given")
	require.True(t, statuses.Valid(v.Signature.Status), "the verdict must be reportable")
	if v.Passed && v.Reason == ChecksumMatched {
		require.Contains(t, v.Text, v.Compared.String(), "INT-7: the algorithm is named")
		require.Equal(t, v.Compared.Legacy(), strings.Contains(v.Text, "legacy"), v.Text)
	}
}

// The strongest algorithm known on both sides is compared, whatever the order of the lists (INT-2, INT-7).
func TestStrongestIsCompared_INT7(t *testing.T) {
	strength := []Algorithm{MD5, SHA1, SHA256, SHA384, SHA512} // weakest first
	all := NewDigester(Algorithms()...)
	_, _ = all.Write([]byte("x"))
	for set := 1; set < 1<<len(strength); set++ {
		var digests []Digest
		var strongest Algorithm
		for i, a := range strength {
			if set>>i&1 == 1 {
				digests = append(digests, sum(a, "x"))
				strongest = a
			}
		}
		for range digests { // every rotation
			digests = append(digests[1:], digests[0])
			v := Judge(Expectation{Digests: digests, AllowLegacy: true}, Signature{Status: Absent}, all.Sums())
			require.Equal(t, strongest, v.Compared)
			require.True(t, v.Passed)
			// The same the other way round: the order knows all, the file's digests are few.
			v = Judge(Expectation{Digests: all.Sums(), AllowLegacy: true}, Signature{Status: Absent}, digests)
			require.Equal(t, strongest, v.Compared)
		}
	}
}

func TestDoubtfulDigestsNeverPass_INT2_INT3(t *testing.T) {
	good := sum(SHA256, "x")
	upper := Digest{SHA256, strings.ToUpper(good.Sum)}
	absent := Signature{Status: Absent}
	for _, tc := range []struct {
		name               string
		expected, computed []Digest
		want               Reason
	}{
		{"contradicting expectation", []Digest{good, sum(SHA256, "y")}, []Digest{good}, ChecksumMismatch},
		{"contradicting computation", []Digest{good}, []Digest{good, sum(SHA256, "y")}, ChecksumMismatch},
		{"empty on both sides", []Digest{{}}, []Digest{{}}, NoEvidence},
		{"no sums", []Digest{{Algorithm: SHA256}}, []Digest{{Algorithm: SHA256}}, NoEvidence},
		{"expected without sum", []Digest{{Algorithm: SHA256}}, []Digest{good}, ChecksumMismatch},
		{"unknown algorithm", []Digest{{77, good.Sum}}, []Digest{{77, good.Sum}}, NoEvidence},
		{"cut off alike", []Digest{{SHA256, good.Sum[:10]}}, []Digest{{SHA256, good.Sum[:10]}}, NoEvidence},
		{"not lower case", []Digest{upper}, []Digest{upper}, NoEvidence},
		{"sum of another algorithm", []Digest{{SHA512, good.Sum}}, []Digest{good}, NoEvidence},
		{"not computed", []Digest{sum(SHA512, "x")}, []Digest{good}, NoEvidence},
		{"nothing computed", []Digest{good}, nil, NoEvidence},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := Judge(Expectation{Digests: tc.expected, AllowLegacy: true}, absent, tc.computed)
			require.False(t, v.Passed)
			require.Equal(t, tc.want, v.Reason)
		})
	}
}

// A valid signature passes although the checksum does not match, and the verdict says so (CAT-7, INT-5).
func TestChecksumIsRecordedBesideAValidSignature_INT5(t *testing.T) {
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	s := Signature{Status: Valid, Signer: "Vendor", SignedAt: at}
	v := Judge(Expectation{Signer: "Vendor", Digests: []Digest{sum(SHA256, "old")}}, s, []Digest{sum(SHA256, "new")})
	require.True(t, v.Passed)
	require.Equal(t, Mismatched, v.Checksum)
	require.Equal(t, SHA256, v.Compared)
	require.Equal(t, s, v.Signature)
	require.Contains(t, v.Text, "does not match by sha256")
}

// A verifier's words may quote a hostile file; what is kept of them is bounded and can be reported (INT-9).
func TestDetailIsBounded_INT9(t *testing.T) {
	for _, n := range []int{MaxDetail - 1, MaxDetail, MaxDetail + 1, 1 << 20} {
		for _, status := range []Status{Bad, Unsupported, 0, 200} {
			v := Judge(Expectation{}, Signature{Status: status, Detail: strings.Repeat("é", n/2) + "\xff"}, nil)
			require.LessOrEqual(t, len(v.Signature.Detail), MaxDetail)
			require.LessOrEqual(t, len(v.Text), MaxDetail+200)
			require.Equal(t, Code(11), v.Code)
		}
	}
	kept := func(n int) string {
		return Judge(Expectation{}, Signature{Status: Bad, Detail: strings.Repeat("a", n)}, nil).Signature.Detail
	}
	require.Equal(t, strings.Repeat("a", MaxDetail), kept(MaxDetail))
	require.Equal(t, strings.Repeat("a", MaxDetail-3)+"…", kept(MaxDetail+1))
}

// Each failure's code is the published number (JOB-16, INT-8).
func TestCodes_INT8(t *testing.T) {
	require.Equal(t, "FileValidationFailed", Code(7).String())
	require.Equal(t, "FileSignatureFailed", Code(11).String())
	require.Equal(t, "FileHashValidationFailed", Code(12).String())
	require.Equal(t, "integrity code(0)", Code(0).String())
	require.Equal(t, "integrity code(8)", fmt.Sprint(Code(8)))
}
