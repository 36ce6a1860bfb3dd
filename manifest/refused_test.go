package manifest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/manifest"
)

func TestRefusalReasons(t *testing.T) {
	require.Len(t, manifest.RefusalReasons(), 6)
	seen := map[string]bool{}
	for _, r := range manifest.RefusalReasons() {
		parsed, err := manifest.ParseRefusalReason(r.String())
		require.NoError(t, err)
		require.Equal(t, r, parsed)
		text, err := r.MarshalText()
		require.NoError(t, err)
		var back manifest.RefusalReason
		require.NoError(t, back.UnmarshalText(text))
		require.Equal(t, r, back)

		refused := &manifest.Refused{Reason: r, Have: "this", Want: "that"}
		require.Contains(t, refused.Error(), r.String()+"): have this, want that: ")
		require.NotContains(t, refused.Error(), "bug", "a reason without a remedy of its own")
		require.False(t, seen[refused.Error()])
		seen[refused.Error()] = true
	}
	_, err := manifest.ParseRefusalReason("Tired")
	require.Error(t, err)
	require.Contains(t, (&manifest.Refused{Reason: 99}).Error(), "bug")
}
