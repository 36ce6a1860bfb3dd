package agentsim

import (
	"cmp"
	"crypto/ed25519"
	"fmt"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// asset is one computer with the production agent on it. A crash leaves of the agent what it committed.
type asset struct {
	w        *World
	id       job.AssetID
	tags     []string
	platform catalog.Platform
	config   agent.Config

	disk  []byte // the agent's state as committed
	state agent.State
	up    bool   // the computer and its agent run
	life  uint64 // grows with each crash: what an earlier life began is not answered
	wake  uint64 // number of the wake-up that counts

	boots    int
	booted   time.Time
	skew     time.Duration // of its clock
	network  bool
	sessions reboot.Sessions
	blind    bool // who is logged in cannot be found out (RBT-9)
	mark     bool // the system's own mark that a reboot is required

	installed map[catalog.ProductID]version.Version
	held      map[catalog.ProductID]bool
	staged    map[stagedKey]stagedFile // what was fetched
	faults    map[catalog.ProductID]fault
	exits     map[string]int // of actions, by name; default 0
	took      durations

	lane    []func(done func()) // effects waiting to be carried out, one at a time
	working bool

	journal []job.Report // every report the agent ever committed
	offered time.Time    // when the present execution's first prompt came
	told    map[job.OrderID]*execution
	answers []bool // what the user answers to coming prompts; true: later
}

type stagedKey struct {
	order job.OrderID
	index int
}

// stagedFile is the fetched file of a patch: what it really contains, and what was found out about it.
type stagedFile struct {
	version  version.Version
	evidence job.Evidence
}

// fault is what an installer does instead of succeeding.
type fault struct {
	code   job.Code
	text   string
	reboot bool            // it succeeds and asks for a reboot
	lies   bool            // it reports success and changes nothing
	undone bool            // it succeeds, and the next boot undoes it
	was    version.Version // before it was undone
	marks  bool            // it leaves the system's mark
	refuse string          // the preflight refuses it
}

// durations is how long an asset takes for things.
type durations struct{ inventory, download, preflight, install, action, boot time.Duration }

func (w *World) newAsset(id job.AssetID, tags []string, platform catalog.Platform) (*asset, error) {
	if err := w.server.enrol(id, tags, platform); err != nil {
		return nil, err
	}
	a := &asset{
		w: w, id: id, tags: tags, platform: platform, up: true, booted: w.now, network: true, sessions: reboot.Nobody,
		config:    agent.Config{Asset: id, Key: key("server").Public().(ed25519.PublicKey), Every: w.cfg.CheckIn},
		installed: map[catalog.ProductID]version.Version{}, held: map[catalog.ProductID]bool{}, staged: map[stagedKey]stagedFile{},
		faults: map[catalog.ProductID]fault{}, exits: map[string]int{}, told: map[job.OrderID]*execution{},
		took: durations{time.Second, 10 * time.Second, time.Second, 30 * time.Second, 10 * time.Second, time.Minute},
	}
	w.assets[id] = a
	w.after(0, func() { a.step(agent.Started{}) })
	return a, nil
}

func (a *asset) moment() agent.Moment {
	return agent.Moment{Wall: a.w.now.Add(a.skew), Boot: fmt.Sprintf("boot-%d", a.boots), Up: a.w.now.Sub(a.booted)}
}

// step lets the agent take an event, commits, and carries out what comes of it: a driver's whole duty.
func (a *asset) step(ev agent.Event) {
	if !a.up || a.w.trouble() != nil {
		return
	}
	before := a.state
	state, out := agent.Step(a.config, a.state, ev, a.moment())
	data, err := state.MarshalBinary()
	if err != nil {
		a.w.fail(err)
		return
	}
	a.state, a.disk = state, data
	a.note(before)
	a.after(out.Wake, &a.wake, func() { a.step(agent.Tick{}) })
	if out.Call != nil {
		a.call(*out.Call)
	}
	for _, e := range out.Effects {
		a.carryOut(e)
	}
}

// after does something later in this life. With a number, only the latest of its kind counts.
func (a *asset) after(d time.Duration, number *uint64, do func()) {
	life, mine := a.life, uint64(0)
	if number != nil {
		*number++
		mine = *number
	}
	a.w.after(d, func() {
		if a.life == life && a.up && (number == nil || *number == mine) {
			do()
		}
	})
}

// note keeps the journal: every report of this commit, and what it says of the invariants.
func (a *asset) note(before agent.State) {
	for _, r := range a.state.Reports {
		if r.Sequence <= before.Sequence {
			continue
		}
		a.journal = append(a.journal, r)
		a.w.log(string(a.id), "%s", Describe(r))
		a.checkReport(r)
	}
	a.checkState(before)
}

// call sends a check-in and brings the answer, if the network lets it.
func (a *asset) call(c agent.Call) {
	in := c.Request
	inventory, err := a.inventory()
	if err != nil {
		a.w.fail(err)
		return
	}
	in.Digest = inventory.Digest()
	lost := func(why string) {
		a.after(a.w.cfg.Network, nil, func() { a.step(agent.CallFailed{ID: c.ID, Err: why}) })
	}
	a.after(a.w.cfg.Network, nil, func() {
		if !a.network {
			lost("the network is down")
			return
		}
		answer, err := a.w.server.checkIn(in)
		if err == nil && answer.WantInventory {
			in.Inventory = &inventory
			answer, err = a.w.server.checkIn(in)
		}
		if err != nil {
			lost(err.Error())
			return
		}
		a.after(a.w.cfg.Network, nil, func() {
			if !a.network {
				lost("the network is down")
				return
			}
			a.step(agent.CalledIn{ID: c.ID, Answer: answer})
		})
	})
}

func (a *asset) inventory() (catalog.Inventory, error) {
	list := make([]catalog.Installed, 0, len(a.installed))
	for id, v := range a.installed {
		list = append(list, catalog.Installed{Product: id, Version: v, Held: a.held[id]})
	}
	slices.SortFunc(list, func(a, b catalog.Installed) int { return cmp.Compare(a.Product, b.Product) })
	return catalog.NewInventory(a.platform, list)
}

// crash ends the agent; what it had not committed, and what it was doing, is gone.
func (a *asset) crash() {
	a.life++
	a.lane, a.working = nil, false
	a.state = agent.State{}
}

// restart starts the agent on what it committed.
func (a *asset) restart() {
	var state agent.State
	if a.disk != nil {
		if err := state.UnmarshalBinary(a.disk); err != nil {
			a.w.fail(fmt.Errorf("%s cannot read its own state: %w", a.id, err))
			return
		}
	}
	a.state, a.up = state, true
	a.step(agent.Started{})
}

// boot takes the computer down and up again.
func (a *asset) boot(off time.Duration) {
	a.crash()
	a.up = false
	a.mark = false
	life := a.life
	a.w.after(off, func() {
		if a.life != life {
			return
		}
		a.boots++
		a.booted = a.w.now
		for id, f := range a.faults {
			if f.undone && !f.was.IsZero() {
				a.installed[id] = f.was
			}
		}
		a.w.log(string(a.id), "booted")
		a.restart()
	})
}

// login changes who is logged in, and tells the executions, as a runner that looks often would.
func (a *asset) login(s reboot.Sessions) {
	a.sessions = s
	a.w.log(string(a.id), "sessions: %s", s)
	a.tellSessions()
}

func (a *asset) seen() reboot.Sessions {
	if a.blind {
		return reboot.Unknown
	}
	return a.sessions
}

func (a *asset) tellSessions() {
	if !a.up {
		return
	}
	for _, x := range a.state.Executions {
		a.step(agent.Execution{Order: x.Order.ID, Event: job.SessionsChanged{Sessions: a.seen()}})
	}
}

// Describe puts a report into words.
func Describe(r job.Report) string {
	name := jobOf(r.Order)
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
	for _, p := range r.Patches {
		s += fmt.Sprintf("\n    %s %s", p.Patch, p.Status)
		if p.Code != 0 {
			s += fmt.Sprintf(" %s(%d)", p.Code, p.Code)
		}
		if p.Rule != "" {
			s += fmt.Sprintf(" [%s] %s", p.Rule, p.Text)
		}
	}
	return s
}
