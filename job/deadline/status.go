package deadline

import (
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/internal/enum"
	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// State is the state of a vulnerability on an asset (DUE-5).
type State uint8

// The states.
const (
	Open     State = 1 + iota
	DueSoon        // the date is near
	Overdue        // the date is past, with a Cause
	Met            // it is gone, in time or late
	Excepted       // an exception holds
)

var states = enum.Of[State]("state", "open", "dueSoon", "overdue", "met", "excepted")

// String returns the state's name.
func (s State) String() string { return states.String(s) }

// MarshalText returns the state's name, and the empty text for the zero value.
func (s State) MarshalText() ([]byte, error) { return states.MarshalText(s) }

// UnmarshalText is the inverse of MarshalText.
func (s *State) UnmarshalText(text []byte) error { return states.UnmarshalText(text, s) }

// Cause is why a vulnerability is still there. Where several hold, the first of
// this order is the cause (DUE-5).
type Cause uint8

// The causes.
const (
	NotReached    Cause = 1 + iota // the agent has not called
	NoPatch                        // there was no deployable patch in time, whatever the reason
	PendingReboot                  // installed, and the reboot has not been made
	Failed                         // the install failed, could not be verified, or was given up
	Cancelled                      // cancelled, withdrawn or disabled
	NotApproved                    // by the baseline
	HeldBack                       // by a pin, a hold, a channel, a requirement, a ring, missing evidence or a clone
	NoWindow                       // it will run, but too late
	NoJob                          // nothing covers it
)

var causes = enum.Of[Cause]("cause", "notReached", "noPatch", "pendingReboot", "failed", "cancelled", "notApproved", "heldBack", "noWindow", "noJob")

// String returns the cause's name.
func (c Cause) String() string { return causes.String(c) }

// MarshalText returns the cause's name, and the empty text for the zero value.
func (c Cause) MarshalText() ([]byte, error) { return causes.MarshalText(c) }

// UnmarshalText is the inverse of MarshalText.
func (c *Cause) UnmarshalText(text []byte) error { return causes.UnmarshalText(text, c) }

// Progress is what happened to a vulnerability on an asset, as of an instant.
type Progress struct {
	Gone      time.Time  // when it was fixed, with any reboot that the fix needs; zero: it is still there
	Holds     []Cause    // every cause that holds, in any order; empty: NoJob
	Exception *Exception // nil: none
	Now       Seen       // the facts now, which can end an exception early
}

// Status is the state of a vulnerability on an asset.
type Status struct {
	State State     `json:"state"`
	Cause Cause     `json:"cause,omitempty"` // with Overdue
	At    time.Time `json:"at,omitzero"`     // when it was met, or until when it is excepted
}

// Status compares the deadline with what happened. The state is DueSoon when
// the time left is at most soon. At Due and later, the deadline is missed
// (CAT-13).
func (d Deadline) Status(p Progress, soon time.Duration, now time.Time) Status {
	switch {
	case !p.Gone.IsZero() && !p.Gone.After(now):
		return Status{State: Met, At: p.Gone}
	case p.Exception != nil && p.Exception.Ended(p.Now, now) == "":
		return Status{State: Excepted, At: p.Exception.Until}
	case d.Due.IsZero() || d.Due.Sub(now) > soon && d.Due.After(now):
		return Status{State: Open}
	case d.Due.After(now):
		return Status{State: DueSoon}
	}
	holds := slices.DeleteFunc(slices.Clone(p.Holds), func(c Cause) bool { return !causes.Valid(c) })
	return Status{State: Overdue, Cause: slices.Min(append(holds, NoJob))}
}

// Seen are the facts that can end an exception early.
type Seen struct {
	Patch     bool           `json:"patch,omitempty"` // a deployable patch exists
	Exploited catalog.Answer `json:"exploited,omitempty"`
	Exposed   catalog.Answer `json:"exposed,omitempty"`
}

// Exception allows a vulnerability to stay on an asset for a time (DUE-6).
type Exception struct {
	Owner  string    `json:"owner"`
	Reason string    `json:"reason"`
	Until  time.Time `json:"until"` // it ends at this instant
	Given  Seen      `json:"given"` // what was known when it was given

	PatchAppears    bool `json:"patchAppears,omitempty"`    // ends it
	Exploitation    bool `json:"exploitation,omitempty"`    // if it becomes known, that ends the exception
	ExposureChanges bool `json:"exposureChanges,omitempty"` // ends it
}

// Validate says everything that is wrong with the exception. The error is an
// *[Invalid].
func (e Exception) Validate() error {
	var bad problem.List
	for _, text := range []struct{ field, value string }{{"owner", e.Owner}, {"reason", e.Reason}} {
		bad.Text(text.field, text.value, MaxText)
		if text.value == "" {
			bad.Add(text.field, "", "is missing (DUE-6)")
		}
	}
	if e.Until.IsZero() {
		bad.Add("until", "", "is missing: an exception must end (DUE-6)")
	}
	return bad.Err("exception")
}

// Ended returns why the exception has ended, as a sentence, or an empty text if
// it holds.
func (e Exception) Ended(seen Seen, now time.Time) string {
	switch {
	case !now.Before(e.Until):
		return "The exception ended at " + e.Until.UTC().Format(time.RFC3339) + "."
	case e.PatchAppears && seen.Patch && !e.Given.Patch:
		return "The exception ended because a patch appeared."
	case e.Exploitation && seen.Exploited == catalog.Yes && e.Given.Exploited != catalog.Yes:
		return "The exception ended because exploitation became known."
	case e.ExposureChanges && seen.Exposed != e.Given.Exposed:
		return "The exception ended because the exposure of the asset changed."
	}
	return ""
}
