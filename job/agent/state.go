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

// State is the whole agent: a value that Step replaces. The zero State is an agent that never ran. MarshalBinary gives its
// canonical bytes.
type State struct {
	Asset      job.AssetID       `json:"asset"`
	Revision   manifest.Revision `json:"revision"`             // of the manifest held; never falls (MAN-5)
	Held       string            `json:"held,omitempty"`       // its digest
	HeldBy     string            `json:"heldBy,omitempty"`     // the name of the key that signed it, where there is a trust document
	Expires    time.Time         `json:"expires,omitzero"`     // when it expires, UTC: from then on none of its orders starts (MAN-5); zero: none is held
	Queue      manifest.Queue    `json:"queue,omitempty"`      // received, not started
	Early      []Early           `json:"early,omitempty"`      // queued orders whose files are downloaded before the start (JOB-23)
	Blocked    []job.OrderID     `json:"blocked,omitempty"`    // queued orders already reported as Blocked
	Executions []execution.State `json:"executions,omitempty"` // at most one that is neither parked for a reboot by hand, nor was unverified, nor waits to download again (JOB-11, JOB-18, JOB-27)
	Ended      []Ended           `json:"-"`                    // the oldest first; stored apart, by MarshalEnded
	Reports    []job.Report      `json:"reports,omitempty"`    // unacknowledged (MAN-6)
	Sequence   job.Sequence      `json:"sequence"`             // of the last report made
	Refusal    string            `json:"refusal,omitempty"`    // what was wrong with the last manifest; empty: it was taken
	Owed       Owed              `json:"owed,omitzero"`
	Trust      Trust             `json:"trust,omitzero"`
	Calls      CallState         `json:"calls,omitzero"`
	Back       time.Time         `json:"back,omitzero"` // when the asset last came back from being off or asleep, UTC; zero: a server has answered since (MAN-7)
	Clock      Clock             `json:"clock,omitzero"`
}

// Trust is what the agent followed of the server's trust document (MAN-13). The zero Trust followed nothing.
type Trust struct {
	Document manifest.Trust `json:"document,omitzero"` // the newest version
	Sealed   []byte         `json:"sealed,omitempty"`  // the same, as it was signed
	Told     uint64         `json:"told,omitempty"`    // the version whose end was reported
	Refusal  string         `json:"refusal,omitempty"` // what was wrong with the last one that was not believed; empty: all were
}

// Owed is a reboot that an order needed which ended without it, since it could not be verified (JOB-18, RBT-11). The zero Owed is
// none.
type Owed struct {
	BootID string    `json:"bootID"` // of the boot in which it ended
	Since  time.Time `json:"since"`  // by the agent's own clock, uncorrected, UTC
}

// Ended is an order that ended here after it had begun, or by a cancel or the end of its window. It never starts again
// (JOB-24).
type Ended struct {
	Order  job.OrderID `json:"order"`
	Result job.Result  `json:"result"`
	At     time.Time   `json:"at"` // UTC

	// Told is the number of the report that told it; zero: a release told it that did not note the
	// number.
	Told job.Sequence `json:"told,omitempty"`

	// NotKnown is the result as another release named it, as `result "Flying"`, and Result is Failed then; empty: it is known.
	NotKnown string `json:"notKnown,omitempty"`
}

// NoteUnknown notes it.
func (e *Ended) NoteUnknown(field, name string) {
	e.NotKnown = job.NoteUnknown(e.NotKnown, field, name)
}

// What is remembered of orders that ended (JOB-24).
const (
	maxEnded  = 1000                // the newest
	endedKept = 90 * 24 * time.Hour // after that an order is forgotten
)

// Format is the format of the states that this package writes, and the highest that it reads: of both parts.
const Format = 1

// endedForm is how Ended is stored.
type endedForm struct {
	Format int     `json:"format"`
	Ended  []Ended `json:"ended"`
}

// MarshalEnded returns the canonical bytes of Ended. They change only when an order ends, and can be long: whoever stores a
// state keeps them apart from the rest.
func (s State) MarshalEnded() ([]byte, error) { return json.Marshal(endedForm{Format, s.Ended}) }

// UnmarshalEnded sets Ended from what MarshalEnded of this release or another wrote, as UnmarshalBinary does.
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

// stateForm is how a State less Ended is stored.
type stateForm struct {
	Format int `json:"format"`
	plain
}

// MarshalBinary returns the canonical bytes of the state less Ended: equal states give equal bytes. They are JSON, so that
// an administrator can read what an agent holds.
func (s State) MarshalBinary() ([]byte, error) { return json.Marshal(stateForm{Format, plain(s)}) }

// unmarshal reads what may be of another release. Fields that are not known are ignored, names are kept as text (MAN-11).
func unmarshal(what string, data []byte, v any, format *int) error {
	err := enum.Unmarshal(data, v)
	if err == nil {
		return manifest.CheckFormat(what, *format, Format)
	}
	var form struct { // of a later one the rest need not be readable
		Format int `json:"format"`
	}
	if json.Unmarshal(data, &form) == nil && form.Format > Format {
		return manifest.CheckFormat(what, form.Format, Format)
	}
	return corrupt(err.Error())
}

// UnmarshalBinary sets s from what MarshalBinary of this release or another wrote. What this release does not know of it does
// not get lost where people look (MAN-11): an execution that it cannot go on with ends as Failed at the next start. The error
// is a *manifest.NewerFormat, or says why no agent can have written the bytes and what to do.
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

// clone makes the slices this step may write to its own.
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

// corrupt is the error of UnmarshalBinary: why no agent wrote the bytes.
type corrupt string

func (why corrupt) Error() string {
	return "the agent's state is corrupt: " + string(why) + "; restore it from a backup, or enrol the asset again"
}
