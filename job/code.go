package job

import (
	"fmt"
	"regexp"
	"strconv"

	"github.com/patchpolicy/patchpolicy/internal/enum"
)

// Code is the failure code of a patch. The numbers are the published ones
// (JOB-16).
type Code uint8

// The failure codes. Zero is no failure.
const (
	LanguageDownloadNotAvailable Code = 3  // no file in the asset's language; only platforms report it
	FileDownloadFailed           Code = 4  // JOB-2
	UnspecifiedAgentError        Code = 5  // a fault of the agent or its platform; or installed and could not be verified (JOB-18)
	FileValidationFailed         Code = 7  // neither signature nor checksum (INT-3), or another version than was ordered (CAT-7)
	CodeCancelled                Code = 8  // JOB-3
	InstallerFailed              Code = 9  // also if the installer reports a success that the inventory does not show (JOB-18)
	DeployerProcessCrashed       Code = 10 // the install was cut off twice (JOB-17), or once and never checked (JOB-18), or ended at its limit (JOB-25)
	FileSignatureFailed          Code = 11 // INT-1, INT-4, INT-9
	FileHashValidationFailed     Code = 12 // INT-2, and INT-6 when the staged file changed
	PatchURLMissing              Code = 13 // the order names no file to download
	PatchInstallationSkipped     Code = 14 // the install did not begin: the window ended (JOB-10), an action aborted (JOB-13), a required patch failed (JOB-14), or the platform refused
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

// String returns the code's published name; zero is the empty text.
func (c Code) String() string {
	switch {
	case c == 0:
		return ""
	case !c.Known():
		return fmt.Sprintf("code(%d)", uint8(c))
	}
	return codes.String(c)
}

// ParseCode finds a code by its name or number. The error lists the names.
func ParseCode(s string) (Code, error) {
	if number, err := strconv.ParseUint(s, 10, 8); err == nil && Code(number).Known() {
		return Code(number), nil
	}
	return codes.Parse(s)
}

var bareCode = regexp.MustCompile(`(\n\s*)?"code":( ?)([0-9]+)`)

// NameCodes adds to JSON for people the name of each failure code, as
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
