package rollout_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job/rollout"
)

// The searched world of slots: three assets, one or two slots, and messages
// that can arrive late, twice, in any order, or never.
type slotWorld struct {
	policy   rollout.SlotPolicy
	hours    int8
	requests uint8 // of each asset
	breaks   int8  // assets that go down by themselves
	lenient  bool  // only what real assets do is checked, not who holds a slot
	step     func(rollout.SlotPolicy, rollout.Slots, rollout.SlotEvent, time.Time) (rollout.Slots, rollout.SlotOut)
}

type slotNode struct {
	slots  rollout.Slots
	assets [3]slotAsset
	hour   int8
	broke  int8
	broken string
}

type slotAsset struct {
	asked         uint8    // its last request
	downs         uint8    // its requests that said that it is down, as bits
	answers       [4]uint8 // by request: the hour until which it may go down; zero: no answer was sent
	may           uint8    // until this hour
	down, crashed bool     // for the job's reboot; by itself
	returned      uint8    // reports that it makes no use of leases up to a number, as bits
}

// slotMoves yields what can happen, as text and as a change of a copy.
func (w slotWorld) moves(n slotNode, yield func(string, slotNode)) {
	at := t0.Add(time.Duration(n.hour) * time.Hour)
	for i := range n.assets {
		a := n.assets[i]
		name := string(rune('a' + i))
		change := func(text string, do func(c *slotNode, a *slotAsset)) {
			c := n
			do(&c, &c.assets[i])
			yield("asset "+name+" "+text, c)
		}
		if a.asked < w.requests && !a.down && a.may <= uint8(n.hour) { // it also asks again while no answer comes
			change("asks", func(_ *slotNode, a *slotAsset) {
				if a.asked++; a.crashed {
					a.downs |= 1 << a.asked
				}
			})
		}
		for r := uint8(1); r <= a.asked; r++ {
			change(fmt.Sprintf("is answered on request %d", r), func(c *slotNode, a *slotAsset) {
				down := a.downs>>r&1 == 1
				before := c.slots
				slots, out := w.step(w.policy, c.slots, rollout.Acquire{Holder: name, Number: uint64(r), Down: down}, at)
				c.slots = slots
				if out.Granted {
					a.answers[r] = uint8(out.Lease.Until.Sub(t0) / time.Hour)
				}
				if down && !out.Granted && r == a.asked {
					c.broken = "an asset that is down may not be repaired"
				}
				w.released(c, before, "")
			})
		}
		if a.asked > 0 && a.answers[a.asked] > 0 && a.returned>>a.asked&1 == 0 && a.may != a.answers[a.asked] {
			change("receives the answer", func(_ *slotNode, a *slotAsset) { a.may = a.answers[a.asked] })
		}
		if uint8(n.hour) < a.may && !a.down && !a.crashed {
			change("goes down", func(c *slotNode, a *slotAsset) {
				a.down = true
				if down := c.down(); down > w.policy.Slots {
					c.broken = fmt.Sprintf("%d assets are down for reboots, and there are %d slots", down, w.policy.Slots)
				}
			})
		}
		if !a.down && !a.crashed && n.broke < w.breaks {
			change("crashes", func(c *slotNode, a *slotAsset) { a.crashed = true; c.broke++ })
		}
		if a.down || a.crashed || a.may > 0 {
			change("is up, and needs no slot", func(_ *slotNode, a *slotAsset) {
				a.down, a.crashed, a.may = false, false, 0
				a.returned |= 1 << a.asked
			})
		}
		for r := uint8(1); r < 4; r++ {
			if a.returned>>r&1 == 1 {
				change(fmt.Sprintf("is known to need no slot up to %d", r), func(c *slotNode, a *slotAsset) {
					before := c.slots
					c.slots, _ = w.step(w.policy, c.slots, rollout.Returned{Holder: name, Number: uint64(r)}, at)
					w.released(c, before, name)
				})
			}
		}
	}
	if n.hour < w.hours {
		c := n
		c.hour++
		yield("an hour passes", c)
	}
}

// released wants nobody's lease to have gone but that of the asset that reported
// back.
func (w slotWorld) released(n *slotNode, before rollout.Slots, by string) {
	if w.lenient {
		return
	}
	for _, l := range before.Leases {
		if l.Holder != by && !slices.ContainsFunc(n.slots.Leases, func(k rollout.Lease) bool { return k.Holder == l.Holder }) {
			n.broken = "the slot of " + l.Holder + " was released, and it has not reported back"
		}
	}
}

func (n *slotNode) down() (count int) {
	for _, a := range n.assets {
		if a.down {
			count++
		}
	}
	return count
}

func (n *slotNode) key() string {
	b := []byte{byte(n.hour), byte(n.broke)}
	for _, a := range n.assets {
		b = append(b, a.asked, a.downs, a.answers[1], a.answers[2], a.answers[3], a.may, a.returned)
		for _, is := range []bool{a.down, a.crashed} {
			b = append(b, '0')
			if is {
				b[len(b)-1] = '1'
			}
		}
	}
	for _, l := range n.slots.Leases {
		b = append(b, l.Holder[0], byte(l.Number), byte(l.Until.Sub(t0)/time.Hour))
	}
	return string(b)
}

// search is breadth first, so the history that it returns is a shortest one.
func (w slotWorld) search(limit int) (states int, history []string, broken string) {
	type step struct {
		from int
		text string
	}
	first := slotNode{}
	seen := map[string]bool{first.key(): true}
	queue, steps := []slotNode{first}, []step{{from: -1}}
	for at := 0; at < len(queue) && len(queue) < limit && broken == ""; at++ {
		w.moves(queue[at], func(text string, n slotNode) {
			key := n.key()
			if broken != "" || seen[key] && n.broken == "" {
				return
			}
			seen[key] = true
			queue, steps = append(queue, n), append(steps, step{at, text})
			if broken = n.broken; broken != "" {
				for i := len(steps) - 1; steps[i].from >= 0; i = steps[i].from {
					history = append(history, steps[i].text)
				}
				slices.Reverse(history)
			}
		})
	}
	return len(queue), history, broken
}

// Never are more assets down for a job's reboots than there are slots, whatever
// leases end, and an asset that is down already is always granted its repair.
func TestSlots_ROL7(t *testing.T) {
	for _, w := range []slotWorld{
		{policy: rollout.SlotPolicy{Tag: "web", Slots: 1}, hours: 2, requests: 1, breaks: 1},
		{policy: rollout.SlotPolicy{Tag: "web", Slots: 2}, hours: 1, requests: 1},
		{policy: rollout.SlotPolicy{Tag: "web", Slots: 1}, hours: 1, requests: 2},
	} {
		require.NoError(t, w.policy.Validate())
		w.step = rollout.StepSlots
		states, history, broken := w.search(bound(t))
		require.Empty(t, broken, history)
		t.Logf("%d distinct states, no invariant broke", states)
	}
}

// play carries out a history, and returns what it breaks.
func (w slotWorld) play(t *testing.T, history []string) string {
	var n slotNode
	for _, text := range history {
		found := false
		w.moves(n, func(move string, after slotNode) {
			if move == text && !found {
				n, found = after, true
			}
		})
		require.True(t, found, "not possible: %s", text)
	}
	return n.broken
}

// Bugs that are planted: the search finds each, by a shortest history, which is
// in testdata/histories.
func TestPlantedBugsOfSlots_ROL7(t *testing.T) {
	world := slotWorld{policy: rollout.SlotPolicy{Tag: "web", Slots: 1}, hours: 2, requests: 2, step: rollout.StepSlots}
	freed := func(p rollout.SlotPolicy, s rollout.Slots, ev rollout.SlotEvent, at time.Time) (rollout.Slots, rollout.SlotOut) {
		if _, asks := ev.(rollout.Acquire); asks {
			s.Leases = slices.DeleteFunc(slices.Clone(s.Leases), func(l rollout.Lease) bool { return !at.Before(l.Until) })
		}
		return rollout.StepSlots(p, s, ev, at)
	}
	for _, c := range []struct {
		bug, breaks string
		plant       func(w *slotWorld)
	}{
		{"a lease that grants twice", "2 assets are down", func(w *slotWorld) { w.step, w.lenient = freed, true }},
		{"a lease that ends frees its slot", "has not reported back", func(w *slotWorld) { w.step = freed }},
		{"one slot too many", "2 assets are down", func(w *slotWorld) {
			w.step = func(p rollout.SlotPolicy, s rollout.Slots, ev rollout.SlotEvent, at time.Time) (rollout.Slots, rollout.SlotOut) {
				p.Slots++
				return rollout.StepSlots(p, s, ev, at)
			}
		}},
		{"a late return frees a later lease", "2 assets are down", func(w *slotWorld) {
			w.step = func(p rollout.SlotPolicy, s rollout.Slots, ev rollout.SlotEvent, at time.Time) (rollout.Slots, rollout.SlotOut) {
				if back, is := ev.(rollout.Returned); is {
					back.Number = 9
					ev = back
				}
				return rollout.StepSlots(p, s, ev, at)
			}
		}},
	} {
		t.Run(c.bug, func(t *testing.T) {
			w := world
			c.plant(&w)
			_, history, broken := w.search(1_000_000)
			require.Contains(t, broken, c.breaks)
			text := kept(t, c.bug, "Bug: "+c.bug+". Breaks: "+broken, strings.Join(history, "\n")+"\n")
			_, text, _ = strings.Cut(text, "\n")
			require.Equal(t, broken, w.play(t, strings.Split(strings.TrimSpace(text), "\n")))
			t.Log(text)
		})
	}
}

// A late or repeated message changes nothing that came after it.
func TestLateMessagesOfSlots_ROL7(t *testing.T) {
	p := rollout.SlotPolicy{Tag: "web", Slots: 1, Lease: 10 * time.Minute}
	var s rollout.Slots
	step := func(ev rollout.SlotEvent, at time.Time) rollout.SlotOut {
		var out rollout.SlotOut
		s, out = rollout.StepSlots(p, s, ev, at)
		return out
	}
	first := step(rollout.Acquire{Holder: "a", Number: 1}, t0)
	require.True(t, first.Granted)
	require.Equal(t, t0.Add(10*time.Minute), first.Lease.Until)
	require.Equal(t, first.Lease, step(rollout.Acquire{Holder: "a", Number: 1}, t0.Add(time.Minute)).Lease)
	refused := step(rollout.Acquire{Holder: "b", Number: 1}, t0.Add(time.Hour)) // a's lease has ended
	require.False(t, refused.Granted)
	require.Equal(t, rollout.Reason{Rule: "ROL-7", Text: `The slots of group "web" are taken: 1 of 1, the first by a.`}, refused.Reason)
	require.True(t, step(rollout.Acquire{Holder: "c", Number: 1, Down: true}, t0).Granted)
	require.True(t, step(rollout.Acquire{Holder: "a", Number: 2}, t0.Add(time.Hour)).Granted)
	require.False(t, step(rollout.Acquire{Holder: "a", Number: 1}, t0.Add(time.Hour)).Granted)
	step(rollout.Returned{Holder: "a", Number: 1}, t0)
	require.Len(t, s.Leases, 2)
	require.Contains(t, step(rollout.Freed{Holder: "a"}, t0).Reason.Text, "Say who")
	require.Len(t, s.Leases, 2)
	step(rollout.Freed{Holder: "a", Act: rollout.Act{By: "ana", Reason: "it is scrap"}}, t0)
	step(rollout.Returned{Holder: "c", Number: 1}, t0)
	require.Empty(t, s.Leases)
	step(nil, t0)
	text, err := json.Marshal(s)
	require.NoError(t, err)
	require.Equal(t, "{}", string(text))
}

func TestValidateSlots_ROL7(t *testing.T) {
	var bad *rollout.Invalid
	require.ErrorAs(t, rollout.SlotPolicy{Lease: time.Second, Slots: -1}.Validate(), &bad)
	require.Len(t, bad.Problems, 3)
	require.NoError(t, rollout.SlotPolicy{Tag: "web", Slots: 1, Lease: rollout.MinLease}.Validate())
	require.Error(t, rollout.SlotPolicy{Tag: "web", Slots: rollout.MaxCount + 1, Lease: rollout.MaxLease}.Validate())
}
