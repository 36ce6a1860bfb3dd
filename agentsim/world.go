package agentsim

import (
	"cmp"
	"container/heap"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
)

// Config is a world's settings.
type Config struct {
	Start   time.Time     // of the virtual clock, UTC, whole seconds; default 2026-03-02T00:00:00Z, a Monday
	CheckIn time.Duration // between an agent's calls, MinCheckIn to MaxCheckIn; default 15 min (MAN-3)
	Sync    time.Duration // between catalog syncs, MinSync or more; default 30 min (CAT-1)
	Network time.Duration // that a message takes, one way; default 100 ms
	Lead    time.Duration // before a run's start, at which its orders are handed out; default manifest.Lead (MAN-1); negative: none
	Seed    uint64        // makes the server's store repeat transactions, as real ones may; zero: never. No history depends on it.

	// Step is the agents' machine; nil: agent.Step, the production one. Put another in its place to see whether the observer
	// notices what it does wrong.
	Step func(agent.Config, agent.State, agent.Event, agent.Moment) (agent.State, agent.Out)

	events int // instead of maxEvents
}

// withDefaults fills in what is zero.
func (c Config) withDefaults() Config {
	c.CheckIn, c.Sync = cmp.Or(c.CheckIn, 15*time.Minute), cmp.Or(c.Sync, 30*time.Minute)
	c.Network, c.events = cmp.Or(c.Network, 100*time.Millisecond), cmp.Or(c.events, maxEvents)
	c.Start = cmp.Or(c.Start, time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC))
	if c.Step == nil {
		c.Step = agent.Step
	}
	c.Start = c.Start.UTC().Truncate(time.Second)
	return c
}

// Validate says everything that is wrong with the settings, defaults filled in. The error is a *job.Invalid.
func (c Config) Validate() error {
	c = c.withDefaults()
	var bad problem.List
	if y := c.Start.Year(); y < 1971 || y > 9000 {
		bad.Add("start", c.Start.Format(time.RFC3339), "is not between the years 1971 and 9000")
	}
	if c.CheckIn < MinCheckIn || c.CheckIn > MaxCheckIn {
		bad.Add("checkIn", c.CheckIn.String(), "is not between %v and %v", MinCheckIn, MaxCheckIn)
	}
	if c.Sync < MinSync {
		bad.Add("sync", c.Sync.String(), "is not at least %v", MinSync)
	}
	if c.Network < 0 || c.Network >= callTimeout {
		bad.Add("network", c.Network.String(), "is not between 0 and %v, which an agent's program waits", callTimeout)
	}
	return bad.Err("world")
}

// World is a virtual fleet with its server, its vendors and its network on one virtual clock. It is not safe for
// concurrent use. The same calls on it give the same history, byte for byte.
type World struct {
	cfg     Config
	now     time.Time
	agenda  agenda
	count   uint64 // of things ever put on the agenda
	server  *server
	vendor  *vendor
	assets  map[job.AssetID]*asset
	history []Line
	broken  []*Broken
	err     error // what ended the simulation itself
}

// New returns an empty world at its start. The error is that of Config.Validate, or the controller's about its settings.
func New(c Config) (*World, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c = c.withDefaults()
	w := &World{cfg: c, now: c.Start, assets: map[job.AssetID]*asset{}}
	w.vendor = newVendor(w)
	var err error
	if w.server, err = newServer(w); err != nil {
		return nil, err
	}
	w.every(c.Sync, func() { w.server.sync() })
	return w, nil
}

// Now is the world's time, UTC.
func (w *World) Now() time.Time { return w.now }

// Events is how many things were put on the agenda so far: messages, effects, wake-ups.
func (w *World) Events() uint64 { return w.count }

// Start is the instant the world's clock began at.
func (w *World) Start() time.Time { return w.cfg.Start }

// Run lets the world go on until t. It returns the first invariant that broke, as a *Broken, or what ended the simulation.
func (w *World) Run(t time.Time) error {
	if span := t.Sub(w.cfg.Start); span > MaxSpan {
		return fmt.Errorf("%s is %s after the start; a world sees %s at most", t.Format(time.RFC3339), short(span), short(MaxSpan))
	}
	for len(w.agenda) > 0 && !w.agenda[0].at.After(t) && w.trouble() == nil {
		next := heap.Pop(&w.agenda).(entry)
		w.now = next.at
		next.do()
	}
	if t.After(w.now) && w.trouble() == nil {
		w.now = t
	}
	return w.trouble()
}

// trouble is what keeps the world from going on.
func (w *World) trouble() error {
	if w.err != nil {
		return w.err
	}
	if len(w.broken) > 0 {
		return w.broken[0]
	}
	return nil
}

// fail ends the simulation; the first failure stays.
func (w *World) fail(err error) {
	if err != nil && w.err == nil {
		w.err = err
	}
}

// after puts something on the agenda. What is due at the same instant is done in the order in which it was put there.
func (w *World) after(d time.Duration, do func()) {
	if w.count++; w.count > uint64(w.cfg.events) {
		w.fail(fmt.Errorf("more than %d things happened: the scenario is too long", w.cfg.events))
		return
	}
	heap.Push(&w.agenda, entry{at: w.now.Add(max(d, 0)), number: w.count, do: do})
}

// every does something each time d has passed.
func (w *World) every(d time.Duration, do func()) {
	w.after(d, func() {
		do()
		w.every(d, do)
	})
}

// sorted lists the assets by id, so that no map order reaches the history.
func (w *World) sorted() []*asset {
	list := make([]*asset, 0, len(w.assets))
	for _, a := range w.assets {
		list = append(list, a)
	}
	slices.SortFunc(list, func(a, b *asset) int { return cmp.Compare(a.id, b.id) })
	return list
}

// key derives a signing key from words: the same world always has the same keys.
func key(words string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("patchpolicy agentsim " + words))
	return ed25519.NewKeyFromSeed(seed[:])
}

type entry struct {
	at     time.Time
	number uint64
	do     func()
}

// agenda is a heap of entries by time and number.
type agenda []entry

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	return cmp.Or(a[i].at.Compare(a[j].at), cmp.Compare(a[i].number, a[j].number)) < 0
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)   { *a = append(*a, x.(entry)) }
func (a *agenda) Pop() any {
	old := *a
	last := old[len(old)-1]
	old[len(old)-1] = entry{}
	*a = old[:len(old)-1]
	return last
}
