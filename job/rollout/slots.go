package rollout

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// SlotPolicy limits how many assets of a group are down for a job's reboots at
// once (ROL-7). The zero SlotPolicy is not valid.
type SlotPolicy struct {
	Tag   string        `json:"tag"`             // the assets that have it are the group
	Slots int           `json:"slots"`           // from 1
	Lease time.Duration `json:"lease,omitempty"` // how long an asset may wait until it goes down, 1 min to 168 h; zero: 1 h
}

// WithDefaults returns the policy with a zero Lease replaced by its default.
func (p SlotPolicy) WithDefaults() SlotPolicy {
	p.Lease = cmp.Or(p.Lease, defLease)
	return p
}

// Validate says everything that is wrong with the policy. The error is an
// *[Invalid].
func (p SlotPolicy) Validate() error {
	var bad problem.List
	bad.Text("tag", p.Tag, MaxText)
	if p.Tag == "" {
		bad.Add("tag", "", "is missing (ROL-7)")
	}
	if p.Slots < 1 || p.Slots > MaxCount {
		bad.Add("slots", fmt.Sprint(p.Slots), "must be 1 to %d (ROL-7)", MaxCount)
	}
	if p.Lease != 0 && (p.Lease < MinLease || p.Lease > MaxLease) {
		bad.Add("lease", p.Lease.String(), "must be %v to %v, or zero for %v (ROL-7)", MinLease, MaxLease, defLease)
	}
	return bad.Err("reboot slots")
}

// Slots are the leases of one group, by holder. The zero Slots has none.
type Slots struct {
	Leases []Lease `json:"leases,omitempty"`
}

// Lease is a slot that an asset holds. It may go down until Until; after that
// it must ask again. The slot stays taken until the asset has reported back,
// because it may be down.
type Lease struct {
	Holder string    `json:"holder"`
	Number uint64    `json:"number"` // of the request that it answers
	Until  time.Time `json:"until"`
}

// SlotEvent is something that happened to a group's slots: one of the types
// below. Nil is none.
type SlotEvent interface {
	slots(p SlotPolicy, s *Slots, at time.Time) SlotOut
}

// The events of slots. Each asset numbers its requests, from 1 upward.
type (
	// Acquire asks for a slot. The same number again gets the same answer; a
	// greater one extends the lease, and a smaller one is late and gets nothing.
	// Down: the asset is down already, so its repair takes no further asset down
	// and is always granted.
	Acquire struct {
		Holder string
		Number uint64
		Down   bool
	}
	// Returned says that the asset is back, or will not go down, and that it
	// makes no use of leases up to this number.
	Returned struct {
		Holder string
		Number uint64
	}
	// Freed is a named act: the asset was removed, or somebody knows that it is
	// up.
	Freed struct {
		Holder string
		Act
	}
)

// SlotOut is the answer to an event of slots.
type SlotOut struct {
	Granted bool
	Lease   Lease // with Granted
	Reason  Reason
}

// StepSlots takes a group's slots one event further. It depends on its
// arguments only, and does not change s.
func StepSlots(p SlotPolicy, s Slots, ev SlotEvent, at time.Time) (Slots, SlotOut) {
	if ev == nil {
		return s, SlotOut{}
	}
	s.Leases = slices.Clone(s.Leases)
	out := ev.slots(p, &s, at.UTC().Round(0))
	return s, out
}

// Next returns a number for the holder's next request, where requests arrive in
// order.
func (s Slots) Next(holder string) uint64 {
	if i, holds := s.find(holder); holds {
		return s.Leases[i].Number + 1
	}
	return 1
}

func (s *Slots) find(holder string) (int, bool) {
	return slices.BinarySearchFunc(s.Leases, holder, func(l Lease, holder string) int { return cmp.Compare(l.Holder, holder) })
}

func (ev Acquire) slots(p SlotPolicy, s *Slots, at time.Time) SlotOut {
	until := at.Add(min(max(p.WithDefaults().Lease, MinLease), MaxLease))
	i, holds := s.find(ev.Holder)
	switch {
	case holds && ev.Number < s.Leases[i].Number:
		return SlotOut{Reason: Reason{"ROL-7", "A later request of the asset has been answered."}}
	case holds && ev.Number == s.Leases[i].Number:
		return SlotOut{true, s.Leases[i], Reason{"ROL-7", "The asset holds a slot."}}
	case holds:
		s.Leases[i].Number, s.Leases[i].Until = ev.Number, until
		return SlotOut{true, s.Leases[i], Reason{"ROL-7", "The asset holds a slot, and its lease is extended."}}
	case len(s.Leases) >= max(p.Slots, 1) && !ev.Down:
		return SlotOut{Reason: Reason{"ROL-7", fmt.Sprintf("The slots of group %q are taken: %d of %d, the first by %s.",
			p.Tag, len(s.Leases), p.Slots, s.Leases[0].Holder)}}
	}
	l := Lease{ev.Holder, ev.Number, until}
	s.Leases = slices.Insert(s.Leases, i, l)
	return SlotOut{true, l, Reason{"ROL-7", fmt.Sprintf("The asset got a slot of group %q: %d of %d are taken.", p.Tag, len(s.Leases), p.Slots)}}
}

func (ev Returned) slots(_ SlotPolicy, s *Slots, _ time.Time) SlotOut {
	if i, holds := s.find(ev.Holder); holds && s.Leases[i].Number <= ev.Number {
		s.Leases = slices.Delete(s.Leases, i, i+1)
	}
	return SlotOut{}
}

func (ev Freed) slots(_ SlotPolicy, s *Slots, _ time.Time) SlotOut {
	if ev.By == "" || ev.Reason == "" {
		return SlotOut{Reason: Reason{"ROL-7", "Say who frees the slot, and why."}}
	}
	if i, holds := s.find(ev.Holder); holds {
		s.Leases = slices.Delete(s.Leases, i, i+1)
	}
	return SlotOut{Reason: Reason{"ROL-7", fmt.Sprintf("%s freed the slot of %s: %s", ev.By, ev.Holder, ev.Act.Reason)}}
}
