package job

import (
	"fmt"
	"strings"
	"time"

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

// NoteUnknown adds to a text a field's name that this release does not know.
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
	Blocked                         // it is due and waits for another execution on the asset (JOB-11) or for the server (MAN-5, MAN-7)
	Started                         // the execution began
	Downloading                     // some patch applies, and its files are downloaded
	Downloaded                      // the files that passed INT are staged, and the last call is made (MAN-7)
	Deploying                       // the deploy stage began, so a cancel is too late (JOB-3)
	Rebooting                       // the reboot was asked for
	Resumed                         // it goes on after a restart of the agent or the asset (JOB-17), or is reported again (JOB-24)
)

var progresses = enum.Of[Progress]("progress", "Received", "Blocked", "Started", "Downloading", "Downloaded", "Deploying", "Rebooting", "Resumed")

// String returns the progress step's name.
func (p Progress) String() string { return progresses.String(p) }

// MarshalText returns the name.
func (p Progress) MarshalText() ([]byte, error) { return progresses.MarshalText(p) }

// UnmarshalText sets the progress step by its name. The error is an unknown
// name.
func (p *Progress) UnmarshalText(text []byte) error { return progresses.UnmarshalText(text, p) }

// ParseProgress finds a progress step by its name. The error lists the names.
func ParseProgress(name string) (Progress, error) { return progresses.Parse(name) }
