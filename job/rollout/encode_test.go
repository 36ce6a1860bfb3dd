package rollout_test

import (
	"time"

	"github.com/patchpolicy/patchpolicy/job/rollout"
)

// encode writes what makes two nodes the same.
func (s *setting) encode(n *node, b []byte) []byte {
	nums := func(all ...int) {
		for _, n := range all {
			b = append(b, byte(n))
		}
	}
	small := func(all ...int8) {
		for _, n := range all {
			b = append(b, byte(n))
		}
	}
	hour := func(t time.Time) {
		at := byte(255)
		if !t.IsZero() {
			at = byte(t.Sub(t0) / time.Hour)
		}
		b = append(b, at)
	}
	flags := func(all ...bool) {
		v := byte(0)
		for i, is := range all {
			if is {
				v |= 1 << i
			}
		}
		b = append(b, v)
	}
	state := func(st rollout.State) {
		nums(int(st.Phase), st.Epoch, st.Expedited)
		for _, r := range st.Rings {
			c := r.Counts
			nums(c.Waiting, c.Granted, c.Begun, c.Silent, c.Verified, c.Failed, c.Lost, c.Accepted, c.Left)
			hour(r.Start)
			hour(r.Enough)
		}
	}
	member := func(m rollout.Member) {
		nums(m.Ring, int(m.Phase), m.Grant, m.Epoch)
		flags(m.Silent, m.Accepted)
		hour(m.Since)
		hour(m.Until)
	}
	state(n.state)
	for i := range s.tags {
		member(n.members[i])
		h, k := n.hosts[i], n.known[i]
		small(h.sent, h.recall, h.order, int8(h.at), h.called, h.began, h.good, h.bad, h.empty, h.dropped, k.grant, int8(k.at))
		flags(k.silent, k.removed, k.accepted)
	}
	if n.tx.move.kind != 0 {
		small(int8(n.tx.move.kind), n.tx.move.asset, n.tx.move.arg)
		if flags(n.tx.stale); !n.tx.stale || s.unchecked || s.early { // the store refuses a stale one, whatever it read
			state(n.tx.state)
			member(n.tx.member)
		}
	}
	l := n.left
	small(n.hour, l.stops, l.resumes, l.expedites, l.abandons, l.removals, l.crashes, n.expedited, n.enough)
	flags(n.stopped)
	return b
}
