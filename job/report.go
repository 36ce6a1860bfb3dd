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

// Report is one thing an asset says about one order. Exactly one of Progress, Result, TooLate and Refused is set.
type Report struct {
	Sequence Sequence        `json:"sequence"`
	At       time.Time       `json:"at"`              // UTC, by the asset's corrected clock (MAN-8)
	Order    OrderID         `json:"order,omitempty"` // empty for Refused
	Progress Progress        `json:"progress,omitempty"`
	Result   Result          `json:"result,omitempty"`  // a Pending one is followed by another
	TooLate  Stage           `json:"tooLate,omitempty"` // the cancel came when this stage had begun (JOB-3)
	Refused  string          `json:"refused,omitempty"` // why a manifest was refused (MAN-5)
	Text     string          `json:"text,omitempty"`    // one plain sentence: which job blocks, say
	Again    bool            `json:"again,omitempty"`   // with a Result: told before, and the order was handed out once more (JOB-24)
	Patches  []PatchOutcome  `json:"patches,omitempty"` // with a Result
	Actions  []ActionOutcome `json:"actions,omitempty"` // with a Result: those run so far, in their order
	Reboots  int             `json:"reboots,omitempty"` // asked for by this execution
}

// NoteUnknown adds to Text what a field says that this release does not know, as `progress "Flying"`. The field itself then
// prints as "unknown", and the rest is as it came (MAN-11).
func (r *Report) NoteUnknown(field, name string) { r.Text = NoteUnknown(r.Text, field, name) }

// NoteUnknown adds to a text what a field says that this release does not know.
func NoteUnknown(text, field, name string) string {
	return problem.Clip(strings.TrimPrefix(fmt.Sprintf("%s; %s %q", text, field, problem.Clip(name, maxNoted)), "; "), MaxText)
}

// maxNoted is how many bytes of an unknown name are kept: ours have 40 at most.
const maxNoted = 80

// Progress is a step an asset reports on the way (JOB-16).
type Progress uint8

// The progress steps.
const (
	Received    Progress = 1 + iota // the order is in the agent's queue
	Blocked                         // it is due, and waits: for another execution on the asset (JOB-11), or for the server (MAN-5, MAN-7)
	Started                         // the execution began
	Downloading                     // something applies, and its files are fetched
	Downloaded                      // every file that passed INT is staged, and the last word is asked for (MAN-7)
	Deploying                       // the deploy stage began: too late for a cancel (JOB-3)
	Rebooting                       // the reboot was asked for
	Resumed                         // it goes on: after a restart of the agent or the asset (JOB-17), or told again (JOB-24)
)

var progresses = enum.Of[Progress]("progress", "Received", "Blocked", "Started", "Downloading", "Downloaded", "Deploying", "Rebooting", "Resumed")

// String returns the progress step's name.
func (p Progress) String() string { return progresses.String(p) }

// MarshalText returns the name.
func (p Progress) MarshalText() ([]byte, error) { return progresses.MarshalText(p) }

// UnmarshalText sets the progress step by its name; the error is an unknown name.
func (p *Progress) UnmarshalText(text []byte) error { return progresses.UnmarshalText(text, p) }

// ParseProgress finds a progress step by its name; the error lists the names there are.
func ParseProgress(name string) (Progress, error) { return progresses.Parse(name) }
