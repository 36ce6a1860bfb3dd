package job

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/patchpolicy/patchpolicy/internal/enum"
)

// String returns the state's name.
func (s State) String() string { return states.String(s) }

// MarshalText returns the name.
func (s State) MarshalText() ([]byte, error) { return states.MarshalText(s) }

// UnmarshalText sets the state by its name; the error is an unknown name.
func (s *State) UnmarshalText(text []byte) error { return states.UnmarshalText(text, s) }

// ParseState finds a state by its name.
func ParseState(name string) (State, error) { return states.Parse(name) }

// States lists every state in order.
func States() []State { return states.All() }

// String returns the tag match's name.
func (m Match) String() string { return matches.String(m) }

// MarshalText returns the name.
func (m Match) MarshalText() ([]byte, error) { return matches.MarshalText(m) }

// UnmarshalText sets the tag match by its name; the error is an unknown name.
func (m *Match) UnmarshalText(text []byte) error { return matches.UnmarshalText(text, m) }

// ParseMatch finds a tag match by its name.
func ParseMatch(name string) (Match, error) { return matches.Parse(name) }

// Matches lists every tag match in order.
func Matches() []Match { return matches.All() }

// String returns the stage's name.
func (s Stage) String() string { return stages.String(s) }

// MarshalText returns the name.
func (s Stage) MarshalText() ([]byte, error) { return stages.MarshalText(s) }

// UnmarshalText sets the stage by its name; the error is an unknown name.
func (s *Stage) UnmarshalText(text []byte) error { return stages.UnmarshalText(text, s) }

// ParseStage finds a stage by its name.
func ParseStage(name string) (Stage, error) { return stages.Parse(name) }

// Stages lists every stage in order.
func Stages() []Stage { return stages.All() }

// String returns the progress step's name.
func (p Progress) String() string { return progresses.String(p) }

// MarshalText returns the name.
func (p Progress) MarshalText() ([]byte, error) { return progresses.MarshalText(p) }

// UnmarshalText sets the progress step by its name; the error is an unknown name.
func (p *Progress) UnmarshalText(text []byte) error { return progresses.UnmarshalText(text, p) }

// ParseProgress finds a progress step by its name.
func ParseProgress(name string) (Progress, error) { return progresses.Parse(name) }

// Progresses lists every progress step in order.
func Progresses() []Progress { return progresses.All() }

// String returns the result's name.
func (r Result) String() string { return results.String(r) }

// MarshalText returns the name.
func (r Result) MarshalText() ([]byte, error) { return results.MarshalText(r) }

// UnmarshalText sets the result by its name; the error is an unknown name.
func (r *Result) UnmarshalText(text []byte) error { return results.UnmarshalText(text, r) }

// ParseResult finds a result by its name.
func ParseResult(name string) (Result, error) { return results.Parse(name) }

// Results lists every result in order.
func Results() []Result { return results.All() }

// String returns the patch status's name.
func (p PatchStatus) String() string { return patchStatuses.String(p) }

// MarshalText returns the name.
func (p PatchStatus) MarshalText() ([]byte, error) { return patchStatuses.MarshalText(p) }

// UnmarshalText sets the patch status by its name; the error is an unknown name.
func (p *PatchStatus) UnmarshalText(text []byte) error { return patchStatuses.UnmarshalText(text, p) }

// ParsePatchStatus finds a patch status by its name.
func ParsePatchStatus(name string) (PatchStatus, error) { return patchStatuses.Parse(name) }

// PatchStatuses lists every patch status in order.
func PatchStatuses() []PatchStatus { return patchStatuses.All() }

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

// ParseCode finds a code by its name or its number.
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
