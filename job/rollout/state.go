package rollout

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/enum"
	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// Phase says whether a rollout goes on.
type Phase uint8

// The phases of a rollout. It begins as Running.
const (
	Running   Phase = 1 + iota // members of its open rings get grants
	Stopped                    // no grant is made, and grants that have not begun are withdrawn; Resume or Abandon ends it (ROL-4)
	Done                       // the last gate promoted and nobody waits, or nothing is left to do
	Abandoned                  // ended by a named act; grants that have not begun are withdrawn
)

var phases = enum.Of[Phase]("rollout phase", "running", "stopped", "done", "abandoned")

func (p Phase) String() string                   { return phases.String(p) }
func (p Phase) MarshalText() ([]byte, error)     { return phases.MarshalText(p) }
func (p *Phase) UnmarshalText(text []byte) error { return phases.UnmarshalText(text, p) }

// State is the rollout of one run: counts of its members, ring by ring. [Begin]
// makes it. Each member is a [Member] of its own, so the size of a State does
// not depend on the number of assets.
type State struct {
	Salt      string `json:"salt"` // of the hash that chooses the members of rings by amount
	Phase     Phase  `json:"phase"`
	Budget    int    `json:"budget"`              // assets that may be at risk at once; it never changes (ROL-3)
	Epoch     int    `json:"epoch,omitempty"`     // how often it was resumed
	Expedited int    `json:"expedited,omitempty"` // the gates of so many rings, from the first, are skipped (ROL-6)
	Rings     []Ring `json:"rings"`
	Why       Reason `json:"why,omitzero"` // of the last stop, act or promotion
}

// Ring is one ring of a State.
type Ring struct {
	Counts
	Limit  int       `json:"limit,omitempty"` // of its assets that may be at risk at once; zero: none
	UpTo   uint64    `json:"upTo,omitempty"`  // an asset with this hash or a lower one is in the ring; zero: the ring takes a tag, the rest or nothing
	Start  time.Time `json:"start,omitzero"`  // of its window; zero: the gate before it has not promoted
	Enough time.Time `json:"enough,omitzero"` // since when its gate has had the results that it wants: the soak time counts from here
}

// Full reports whether the limit of the ring allows no further grant, whatever
// room other rings have (ROL-3).
func (r Ring) Full() bool { return r.Limit > 0 && r.AtRisk() >= r.Limit }

// Counts are how many members are in each condition. Each member is in exactly
// one of them.
type Counts struct {
	Waiting  int `json:"waiting,omitempty"`  // for a grant
	Granted  int `json:"granted,omitempty"`  // not known to have begun
	Begun    int `json:"begun,omitempty"`    // not verified yet
	Silent   int `json:"silent,omitempty"`   // granted or begun, and not heard from for the policy's Silence
	Verified int `json:"verified,omitempty"` // succeeded
	Failed   int `json:"failed,omitempty"`
	Lost     int `json:"lost,omitempty"`     // removed while they were at risk: they left the gate, not the budget
	Accepted int `json:"accepted,omitempty"` // failed, silent or lost when the rollout was resumed: they left gate and budget by that act
	Left     int `json:"left,omitempty"`     // not applicable, or removed while they were not at risk
}

// AtRisk is how many members count against the budget (ROL-3).
func (c Counts) AtRisk() int { return c.Granted + c.Begun + c.bad() }

// idle reports whether nobody waits for a grant or for a result.
func (c Counts) idle() bool { return c.Waiting+c.Granted+c.Begun+c.Silent == 0 }

// bad is how many of them are at risk for good, as it looks.
func (c Counts) bad() int { return c.Silent + c.Failed + c.Lost }

// judged is how many members the gate divides by: all that were granted, silent
// and pending ones included (ROL-2).
func (c Counts) judged() int { return c.Granted + c.Begun + c.Silent + c.Verified + c.Failed }

func (c Counts) conclusive() int { return c.Verified + c.Failed }

// fields are all counts.
func (c *Counts) fields() [9]*int {
	return [...]*int{&c.Waiting, &c.Granted, &c.Begun, &c.Silent, &c.Verified, &c.Failed, &c.Lost, &c.Accepted, &c.Left}
}

// Total returns the counts of all rings together.
func (s State) Total() (all Counts) {
	for _, r := range s.Rings {
		for i, n := range r.fields() {
			*all.fields()[i] += *n
		}
	}
	return all
}

// Open reports whether the rollout is running or stopped. While it is, no new
// run of its job starts (ROL-1).
func (s State) Open() bool { return s.Phase == Running || s.Phase == Stopped }

// Room is how many members that wait would get a grant now. Those of rings that
// have not started get none.
func (s State) Room() (room int) {
	if s.Phase != Running {
		return 0
	}
	for _, r := range s.Rings[:s.present()] {
		n := r.Waiting
		if r.Limit > 0 {
			n = min(n, r.Limit-r.AtRisk())
		}
		room += max(n, 0)
	}
	return max(min(room, s.Budget-s.Total().AtRisk()), 0)
}

// Recalls reports whether the member's grant must be withdrawn: the rollout was
// stopped or abandoned, and the asset is not known to have begun (ROL-4). If
// the asset turns out to have begun, the caller sends [Began]; otherwise it
// sends [Ended] with [Withdrawn].
func (s State) Recalls(m Member) bool {
	return (s.Phase == Stopped || s.Phase == Abandoned) && m.Phase == Granted
}

// present is the number of rings that have started or may start.
func (s State) present() int {
	n := 0
	for n < len(s.Rings) && !s.Rings[n].Start.IsZero() {
		n++
	}
	return n
}

// Format is the format of the states that this package writes, and the highest
// that it reads.
const Format = 1

// stored is how a State is stored.
type stored struct {
	Format int `json:"format"`
	plain
}

// plain is State without its methods.
type plain State

// MarshalBinary returns the canonical bytes of the state: equal states give
// equal bytes. They are JSON.
func (s State) MarshalBinary() ([]byte, error) { return json.Marshal(stored{Format, plain(s)}) }

// UnmarshalBinary sets s from what MarshalBinary of any release wrote. It
// ignores fields that it does not know (MAN-11). The error is an *[Invalid]: a
// later format, or bytes that no release can have written. After an error, s is
// as it was.
func (s *State) UnmarshalBinary(data []byte) error {
	const what = "stored rollout"
	if len(data) > MaxState {
		return problem.One(what, "", "", "has %d bytes; at most %d are allowed", len(data), MaxState)
	}
	var head struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return problem.One(what, "", "", "is not JSON: %v; restore the server from a backup", err)
	}
	if head.Format < 1 || head.Format > Format {
		return problem.One(what, "format", fmt.Sprint(head.Format), "is not known here; this release reads 1 to %d; use the release that wrote it", Format)
	}
	var read stored
	if err := json.Unmarshal(data, &read); err != nil {
		return problem.One(what, "", "", "cannot be read: %v; restore the server from a backup", err)
	}
	if err := State(read.plain).Validate(); err != nil {
		return err
	}
	*s = State(read.plain)
	return nil
}

// Validate says why s is not a state that [Begin] and the steps return, so that
// a damaged record is found. The error is an *[Invalid].
func (s State) Validate() error {
	var bad problem.List
	want := func(ok bool, field, text string) {
		if !ok {
			bad.Add(field, "", "%s", text)
		}
	}
	bad.Text("salt", s.Salt, MaxText)
	want(phases.Valid(s.Phase), "phase", "is missing")
	want(s.Budget >= 1 && s.Budget <= MaxCount, "budget", "is out of bounds")
	want(s.Epoch >= 0 && s.Epoch <= maxNumber, "epoch", "is out of bounds")
	want(len(s.Rings) >= 1 && len(s.Rings) <= MaxRings, "rings", "are none or too many")
	want(s.Expedited >= 0 && s.Expedited < max(len(s.Rings), 1), "expedited", "names no gate between two rings")
	present, members := s.present(), 0
	want(present > 0, "rings", "none has started")
	for i, r := range s.Rings {
		at := fmt.Sprintf("rings[%d]", i)
		for _, n := range r.fields() {
			if *n < 0 || *n > MaxCount || r.Limit < 0 || r.Limit > MaxCount {
				bad.Add(at, "", "has a count that is out of bounds")
				return bad.Err("stored rollout")
			}
			members += *n
		}
		c := r.Counts
		want(i < present || r.Start.IsZero() && r.Enough.IsZero(), at, "started before an earlier ring (ROL-1)")
		want(i < present || c == Counts{Waiting: c.Waiting, Left: c.Left}, at, "has grants, and it has not started (ROL-1)")
		want(r.Limit == 0 || c.AtRisk() <= r.Limit, at, "has more assets at risk than its limit (ROL-3)")
	}
	want(members <= MaxCount, "rings", "have too many assets")
	want(s.Total().AtRisk() <= s.Budget, "budget", "is exceeded by the assets at risk (ROL-3)")
	return bad.Err("stored rollout")
}
