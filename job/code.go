package job

import (
	"fmt"
	"regexp"
	"strconv"

	"github.com/patchpolicy/patchpolicy/internal/enum"
)

// Code is the failure code of a patch, numbered as the vendor publishes them (JOB-16).
type Code uint8

// The failure codes. Zero is no failure.
const (
	LanguageDownloadNotAvailable Code = 3  // there is no file in the asset's language: for platforms to report
	FileDownloadFailed           Code = 4  // JOB-2
	UnspecifiedAgentError        Code = 5  // the agent or its platform did not do what it should; installed, could not be verified (JOB-18)
	FileValidationFailed         Code = 7  // neither signature nor checksum (INT-3), or another version than was ordered (CAT-7)
	CodeCancelled                Code = 8  // JOB-3
	InstallerFailed              Code = 9  // also where the installer claims a success that the inventory does not show (JOB-18)
	DeployerProcessCrashed       Code = 10 // the install was cut off execution.MaxAttempts times (JOB-17), or once, and never looked at (JOB-18); or it ran into its limit (JOB-25)
	FileSignatureFailed          Code = 11 // INT-1, INT-4, INT-9
	FileHashValidationFailed     Code = 12 // INT-2, and INT-6 when the staged file changed
	PatchURLMissing              Code = 13 // the order names no file to fetch
	PatchInstallationSkipped     Code = 14 // not begun: the window's end (JOB-10), an abort (JOB-13), or the platform refused it
	FailedAfterReboot            Code = 15 // JOB-18
)

var codes = enum.At[Code]("failure code", []string{
	LanguageDownloadNotAvailable: "LanguageDownloadNotAvailable",
	FileDownloadFailed:           "FileDownloadFailed",
	UnspecifiedAgentError:        "UnspecifiedAgentError",
	FileValidationFailed:         "FileValidationFailed",
	CodeCancelled:                "Cancelled",
	InstallerFailed:              "InstallerFailed",
	DeployerProcessCrashed:       "DeployerProcessCrashed",
	FileSignatureFailed:          "FileSignatureFailed",
	FileHashValidationFailed:     "FileHashValidationFailed",
	PatchURLMissing:              "PatchURLMissing",
	PatchInstallationSkipped:     "PatchInstallationSkipped",
	FailedAfterReboot:            "Failed",
})

// Known reports whether c is one of the failure codes.
func (c Code) Known() bool { return codes.Valid(c) }

// String returns the code's published name; zero, which is no failure, is the empty text.
func (c Code) String() string {
	switch {
	case c == 0:
		return ""
	case !c.Known():
		return fmt.Sprintf("code(%d)", uint8(c))
	}
	return codes.String(c)
}

// ParseCode finds a code by its name or its number; the error lists the names there are.
func ParseCode(s string) (Code, error) {
	if number, err := strconv.ParseUint(s, 10, 8); err == nil && Code(number).Known() {
		return Code(number), nil
	}
	return codes.Parse(s)
}

var bareCode = regexp.MustCompile(`(\n\s*)?"code":( ?)([0-9]+)`)

// NameCodes returns JSON that is to be read by people with the name of each failure code beside it, as
// {"code":11,"codeName":"FileSignatureFailed"}.
func NameCodes(data []byte) []byte {
	return bareCode.ReplaceAllFunc(data, func(found []byte) []byte {
		parts := bareCode.FindSubmatch(found)
		number, err := strconv.ParseUint(string(parts[3]), 10, 8)
		if err != nil || number == 0 {
			return found
		}
		return fmt.Appendf(found[:len(found):len(found)], `,%s"codeName":%s%q`, parts[1], parts[2], Code(number))
	})
}
