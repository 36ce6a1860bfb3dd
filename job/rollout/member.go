package rollout

import (
	"time"

	"github.com/patchpolicy/patchpolicy/internal/enum"
	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// MemberPhase says where a member is in its rollout.
type MemberPhase uint8

// The phases of a member. The zero MemberPhase is an asset that is no member.
//
//	Waiting ──Ask──► Granted ──Began──► Begun ──Ended──► Verified, Failed or Left
//	   ▲                └────Withdrawn────┘
//	   └─────────────────────────┘
//
// A result can come without Began. A Failed member can still become Verified. A
// member that is removed while it is at risk is Lost.
const (
	Waiting  MemberPhase = 1 + iota // for a grant, the first or, after a withdrawal, another
	Granted                         // it may have its order, and is not known to have begun
	Begun                           // it carries its order out
	Verified                        // it succeeded; final
	Failed                          // it failed
	Lost                            // it was removed while it was at risk
	Left                            // not applicable, or removed; final
)

var memberPhases = enum.Of[MemberPhase]("member phase", "waiting", "granted", "begun", "verified", "failed", "lost", "left")

func (p MemberPhase) String() string                   { return memberPhases.String(p) }
func (p MemberPhase) MarshalText() ([]byte, error)     { return memberPhases.MarshalText(p) }
func (p *MemberPhase) UnmarshalText(text []byte) error { return memberPhases.UnmarshalText(text, p) }

// Member is one asset in a rollout. Members are compared with ==.
type Member struct {
	ID       string      `json:"id"`
	Ring     int         `json:"ring"` // index; it never changes
	Phase    MemberPhase `json:"phase"`
	Silent   bool        `json:"silent,omitempty"`   // Granted or Begun, and not heard from
	Grant    int         `json:"grant,omitempty"`    // the number of its last grant; zero: it had none
	Since    time.Time   `json:"since,omitzero"`     // of the grant, or of the start of its order if that is later
	Until    time.Time   `json:"until,omitzero"`     // when to send [Heard]; zero: never
	Epoch    int         `json:"epoch,omitempty"`    // the rollout's, when the member became silent, failed or lost
	Accepted bool        `json:"accepted,omitempty"` // a Resume took it out of gate and budget, until it is verified, withdrawn or not applicable
}

// count returns the count that the member is in; nil: none.
func (c *Counts) count(m Member) *int {
	switch {
	case m.Accepted:
		return &c.Accepted
	case m.Silent:
		return &c.Silent
	}
	switch m.Phase {
	case Waiting:
		return &c.Waiting
	case Granted:
		return &c.Granted
	case Begun:
		return &c.Begun
	case Verified:
		return &c.Verified
	case Failed:
		return &c.Failed
	case Lost:
		return &c.Lost
	case Left:
		return &c.Left
	}
	return nil
}

// Count adds a member of the rollout to counts, so that a stored State can be
// compared with its members.
func (s State) Count(m Member, c *Counts) {
	m.Accepted = m.Accepted || m.bad() && m.Epoch < s.Epoch
	if n := c.count(m); n != nil {
		*n++
	}
}

// atRisk reports whether the member counts against the budget, unless it was
// accepted.
func (m Member) atRisk() bool {
	return m.Phase == Granted || m.Phase == Begun || m.Phase == Failed || m.Phase == Lost
}

func (m Member) bad() bool { return m.Silent || m.Phase == Failed || m.Phase == Lost }

// Validate says why m is not a member that the steps return, so that a damaged
// record is found. The error is an *[Invalid].
func (m Member) Validate() error {
	var bad problem.List
	bad.Text("id", m.ID, MaxText)
	want := func(ok bool, field, text string) {
		if !ok {
			bad.Add(field, "", "%s", text)
		}
	}
	want(m.ID != "", "id", "is missing")
	want(m.Ring >= 0 && m.Ring < MaxRings, "ring", "is out of bounds")
	want(memberPhases.Valid(m.Phase), "phase", "is missing")
	want(m.Grant >= 0 && m.Grant <= maxNumber, "grant", "is out of bounds")
	want(m.Epoch >= 0 && m.Epoch <= maxNumber, "epoch", "is out of bounds")
	want(!m.Silent || m.Phase == Granted || m.Phase == Begun, "silent", "has no meaning in this phase")
	want(!m.Accepted || m.atRisk(), "accepted", "has no meaning in this phase")
	want(!m.atRisk() || m.Grant > 0, "grant", "is missing")
	return bad.Err("stored member of a rollout")
}
