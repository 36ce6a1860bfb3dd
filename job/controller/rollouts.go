package controller

import (
	"cmp"
	"reflect"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/job/rollout"
)

// silentCheck is how often a silent asset is looked for again.
const silentCheck = 15 * time.Minute

// rolloutRecord is the rollout of a run. Its policy is in the run's definition,
// which keeps it whatever becomes of the job's.
type rolloutRecord struct {
	Run   job.RunID     `json:"run"`
	Begun time.Time     `json:"begun"`         // patches that were listed later are not for this run (ROL-6)
	Wake  time.Time     `json:"wake,omitzero"` // its row in tableWakes
	State rollout.State `json:"state"`
}

// memberRecord is an asset in the rollout of a run.
type memberRecord struct {
	rollout.Member
	Ready bool      `json:"ready,omitempty"` // it has something to do, and waits for nothing but a grant
	Start time.Time `json:"start,omitzero"`  // of the window of its last grant
	Check time.Time `json:"check,omitzero"`  // its row in tableChecks
}

// rolling is a rollout in a transaction.
type rolling struct {
	rolloutRecord
	before  rolloutRecord
	policy  rollout.Policy
	stepped bool
	wake    bool        // at once, whatever the last step says
	out     rollout.Out // of the last step
	recall  bool        // it was stopped or abandoned: what has not begun is to be withdrawn
	asking  job.AssetID // whose grant is asked for now
}

func checkKey(run job.RunID, asset job.AssetID, at time.Time) Key {
	return Key{tableChecks, key(risingTime(at), string(asset), string(run))}
}

func wakeKey(run job.RunID, at time.Time) Key {
	return Key{tableWakes, key(risingTime(at), string(run))}
}

func (r *reader) findRollout(id job.RunID) (rec rolloutRecord, found bool) {
	rec, found = load[rolloutRecord](r, tableRollouts, key(string(id)))
	if found {
		r.fail(rec.State.Validate())
	}
	return rec, found
}

// rolling reports whether the rollout of a run keeps new runs from starting
// (ROL-1).
func (r *reader) rolling(run runRecord) bool {
	if run.Definition.Rollout == nil {
		return false
	}
	rec, found := r.findRollout(run.ID)
	return found && rec.State.Open()
}

// rollingRun finds the run of a job whose rollout is open, except one; empty:
// there is none.
func (r *reader) rollingRun(rec jobRecord, except job.RunID) job.RunID {
	for _, id := range rec.Open {
		if run, found := r.findRun(id); found && id != except && r.rolling(run) {
			return id
		}
	}
	return ""
}

// keepsPolicy fails if a change of a job changes the policy of an open rollout.
func (r *reader) keepsPolicy(rec jobRecord, d job.Definition) {
	for _, id := range rec.Open {
		run, _ := r.findRun(id)
		if r.rolling(run) && !reflect.DeepEqual(d.Rollout, run.Definition.Rollout) {
			r.fail(problem.One("job "+string(d.ID), "rollout", "", "cannot change while the rollout of run %s is open; wait until it is done, or abandon it (ROL-3)", id))
		}
	}
}

func (r *reader) member(run job.RunID, asset job.AssetID) memberRecord {
	rec, _ := load[memberRecord](r, tableMembers, key(string(run), string(asset)))
	return rec
}

// rollout returns the rollout of a run, once in a transaction; nil: it has none.
func (t *tx) rollout(run runRecord) *rolling {
	if run.Definition.Rollout == nil {
		return nil
	}
	if x, known := t.rollouts[run.ID]; known {
		return x
	}
	rec, found := t.findRollout(run.ID)
	if !found {
		return nil
	}
	x := &rolling{rolloutRecord: rec, before: rec, policy: run.Definition.Rollout.WithDefaults()}
	t.rollouts[run.ID] = x
	return x
}

// beginRollout makes the rollout of a run that is due, or goes on with the one
// that was stopped when the run was withdrawn. Its members join as the run's
// first pass comes to them.
func (t *tx) beginRollout(run runRecord) {
	d := run.Definition
	if d.Rollout == nil {
		return
	}
	if x := t.rollout(run); x != nil {
		t.act(x, rollout.ResumeAsked{Act: t.rolloutAct("its run was planned again")})
		return
	}
	var selected []rollout.Asset
	for rec := range values[assetRecord](t.reader, tableAssets, "", "") {
		if d.Select(rec.Asset) {
			selected = append(selected, rollout.Asset{ID: string(rec.ID), Tags: rec.Tags})
		}
	}
	x := &rolling{policy: d.Rollout.WithDefaults(), stepped: true}
	x.Run, x.Begun, x.State = run.ID, t.now, rollout.Begin(x.policy, string(run.ID), selected, run.Start)
	for i := range x.State.Rings {
		x.State.Rings[i].Counts = rollout.Counts{}
	}
	t.rollouts[run.ID] = x
}

// rolloutAct is what the server, or whoever called, does to a rollout.
func (t *tx) rolloutAct(reason string) rollout.Act {
	actor, _ := t.ctx.Value(actorKey{}).(string)
	return rollout.Act{By: cmp.Or(actor, "The server"), Reason: reason}
}

// act brings an event to a rollout.
func (t *tx) act(x *rolling, ev rollout.Event) rollout.Out {
	x.State, x.out = rollout.Step(x.policy, x.State, ev, t.now)
	x.stepped = true
	x.recall = x.recall || x.out.Withdraw
	return x.out
}

// stepMember brings an event to a member of a run's rollout.
func (t *tx) stepMember(run runRecord, asset job.AssetID, ev rollout.MemberEvent) rollout.Out {
	x := t.rollout(run)
	if x == nil {
		return rollout.Out{}
	}
	before := t.member(run.ID, asset)
	after := before
	x.State, after.Member, x.out = rollout.StepMember(x.policy, x.State, before.Member, ev, t.now)
	x.stepped = true
	x.recall = x.recall || x.out.Withdraw
	if after.Phase == rollout.Waiting && before.Phase != rollout.Waiting && before.Phase != 0 {
		after.Ready = true // its order was withdrawn
	}
	t.saveMember(run.ID, asset, before, after)
	return x.out
}

// saveMember stores a member with its rows in tableTurns and tableChecks.
func (t *tx) saveMember(run job.RunID, asset job.AssetID, before, after memberRecord) {
	after.Ready = after.Ready && after.Phase == rollout.Waiting
	after.Check = after.Until
	if after.Silent {
		after.Check = before.Check
		if !after.Check.After(t.now) {
			after.Check = t.now.Add(silentCheck)
		}
	}
	if before == after {
		return
	}
	if before.Ready != after.Ready {
		if k := turnKey(run, asset, after.Ring); after.Ready {
			t.put(k.Table, k.Key, nil)
		} else {
			t.delete(k.Table, k.Key)
		}
	}
	if !before.Check.Equal(after.Check) {
		if !before.Check.IsZero() {
			k := checkKey(run, asset, before.Check)
			t.delete(k.Table, k.Key)
		}
		if !after.Check.IsZero() {
			k := checkKey(run, asset, after.Check)
			t.put(k.Table, k.Key, nil)
		}
	}
	t.save(tableMembers, key(string(run), string(asset)), after)
}

// joined makes the asset a member of the run's rollout, if it is none. Its order
// is about to be made: whether it waits for a grant only is found out then.
func (t *tx) joined(run runRecord, asset job.Asset) {
	if t.rollout(run) == nil {
		return
	}
	if t.member(run.ID, asset.ID).Phase == 0 {
		t.stepMember(run, asset.ID, rollout.Joined{Asset: rollout.Asset{ID: string(asset.ID), Tags: asset.Tags}})
	}
	t.ready(run, asset.ID, false)
}

func (t *tx) ready(run runRecord, asset job.AssetID, ready bool) {
	before := t.member(run.ID, asset)
	after := before
	after.Ready = ready
	t.saveMember(run.ID, asset, before, after)
	if x := t.rollout(run); ready && !before.Ready {
		x.stepped, x.wake = true, x.State.Room() > 0
	}
}

// granted reports whether the asset's order may be made, and under which grant
// (ROL-3). If its turn has not come, it is listed for it.
func (t *tx) granted(run runRecord, e ledger.Entry, start time.Time) (grant int, may bool) {
	occurs := t.ringStart(run, e.Asset)
	x := t.rollout(run)
	if x == nil {
		return 0, run.Definition.Rollout == nil
	}
	m := t.member(run.ID, e.Asset)
	switch {
	case (m.Phase == rollout.Granted || m.Phase == rollout.Begun) && !x.State.Recalls(m.Member):
		return m.Grant, true
	case m.Phase != rollout.Waiting:
		return 0, false
	case x.asking == e.Asset && t.stepMember(run, e.Asset, rollout.Ask{Start: start}).Grant:
		before := t.member(run.ID, e.Asset)
		after := before
		after.Start = occurs
		t.saveMember(run.ID, e.Asset, before, after)
		return after.Grant, true
	}
	t.ready(run, e.Asset, true)
	return 0, false
}

// left notes that an asset which waits has nothing to wait for: its order ended
// before it was granted (ROL-2).
func (t *tx) left(run runRecord, asset job.AssetID) {
	if run.Definition.Rollout == nil {
		return
	}
	if m := t.member(run.ID, asset); m.Phase == rollout.Waiting && t.entry(run.ID, asset).Phase == ledger.Ended {
		t.stepMember(run, asset, rollout.Ended{Grant: m.Grant, Outcome: rollout.NotApplicable})
	}
}

// reportGrant reports to a rollout where an order is that it granted.
func (t *tx) reportGrant(e ledger.Entry, grant int) {
	ended := func(o rollout.Outcome) rollout.MemberEvent { return rollout.Ended{Grant: grant, Outcome: o} }
	var ev rollout.MemberEvent
	switch {
	case e.Former != "":
		ev = rollout.Removed{}
	case e.Phase == ledger.Waiting, e.Phase == ledger.Ended && e.Result == job.Withdrawn && !e.Lost:
		ev = ended(rollout.Withdrawn)
	case e.Phase == ledger.Ended && e.Result == job.Completed:
		ev = ended(rollout.Success)
	case e.Phase == ledger.Ended && (e.Result == job.NotApplicable || e.Result == job.Cancelled || e.Result == job.TimedOut): // nothing was deployed
		ev = ended(rollout.NotApplicable)
	case e.Phase == ledger.Ended: // also when nobody knows what was deployed
		ev = ended(rollout.Failure)
	case e.Stage != 0:
		ev = rollout.Began{Grant: grant}
	default:
		return
	}
	t.stepMember(t.run(e.Run), e.Asset, ev)
}

// ringStart is when the order of a run starts on an asset: with its ring. If the
// ring's window is over, it is the next start of the schedule.
func (t *tx) ringStart(run runRecord, asset job.AssetID) time.Time {
	x := t.rollout(run)
	if x == nil {
		return run.Start
	}
	m, start := t.member(run.ID, asset), run.Start
	if m.Phase == rollout.Granted || m.Phase == rollout.Begun {
		return m.Start
	}
	if m.Ring < len(x.State.Rings) && !x.State.Rings[m.Ring].Start.IsZero() {
		start = x.State.Rings[m.Ring].Start
	}
	if w := run.Definition.Window; w > 0 && !start.Add(w).After(t.now) {
		return t.nextRing(run)
	}
	return start
}

// nextRing is when a ring starts that is promoted to now: at the next time of
// the job's schedule, or at once (ROL-1).
func (t *tx) nextRing(run runRecord) time.Time {
	if d := run.Definition; recurs(d.Schedule) {
		if o, ok := d.Schedule.NextIn(run.From, t.now, t.lastZone(d)); ok {
			return o.Start
		}
	}
	if at := t.now.Truncate(time.Second); at.After(run.Start) {
		return at
	}
	return run.Start // no order of a run starts before it
}

// saveRollouts stores the rollouts that a transaction stepped, with when each
// wants its next tick, and begins to recall the orders of those that stopped.
func (t *tx) saveRollouts() {
	for id, x := range t.rollouts {
		if !x.stepped {
			continue
		}
		x.Wake = time.Time{}
		switch run := t.run(id); {
		case x.State.Phase != rollout.Running || run.joining():
		case x.wake || x.State.Room() > 0 && t.hasTurn(x):
			x.Wake = t.now
		case x.out.Wake > 0:
			x.Wake = instant(t.now.Add(x.out.Wake))
		}
		if was := x.before.Wake; x.Wake.Equal(t.now) && (was.IsZero() || was.After(t.now)) {
			t.publish() // so that the server that leads takes it up at once
		}
		t.saveRollout(id, x)
		if x.recall {
			if t.event == nil {
				t.acted(RolloutStopped, string(id), x.State.Why.Text)
			}
			t.stepRun(t.run(id), ledger.RunRecall{Abandoned: x.State.Phase == rollout.Abandoned})
		}
	}
}

func (t *tx) saveRollout(id job.RunID, x *rolling) {
	if !x.before.Wake.Equal(x.Wake) {
		if !x.before.Wake.IsZero() {
			k := wakeKey(id, x.before.Wake)
			t.delete(k.Table, k.Key)
		}
		if !x.Wake.IsZero() {
			k := wakeKey(id, x.Wake)
			t.put(k.Table, k.Key, nil)
		}
	}
	t.save(tableRollouts, key(string(id)), x.rolloutRecord)
	x.before = x.rolloutRecord
}

// endRollout stops or abandons a rollout whose run is withdrawn or cancelled. One
// that was withdrawn goes on if it is planned again. The run's own pass takes
// care of the orders.
func (t *tx) endRollout(x *rolling, ev ledger.RunEvent) {
	recall := x.recall
	if _, cancelled := ev.(ledger.RunCancel); cancelled {
		t.act(x, rollout.AbandonAsked{Act: t.rolloutAct("its run was cancelled")})
	} else {
		t.act(x, rollout.StopAsked{Act: t.rolloutAct("its run was withdrawn")})
	}
	x.recall = recall
}

// abandonOthers abandons the rollouts of a job's withdrawn runs, when another run
// is planned.
func (t *tx) abandonOthers(d job.Definition, planned job.RunID) {
	if d.Rollout == nil {
		return
	}
	rec, _ := load[jobRecord](t.reader, tableJobs, key(string(d.ID)))
	for _, id := range rec.Open {
		run, _ := t.findRun(id)
		if x := t.rollout(run); id != planned && x != nil && run.State == ledger.RunWithdrawn && x.State.Open() {
			t.act(x, rollout.AbandonAsked{Act: t.rolloutAct("another run was planned")})
			x.recall = false
		}
	}
}

// leaveRollouts takes a removed asset out of the open rollouts.
func (t *tx) leaveRollouts(id job.AssetID) {
	for rec := range values[rolloutRecord](t.reader, tableRollouts, "", "") {
		if t.member(rec.Run, id).Phase != 0 {
			t.stepMember(t.run(rec.Run), id, rollout.Removed{})
		}
	}
}
