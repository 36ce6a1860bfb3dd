package agentsim

import (
	"cmp"
	"crypto/ed25519"
	"errors"
	"fmt"
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

// asset is one computer with the production agent on it. A crash leaves of the agent what it committed.
type asset struct {
	w        *World
	id       job.AssetID // by which the scenario names it
	as       job.AssetID // by which it calls: that of another, if it is a copy or took its name
	key      ed25519.PrivateKey
	shared   bool // another computer calls or called under the same identity
	on       place
	tags     []string  // that it enrols with
	enrolled time.Time // last
	config   agent.Config

	disk    []byte      // the agent's state as it was committed before the last crash
	ended   []byte      // and the orders that ended
	state   agent.State // as last committed
	up      bool        // the computer runs
	running bool        // the agent does: what it committed is then in state, otherwise on disk
	life    uint64      // grows with each crash: what an earlier life began is not answered
	wake    uint64      // number of the wake-up that counts
	sleep   time.Time   // until when the computer sleeps

	boots   int
	booted  time.Time
	skew    time.Duration // of its clock
	zone    string        // of its clock; empty: not reported
	link    link
	traps   []trap
	ignored int // reboots that will come to nothing

	sessions reboot.Sessions
	blind    bool   // who is logged in cannot be found out (RBT-9)
	mark     bool   // the system's own mark that a reboot is required
	answers  []bool // what the user answers to coming prompts; true: later

	installed map[catalog.ProductID]version.Version
	held      map[catalog.ProductID]bool
	staged    map[stagedKey]stagedFile // what was fetched
	faults    map[catalog.ProductID]fault
	exits     map[string]int           // of actions, by name; default 0
	unread    int                      // inventories that will fail
	took      map[string]time.Duration // how long things take
	lane      []*task                  // effects waiting to be carried out, one at a time
	current   *task

	watch observer
	twist func(before agent.State, after *agent.State, out *agent.Out) // tests only: makes of the agent one that breaks rules
}

func (w *World) newAsset(id job.AssetID, tags []string, on place) (*asset, error) {
	if len(w.assets) == MaxAssets {
		return nil, fmt.Errorf("a world has %d assets at most", MaxAssets)
	}
	a := w.bare(id, tags, on)
	if err := w.server.enrol(a); err != nil {
		return nil, err
	}
	w.assets[id] = a
	a.after(0, nil, func() { a.step(agent.Started{}) })
	return a, nil
}

// bare is a computer that runs, and has not enrolled.
func (w *World) bare(id job.AssetID, tags []string, on place) *asset {
	a := &asset{
		w: w, id: id, as: id, on: on, tags: tags, enrolled: w.now, up: true, running: true, booted: w.now, sessions: reboot.Nobody,
		config:    agent.Config{Asset: id, Trust: w.server.keys.newest, Every: w.cfg.CheckIn},
		installed: map[catalog.ProductID]version.Version{}, held: map[catalog.ProductID]bool{}, staged: map[stagedKey]stagedFile{},
		faults: map[catalog.ProductID]fault{}, exits: map[string]int{},
		took: map[string]time.Duration{"inventory": time.Second, "download": 10 * time.Second, "preflight": time.Second,
			"install": 30 * time.Second, "action": 10 * time.Second, "boot": time.Minute},
	}
	a.watch = observer{a: a, orders: map[job.OrderID]*seen{}}
	return a
}

// fingerprint names the asset's own key.
func (a *asset) fingerprint() string { return manifest.Fingerprint(a.key.Public().(ed25519.PublicKey)) }

// product is the id of what is called so on the asset.
func (a *asset) product(name string) catalog.ProductID { return a.w.vendor.product(name, a.on) }

func (a *asset) log(format string, args ...any) { a.w.log(string(a.id), format, args...) }

func (a *asset) moment() agent.Moment {
	return agent.Moment{Wall: a.w.now.Add(a.skew), BootID: fmt.Sprintf("%s-boot-%d", a.id, a.boots), Up: a.w.now.Sub(a.booted)}
}

// step lets the agent take an event, commits, and carries out what comes of it: all that a driver does.
func (a *asset) step(ev agent.Event) {
	if !a.up || a.w.trouble() != nil {
		return
	}
	before := a.state
	state, out := a.w.cfg.Step(a.config, a.state, ev, a.moment())
	if a.twist != nil {
		a.twist(before, &state, &out)
	}
	if a.trapped(false, before, state, out) {
		return
	}
	a.state = state
	a.watch.committed(&before, &a.state)
	if a.trapped(true, before, state, out) {
		return
	}
	a.after(out.Wake, &a.wake, func() { a.step(agent.Tick{}) })
	life := a.life
	for _, e := range out.Effects {
		if a.life == life { // otherwise the effect before it ended this life
			a.carryOut(e)
		}
	}
}

// after does something later in this life, when the computer does not sleep. With a number, only the latest of its kind counts.
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

func (a *asset) inventory() (catalog.Inventory, error) {
	list := make([]catalog.Installed, 0, len(a.installed))
	for id, v := range a.installed {
		list = append(list, catalog.Installed{Product: id, Version: v, Held: a.held[id]})
	}
	slices.SortFunc(list, func(a, b catalog.Installed) int { return cmp.Compare(a.Product, b.Product) })
	return catalog.NewInventory(a.on.platform, list)
}

// stop ends the agent; what it had not committed, and what it was doing, is gone. What it had committed is written down
// only here: nobody reads it before.
func (a *asset) stop() {
	a.life++
	a.lane, a.current = nil, nil
	if !a.running {
		return
	}
	data, err := a.state.MarshalBinary()
	a.w.fail(err)
	ended, err := a.state.MarshalEnded()
	a.w.fail(err)
	a.disk, a.ended, a.state, a.running = data, ended, agent.State{}, false
}

// start starts the agent on what it committed. Staged files that it needs no more are deleted, as the runner does.
func (a *asset) start() {
	var state agent.State
	if a.disk != nil {
		if err := errors.Join(state.UnmarshalBinary(a.disk), state.UnmarshalEnded(a.ended)); err != nil {
			a.w.fail(fmt.Errorf("%s cannot read its own state: %w", a.id, err))
			return
		}
	}
	a.state, a.running = state, true
	needed := map[job.OrderID]bool{}
	for _, x := range state.Executions {
		needed[x.Order.ID] = true
	}
	for _, o := range state.Queue {
		needed[o.ID] = true
	}
	for at := range a.staged {
		if !needed[at.order] {
			delete(a.staged, at)
		}
	}
	a.step(agent.Started{})
}

// crash ends the agent and starts it again; the computer runs on.
func (a *asset) crash() {
	a.stop()
	a.start()
}

// boot takes the computer down, and up again after a time.
func (a *asset) boot(off time.Duration) {
	a.stop()
	a.up, a.mark, a.sleep = false, false, time.Time{}
	a.watch.rebooting()
	life := a.life
	a.w.after(off, func() {
		if a.life != life {
			return // switched off, or on again, meanwhile
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

// login changes who is logged in, and informs the executions, as a runner that looks often would.
func (a *asset) login(m *match) {
	a.sessions = map[string]reboot.Sessions{"in": reboot.Active, "out": reboot.Nobody, "locks": reboot.Locked, "unlocks": reboot.Active}[m.w[0]]
	a.log("sessions: %s", a.sessions)
	a.tellSessions()
}

func (a *asset) seen() reboot.Sessions {
	if a.blind {
		return reboot.Unknown
	}
	return a.sessions
}

func (a *asset) tellSessions() {
	for _, x := range a.state.Executions {
		a.step(agent.ForOrder{Order: x.Order.ID, Event: execution.SessionsChanged{Sessions: a.seen()}})
	}
}

// Describe puts a report into words.
func Describe(r job.Report) string {
	name := r.Order.Run().Job()
	text := ""
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
