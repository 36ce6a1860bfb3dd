package job

import (
	"fmt"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/internal/enum"
	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// Sequence numbers an asset's reports from 1 without gaps (MAN-6).
type Sequence uint64

// Report is one thing that an asset reports about one order. Exactly one of
// Progress, Result, TooLate and Refused is set.
type Report struct {
	Sequence Sequence        `json:"sequence"`
	At       time.Time       `json:"at"`              // UTC, by the asset's corrected clock (MAN-8)
	Order    OrderID         `json:"order,omitempty"` // empty for Refused
	Progress Progress        `json:"progress,omitempty"`
	Result   Result          `json:"result,omitempty"`  // a Pending one is followed by another
	TooLate  Stage           `json:"tooLate,omitempty"` // the cancel came after this stage began (JOB-3)
	Refused  string          `json:"refused,omitempty"` // why a manifest was refused (MAN-5)
	Text     string          `json:"text,omitempty"`    // one plain sentence, such as which job blocks it
	Again    bool            `json:"again,omitempty"`   // with a Result: it was reported before, and the order was handed out again (JOB-24)
	Patches  []PatchOutcome  `json:"patches,omitempty"` // with a Result
	Actions  []ActionOutcome `json:"actions,omitempty"` // with a Result: those run so far, in their order
	Reboots  int             `json:"reboots,omitempty"` // how many the execution asked for
}

// NoteUnknown adds to Text a field's name that this release does not know, as
// `progress "Flying"`. The field itself is then "unknown" (MAN-11).
func (r *Report) NoteUnknown(field, name string) { r.Text = NoteUnknown(r.Text, field, name) }

// NoteUnknown returns the text with a note that the field has a name that this
// release does not know.
func NoteUnknown(text, field, name string) string {
	return problem.Clip(strings.TrimPrefix(fmt.Sprintf("%s; %s %q", text, field, problem.Clip(name, maxNoted)), "; "), MaxText)
}

// maxNoted is how many bytes of an unknown name are kept. Known names have at
// most 40.
const maxNoted = 80

// Progress is a step of an order that an asset reports (JOB-16).
type Progress uint8

// The progress steps.
const (
	Received    Progress = 1 + iota // the order is in the agent's queue
	Blocked                         // it is due and waits for another execution on the asset (JOB-11) or for the server (MAN-5, MAN-7), or its reboot waits for a slot (ROL-7)
	Started                         // the execution began
	Downloading                     // some patch applies, and its files are being downloaded
	Downloaded                      // the files that passed INT are staged, and the last call is made (MAN-7)
	Deploying                       // the deploy stage began, so a cancel is too late (JOB-3)
	Rebooting                       // the reboot was asked for
	Resumed                         // it goes on after a restart of the agent or the asset (JOB-17), or is reported again (JOB-24)
)

var progresses = enum.Of[Progress]("progress", "Received", "Blocked", "Started", "Downloading", "Downloaded", "Deploying", "Rebooting", "Resumed")

func (p Progress) String() string                   { return progresses.String(p) }
func (p Progress) MarshalText() ([]byte, error)     { return progresses.MarshalText(p) }
func (p *Progress) UnmarshalText(text []byte) error { return progresses.UnmarshalText(text, p) }

// ParseProgress finds a progress step by its name. The error lists the names.
func ParseProgress(name string) (Progress, error) { return progresses.Parse(name) }

// Result says how an order ended, or with the two Pending results what it waits
// for (JOB-16).
type Result uint8

// The results.
const (
	Completed             Result = 1 + iota // everything that applied succeeded
	CompletedWithFailures                   // some patches or actions failed, and a patch succeeded, or in an order without failed patches an action
	Failed                                  // no patch succeeded, or failures left nothing to deploy (JOB-2)
	Cancelled                               // before the deploy stage (JOB-3)
	Withdrawn                               // before the execution started (JOB-5)
	TimedOut                                // before it could start, the window ended or a newer run was due; or its start was already past (JOB-9, JOB-11, JOB-12)
	NotApplicable                           // no patch applied, and there was no action (JOB-2)
	PendingReboot                           // deployed; the result is known after the reboot (JOB-18)
	PendingVerification                     // deployed; the inventory cannot be taken, and is tried again (JOB-18, JOB-21)
)

var results = enum.Of[Result]("result", "Completed", "CompletedWithFailures", "Failed", "Cancelled", "Withdrawn", "TimedOut",
	"NotApplicable", "PendingReboot", "PendingVerification")

func (r Result) String() string                   { return results.String(r) }
func (r Result) MarshalText() ([]byte, error)     { return results.MarshalText(r) }
func (r *Result) UnmarshalText(text []byte) error { return results.UnmarshalText(text, r) }

// ParseResult finds a result by its name. The error lists the names.
func ParseResult(name string) (Result, error) { return results.Parse(name) }

// Results lists every result in order.
func Results() []Result { return results.All() }

// Stage is one of the three stages of an execution, or its end (JOB-1).
type Stage uint8

// The stages. StageDeploy begins with the commit before the first pre-action or
// install (JOB-4).
const (
	StageDownload Stage = 1 + iota // a cancel still wins (JOB-3)
	StageDeploy                    // actions and installs
	StageReboot                    // entered only if something deployed needs it (RBT-2)
	StageDone                      // the result is final
)

var stages = enum.Of[Stage]("stage", "download", "deploy", "reboot", "done")

func (s Stage) String() string                   { return stages.String(s) }
func (s Stage) MarshalText() ([]byte, error)     { return stages.MarshalText(s) }
func (s *Stage) UnmarshalText(text []byte) error { return stages.UnmarshalText(text, s) }

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
	Until  time.Time          `json:"until,omitzero"`  // of what is left out for a time: when it may be offered (APR-2)
	Check  *integrity.Verdict `json:"check,omitempty"` // of the file that decided
}

// FailedInstall reports whether the patch counts as a failed install. One that
// a cancel kept from being tried does not (RPT-1).
func (p PatchOutcome) FailedInstall() bool {
	return p.Status == PatchFailed && p.Code != CodeCancelled
}

// NoteUnknown adds to Text that a field has a name that this release does not
// know, as `status "Flying"` (MAN-11).
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
	Verified                            // downloaded, and accepted by the INT rules
	Installing                          // handed to the installer; the commit before it counts the attempt (JOB-17)
	Installed                           // the installer says so; no inventory has confirmed it yet (JOB-18)
	Succeeded                           // confirmed
	PatchFailed                         // with a Code
	Inapplicable                        // not installed, already at the version, or newer (CAT-3), or a requirement is unmet (JOB-14)
	LeftOut                             // never ordered; Rule and Text are the server's verdict
)

var patchStatuses = enum.Of[PatchStatus]("patch status", "pending", "verified", "installing", "installed", "succeeded", "failed", "inapplicable", "left out")

func (p PatchStatus) String() string                   { return patchStatuses.String(p) }
func (p PatchStatus) MarshalText() ([]byte, error)     { return patchStatuses.MarshalText(p) }
func (p *PatchStatus) UnmarshalText(text []byte) error { return patchStatuses.UnmarshalText(text, p) }
