package agentsim

import (
	"cmp"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/execution"
)

// Config is the settings of a world. The zero value is valid.
type Config struct {
	Start   time.Time     // of the virtual clock, UTC, whole seconds; default 2026-03-02T00:00:00Z, a Monday
	CheckIn time.Duration // between an agent's calls, 1 s to 30 min; default 15 min (MAN-3)
	Sync    time.Duration // between catalog syncs, at least 1 min; default 30 min (CAT-1)
	Lead    time.Duration // before a run's start, when its orders are handed out; default manifest.Lead; negative: none (MAN-1)
	Seed    uint64        // makes the server's store repeat transactions, as real stores may; zero: never. It changes no history.

	// Step is the agents' machine; default [agent.Step]. Replace it to see
	// whether the observer notices what a faulty machine does wrong.
	Step func(agent.Config, agent.State, agent.Event, agent.Moment) (agent.State, agent.Out)

	// Admit returns why a patch may not enter the catalog yet; empty: it may.
	// It is asked at each sync, and a patch that it stops admitting leaves the
	// catalog. It must be pure. Default: every patch may.
	Admit func(p catalog.Patch, now time.Time) (why string)

	// Verify judges the signature of a downloaded file: file is its index in
	// the patch, and served is what the scenario says about its signature.
	// Default: served is the answer (INT-9).
	Verify func(p job.OrderPatch, file int, served integrity.Signature) integrity.Signature

	// Install installs a patch whose file contains the version to, on an asset
	// that has the version was, and returns the version that the asset has
	// afterwards. The result's Index is ignored; so is the version when the
	// result has a Code. A line such as "ASSET installer of PRODUCT fails"
	// overrides it. Default: the asset has the version to.
	Install func(asset job.AssetID, p job.OrderPatch, was, to version.Version) (version.Version, execution.InstallResult)

	events int                      // instead of maxEvents
	server func(*controller.Config) // tests only: makes the server a faulty one
}

func (c Config) withDefaults() Config {
	c.CheckIn, c.Sync, c.events = cmp.Or(c.CheckIn, 15*time.Minute), cmp.Or(c.Sync, 30*time.Minute), cmp.Or(c.events, maxEvents)
	c.Start = cmp.Or(c.Start, time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)).UTC().Truncate(time.Second)
	if c.Step == nil {
		c.Step = agent.Step
	}
	return c
}

// Validate returns everything that is wrong with the settings, after defaults
// are filled in. The error is a [*job.Invalid].
func (c Config) Validate() error {
	c = c.withDefaults()
	var bad problem.List
	if y := c.Start.Year(); y < 1971 || y > 9000 {
		bad.Add("start", c.Start.Format(time.RFC3339), "is not between the years 1971 and 9000")
	}
	if c.CheckIn < minCheckIn || c.CheckIn > maxCheckIn {
		bad.Add("checkIn", c.CheckIn.String(), "is not between %v and %v", minCheckIn, maxCheckIn)
	}
	if c.Sync < minSync {
		bad.Add("sync", c.Sync.String(), "is not at least %v", minSync)
	}
	return bad.Err("world")
}

// World is a virtual fleet with its server, vendors and network on one virtual
// clock. It is not safe for concurrent use. The same calls give the same
// history, byte for byte.
type World struct {
	cfg     Config
	now     time.Time
	agenda  []entry // by time; at one instant, in the order in which it was planned
	count   uint64  // entries ever planned
	server  *server
	vendor  *vendor
	assets  map[job.AssetID]*asset
	history []Line
	broken  []*Broken
	err     error // what ended the simulation itself
}

type entry struct {
	at time.Time
	do func()
}

// New returns an empty world at its start. The error is that of
// [Config.Validate], or the controller's for settings that it refuses.
func New(c Config) (*World, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c = c.withDefaults()
	w := &World{cfg: c, now: c.Start, assets: map[job.AssetID]*asset{}}
	w.vendor = &vendor{
		w: w, barred: map[catalog.PatchID]string{}, products: map[catalog.ProductID]catalog.Product{}, patches: map[catalog.PatchID]catalog.Patch{},
		served: map[string]*content{}, vulnerabilities: map[string]catalog.Vulnerability{},
	}
	var err error
	if w.server, err = newServer(w); err != nil {
		return nil, err
	}
	w.server.syncLater()
	return w, nil
}

// Now returns the world's time, UTC.
func (w *World) Now() time.Time { return w.now }

// Events returns how many messages, effects and wake-ups were planned so far.
func (w *World) Events() uint64 { return w.count }

// Start returns the instant at which the world's clock began.
func (w *World) Start() time.Time { return w.cfg.Start }

// Run advances the world to t. It returns the first invariant that broke, as a
// [*Broken], or the error that ended the simulation.
func (w *World) Run(t time.Time) error {
	if span := t.Sub(w.cfg.Start); span > maxSpan {
		return fmt.Errorf("%s is %s after the start; a world runs for at most %s", t.Format(time.RFC3339), short(span), short(maxSpan))
	}
	for len(w.agenda) > 0 && !w.agenda[0].at.After(t) && w.trouble() == nil {
		next := w.agenda[0]
		w.agenda[0] = entry{}
		w.agenda, w.now = w.agenda[1:], next.at
		next.do()
	}
	if t.After(w.now) && w.trouble() == nil {
		w.now = t
	}
	return w.trouble()
}

func (w *World) trouble() error {
	if w.err == nil && len(w.broken) > 0 {
		return w.broken[0]
	}
	return w.err
}

func (w *World) fail(err error) {
	if err != nil && w.err == nil {
		w.err = err
	}
}

func (w *World) after(d time.Duration, do func()) {
	if w.count++; w.count > uint64(w.cfg.events) {
		w.fail(fmt.Errorf("more than %d things happened; make the scenario shorter", w.cfg.events))
		return
	}
	at := w.now.Add(max(d, 0))
	i, _ := slices.BinarySearchFunc(w.agenda, at, func(e entry, at time.Time) int { return cmp.Or(e.at.Compare(at), -1) })
	w.agenda = slices.Insert(w.agenda, i, entry{at, do})
}

// sorted returns the assets by id, so that no map order reaches the history.
func (w *World) sorted() []*asset {
	return slices.SortedFunc(maps.Values(w.assets), func(a, b *asset) int { return cmp.Compare(a.id, b.id) })
}

// key derives a signing key from words, so that a world always has the same
// keys.
func key(words string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("patchpolicy agentsim " + words))
	return ed25519.NewKeyFromSeed(seed[:])
}

// Line is one line of a world's history.
type Line struct {
	At    time.Time `json:"at"`
	Actor string    `json:"actor"` // an asset's id, "server" or "vendor"
	Text  string    `json:"text"`
	Zone  string    `json:"zone,omitempty"` // the asset's own, if it reports one
}

func (w *World) log(actor, format string, args ...any) {
	l := Line{At: w.now, Actor: actor, Text: fmt.Sprintf(format, args...)}
	if a := w.assets[job.AssetID(actor)]; a != nil {
		l.Zone = a.zone
	}
	w.history = append(w.history, l)
}

// History returns a copy of what happened so far.
func (w *World) History() []Line { return slices.Clone(w.history) }

// Timeline formats a history for people: the time since start, the actor, the
// asset's local time if it has a zone, and what happened.
func Timeline(history []Line, start time.Time) string {
	var b strings.Builder
	for _, l := range history {
		text := strings.ReplaceAll(l.Text, "\n", "\n"+strings.Repeat(" ", 24))
		if here := local(l.At, l.Zone); here != "" {
			text = here + " " + text
		}
		fmt.Fprintf(&b, "%-12s %-10s %s\n", "+"+short(l.At.Sub(start)), l.Actor, text)
	}
	return b.String()
}

func describe(r job.Report) string {
	name, text := r.Order.Run().Job(), ""
	if r.Text != "" {
		text = " (" + r.Text + ")"
	}
	switch {
	case r.Refused != "":
		return "refused a manifest: " + r.Refused
	case r.Progress != 0:
		return fmt.Sprintf("%s %s%s", name, r.Progress, text)
	case r.TooLate != 0:
		return fmt.Sprintf("%s TooLate(%s)", name, r.TooLate)
	}
	s := fmt.Sprintf("%s %s%s", name, r.Result, text)
	for _, a := range r.Actions {
		if a.Exit != 0 {
			s += fmt.Sprintf("\naction %s exit %d: %s", a.Name, a.Exit, a.Text)
		}
	}
	for _, p := range r.Patches {
		s += fmt.Sprintf("\n%s %s", p.Patch, describeOutcome(p))
	}
	return s
}

func describeOutcome(p job.PatchOutcome) string {
	s := p.Status.String()
	if p.Code != 0 {
		s += fmt.Sprintf(" %s(%d)", p.Code, p.Code)
	}
	if p.Rule != "" {
		s += fmt.Sprintf(" [%s] %s", p.Rule, p.Text)
	}
	return s
}

func (w *World) since(at time.Time) string { return "+" + short(at.Sub(w.cfg.Start)) }

// moment formats an instant in UTC and in a zone:
// 2026-03-02T05:00Z (00:00 New York).
func moment(t time.Time, zone string) string {
	layout := "2006-01-02T15:04Z"
	if t.Second() != 0 {
		layout = "2006-01-02T15:04:05Z"
	}
	return strings.TrimSpace(t.UTC().Format(layout) + " " + local(t, zone))
}

// local formats what clocks in a zone show, with the day if it is not the same
// in UTC; empty: there is no zone of that name.
func local(t time.Time, zone string) string {
	place, err := time.LoadLocation(zone)
	if zone == "" || err != nil {
		return ""
	}
	layout := "15:04"
	if here := t.In(place); here.YearDay() != t.UTC().YearDay() {
		layout = "2006-01-02 15:04"
	}
	name := zone[strings.LastIndex(zone, "/")+1:]
	return fmt.Sprintf("(%s %s)", t.In(place).Format(layout), strings.ReplaceAll(name, "_", " "))
}

func short(d time.Duration) string { return FormatDuration(d.Truncate(time.Second)) }

// FormatDuration formats a duration to the millisecond, as scripts write it:
// 3h15m, 2d1s.
func FormatDuration(d time.Duration) string {
	text := ""
	for _, u := range []struct {
		d    time.Duration
		unit string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}, {time.Millisecond, "ms"}} {
		if n := d / u.d; n > 0 {
			text += fmt.Sprintf("%d%s", n, u.unit)
			d -= n * u.d
		}
	}
	return cmp.Or(text, "0s")
}
