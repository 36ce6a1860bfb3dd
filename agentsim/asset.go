package agentsim

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// asset is one computer with the production agent.
type asset struct {
	w        *World
	id       job.AssetID // its name in the scenario
	as       job.AssetID // its identity at the server: another's, if it is a copy or took that name
	key      ed25519.PrivateKey
	shared   bool // another computer calls or called under the same identity
	on       place
	tags     []string  // for its enrolment
	enrolled time.Time // the last time
	config   agent.Config

	disk    disk        // the agent's committed state, while it does not run
	state   agent.State // as committed, while it runs
	up      bool        // the computer is on
	running bool        // the agent runs
	life    uint64      // grows with each crash: what was begun in an earlier life gets no answer
	wake    uint64      // number of the wake-up that counts
	sleep   time.Time   // until when the computer sleeps

	boots   int
	booted  time.Time
	skew    time.Duration // of its clock
	zone    string        // of its clock; empty: not reported
	link    link
	crashes []crashPoint
	ignored int // reboots that will not happen

	sessions reboot.Sessions
	blind    bool   // the agent cannot find out who is logged in (RBT-9)
	mark     bool   // the system's own reboot-required flag
	answers  []bool // the user's, to the next prompts; true: later

	installed map[catalog.ProductID]version.Version
	held      map[catalog.ProductID]bool
	staged    map[stagedKey]stagedFile // downloads
	faults    map[catalog.ProductID]fault
	exits     map[string]int           // of actions, by name; default 0
	unread    int                      // inventories that will fail
	took      map[string]time.Duration // how long things take
	tasks     []*task                  // effects to carry out, one at a time
	current   *task

	observer observer
}

// newAsset returns a computer that is on and has not enrolled. It is not yet one
// of the world.
func (w *World) newAsset(id job.AssetID, tags []string, on place) (*asset, error) {
	switch {
	case slices.Contains(lines.keywords(), string(id)):
		return nil, fmt.Errorf("%q is a word of the language; choose another name for the asset", id)
	case w.assets[id] != nil:
		return nil, fmt.Errorf("the asset %q already exists; choose another name", id)
	case len(w.assets) == MaxAssets:
		return nil, fmt.Errorf("a world has at most %d assets", MaxAssets)
	}
	a := &asset{
		w: w, id: id, as: id, on: on, tags: tags, enrolled: w.now, up: true, running: true, booted: w.now, sessions: reboot.Nobody,
		config:    agent.Config{Asset: id, Trust: w.server.keys.newest, Every: w.cfg.CheckIn},
		installed: map[catalog.ProductID]version.Version{}, held: map[catalog.ProductID]bool{}, staged: map[stagedKey]stagedFile{},
		faults: map[catalog.ProductID]fault{}, exits: map[string]int{},
		took: map[string]time.Duration{"inventory": time.Second, "download": 10 * time.Second, "preflight": time.Second,
			"install": 30 * time.Second, "action": 10 * time.Second, "boot": time.Minute},
	}
	a.observer = observer{a: a, unknown: map[job.Sequence]bool{}, orders: map[job.OrderID]*observed{}}
	return a, nil
}

func (a *asset) fingerprint() string { return manifest.Fingerprint(a.key.Public().(ed25519.PublicKey)) }

func (a *asset) product(name string) catalog.ProductID { return a.w.vendor.product(name, a.on) }

func (a *asset) log(format string, args ...any) { a.w.log(string(a.id), format, args...) }

func (a *asset) moment() agent.Moment {
	return agent.Moment{Wall: a.w.now.Add(a.skew), BootID: fmt.Sprintf("%s-boot-%d", a.id, a.boots), Up: a.w.now.Sub(a.booted)}
}

// step gives the agent an event, commits its state and carries out its effects,
// as a driver does.
func (a *asset) step(ev agent.Event) {
	if !a.up || a.w.trouble() != nil {
		return
	}
	before := a.state
	state, out := a.w.cfg.Step(a.config, a.state, ev, a.moment())
	if a.crashesAt(false, before, state, out) {
		return
	}
	a.state = state
	a.observer.committed(&before, &a.state)
	if a.crashesAt(true, before, state, out) {
		return
	}
	a.after(out.Wake, &a.wake, func() { a.step(agent.Tick{}) })
	life := a.life
	for _, e := range out.Effects {
		if a.life == life { // otherwise the previous effect ended this life
			a.carryOut(e)
		}
	}
}

// after does something later, if this life goes on; while the computer sleeps,
// it waits. With a number, only the latest of its kind counts.
func (a *asset) after(d time.Duration, number *uint64, do func()) {
	life, mine := a.life, uint64(0)
	if number != nil {
		*number++
		mine = *number
	}
	var due func()
	due = func() {
		switch {
		case a.life != life || !a.up || number != nil && *number != mine:
		case a.asleep():
			a.w.after(a.sleep.Sub(a.w.now), due)
		default:
			do()
		}
	}
	a.w.after(d, due)
}

func (a *asset) asleep() bool { return a.w.now.Before(a.sleep) }

func (a *asset) unreachable() bool { return !a.up || a.asleep() || a.link.cut }

func (a *asset) inventory() catalog.Inventory {
	var list []catalog.Installed
	for id, v := range a.installed {
		list = append(list, catalog.Installed{Product: id, Version: v, Held: a.held[id]})
	}
	inventory, err := catalog.NewInventory(a.on.platform, list)
	a.w.fail(err)
	return inventory
}

// disk is an agent's state, and the orders that ended, as committed.
type disk struct{ state, ended []byte }

func (a *asset) committed() (d disk) {
	var err, errEnded error
	d.state, err = a.state.MarshalBinary()
	d.ended, errEnded = a.state.MarshalEnded()
	a.w.fail(errors.Join(err, errEnded))
	return d
}

// stop ends the agent. What it had not committed, and what it was doing, is
// lost. The state is encoded only here, because nothing reads it earlier.
func (a *asset) stop() {
	a.life++
	a.tasks, a.current = nil, nil
	if !a.running {
		return
	}
	a.disk, a.state, a.running = a.committed(), agent.State{}, false
}

// start starts the agent with its committed state. It deletes staged files that
// no order needs, as the runner does.
func (a *asset) start() {
	var state agent.State
	if a.disk.state != nil {
		if err := errors.Join(state.UnmarshalBinary(a.disk.state), state.UnmarshalEnded(a.disk.ended)); err != nil {
			a.w.fail(fmt.Errorf("%s cannot read its own state: %w", a.id, err))
			return
		}
	}
	a.state, a.running = state, true
	maps.DeleteFunc(a.staged, func(at stagedKey, _ stagedFile) bool { return !a.knows(at.order) })
	a.step(agent.Started{})
}

// knows reports whether the agent has an order that has not ended.
func (a *asset) knows(id job.OrderID) bool {
	return slices.ContainsFunc(a.state.Queue, func(o job.Order) bool { return o.ID == id }) ||
		slices.ContainsFunc(a.state.Executions, func(x execution.State) bool { return x.Order.ID == id })
}

func (a *asset) crash() {
	a.stop()
	a.start()
}

func (a *asset) boot(off time.Duration) {
	a.stop()
	a.up, a.mark, a.sleep = false, false, time.Time{}
	for _, e := range a.observer.orders {
		e.Offer = time.Time{} // whoever caused the reboot (RBT-8)
	}
	life := a.life
	a.w.after(off, func() {
		if a.life != life {
			return // it was switched off, or on again, in the meantime
		}
		a.up = true
		a.boots++
		a.booted = a.w.now
		for id, f := range a.faults {
			if f.undone && !f.was.IsZero() {
				a.installed[id] = f.was
			}
		}
		a.log("booted")
		a.start()
	})
}

func (a *asset) login(m *match) {
	a.sessions = map[string]reboot.Sessions{"in": reboot.Active, "out": reboot.Nobody, "locks": reboot.Locked, "unlocks": reboot.Active}[m.w[0]]
	a.log("sessions: %s", a.sessions)
	a.reportSessions()
}

// seen returns who is logged in, as the agent finds out.
func (a *asset) seen() reboot.Sessions {
	if a.blind {
		return reboot.Unknown
	}
	return a.sessions
}

// reportSessions informs the executions at once, as a runner that polls often.
func (a *asset) reportSessions() {
	for _, x := range a.state.Executions {
		a.step(agent.ForOrder{Order: x.Order.ID, Event: execution.SessionsChanged{Sessions: a.seen()}})
	}
}
