package integrity

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

func TestExpectationAlgorithms_INT6(t *testing.T) {
	require.Equal(t, []Algorithm{SHA256}, Expectation{}.Algorithms())
	e := Expectation{Digests: []Digest{{MD5, abc[MD5]}, {SHA512, abc[SHA512]}, {MD5, abc[MD5]}, {99, "x"}}}
	require.Equal(t, []Algorithm{SHA256, SHA512, MD5}, e.Algorithms())
}

func TestValidateFindsEveryProblem(t *testing.T) {
	good := Digest{SHA256, abc[SHA256]}
	e := Expectation{
		Signer:  " Vendor\n",
		Digests: []Digest{good, good, {SHA1, abc[MD5]}, {SHA256, strings.Repeat("0", 64)}, {}},
	}
	var invalid *Invalid
	require.ErrorAs(t, e.Validate(), &invalid)
	var fields []string
	for _, p := range invalid.Problems {
		fields = append(fields, p.Field)
		require.NotEmpty(t, p.Text)
		require.Contains(t, invalid.Error(), p.Text)
	}
	require.Equal(t, []string{"signer", "digests[2]", "digests[3]", "digests[4]"}, fields)
}

func TestValidateAtItsLimits(t *testing.T) {
	good := Digest{SHA256, abc[SHA256]}
	digests := func(n int) (out []Digest) {
		for range n {
			out = append(out, good)
		}
		return out
	}
	for _, ok := range []Expectation{
		{},
		{LatestOnly: true},
		{Signer: strings.Repeat("s", MaxSigner)},
		{Signer: "CN=Vendor, O=Ünïcode Ltd."},
		{Digests: digests(MaxDigests)},
	} {
		require.NoError(t, ok.Validate())
	}
	for _, bad := range []Expectation{
		{Signer: strings.Repeat("s", MaxSigner+1)},
		{Signer: "a\x00b"},
		{Signer: "a\xffb"},
		{Digests: digests(MaxDigests + 1)},
		{Digests: []Digest{{SHA256, strings.ToUpper(abc[SHA256])}}},
	} {
		var invalid *Invalid
		require.ErrorAs(t, bad.Validate(), &invalid)
		require.Len(t, invalid.Problems, 1)
		require.LessOrEqual(t, len(invalid.Problems[0].Value), problem.MaxValue)
	}
}
