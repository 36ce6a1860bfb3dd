package catalog

import (
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
	enumtest.Check(t, map[Lifecycle]string{LifecycleActive: "Active", LifecycleEOLMarked: "EOLMarked", LifecycleDeprecated: "Deprecated"},
		lifecycles.All(), lifecycles.Parse)
	enumtest.Check(t, map[ReasonCode]string{
		NotInstalled:           "NotInstalled",
		AlreadyInstalled:       "AlreadyInstalled",
		NewerInstalled:         "NewerInstalled",
		Unorderable:            "Unorderable",
		NotDownloadable:        "NotDownloadable",
		VersionNotDownloadable: "VersionNotDownloadable",
		Deprecated:             "Deprecated",
		ArtifactUnreachable:    "ArtifactUnreachable",
		EOLVersion:             "EOLVersion",
		Superseded:             "Superseded",
		UnknownPatch:           "UnknownPatch",
		WrongPlatform:          "WrongPlatform",
		Held:                   "Held",
		PinnedElsewhere:        "PinnedElsewhere",
		NeedsNewPackage:        "NeedsNewPackage",
		DependencyUnmet:        "DependencyUnmet",
		Upgrade:                "Upgrade",
		LeavesEOL:              "LeavesEOL",
		EOLMarked:              "EOLMarked",
		FeedStale:              "FeedStale",
		FeedFailing:            "FeedFailing",
	}, reasonCodes.All(), reasonCodes.Parse)
}

func TestReasonCodes_CAT15(t *testing.T) {
	blocking := true
	for i, c := range reasonCodes.All() {
		require.Regexp(t, `^(CAT|JOB)-\d+$`, c.Rule())
		require.Equal(t, c < Upgrade, c.Blocks())
		blocking = blocking && c.Blocks()
		require.Equal(t, blocking, c.Blocks(), "the blocking codes come first")
		if i > 0 {
			require.Less(t, reasonCodes.All()[i-1], c)
		}
	}
	require.Len(t, reasonCodes.All(), int(DependencyUnmet)+int(FeedFailing-Upgrade)+1)
	require.True(t, ReasonCode(0).Blocks())
	require.True(t, ReasonCode(99).Blocks(), "what nobody knows does not pass")
}
