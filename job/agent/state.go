package agent

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// State is the whole agent: a value that Step replaces. MarshalBinary gives its canonical bytes.
type State struct {
	Asset      job.AssetID       `json:"asset"`
	Revision   manifest.Revision `json:"revision"`             // of the manifest held; never falls (MAN-5)
	Queue      manifest.Queue    `json:"queue,omitempty"`      // received, not started
	Early      []Early           `json:"early,omitempty"`      // queued orders whose files are fetched before the start (JOB-23)
	Blocked    []job.OrderID     `json:"blocked,omitempty"`    // queued orders already reported as Blocked
	Executions []execution.State `json:"executions,omitempty"` // at most one that is not parked for a reboot by hand (JOB-11)
	Ended      []job.OrderID     `json:"ended,omitempty"`      // ended, and still in the manifest: never started again
	Reports    []job.Report      `json:"reports,omitempty"`    // unacknowledged (MAN-6)
	Sequence   job.Sequence      `json:"sequence"`             // of the last report made
	Refusal    string            `json:"refusal,omitempty"`    // what was wrong with the last manifest; empty: it was taken
	Calls      CallState         `json:"calls,omitzero"`
	Clock      Clock             `json:"clock,omitzero"`
}

// MarshalBinary returns the canonical bytes of the state: equal states give equal bytes. They are JSON, so that an
// administrator can read what an agent holds.
func (s State) MarshalBinary() ([]byte, error) { return json.Marshal(plain(s)) }

// UnmarshalBinary sets s from canonical bytes. It returns a *Corrupt.
func (s *State) UnmarshalBinary(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	var p plain
	if err := d.Decode(&p); err != nil {
		return &Corrupt{Why: err.Error()}
	}
	if canonical, err := json.Marshal(p); err != nil || !bytes.Equal(canonical, data) {
		return &Corrupt{Why: "it is not in its canonical form"}
	}
	for _, x := range p.Executions {
		if err := x.Validate(); err != nil {
			return &Corrupt{Why: err.Error()}
		}
	}
	for i, r := range p.Reports {
		if i > 0 && r.Sequence != p.Reports[i-1].Sequence+1 || r.Sequence > p.Sequence {
			return &Corrupt{Why: fmt.Sprintf("report %d is out of sequence", r.Sequence)}
		}
	}
	for _, e := range p.Early {
		if e.Next < 0 {
			return &Corrupt{Why: fmt.Sprintf("the early download of %s stands at patch %d", e.Order, e.Next)}
		}
	}
	if p.Calls.Failures < 0 {
		return &Corrupt{Why: fmt.Sprintf("%d check-ins failed", p.Calls.Failures)}
	}
	*s = State(p)
	return nil
}

// clone makes the slices this step may write to its own.
func (s State) clone() State {
	s.Queue = slices.Clone(s.Queue)
	s.Early = slices.Clone(s.Early)
	s.Blocked = slices.Clone(s.Blocked)
	s.Executions = slices.Clone(s.Executions)
	s.Ended = slices.Clone(s.Ended)
	s.Reports = slices.Clone(s.Reports)
	return s
}

// plain is State without its methods.
type plain State

// Corrupt is the error of UnmarshalBinary: the bytes are no state an agent wrote.
type Corrupt struct{ Why string }

func (e *Corrupt) Error() string {
	return "the agent's state is corrupt: " + e.Why + "; restore it from a backup, or enrol the asset again"
}
