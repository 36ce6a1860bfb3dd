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

func TestIdentityCharactersAtTheirEdges(t *testing.T) {
	for _, c := range "azAZ09_-+~" {
		require.NoError(t, ValidID(string(c)), "%q", c)
	}
	for _, c := range "`{@[/:,^" {
		require.Error(t, ValidID("x"+string(c)), "%q", c)
	}
}

// A run has one name: what only reads like it is refused.
func TestRunsAreNamedInOneWay(t *testing.T) {
	for stamp, ok := range map[string]bool{
		"20260302T060000": true, "20260302T060000Z": true, "20260302T060000.5": false, "20260302T060000.0Z": false, "20260302T060000+0000": false, "": false,
	} {
		o := orderOf(t, "a")
		o.Run = RunID("nightly@" + stamp)
		o.ID = MakeOrderID(o.Run, "web-1")
		require.Equal(t, ok, o.Validate() == nil, "%q: %v", stamp, o.Validate())
	}
}

func TestIdentitiesAreCutApart(t *testing.T) {
	o := MakeOrderID(MakeRunID("nightly", epoch), "web-1")
	require.Equal(t, MakeRunID("nightly", epoch), o.Run())
	require.Equal(t, AssetID("web-1"), o.Asset())
	require.Equal(t, ID("nightly"), o.Run().Job())
	require.Empty(t, OrderID("nightly@x").Run())
	require.Empty(t, OrderID("nightly@x").Asset())
	require.Empty(t, RunID("nightly").Job())
	require.Equal(t, RunID("nightly@20260302T060000Z"), MakeRunID("nightly", epoch))
}
