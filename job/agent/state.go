package agent

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/enum"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// State is the whole agent: a value that [Step] replaces. The zero State is an
// agent that never ran.
type State struct {
	Asset      job.AssetID       `json:"asset"`
	Revision   manifest.Revision `json:"revision"`             // of the manifest held; never falls (MAN-5)
	Held       string            `json:"held,omitempty"`       // its digest
	HeldBy     string            `json:"heldBy,omitempty"`     // the name of the key that signed it, if there is a trust document
	Expires    time.Time         `json:"expires,omitzero"`     // when it expires, UTC: from then on none of its orders starts; zero: none is held (MAN-5)
	Queue      manifest.Queue    `json:"queue,omitempty"`      // received and not started
	Early      []Early           `json:"early,omitempty"`      // queued orders whose files are downloaded before the start (JOB-23)
	Blocked    []job.OrderID     `json:"blocked,omitempty"`    // queued orders already reported as Blocked
	Executions []execution.State `json:"executions,omitempty"` // at most one is at work; the others wait for a reboot by hand, an inventory or a download (JOB-11, JOB-18, JOB-27)
	Ended      []Ended           `json:"-"`                    // the oldest first; stored apart, see MarshalEnded
	Reports    []job.Report      `json:"reports,omitempty"`    // unacknowledged (MAN-6)
	Sequence   job.Sequence      `json:"sequence"`             // of the last report made
	Refusal    string            `json:"refusal,omitempty"`    // what was wrong with the last manifest; empty: it was applied
	Owed       Owed              `json:"owed,omitzero"`
	Trust      Trust             `json:"trust,omitzero"`
	Calls      CallState         `json:"calls,omitzero"`
	Back       time.Time         `json:"back,omitzero"` // when the asset last came back after it was off or asleep, UTC; zero: a server has answered since (MAN-7)
	Clock      Clock             `json:"clock,omitzero"`
}

// Trust is the newest version of the server's trust document since enrolment
// (MAN-13). The zero Trust is none.
type Trust struct {
	Document  manifest.Trust `json:"document,omitzero"` // the newest version
	Sealed    []byte         `json:"sealed,omitempty"`  // the same, as it was signed
	Announced uint64         `json:"told,omitempty"`    // the version whose expiry was reported
	Refusal   string         `json:"refusal,omitempty"` // what was wrong with the last version; empty: nothing
}

// Owed is a reboot that is still needed by an order that ended without it,
// because the order could not be verified (JOB-18, RBT-11). The zero Owed is
// none.
type Owed struct {
	BootID string    `json:"bootID"` // of the boot in which it ended
	Since  time.Time `json:"since"`  // by the agent's own clock, uncorrected, UTC
}

// Ended is an order that ended here: after it had begun, by a cancel, or at the
// end of its window. It never starts again (JOB-24).
type Ended struct {
	Order  job.OrderID `json:"order"`
	Result job.Result  `json:"result"`
	At     time.Time   `json:"at"` // UTC

	// Reported is the number of the report that said so; zero: an older
	// release did not note it.
	Reported job.Sequence `json:"told,omitempty"`

	// NotKnown is a result that only another release knows, as `result
	// "Flying"`; Result is then Failed. Empty: it is known.
	NotKnown string `json:"notKnown,omitempty"`
}

// NoteUnknown adds to NotKnown.
func (e *Ended) NoteUnknown(field, name string) {
	e.NotKnown = job.NoteUnknown(e.NotKnown, field, name)
}

// What is remembered of orders that ended (JOB-24).
const (
	maxEnded  = 1000                // the newest
	endedKept = 90 * 24 * time.Hour // then an order is forgotten
)

// Format is the format of the states that this package writes, and the highest
// that it reads.
const Format = 1

// endedForm is how Ended is stored.
type endedForm struct {
	Format int     `json:"format"`
	Ended  []Ended `json:"ended"`
}

// MarshalEnded returns the canonical bytes of Ended. They can be long and
// change only when an order ends, so they are stored apart from the rest.
func (s State) MarshalEnded() ([]byte, error) { return json.Marshal(endedForm{Format, s.Ended}) }

// UnmarshalEnded sets Ended from what MarshalEnded of any release wrote. The
// errors are those of [State.UnmarshalBinary].
func (s *State) UnmarshalEnded(data []byte) error {
	var form endedForm
	if err := unmarshal("the list of ended orders", data, &form, &form.Format); err != nil {
		return err
	}
	for i := range form.Ended {
		if e := &form.Ended[i]; e.Result == enum.Unknown {
			e.Result = job.Failed
		}
	}
	s.Ended = form.Ended
	return nil
}

// stateForm is how a State is stored, without Ended.
type stateForm struct {
	Format int `json:"format"`
	plain
}

// MarshalBinary returns the canonical bytes of the state without Ended: equal
// states give equal bytes. They are JSON, so that an administrator can read
// them.
func (s State) MarshalBinary() ([]byte, error) { return json.Marshal(stateForm{Format, plain(s)}) }

// unmarshal reads what another release may have written. It ignores unknown
// fields and keeps unknown names as text (MAN-11).
func unmarshal(what string, data []byte, v any, format *int) error {
	err := enum.Unmarshal(data, v)
	if err == nil {
		return manifest.CheckFormat(what, *format, Format)
	}
	var form struct { // the rest of a later format need not be readable
		Format int `json:"format"`
	}
	if json.Unmarshal(data, &form) == nil && form.Format > Format {
		return manifest.CheckFormat(what, form.Format, Format)
	}
	return corrupt(err.Error())
}

// UnmarshalBinary sets s from what MarshalBinary of any release wrote. An
// execution with names that this release does not know ends as Failed at the
// next start (MAN-11). The error is a *manifest.NewerFormat, or says why no
// agent can have written the bytes, and what to do.
func (s *State) UnmarshalBinary(data []byte) error {
	var form stateForm
	if err := unmarshal("the agent's state", data, &form, &form.Format); err != nil {
		return err
	}
	p := form.plain
	for _, x := range p.Executions {
		if err := x.Validate(); err != nil {
			return corrupt(err.Error())
		}
	}
	for i, r := range p.Reports {
		if i > 0 && r.Sequence != p.Reports[i-1].Sequence+1 || r.Sequence > p.Sequence {
			return corrupt(fmt.Sprintf("report %d is out of sequence", r.Sequence))
		}
	}
	for _, e := range p.Early {
		if e.Next < 0 {
			return corrupt(fmt.Sprintf("the early download of %s is at patch %d", e.Order, e.Next))
		}
	}
	if n := min(p.Calls.Failures, p.Calls.LastCall.Tries); n < 0 {
		return corrupt(fmt.Sprintf("%d check-ins failed", n))
	}
	p.Ended = s.Ended
	*s = State(p)
	return nil
}

// clone copies the slices that a step may write to.
func (s State) clone() State {
	s.Queue = slices.Clone(s.Queue)
	s.Early = slices.Clone(s.Early)
	s.Blocked = slices.Clone(s.Blocked)
	s.Executions = slices.Clone(s.Executions)
	s.Reports = slices.Clone(s.Reports)
	return s
}

// plain is State without its methods.
type plain State

// corrupt says why no agent wrote the bytes.
type corrupt string

func (why corrupt) Error() string {
	return "the agent's state is corrupt: " + string(why) + "; restore it from a backup, or enrol the asset again"
}
