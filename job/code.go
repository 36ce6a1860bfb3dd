package job

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/patchpolicy/patchpolicy/internal/enum"
)

// Code is the failure code of a patch, numbered as the vendor publishes them (JOB-16).
type Code uint8

// The failure codes. Zero is no failure.
const (
	LanguageDownloadNotAvailable Code = 3  // there is no file in the asset's language: for platforms to report
	FileDownloadFailed           Code = 4  // JOB-2
	UnspecifiedAgentError        Code = 5  // the agent or its platform did not do what it should
	FileValidationFailed         Code = 7  // neither signature nor checksum (INT-3), or another version than was ordered (CAT-7)
	CodeCancelled                Code = 8  // JOB-3
	InstallerFailed              Code = 9  // also where the installer claims a success that the inventory does not show (JOB-18)
	DeployerProcessCrashed       Code = 10 // the install was cut off execution.MaxAttempts times (JOB-17)
	FileSignatureFailed          Code = 11 // INT-1, INT-4, INT-9
	FileHashValidationFailed     Code = 12 // INT-2, and INT-6 when the staged file changed
	PatchURLMissing              Code = 13 // the order names no file to fetch
	PatchInstallationSkipped     Code = 14 // not begun: the window's end (JOB-10), an abort (JOB-13), or the platform refused it
	FailedAfterReboot            Code = 15 // JOB-18
)

// codes gives each failure code its published name.
var codes = []struct {
	code Code
	name string
}{
	{LanguageDownloadNotAvailable, "LanguageDownloadNotAvailable"},
	{FileDownloadFailed, "FileDownloadFailed"},
	{UnspecifiedAgentError, "UnspecifiedAgentError"},
	{FileValidationFailed, "FileValidationFailed"},
	{CodeCancelled, "Cancelled"},
	{InstallerFailed, "InstallerFailed"},
	{DeployerProcessCrashed, "DeployerProcessCrashed"},
	{FileSignatureFailed, "FileSignatureFailed"},
	{FileHashValidationFailed, "FileHashValidationFailed"},
	{PatchURLMissing, "PatchURLMissing"},
	{PatchInstallationSkipped, "PatchInstallationSkipped"},
	{FailedAfterReboot, "Failed"},
}

// Codes lists every failure code in order.
func Codes() []Code {
	all := make([]Code, 0, len(codes))
	for _, c := range codes {
		all = append(all, c.code)
	}
	return all
}

// Known reports whether c is one of Codes.
func (c Code) Known() bool { return slices.Contains(Codes(), c) }

// String returns the code's published name; zero, which is no failure, is the empty text.
func (c Code) String() string {
	if c == 0 {
		return ""
	}
	for _, known := range codes {
		if known.code == c {
			return known.name
		}
	}
	return fmt.Sprintf("code(%d)", uint8(c))
}

// ParseCode finds a code by its name or its number; the error lists the names there are.
func ParseCode(s string) (Code, error) {
	number, err := strconv.ParseUint(s, 10, 8)
	want := make([]string, 0, len(codes))
	for _, known := range codes {
		if known.name == s || err == nil && known.code == Code(number) {
			return known.code, nil
		}
		want = append(want, known.name)
	}
	return 0, &enum.UnknownError{Kind: "failure code", Value: s, Want: want}
}
