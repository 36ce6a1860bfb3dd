package manifest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/internal/enum/enumtest"
	"github.com/patchpolicy/patchpolicy/manifest"
)

func TestRefusalReasons(t *testing.T) {
	enumtest.Check(t, map[manifest.RefusalReason]string{
		manifest.BadSignature: "BadSignature", manifest.WrongAsset: "WrongAsset", manifest.LowerRevision: "LowerRevision",
		manifest.Expired: "Expired", manifest.TooLarge: "TooLarge", manifest.Malformed: "Malformed",
	}, manifest.RefusalReasons(), manifest.ParseRefusalReason)
	seen := map[string]bool{}
	for _, r := range manifest.RefusalReasons() {
		refused := &manifest.Refused{Reason: r, Have: "this", Want: "that"}
		require.Contains(t, refused.Error(), r.String()+"): have this, want that: ")
		require.NotContains(t, refused.Error(), "bug", "a reason without a remedy of its own")
		require.False(t, seen[refused.Error()])
		seen[refused.Error()] = true
	}
	require.Contains(t, (&manifest.Refused{Reason: 99}).Error(), "bug")
}
