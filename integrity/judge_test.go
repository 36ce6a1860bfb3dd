package integrity

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
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

// row is one of the table in the package documentation: what it is about, by
// column, and what it answers.
type row struct {
	about  [5][]string // signature, expected, unsigned, checksum, artifact
	answer string      // "pass Reason" or "code Reason"
	rule   string
}

// domain lists what each column can say.
var domain = [5][]string{
	{"valid", "other-format", "other-signer", "bad", "untrusted", "no-answer", "absent", "unsupported"},
	{"order", "clause", "none"},
	{"yes", "no"},
	{"matches", "differs", "old", "old-differs", "none"},
	{"pinned", "latest"},
}

// table reads the table from the package documentation.
func table(t *testing.T) (rows []row) {
	text, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	_, after, found := strings.Cut(string(text), "//\tsignature ")
	require.True(t, found)
	for _, line := range strings.Split(after, "\n")[1:] {
		line, is := strings.CutPrefix(line, "//\t")
		if !is {
			return rows
		}
		cells := regexp.MustCompile(" {2,}").Split(line, -1)
		require.Len(t, cells, 7, line)
		r := row{answer: cells[5], rule: cells[6]}
		for i, words := range domain {
			if cells[i] != "-" {
				r.about[i] = strings.Fields(cells[i])
				require.Subset(t, words, r.about[i], line)
			}
		}
		rows = append(rows, r)
	}
	return rows
}

func (r row) fits(at [5]string) bool {
	for i, words := range r.about {
		if words != nil && !slices.Contains(words, at[i]) {
			return false
		}
	}
	return true
}

// situation is everything that a file is judged by.
type situation struct {
	status              Status
	signer              string // who signed
	expected            string // by the order
	clause              *Clause
	strong, old         string // "", "match", "mismatch": a SHA-256 and a SHA-1 in the order
	latest, allowLegacy bool
	untrusted           bool
}

// at says in the words of the table what a situation is.
func (s situation) at() (at [5]string) {
	switch {
	case s.status == Bad && s.untrusted:
		at[0] = "untrusted"
	case s.status == Bad:
		at[0] = "bad"
	case s.status == Absent:
		at[0] = "absent"
	case s.status == Unsupported:
		at[0] = "unsupported"
	case s.status != Valid:
		at[0] = "no-answer"
	case s.signer == "", s.expected != "" && s.expected != s.signer, s.clause != nil && !slices.Contains(s.clause.Signers, s.signer):
		at[0] = "other-signer"
	case s.clause != nil && s.clause.Formats != nil && !slices.Contains(s.clause.Formats, PE):
		at[0] = "other-format"
	default:
		at[0] = "valid"
	}
	at[1] = "none"
	if s.clause != nil && s.clause.Signers != nil {
		at[1] = "clause"
	}
	if s.expected != "" {
		at[1] = "order"
	}
	at[2] = "yes"
	if s.clause != nil && !s.clause.AllowUnsigned {
		at[2] = "no"
	}
	carries := s.allowLegacy
	if s.status != Valid && s.clause != nil {
		carries = carries && s.clause.AllowLegacy
	}
	switch {
	case s.strong == "match", s.strong == "" && s.old == "match" && carries:
		at[3] = "matches"
	case s.strong == "mismatch", s.strong == "" && s.old == "mismatch" && carries:
		at[3] = "differs"
	case s.old == "match":
		at[3] = "old"
	case s.old == "mismatch":
		at[3] = "old-differs"
	default:
		at[3] = "none"
	}
	at[4] = "pinned"
	if s.latest {
		at[4] = "latest"
	}
	return at
}

const content = "the bytes of a patch"

// Digests of the content, and of other bytes.
var (
	computed = []Digest{sum(SHA256, content), sum(SHA1, content)}
	others   = []Digest{sum(SHA256, "other bytes"), sum(SHA1, "other bytes")}
)

// judge judges a situation.
func (s situation) judge() Verdict {
	terms := Terms{Expect: Expectation{Signer: s.expected, LatestOnly: s.latest, AllowLegacy: s.allowLegacy}}
	for i, outcome := range []string{s.strong, s.old} {
		switch outcome {
		case "match":
			terms.Expect.Digests = append(terms.Expect.Digests, computed[i])
		case "mismatch":
			terms.Expect.Digests = append(terms.Expect.Digests, others[i])
		}
	}
	if s.clause != nil {
		terms.Own = Excerpt{Digest: others[0], Clauses: []Clause{*s.clause}}
	}
	return terms.Judge(Signature{Status: s.status, Signer: s.signer, Format: PE, Untrusted: s.untrusted}, computed)
}

// situations calls do with every situation there is.
func situations(do func(situation)) {
	clauses := []*Clause{nil}
	for _, signers := range [][]string{nil, {"Vendor"}, {"Vendor", "Another"}} {
		for _, formats := range [][]Format{nil, {MSI}, {MSI, PE}} {
			for flags := range 4 {
				clauses = append(clauses, &Clause{Name: "c", Vendor: Any, Product: Any, Signers: signers, Formats: formats,
					AllowUnsigned: flags&1 != 0, AllowLegacy: flags&2 != 0})
			}
		}
	}
	outcomes := []string{"", "match", "mismatch"}
	for _, status := range append(statuses.All(), 0, 9) {
		for _, signer := range []string{"", "Vendor", "Another", "Somebody"} {
			for _, expected := range []string{"", "Vendor", "Somebody"} {
				for _, clause := range clauses {
					for _, strong := range outcomes {
						for _, old := range outcomes {
							for flags := range 8 {
								do(situation{status, signer, expected, clause, strong, old, flags&1 != 0, flags&2 != 0, flags&4 != 0})
							}
						}
					}
				}
			}
		}
	}
}

// Every situation there is has one row in the table, and is judged as that says.
func TestTable_INT1_INT2_INT3_INT4_INT5_INT7_INT9(t *testing.T) {
	rows := table(t)
	answers := map[[5]string]row{} // what the table says about everything that its columns can say
	for _, a := range domain[0] {
		for _, b := range domain[1] {
			for _, c := range domain[2] {
				for _, d := range domain[3] {
					for _, e := range domain[4] {
						at := [5]string{a, b, c, d, e}
						fit := slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return !r.fits(at) })
						require.Len(t, fit, 1, "rows that are about %v", at)
						answers[at] = fit[0]
					}
				}
			}
		}
	}
	open := maps.Clone(answers)
	seen := map[Reason]bool{}
	situations(func(s situation) {
		at, v := s.at(), s.judge()
		want := answers[at]
		got := fmt.Sprint(uint8(v.Code), " ", v.Reason)
		if v.Passed {
			got = fmt.Sprint("pass ", v.Reason)
		}
		if got != want.answer || v.Rule != want.rule {
			t.Fatalf("%+v, which is %v: got %s by %s; want %s by %s", s, at, got, v.Rule, want.answer, want.rule)
		}
		delete(open, at)
		seen[v.Reason] = true
		checkVerdict(t, s, v)
	})
	for at := range open { // a clause that names nobody lets no signature pass, in whatever format
		require.Equal(t, "none", at[1], at)
		require.True(t, at[0] == "other-format" || at[0] == "valid" && at[2] == "no", at)
	}
	for _, r := range reasons.All() {
		require.Equal(t, r != NoClause && r != PolicyMismatch, seen[r], r)
	}
}

// checkVerdict checks what holds of every verdict.
func checkVerdict(t *testing.T, s situation, v Verdict) {
	checksum, compared := NotCompared, Algorithm(0) // INT-5: recorded whatever decides; INT-7: the strongest
	for _, d := range []struct {
		outcome   string
		algorithm Algorithm
	}{{s.old, SHA1}, {s.strong, SHA256}} {
		if d.outcome != "" {
			checksum, compared = map[string]Checksum{"match": Matched, "mismatch": Mismatched}[d.outcome], d.algorithm
		}
	}
	switch {
	case v.Checksum != checksum || v.Compared != compared:
		t.Fatalf("%+v: the checksum is %s by %s; want %s by %s", s, v.Checksum, v.Compared, checksum, compared)
	case v.Passed != (v.Code == 0) || !strings.HasSuffix(v.Text, ".") || strings.Contains(v.Text, "%!"):
		t.Fatalf("%+v: %+v", s, v)
	case !statuses.Valid(v.Signature.Status):
		t.Fatalf("%+v: the verdict must be reportable", s)
	case v.Signature.Untrusted != (v.Reason == NotTrusted):
		t.Fatalf("%+v: only what is bad is untrusted: %+v", s, v)
	case v.Passed && v.Rule == "INT-2" && !strings.Contains(v.Text, v.Compared.String()):
		t.Fatalf("%+v: INT-7: the algorithm is not named: %s", s, v.Text)
	case v.Passed && v.Rule == "INT-2" && v.Compared.Legacy() != strings.Contains(v.Text, "legacy"):
		t.Fatalf("%+v: INT-7: %s", s, v.Text)
	case v.Reason == SignedNotJudged && (!strings.Contains(v.Text, "signed, not judged") || v.Signature.Status != Unsupported):
		t.Fatalf("%+v: INT-9: %+v", s, v)
	}
}

// The strongest algorithm known on both sides is compared, whatever the order
// of the lists (INT-2, INT-7).
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

// A valid signature passes although the checksum does not match, and the
// verdict says so (CAT-7, INT-5).
func TestChecksumIsRecordedBesideAValidSignature_INT5(t *testing.T) {
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	s := Signature{Status: Valid, Signer: "Vendor", SignedAt: at}
	v := Judge(Expectation{Signer: "Vendor", LatestOnly: true, Digests: []Digest{sum(SHA256, "old")}}, s, []Digest{sum(SHA256, "new")})
	require.True(t, v.Passed)
	require.Equal(t, Mismatched, v.Checksum)
	require.Equal(t, SHA256, v.Compared)
	require.Equal(t, s, v.Signature)
	require.Contains(t, v.Text, "does not match by sha256")
}

// A verifier's words may quote a hostile file; what is kept of them is bounded
// and can be reported (INT-9).
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
