package catalog

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/internal/enum/enumtest"
)

func TestNames(t *testing.T) {
	enumtest.Check(t, map[Platform]string{Linux: "linux", Windows: "windows", MacOS: "macos"}, platforms.All(), platforms.Parse)
	enumtest.Check(t, map[Availability]string{Pinned: "Pinned", LatestOnly: "LatestOnly", Repository: "Repository", Vendor: "Vendor"},
		availabilities.All(), availabilities.Parse)
	enumtest.Check(t, map[Severity]string{Unrated: "unrated", Low: "low", Medium: "medium", High: "high", Critical: "critical"},
		severities.All(), severities.Parse)
	enumtest.Check(t, map[Class]string{Security: "security", Bugfix: "bugfix", Feature: "feature", Driver: "driver", Definition: "definition"},
		classes.All(), classes.Parse)
	require.Equal(t, []Lifecycle{"Active", "EOLMarked", "Deprecated"}, []Lifecycle{LifecycleActive, LifecycleEOLMarked, LifecycleDeprecated})
}

func TestReasonCodes_CAT15(t *testing.T) {
	seen := map[ReasonCode]bool{"": true} // the place of an importer's own
	for i, c := range reasonCodes {
		require.Equal(t, i, c.code.place())
		require.Equal(t, i <= ownCodes, c.code.Blocks(), "the blocking codes come first")
		if i != ownCodes {
			require.Regexp(t, `^(CAT|JOB)-\d+$`, c.code.Rule())
			require.False(t, seen[c.code], c.code)
			seen[c.code] = true
		}
	}
	require.False(t, Upgrade.Blocks())
	require.True(t, ReasonCode("").Blocks())
}

// A verdict with a code of an importer's own can be written and read, and what nobody knows does
// not pass.
func TestOwnReasonCodes_CAT15(t *testing.T) {
	s := synced(t, batch(edit("2.0.0", marked)))
	v := s.Evaluate("editor-2.0.0", has("1.0.0"), Options{}, noon)
	own := Reason{Code: "FrozenForAudit", Rule: "ACME-7", Text: "The audit freezes this asset."}
	v = v.With(own).With(NewReason(Held, "1.0.0", "2.0.0", "It is held."))
	require.False(t, v.Deployable)
	require.Equal(t, []ReasonCode{Held, "FrozenForAudit", EOLMarked}, codes(v))
	data, err := json.Marshal(v)
	require.NoError(t, err)
	var back Verdict
	require.NoError(t, json.Unmarshal(data, &back))
	require.Equal(t, v, back)
	require.Equal(t, own, back.Reasons[1])
	require.True(t, back.Reasons[1].Code.Blocks())
	require.Empty(t, back.Reasons[1].Code.Rule())
}
