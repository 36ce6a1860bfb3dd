package agent

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// MarshalBinary returns the canonical bytes of the state: equal states give equal bytes. They are JSON, so that an
// administrator can read what an agent holds.
func (s State) MarshalBinary() ([]byte, error) { return json.Marshal(plain(s)) }

// plain is State without its methods.
type plain State

// Corrupt is the error of UnmarshalBinary: the bytes are no state an agent wrote.
type Corrupt struct{ Why string }

func (e *Corrupt) Error() string {
	return "the agent's state is corrupt: " + e.Why + "; restore it from a backup, or enrol the asset again"
}

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
