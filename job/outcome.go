package job

import (
	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/internal/enum"
)

// PatchOutcome says how one patch ended, or where it is.
type PatchOutcome struct {
	Patch  catalog.PatchID    `json:"patch"`
	Name   string             `json:"name,omitempty"` // the product's
	Status PatchStatus        `json:"status"`
	From   version.Version    `json:"from,omitzero"` // installed before
	To     version.Version    `json:"to,omitzero"`   // ordered
	Now    version.Version    `json:"now,omitzero"`  // what the last inventory found (CAT-7)
	Code   Code               `json:"code,omitempty"`
	Rule   string             `json:"rule,omitempty"`  // the rule that decided
	Text   string             `json:"text,omitempty"`  // one plain sentence
	Check  *integrity.Verdict `json:"check,omitempty"` // of the file that decided
}

// FailedInstall reports whether the patch counts as a failed install. One that
// a cancel kept from being tried does not (RPT-1).
func (p PatchOutcome) FailedInstall() bool {
	return p.Status == PatchFailed && p.Code != CodeCancelled
}

// NoteUnknown adds to Text a field's name that this release does not know, as
// `status "Flying"` (MAN-11).
func (p *PatchOutcome) NoteUnknown(field, name string) { p.Text = NoteUnknown(p.Text, field, name) }

// ActionOutcome says how one pre- or post-action that was run ended (JOB-13).
type ActionOutcome struct {
	Name string `json:"name"`
	Post bool   `json:"post,omitempty"` // after the patches
	Exit int    `json:"exit"`           // its exit code; 1 if it could not be run or was cut off
	Text string `json:"text,omitempty"` // why it could not be run, or the end of its output: printable, at most MaxOutput bytes
}

// PatchStatus says how far one patch of an execution is.
type PatchStatus uint8

// The statuses. A patch of an execution ends as Succeeded, PatchFailed or
// Inapplicable.
const (
	Pending      PatchStatus = 1 + iota // not looked at yet
	Verified                            // downloaded, and INT passed
	Installing                          // handed to the installer; the commit before it counts the attempt (JOB-17)
	Installed                           // the installer says so; no inventory has confirmed it yet (JOB-18)
	Succeeded                           // confirmed
	PatchFailed                         // with a Code
	Inapplicable                        // not installed, already at the version, or newer (CAT-3)
	LeftOut                             // never ordered; Rule and Text are the server's verdict
)

var patchStatuses = enum.Of[PatchStatus]("patch status", "pending", "verified", "installing", "installed", "succeeded", "failed", "inapplicable", "left out")

// String returns the patch status's name.
func (p PatchStatus) String() string { return patchStatuses.String(p) }

// MarshalText returns the name.
func (p PatchStatus) MarshalText() ([]byte, error) { return patchStatuses.MarshalText(p) }

// UnmarshalText sets the patch status by its name. The error is an unknown
// name.
func (p *PatchStatus) UnmarshalText(text []byte) error { return patchStatuses.UnmarshalText(text, p) }
