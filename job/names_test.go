package job

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/internal/enum"
	"github.com/patchpolicy/patchpolicy/internal/enum/enumtest"
)

func TestNames_JOB16(t *testing.T) {
	enumtest.Check(t, map[State]string{Disabled: "disabled", Enabled: "enabled", Deleted: "deleted"}, states.All(), states.Parse)
	enumtest.Check(t, map[Match]string{Any: "any", All: "all"}, matches.All(), matches.Parse)
	enumtest.Check(t, map[Stage]string{StageDownload: "download", StageDeploy: "deploy", StageReboot: "reboot", StageDone: "done"},
		stages.All(), stages.Parse)
	enumtest.Check(t, map[Progress]string{
		Received: "Received", Blocked: "Blocked", Started: "Started", Downloading: "Downloading", Downloaded: "Downloaded",
		Deploying: "Deploying", Rebooting: "Rebooting", Resumed: "Resumed",
	}, progresses.All(), progresses.Parse)
	enumtest.Check(t, map[Result]string{
		Completed: "Completed", CompletedWithFailures: "CompletedWithFailures", Failed: "Failed", Cancelled: "Cancelled",
		Withdrawn: "Withdrawn", TimedOut: "TimedOut", NotApplicable: "NotApplicable", PendingReboot: "PendingReboot",
		PendingVerification: "PendingVerification",
	}, Results(), ParseResult)
	enumtest.Check(t, map[PatchStatus]string{
		Pending: "pending", Verified: "verified", Installing: "installing", Installed: "installed", Succeeded: "succeeded",
		PatchFailed: "failed", Inapplicable: "inapplicable", LeftOut: "left out",
	}, patchStatuses.All(), patchStatuses.Parse)
}

func TestCodesAreThoseOfTheVendor_JOB16(t *testing.T) {
	published := []struct {
		code   Code
		number uint8
		name   string
	}{
		{LanguageDownloadNotAvailable, 3, "LanguageDownloadNotAvailable"},
		{FileDownloadFailed, 4, "FileDownloadFailed"},
		{UnspecifiedAgentError, 5, "UnspecifiedAgentError"},
		{FileValidationFailed, 7, "FileValidationFailed"},
		{CodeCancelled, 8, "Cancelled"},
		{InstallerFailed, 9, "InstallerFailed"},
		{DeployerProcessCrashed, 10, "DeployerProcessCrashed"},
		{FileSignatureFailed, 11, "FileSignatureFailed"},
		{FileHashValidationFailed, 12, "FileHashValidationFailed"},
		{PatchURLMissing, 13, "PatchURLMissing"},
		{PatchInstallationSkipped, 14, "PatchInstallationSkipped"},
		{FailedAfterReboot, 15, "Failed"},
	}
	require.Len(t, codes.All(), len(published))
	for i, p := range published {
		require.Equal(t, Code(p.number), p.code)
		require.Equal(t, p.code, codes.All()[i])
		require.True(t, p.code.Known())
		for _, s := range []string{p.name, fmt.Sprint(p.number)} {
			code, err := ParseCode(s)
			require.NoError(t, err)
			require.Equal(t, p.code, code)
		}
	}
	require.False(t, Code(0).Known() || Code(6).Known())
	require.Empty(t, Code(0).String())
	require.Equal(t, "code(6)", Code(6).String())
	for _, s := range []string{"", "6", "0", "-3", "Completed"} {
		_, err := ParseCode(s)
		var unknown *enum.UnknownError
		require.ErrorAs(t, err, &unknown, "%q", s)
	}
}
