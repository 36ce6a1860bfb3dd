package manifest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/internal/enum/enumtest"
)

func TestRefusalReasons(t *testing.T) {
	enumtest.Check(t, map[RefusalReason]string{
		BadSignature: "BadSignature", WrongAsset: "WrongAsset", LowerRevision: "LowerRevision",
		Expired: "Expired", TooLarge: "TooLarge", Malformed: "Malformed", OtherContent: "OtherContent", ExpiresLate: "ExpiresLate",
	}, refusals.All(), refusals.Parse)
	seen := map[string]bool{}
	for _, r := range refusals.All() {
		refused := &Refused{Reason: r, Have: "this", Want: "that"}
		require.Contains(t, refused.Error(), r.String()+"): have this, want that: ")
		require.NotContains(t, refused.Error(), "bug", "a reason without a remedy of its own")
		require.False(t, seen[refused.Error()])
		seen[refused.Error()] = true
	}
	require.Contains(t, (&Refused{Reason: 99}).Error(), "bug")
}
