package job

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestIdentities(t *testing.T) {
	for _, s := range []string{"web-1", "a", "A.b_c~d+e", strings.Repeat("a", MaxID)} {
		require.NoError(t, ValidID(s), s)
	}
	for _, s := range []string{"", ".", "..", ".x", "a/b", "a b", "ü", "a@b", "a\x00", strings.Repeat("a", MaxID+1)} {
		var invalid *Invalid
		require.ErrorAs(t, ValidID(s), &invalid, "%q", s)
	}
}
