package agent

import (
	"crypto/ed25519"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// Config is an agent's settings. It is not part of the state: changing it takes effect at the next step.
type Config struct {
	Asset      job.AssetID
	Key        ed25519.PublicKey // the server's manifest key, pinned at enrolment (MAN-5)
	Every      time.Duration     // between check-ins; default 15 min (MAN-3)
	Retry      time.Duration     // after a failed check-in, doubling up to Every; default 30 s
	LastCall   time.Duration     // how long a last call is waited for; default 10 s (MAN-7)
	WaitParked bool              // later jobs wait for a suppressed reboot (RBT-7)
}

// Moment is what the driver's clocks show.
type Moment struct {
	Wall time.Time     // the system's clock, UTC
	Boot string        // identity of this boot
	Up   time.Duration // time since boot, sleep included
}

// State is the whole agent: a value that Step replaces. MarshalBinary gives its canonical bytes.
type State struct {
	Asset      job.AssetID       `json:"asset"`
	Revision   manifest.Revision `json:"revision"`             // of the manifest held; never falls (MAN-5)
	Queue      manifest.Queue    `json:"queue,omitempty"`      // received, not started
	Early      []Early           `json:"early,omitempty"`      // queued orders whose files are fetched before the start (JOB-23)
	Blocked    []job.OrderID     `json:"blocked,omitempty"`    // queued orders already reported as Blocked
	Executions []job.Execution   `json:"executions,omitempty"` // at most one that is not parked for a reboot by hand (JOB-11)
	Ended      []job.OrderID     `json:"ended,omitempty"`      // ended, and still in the manifest: never started again
	Reports    []job.Report      `json:"reports,omitempty"`    // unacknowledged (MAN-6)
	Sequence   job.Sequence      `json:"sequence"`             // of the last report made
	Refusal    string            `json:"refusal,omitempty"`    // what was wrong with the last manifest; empty: it was taken
	Calls      CallState         `json:"calls,omitzero"`
	Clock      Clock             `json:"clock,omitzero"`
}

// Early is the fetching of a queued order's files before its start (JOB-23). It only fills the staging: whether a file may
// be installed is judged in the download stage, where what is staged already is not fetched again.
type Early struct {
	Order   job.OrderID  `json:"order"`
	At      time.Time    `json:"at"`                // UTC: when it begins
	Next    int          `json:"next,omitempty"`    // index of the patch to fetch next
	Waiting job.EffectID `json:"waiting,omitempty"` // the download awaited; zero: none
}

// CallState is what the agent knows of its check-ins. Instants are steady.
type CallState struct {
	Last     uint64       `json:"last"`               // id of the last one begun
	Out      uint64       `json:"out,omitempty"`      // id of the one an answer is awaited for; zero: none
	Sent     job.Sequence `json:"sent,omitempty"`     // the last report it carries
	Next     time.Time    `json:"next,omitzero"`      // when the next is begun
	Failures int          `json:"failures,omitempty"` // in a row
	LastCall LastCall     `json:"lastCall,omitzero"`
}

// LastCall is a last call that is awaited (MAN-7); the zero value is none.
type LastCall struct {
	Order  job.OrderID  `json:"order"`
	Effect job.EffectID `json:"effect,omitempty"` // the execution's effect it answers; zero: it is the one before the start
	Call   uint64       `json:"call"`             // id of the check-in
	Until  time.Time    `json:"until,omitzero"`   // steady; of the one before the start, for an execution has its own wait
}

// Clock anchors the steady clock: at Steady, the boot was Boot, the time since it Up, and the system's clock showed Wall.
type Clock struct {
	Offset time.Duration `json:"offset,omitempty"` // the server's clock minus the system's (MAN-8)
	Known  bool          `json:"known,omitempty"`  // a server told the offset
	Boot   string        `json:"boot,omitempty"`
	Up     time.Duration `json:"up,omitempty"`
	Wall   time.Time     `json:"wall,omitzero"`
	Steady time.Time     `json:"steady,omitzero"`
}

// Event is something that happened: one of the types below or, wrapped in Execution, a job.Event.
type Event interface{ event() }

// The events.
type (
	// Started is the first event after the program started.
	Started struct{}
	// Tick says that time has passed.
	Tick struct{}
	// CalledIn is the server's answer to check-in ID.
	CalledIn struct {
		ID     uint64
		Answer manifest.Answer
	}
	// CallFailed says that check-in ID got no answer.
	CallFailed struct {
		ID  uint64
		Err string
	}
	// Execution carries a result or a user's act to the execution of Order.
	Execution struct {
		Order job.OrderID
		Event job.Event
	}
)

func (Started) event()    {}
func (Tick) event()       {}
func (CalledIn) event()   {}
func (CallFailed) event() {}
func (Execution) event()  {}

// Call asks the driver to check in: it adds Digest, Boot and, when the server wants it, Inventory to Request.
// Answered by CalledIn or CallFailed with the same ID.
type Call struct {
	ID      uint64
	Request manifest.CheckIn
}

// Out is what a step returns beside the new state.
type Out struct {
	Call    *Call         // nil: none
	Effects []Effect      // in order, after the commit
	Wake    time.Duration // when the machine wants a Tick at the latest; always positive
}

// Effect is an execution's effect with the order it belongs to.
type Effect struct {
	Order  job.OrderID
	Effect job.Effect
}
