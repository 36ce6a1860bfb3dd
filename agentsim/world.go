package agentsim

import (
	"cmp"
	"container/heap"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
)

// Config is a world's settings.
type Config struct {
	Start   time.Time     // of the virtual clock, UTC
	CheckIn time.Duration // between an agent's calls; default 15 min
	Sync    time.Duration // between catalog syncs; default 30 min (CAT-1)
	Network time.Duration // that a message takes, one way; default 100 ms
}

// WithDefaults fills in what is zero.
func (c Config) WithDefaults() Config {
	if c.CheckIn <= 0 {
		c.CheckIn = 15 * time.Minute
	}
	if c.Sync <= 0 {
		c.Sync = 30 * time.Minute
	}
	if c.Network <= 0 {
		c.Network = 100 * time.Millisecond
	}
	c.Start = c.Start.UTC().Truncate(time.Second)
	return c
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

// New returns an empty world at its start.
func New(c Config) (*World, error) {
	c = c.WithDefaults()
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

// Run lets the world go on until t. It returns the first invariant that broke, as a *Broken, or what ended the simulation.
func (w *World) Run(t time.Time) error {
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
	w.count++
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

// Line is one line of a world's history.
type Line struct {
	At    time.Time `json:"at"`
	Actor string    `json:"actor"` // an asset's id, "server" or "vendor"
	Text  string    `json:"text"`
}

func (w *World) log(actor, format string, args ...any) {
	w.history = append(w.history, Line{At: w.now, Actor: actor, Text: fmt.Sprintf(format, args...)})
}

// History is what happened so far.
func (w *World) History() []Line { return slices.Clone(w.history) }
