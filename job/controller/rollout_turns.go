package controller

import (
	"fmt"
	"slices"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/job/rollout"
)

func turnKey(run job.RunID, asset job.AssetID, ring int) Key {
	return Key{tableTurns, turnsOf(run, ring) + key(string(asset))}
}

// turnsOf is what the rows of a ring in tableTurns begin with.
func turnsOf(run job.RunID, ring int) string { return key(string(run), fmt.Sprintf("%02d", ring)) }

// rolled reports whether the rollout of a run is over. If the run is planned
// again, it has nothing left to start (ROL-4).
func (r *reader) rolled(run runRecord) bool {
	rec, found := r.findRollout(run.ID)
	return found && !rec.State.Open()
}

// roll lets a rollout go on: rings start, and the orders of those whose turn it
// is are made, a batch in each transaction.
func (t *tx) roll(run runRecord) {
	x := t.rollout(run)
	if x.stepped = true; run.joining() { // the end of that pass wakes it
		return
	}
	out := t.act(x, rollout.Tick{Next: t.nextRing(run)})
	for _, ring := range out.Opened {
		t.acted(RingStarted, string(run.ID), fmt.Sprintf("%s: %s", x.policy.Rings[ring].Name, out.Reason.Text))
	}
	left := t.c.config.Batch
	for _, ring := range x.takers() {
		if left == 0 {
			return
		}
		prefix := turnsOf(run.ID, ring)
		for _, rec := range t.scan(tableTurns, prefix, after(prefix), left) {
			if left--; x.State.Phase != rollout.Running || x.State.Room() == 0 {
				return
			}
			if x.State.Rings[ring].Full() { // the next ring may have room
				break
			}
			t.take(run, x, job.AssetID(t.parts(tableTurns, rec.Key, 3)[2]))
		}
	}
}

// joining reports whether assets still join a run, before its rollout begins to
// grant.
func (run runRecord) joining() bool {
	return run.State == ledger.RunPlanned || slices.ContainsFunc(run.Passes, func(p ledger.Pass) bool { return p.Kind.Makes() })
}

// takers lists the rings that have started and whose limit is not full.
func (x *rolling) takers() (rings []int) {
	for i, r := range x.State.Rings {
		if !r.Start.IsZero() && !r.Full() {
			rings = append(rings, i)
		}
	}
	return rings
}

// hasTurn reports whether a member of such a ring waits for a grant only.
func (t *tx) hasTurn(x *rolling) bool {
	return slices.ContainsFunc(x.takers(), func(ring int) bool { return !t.empty(tableTurns, turnsOf(x.Run, ring)) })
}

// take makes the order of a member whose turn it is. In any case it is no longer
// listed.
func (t *tx) take(run runRecord, x *rolling, id job.AssetID) {
	rec, found := t.findAsset(id)
	if !found {
		t.stepMember(run, id, rollout.Removed{})
		return
	}
	x.asking = id
	t.make(run, rec.Asset, ledger.Pass{Kind: ledger.MakePass})
	x.asking = ""
	if t.ready(run, id, false); t.entry(run.ID, id).Phase == ledger.Ended {
		t.left(run, id)
	}
}

// silent looks for members that nobody has heard of for too long (ROL-3).
func (t *tx) silent(runRecord) {
	var keys []Key
	list := t.scan(tableChecks, "", after(key(risingTime(t.now))), t.c.config.Batch)
	for _, rec := range list {
		if p, err := parts(rec.Key); err == nil && len(p) == 3 {
			keys = append(keys, Key{tableMembers, key(p[2], p[1])}, Key{tableSeen, key(p[1])})
		}
	}
	t.fetch(keys...)
	for _, rec := range list {
		p, err := parts(rec.Key)
		if err != nil || len(p) != 3 {
			t.delete(tableChecks, rec.Key)
			continue
		}
		asset, before := job.AssetID(p[1]), t.member(job.RunID(p[2]), job.AssetID(p[1]))
		if run, found := t.findRun(job.RunID(p[2])); found {
			t.stepMember(run, asset, rollout.Heard{At: t.seen(asset).At})
		}
		if k := checkKey(job.RunID(p[2]), asset, before.Check); k.Key != rec.Key || t.member(job.RunID(p[2]), asset).Check.Equal(before.Check) {
			t.delete(tableChecks, rec.Key) // a stray row, which nobody moved
		}
	}
}

// dropRollout removes what is kept of the rollout of a run that is pruned,
// except its members.
func (t *tx) dropRollout(id job.RunID) {
	rec, found := t.findRollout(id)
	if !found {
		return
	}
	if !rec.Wake.IsZero() {
		k := wakeKey(id, rec.Wake)
		t.delete(k.Table, k.Key)
	}
	for row := range t.records(tableTurns, key(string(id)), "") {
		t.delete(tableTurns, row.Key)
	}
	t.delete(tableRollouts, key(string(id)))
}

// dropMember removes a member of a run that is pruned.
func (t *tx) dropMember(run job.RunID, asset job.AssetID) {
	if m := t.member(run, asset); m.Phase != 0 {
		t.saveMember(run, asset, m, memberRecord{})
		t.delete(tableMembers, key(string(run), string(asset)))
	}
}
