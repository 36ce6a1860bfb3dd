package integrity

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// A message repeats at most problem.MaxValue bytes of what it refuses, and cuts between characters.
func TestQuotesAreShort(t *testing.T) {
	refusal := func(e Expectation) Problem {
		var invalid *Invalid
		require.ErrorAs(t, e.Validate(), &invalid)
		require.Len(t, invalid.Problems, 1)
		return invalid.Problems[0]
	}
	require.Equal(t, strings.Repeat("s", problem.MaxValue-3)+"…", refusal(Expectation{Signer: strings.Repeat("s", MaxSigner+1)}).Value)
	cut := refusal(Expectation{Signer: strings.Repeat("é", MaxSigner)}).Value
	require.Equal(t, strings.Repeat("é", 98)+"…", cut)
	require.True(t, utf8.ValidString(cut))
	require.Equal(t, "a�b", refusal(Expectation{Signer: "a\xffb"}).Value, "what is shown is UTF-8")
	whole := " " + strings.Repeat("s", problem.MaxValue-1)
	require.Equal(t, whole, refusal(Expectation{Signer: whole}).Value, "a value at the limit fits")
}

// What is over the limit is counted and not looked at: an order cannot make the
// list of problems long.
func TestDigestsOverTheLimitAreOneProblem(t *testing.T) {
	var many []Digest
	for range MaxDigests {
		many = append(many, Digest{SHA256, abc[SHA256]})
	}
	for range 1000 {
		many = append(many, Digest{})
	}
	var invalid *Invalid
	require.ErrorAs(t, Expectation{Digests: many}.Validate(), &invalid)
	require.Equal(t, []Problem{{Field: "digests", Value: "1016", Text: "at most 16 digests"}}, invalid.Problems)
}

// The sentence says what was found of the checksum, and what a legacy one is worth (INT-3, INT-7).
func TestChecksumIsTold_INT7(t *testing.T) {
	known := []Digest{{MD5, abc[MD5]}}
	for _, c := range []struct {
		e        Expectation
		computed []Digest
		want     string
	}{
		{Expectation{Digests: known}, known, "The file carries no signature, and its checksum matches by md5, a legacy algorithm that carries no trust here."},
		{Expectation{Digests: known, AllowLegacy: true}, known, "The file carries no signature; its checksum matches by md5, a legacy algorithm that the order allows."},
		{Expectation{}, known, "The file carries no signature, and there is no checksum to compare."},
		{Expectation{Digests: known}, nil, "The file carries no signature, and none of the checksums known for it was computed."},
	} {
		require.Equal(t, c.want, Judge(c.e, Signature{Status: Absent}, c.computed).Text)
	}
}
