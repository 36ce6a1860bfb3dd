package job

import (
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/internal/enum"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// Execution is an order being carried out: the whole state of the machine. It is a value; Step returns a new one.
//
// It must be durable before an effect of the same step is carried out. That alone makes the point of no return exact:
// a cancel the machine sees before the commit that enters StageDeploy wins, one it sees afterwards is too late (JOB-3, JOB-4).
type Execution struct {
	Order   Order        `json:"order"`
	Stage   Stage        `json:"stage"`
	Step    Step         `json:"step"`
	Waiting EffectID     `json:"waiting,omitempty"` // the effect whose result is awaited; zero: none
	Last    EffectID     `json:"last,omitempty"`    // the last id given out
	Until   time.Time    `json:"until,omitzero"`    // steady: when to stop waiting, or to try again
	Tries   int          `json:"tries,omitempty"`   // failed inventories in a row
	Patches []PatchState `json:"patches,omitempty"` // as Order.Patches
	Acted   int          `json:"acted,omitempty"`   // actions done, pre-actions first
	Failed  int          `json:"failed,omitempty"`  // actions that failed
	Aborted bool         `json:"aborted,omitempty"` // an action ended with 12

	NeedsReboot bool            `json:"needsReboot,omitempty"` // RBT-2
	Mark        bool            `json:"mark,omitempty"`        // the system's own mark stood before the job
	Boot        string          `json:"boot,omitempty"`        // present boot identity
	Sessions    reboot.Sessions `json:"sessions,omitempty"`
	Reboot      reboot.State    `json:"reboot,omitzero"`
	Reboots     int             `json:"reboots,omitempty"` // asked for
	SaidTooLate bool            `json:"saidTooLate,omitempty"`
	Result      Result          `json:"result,omitempty"` // the last one reported; final when Stage is StageDone
}

// PatchState is one patch of an execution.
type PatchState struct {
	PatchOutcome
	Attempts int                `json:"attempts,omitempty"` // installs begun (JOB-17)
	Reboot   bool               `json:"reboot,omitempty"`   // the installer asked for a reboot
	Digests  []integrity.Digest `json:"digests,omitempty"`  // SHA-256 of each file that passed INT
}

// Step is what an execution waits for.
type Step uint8

// The steps, in their order. Those from StepPre to StepPost belong to the deploy stage.
const (
	StepInventory Step = 1 + iota // what is installed, before anything else
	StepFetch                     // one patch's files
	StepPreflight                 // the platform's word on what was fetched
	StepLastCall                  // a last word from the server (MAN-7)
	StepPre                       // one pre-action
	StepInstall                   // one installation
	StepRecheck                   // the inventory after an installation was cut off, or the agent stopped behind a result (JOB-17)
	StepPost                      // one post-action
	StepVerify                    // the inventory after the last change (JOB-18)
	StepReboot                    // the reboot machine
	StepConfirm                   // the inventory after the reboot (JOB-18)
	StepEnd                       // nothing
)

var steps = enum.Of[Step]("step", "inventory", "fetch", "preflight", "last call", "pre-action", "install", "recheck",
	"post-action", "verify", "reboot", "confirm", "end")

// String returns the step's name.
func (s Step) String() string { return steps.String(s) }

// MarshalText returns the name.
func (s Step) MarshalText() ([]byte, error) { return steps.MarshalText(s) }

// UnmarshalText sets the step by its name; the error is an unknown name.
func (s *Step) UnmarshalText(text []byte) error { return steps.UnmarshalText(text, s) }

// Begin starts the execution of an order on an asset with the given boot identity and sessions.
func Begin(o Order, boot string, sessions reboot.Sessions, now Now) (Execution, Out) {
	x := Execution{Order: o, Stage: StageDownload, Boot: boot, Sessions: sessions}
	for _, p := range o.Patches {
		x.Patches = append(x.Patches, PatchState{PatchOutcome: PatchOutcome{
			Patch: p.Patch, Name: p.Name, Status: Pending, To: p.Version,
		}})
	}
	m := machine{Execution: x, now: now}
	m.progress(Started)
	m.takeInventory(StepInventory)
	return m.done()
}

// Advance takes one event at one time and returns the state after it, with what is to be reported and carried out.
// The receiver is not changed. An event the state has no use for changes nothing.
func (x Execution) Advance(ev Event, now Now) (Execution, Out) {
	x.Patches = slices.Clone(x.Patches)
	m := machine{Execution: x, now: now}
	if x.Stage != StageDone {
		m.handle(ev)
	}
	return m.done()
}

// Wake tells how long after now the execution wants a Tick at the latest; zero: it waits for results only.
func (x Execution) Wake(now Now) time.Duration {
	switch {
	case x.Stage == StageDone:
		return 0
	case x.Step == StepReboot:
		return reboot.Wake(x.Reboot, now.Steady)
	case x.Until.IsZero():
		return 0
	}
	return max(x.Until.Sub(now.Steady), time.Millisecond)
}

// Parked reports whether the execution only waits for somebody to reboot by hand (RBT-7).
func (x Execution) Parked() bool { return x.Step == StepReboot && x.Reboot.Phase == reboot.Parked }

// Outcomes lists what is known of each patch.
func (x Execution) Outcomes() []PatchOutcome {
	outcomes := make([]PatchOutcome, len(x.Patches))
	for i, p := range x.Patches {
		outcomes[i] = p.PatchOutcome
	}
	return outcomes
}

// machine is one step in the making.
type machine struct {
	Execution
	now Now
	out Out
}

func (m *machine) done() (Execution, Out) { return m.Execution, m.out }

func (m *machine) handle(ev Event) {
	switch ev := ev.(type) {
	case Restarted:
		m.restarted(ev.Boot)
	case SessionsChanged:
		m.Sessions = ev.Sessions
		m.rebootEvent(reboot.SessionsChanged{Sessions: ev.Sessions})
	case Answered:
		if ev.Later {
			m.rebootEvent(reboot.Defer{})
		} else {
			m.rebootEvent(reboot.Accept{})
		}
	case Cancel:
		m.cancel()
	case Tick:
		m.tick()
	case InventoryTaken:
		if m.awaited(ev.ID, StepInventory, StepRecheck, StepVerify, StepConfirm) {
			m.inventory(ev)
		}
	case Fetched:
		if m.awaited(ev.ID, StepFetch) {
			m.fetched(ev)
		}
	case Checked:
		if m.awaited(ev.ID, StepPreflight) {
			m.checked(ev)
		}
	case Called:
		if m.awaited(ev.ID, StepLastCall) {
			m.deploy()
		}
	case Acted:
		if m.awaited(ev.ID, StepPre, StepPost) {
			m.acted(ev.Exit, ev.Err, ev.Stopping)
		}
	case Deployed:
		if m.awaited(ev.ID, StepInstall) {
			m.deployed(ev.Outcomes, ev.Stopping)
		}
	}
}

// awaited reports whether the state waits for the result id in one of the steps, and if so stops waiting.
func (m *machine) awaited(id EffectID, in ...Step) bool {
	if id == 0 || id != m.Waiting || !slices.Contains(in, m.Step) {
		return false
	}
	m.Waiting, m.Until = 0, time.Time{}
	return true
}

// wait enters a step that waits for an effect, and returns the effect's id.
func (m *machine) wait(step Step) EffectID {
	m.Last++
	m.Step, m.Waiting, m.Until = step, m.Last, time.Time{}
	return m.Last
}

func (m *machine) do(e Effect)     { m.out.Effects = append(m.out.Effects, e) }
func (m *machine) report(r Report) { m.out.Reports = append(m.out.Reports, r) }
func (m *machine) progress(p Progress) {
	m.report(Report{At: m.now.UTC, Order: m.Order.ID, Progress: p})
}

// tell reports a result, with what is known of each patch, in a size that a server takes.
func (m *machine) tell(r Result) {
	m.Result = r
	outcomes := m.Outcomes()
	for i := range outcomes {
		outcomes[i].Text = clip(outcomes[i].Text, min(MaxText, maxReportText/len(outcomes)))
	}
	m.report(Report{At: m.now.UTC, Order: m.Order.ID, Result: r, Patches: outcomes, Reboots: m.Reboots})
}

func (m *machine) end(r Result) {
	m.Stage, m.Step, m.Waiting, m.Until = StageDone, StepEnd, 0, time.Time{}
	m.tell(r)
	m.do(Discard{Order: m.Order.ID, Index: -1})
}

// windowOver reports whether no new download or install may start (JOB-10).
func (m *machine) windowOver() bool {
	return !m.Order.End.IsZero() && !m.now.UTC.Before(m.Order.End)
}

// cancel obeys the mark before stage 2 began, and refuses it, once, afterwards (JOB-3).
func (m *machine) cancel() {
	if m.Stage == StageDownload {
		for i := range m.Patches {
			if p := &m.Patches[i]; p.Status == Pending || p.Status == Verified {
				p.fail(CodeCancelled, "JOB-3", "The job was cancelled before the deploy stage began.")
			}
		}
		m.end(Cancelled)
		return
	}
	if !m.SaidTooLate {
		m.SaidTooLate = true
		m.report(Report{At: m.now.UTC, Order: m.Order.ID, TooLate: m.Stage})
	}
}

func (m *machine) tick() {
	if m.Step == StepReboot {
		m.rebootEvent(reboot.Tick{})
		return
	}
	if m.Until.IsZero() || m.now.Steady.Before(m.Until) {
		return
	}
	switch m.Step {
	case StepLastCall: // nobody answered: go on without (MAN-7)
		m.deploy()
	case StepInventory, StepRecheck, StepVerify, StepConfirm:
		m.takeInventory(m.Step)
	}
}

// restarted takes up an execution where the commit before the crash left it (JOB-17), or notices a reboot (RBT-8).
func (m *machine) restarted(boot string) {
	m.Boot = boot
	if m.Step == StepReboot {
		m.rebootEvent(reboot.Booted{Boot: boot})
		return
	}
	m.progress(Resumed)
	switch m.Step {
	case StepInventory, StepRecheck, StepVerify, StepConfirm:
		m.takeInventory(m.Step)
	case StepFetch:
		m.fetchNext()
	case StepPreflight:
		m.preflight()
	case StepLastCall:
		m.lastCall()
	case StepPre, StepPost:
		m.acted(1, "The agent stopped while it ran.", false)
	case StepInstall:
		m.takeInventory(StepRecheck)
	}
}

// Validate says why x is no state the machine can be in, so that damaged storage is noticed and nothing panics on it.
func (x Execution) Validate() error {
	var p problems
	if !stages.Valid(x.Stage) || !steps.Valid(x.Step) {
		p.add("stage", x.Stage.String(), "with step "+x.Step.String()+" is unknown")
	}
	if len(x.Patches) != len(x.Order.Patches) {
		p.add("patches", "", "are not those of the order")
	}
	if x.Acted < 0 || x.Acted > len(x.Order.Pre)+len(x.Order.Post) {
		p.add("acted", "", "is not a number of actions of the order")
	}
	if x.Tries < 0 {
		p.add("tries", "", "is negative")
	}
	if i := x.fetching(); x.Step == StepFetch && (i < 0 || i >= len(x.Order.Patches) || len(x.Order.Patches[i].Files) == 0) {
		p.add("step", x.Step.String(), "has nothing to fetch")
	}
	if err := x.Order.Validate(); err != nil {
		p.add("order", string(x.Order.ID), err.Error())
	}
	return p.err("execution of " + string(x.Order.ID))
}
