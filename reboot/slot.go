package reboot

import (
	"time"
)

// NeedsSlot reports, under a policy with Slot, whether the machine waits for a
// slot or holds one. It keeps the slot from the countdown until the asset has
// rebooted; while it waits for the reboot hours it needs none (ROL-7).
func (s State) NeedsSlot() bool {
	return s.Phase == Queued || s.Phase == Asked || s.Lease != 0 && (s.Phase == Counting || s.Phase == Rebooted)
}

// ShortestLease is how long a lease lasts at least to be of use: a minute longer
// than the countdown (ROL-7).
func (p Policy) ShortestLease() time.Duration {
	return max(p.WithDefaults().Countdown, 0) + time.Minute
}

// leased takes in until when the asset may go down. A lease that is taken back
// stops the countdown. Once the reboot was asked for, nothing does.
func (m *machine) leased(until time.Time) {
	if !m.p.Slot || !m.NeedsSlot() {
		return
	}
	m.Lease = m.steady(until)
	switch {
	case m.Phase == Queued && m.maySoon(m.p.Countdown):
		m.waited = true
		m.count()
	case m.Phase == Counting && !m.maySoon(m.Until.Sub(m.now)):
		m.Phase, m.Until = Queued, 0
	}
}

// maySoon reports whether the asset may go down in a while.
func (m *machine) maySoon(while time.Duration) bool {
	return !m.p.Slot || m.now.Add(while).Before(m.Lease)
}
