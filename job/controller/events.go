package controller

import (
	"context"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/enum"
	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

// Action is the kind of an administrative act.
type Action uint8

// The actions, each with what [Event.Subject] and [Event.Text] then are.
const (
	JobSaved         Action = 1 + iota // job; its revision
	JobEnabled                         // job; the run that was planned
	JobDisabled                        // job
	JobDeleted                         // job
	JobStarted                         // job; the run that [Controller.RunJob] made
	JobCancelled                       // job; its runs that this act cancelled
	RunCancelled                       // run; the runs that this act cancelled
	PatchRetried                       // job; the patch and the asset
	AssetEnrolled                      // asset; the token
	AssetTagged                        // asset; its tags
	AssetRemoved                       // asset
	AssetLeft                          // asset, which asked for it itself
	CloneSettled                       // asset
	TokenAdded                         // token; its name and uses
	TokenRemoved                       // token
	URLsChanged                        // empty; how many custom URLs were given
	Pruned                             // empty; how much was removed
	AssetExposed                       // asset; the answer
	ExceptionAdded                     // vulnerability; its end and reason
	ExceptionEnded                     // vulnerability; the asset, or nothing
	AnomaliesNoted                     // asset; how many anomalies were acknowledged
	EvidenceMarked                     // asset; the vulnerability, and who answers for it
	RingStarted                        // run; the ring, and why
	RolloutStopped                     // run; the reason
	RolloutResumed                     // run; the reason
	RolloutExpedited                   // run; the reason
	RolloutAbandoned                   // run; the reason
	SlotFreed                          // job; the asset and the reason
)

var actions = enum.Of[Action]("action", "job saved", "job enabled", "job disabled", "job deleted", "job started", "job cancelled", "run cancelled",
	"patch retried", "asset enrolled", "asset tagged", "asset removed", "asset left", "clone settled", "token added", "token removed", "custom URLs changed", "pruned", "asset exposed",
	"exception added", "exception ended", "anomalies acknowledged", "evidence marked", "ring started", "rollout stopped", "rollout resumed", "rollout expedited", "rollout abandoned", "reboot slot freed")

func (a Action) String() string                   { return actions.String(a) }
func (a Action) MarshalText() ([]byte, error)     { return actions.MarshalText(a) }
func (a *Action) UnmarshalText(text []byte) error { return actions.UnmarshalText(text, a) }

// Event records one administrative act: who did what, when. It is stored in the
// transaction of the act itself, so there is no act without its event. An act
// that was refused, or changed nothing, has none.
type Event struct {
	At      time.Time `json:"at"`              // UTC; no two events have the same, so it names the event
	Actor   string    `json:"actor,omitempty"` // see [As]; the asset itself for [AssetEnrolled] and [AssetLeft]; empty: not stated
	Action  Action    `json:"action"`
	Subject string    `json:"subject,omitempty"` // id of the job, run, asset or token
	Text    string    `json:"text,omitempty"`
}

type actorKey struct{}

// As returns a context that names who acts, such as the user who is logged in.
// The use cases record it in [Event.Actor].
func As(ctx context.Context, actor string) context.Context {
	return context.WithValue(ctx, actorKey{}, problem.Clip(actor, ledger.MaxName))
}

// acted has the transaction record its event.
func (t *tx) acted(action Action, subject, text string) {
	actor, _ := t.ctx.Value(actorKey{}).(string)
	if action == AssetEnrolled || action == AssetLeft {
		actor = subject
	}
	t.event = &Event{Actor: actor, Action: action, Subject: problem.Clip(subject, maxEventText), Text: problem.Clip(text, maxEventText)}
}

// saveEvent stores the transaction's event now, or a microsecond after the
// events of the same instant.
func (t *tx) saveEvent() {
	if t.event == nil {
		return
	}
	t.event.At = t.now
	for _, same := range t.scan(tableEvents, key(fallingTime(t.now.Add(time.Second))), after(key(fallingTime(t.now))), 1) {
		t.event.At = decode[Event](t.reader, tableEvents, same).At.Add(time.Microsecond)
	}
	for t.get(tableEvents, key(fallingTime(t.event.At))) != nil { // the clock may have been put back, into the midst of others
		t.event.At = t.event.At.Add(time.Microsecond)
	}
	t.save(tableEvents, key(fallingTime(t.event.At)), t.event)
	if t.event.Action != AssetEnrolled && t.event.Action != AssetLeft {
		t.publish()
	}
}

// Events lists the administrative acts before an instant, newest first, limit
// at most (1 to [MaxPage]). A zero before lists from the newest on; the next
// page is before the last event of this one.
func (c *Controller) Events(ctx context.Context, before time.Time, limit int) ([]Event, error) {
	from := ""
	if !before.IsZero() {
		from = after(key(fallingTime(instant(before))))
	}
	return view(ctx, c, func(r *reader) []Event {
		return page(r, tableEvents, "", from, limit, func(e Event) Event { return e })
	})
}
