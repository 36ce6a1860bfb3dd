package rollout

import "time"

// Event is something that happened to a rollout as a whole: one of the types
// below. Nil is none.
type Event interface{ step(x *machine) }

// The events of a rollout. The last four are named acts: whoever does them and
// why must be given, or they are refused.
type (
	// Tick says that time has passed. Only a tick promotes. If it does, the
	// next ring starts at Next, the next time of the job's schedule. Zero: now.
	Tick struct{ Next time.Time }
	// StopAsked stops the rollout (ROL-4).
	StopAsked struct{ Act }
	// ResumeAsked lets a stopped rollout go on. Members that are failed, silent or
	// lost are accepted as they are: they no longer count in gate and budget.
	ResumeAsked struct{ Act }
	// ExpediteAsked skips the soak times and gates before the ring To, so that
	// it and all rings before it start early. To is an index. The budget still
	// holds (ROL-6).
	ExpediteAsked struct {
		Act
		To int
	}
	// AbandonAsked ends a rollout for good. The next run of the job may start.
	AbandonAsked struct{ Act }
)

// Act says who does something, and why.
type Act struct {
	By     string
	Reason string
}

// MemberEvent is something that happened to one member: one of the types
// below. Nil is none.
type MemberEvent interface{ member(x *machine) }

// The events of a member.
type (
	// Joined says that an asset joins after the rollout was made. The member
	// is the zero Member before it.
	Joined struct{ Asset Asset }
	// Ask asks for a grant. Start is when the order would start; zero: now.
	// [Out].Grant is the answer.
	Ask struct{ Start time.Time }
	// Began says that the asset has begun the order of a grant.
	Began struct{ Grant int }
	// Ended says how the order of a grant has ended. A member that waits can
	// also end as NotApplicable, with the number of its last grant.
	Ended struct {
		Grant   int
		Outcome Outcome
	}
	// Heard says when the asset last called. Send it when [Member].Until is
	// due, and when a silent asset calls again.
	Heard struct{ At time.Time }
	// Removed says that the administrator removed the asset.
	Removed struct{}
)

// Outcome is how a grant ended.
type Outcome uint8

// The outcomes.
const (
	Success       Outcome = 1 + iota // everything is verified
	Failure                          // something failed or could not be verified
	NotApplicable                    // there was nothing to do
	Withdrawn                        // nothing of it was or will be deployed: withdrawn, cancelled or timed out before that
)

// Out is what a step returns besides the new state, to be carried out in the
// transaction that stores it.
type Out struct {
	Grant    bool          // make the order of the member, under the number [Member].Grant
	Withdraw bool          // begin to withdraw the grants that [State.Recalls] names
	Opened   []int         // the rings whose start is now set: their members can ask
	Refused  bool          // the grant or the act was refused, for the Reason
	Reason   Reason        // why: of a grant, a refusal, a promotion or a stop
	Room     int           // how many members that wait would get a grant now
	Wake     time.Duration // how long after this step a Tick is wanted, at the latest; zero: not before the next event
}

// Reason says why something was decided.
type Reason struct {
	Rule string `json:"rule,omitempty"` // like "ROL-3"
	Text string `json:"text,omitempty"` // one sentence
}
