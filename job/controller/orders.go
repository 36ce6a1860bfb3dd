package controller

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/job/schedule"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// contentRecord is the order as frozen (JOB-8), its patches by reference:
// assets of one run share most of them.
type contentRecord struct {
	Order   job.Order  `json:"order"` // without Patches
	Patches []patchRef `json:"patches,omitempty"`
}

type patchRef struct {
	Patch catalog.PatchID `json:"patch"`
	Body  string          `json:"body"` // key in tableBodies
}

// make makes the order of a run on an asset, or makes it again (MAN-2). What
// has begun or was cancelled is left alone. Due is when the asset's turn comes,
// if it has no order and that is later; nothing is made then.
func (t *tx) make(run runRecord, asset job.Asset, pass ledger.Pass) (due time.Time, err error) {
	e, err := loadEntry(t, run.ID, asset.ID)
	if err != nil {
		return due, err
	}
	due, turn, err := t.turn(run, e, pass)
	if err != nil || !turn {
		return due, err
	}
	start, left, err := t.onAsset(run, e)
	if err != nil {
		return due, err
	}
	switch {
	case pass.Kind == ledger.RemakePass && recurs(run.Definition.Schedule) && e.Phase != ledger.Open && e.Phase != ledger.Waiting &&
		left.Result != job.Failed && start.Start.Before(t.now): // there is a next run
		return due, nil
	case !run.Definition.Select(asset):
		return due, t.only(e, ledger.Withdrawn{})
	}
	inventory, known, err := loadInventory(t, asset.ID)
	switch {
	case err != nil:
		return due, err
	case !known:
		return due, t.only(e, ledger.Awaited{})
	case left.Result != 0:
		return due, t.only(e, left)
	}
	plan, err := t.plan(run.Definition, e.Asset, inventory, start)
	if err != nil {
		return due, err
	}
	return t.makeAs(plan, e)
}

// makeAs stores an order as it is planned. Due is when to plan it again, if it
// waits for what it needs.
func (t *tx) makeAs(plan job.Plan, e ledger.Entry) (due time.Time, err error) {
	order, cut, err := manifest.Fit(plan.Order)
	if err != nil {
		return due, err
	}
	if cloned, err := t.isCloned(e.Asset); err != nil || cloned { // made when it is settled (MAN-9)
		return due, errors.Join(err, t.only(e, ledger.Awaited{}))
	}
	stops := plan.Obstacle.Stops()
	if stops && plan.Obstacle.Rule == "INT-10" { // an agent that holds the order ends it itself, as Failed
		has, err := held(t, e)
		if err != nil {
			return due, err
		}
		stops = !has
	}
	if stops {
		for _, p := range order.Refuse(plan.Obstacle).Patches {
			p.Status = job.LeftOut
			plan.LeftOut = append(plan.LeftOut, p)
		}
	}
	err = t.outcomes(e, func(o ledger.Outcomes) ledger.Outcomes { return o.LeaveOut(plan.LeftOut) })
	if err != nil {
		return due, err
	}
	dropped, until := plan.Dropped+cut, order.Start
	if !order.End.IsZero() {
		until = order.End
	}
	err = order.Validate()
	switch {
	case err != nil:
		return due, t.only(e, ledger.MadeEmpty{Result: job.Failed, Text: err.Error(), Dropped: dropped})
	case plan.Empty() && plan.Waits() && t.now.Before(until): // it may still come (JOB-14, RBT-11)
		return until, t.only(e, ledger.Awaited{})
	case plan.Empty() && plan.GaveUp():
		return due, t.only(e, ledger.MadeEmpty{Result: job.Failed, Text: "The job has given up every patch that it could deploy on this asset (JOB-27).", Dropped: dropped})
	case plan.Empty() && plan.Order.RebootPending:
		return due, t.only(e, ledger.MadeEmpty{Result: job.NotApplicable, Text: "Nothing in the job applies to this asset, and no reboot is pending on it (RBT-11).", Dropped: dropped})
	case plan.Empty():
		return due, t.only(e, ledger.MadeEmpty{Result: job.NotApplicable, Text: "Nothing in the job applies to this asset.", Dropped: dropped})
	}
	if stops {
		return due, t.only(e, ledger.MadeEmpty{Result: job.Failed, Text: plan.Obstacle.Text, Dropped: dropped})
	}
	same, err := t.saveContent(order)
	if err != nil || same && e.Phase == ledger.Open {
		return due, err
	}
	return due, t.only(e, ledger.Made{Start: order.Start, Dropped: dropped})
}

// makeOrPlan is make outside of the run's passes: if the asset's turn comes
// later, there will be a pass for it.
func (t *tx) makeOrPlan(run runRecord, asset job.Asset, pass ledger.Pass) (due time.Time, err error) {
	due, err = t.make(run, asset, pass)
	if err == nil && due.After(t.now) {
		_, err = t.stepRun(run, ledger.OrderDue{Due: due})
	}
	return due, err
}

// turn reports whether to make an order now. Due is when it is due, where
// that uses the asset's own clock.
func (t *tx) turn(run runRecord, e ledger.Entry, pass ledger.Pass) (due time.Time, now bool, err error) {
	unmade := e.Phase == 0 || e.Phase == ledger.Waiting
	if e.Fixed() || pass.Kind == ledger.MorePass && !unmade {
		return due, false, nil
	}
	if !run.zoned() {
		return due, pass.Kind != ledger.MorePass || e.Phase == ledger.Waiting, nil
	}
	name, err := zoneName(t, e.Asset)
	if err != nil {
		return due, false, err
	}
	due = t.dueIn(run, name)
	late := e.Phase == 0 && !due.After(pass.Since) // the asset had no part in the run when its turn came
	return due, !late && !(unmade && due.After(t.now)), nil
}

// onAsset is the occurrence of a run on an asset, or why the asset is left out.
func (t *tx) onAsset(run runRecord, e ledger.Entry) (o schedule.Occurrence, left ledger.MadeEmpty, err error) {
	o = schedule.Occurrence{Local: run.Local, Start: run.Start}
	if !run.zoned() {
		return o, left, nil
	}
	name, err := zoneName(t, e.Asset)
	if err != nil {
		return o, left, err
	}
	zone := t.assetZone(name)
	if zone.unusable != "" {
		return o, ledger.MadeEmpty{Result: job.Failed, Text: zone.unusable}, nil
	}
	o.Start = run.Local.In(zone.Location)
	if e.Phase == ledger.Open { // the asset ends what it holds itself
		return o, left, nil
	}
	newer, err := t.newer(run)
	if text := run.TooLate(zone.Location, newer, t.now); text != "" {
		left = ledger.MadeEmpty{Result: job.TimedOut, Text: text}
	}
	return o, left, err
}

// only steps an order whose new state the caller does not need.
func (t *tx) only(e ledger.Entry, ev ledger.Event) error {
	_, _, err := t.step(e, ev)
	return err
}

// plan decides what a job does on an asset, by what is known now (JOB-22).
func (t *tx) plan(d job.Definition, asset job.AssetID, inventory catalog.Inventory, o schedule.Occurrence) (plan job.Plan, err error) {
	if t.probed == nil {
		if t.probed, err = unreachable(t); err != nil {
			return plan, err
		}
		if t.snap, err = t.c.snapshot(t); err != nil {
			return plan, err
		}
	}
	return t.c.plan(t, d, job.PlanInput{Snapshot: t.snap, Asset: asset, Inventory: inventory, Occurrence: o, Unreachable: t.probed, Now: t.now})
}

// saveContent freezes an order. Same reports that nothing changed.
func (t *tx) saveContent(order job.Order) (same bool, err error) {
	content := contentRecord{Order: order, Patches: make([]patchRef, 0, len(order.Patches))}
	content.Order.Patches = nil
	once := func(table Table, key string, value []byte) {
		if k := (Key{table, key}); !t.wrote[k] {
			t.wrote[k] = true
			t.failed = cmp.Or(t.failed, t.w.Put(table, key, value))
		}
	}
	for _, p := range order.Patches {
		data, err := json.Marshal(p)
		if err != nil {
			return false, fmt.Errorf("patch %s: %w", p.Patch, err)
		}
		body := hash(string(data))
		once(tableBodies, key(body), data)
		once(tableRunPatches, key(string(order.Run), string(p.Patch)), nil)
		content.Patches = append(content.Patches, patchRef{p.Patch, body})
	}
	k := contentKey(order.ID)
	before, err := t.Get(k.Table, k.Key)
	if err != nil {
		return false, err
	}
	data, err := json.Marshal(content)
	if err != nil {
		return false, fmt.Errorf("order %s: %w", order.ID, err)
	}
	if bytes.Equal(before, data) {
		return true, nil
	}
	t.Put(k.Table, k.Key, data)
	return false, nil
}

func contentKey(id job.OrderID) Key {
	return Key{tableContents, key(string(id.Run()), string(id.Asset()))}
}

// loadContents puts frozen orders together again, in two round trips.
func loadContents(f *fetched, ids ...job.OrderID) ([]job.Order, error) {
	keys := make([]Key, 0, len(ids))
	for _, id := range ids {
		keys = append(keys, contentKey(id))
	}
	if err := f.fetch(keys...); err != nil {
		return nil, err
	}
	contents := make([]contentRecord, 0, len(ids))
	var bodies []Key
	for i, id := range ids {
		content, found, err := load[contentRecord](f, keys[i].Table, keys[i].Key)
		if err == nil && !found {
			err = fmt.Errorf("order %s has no content", id)
		}
		if err != nil {
			return nil, err
		}
		contents = append(contents, content)
		for _, ref := range content.Patches {
			bodies = append(bodies, Key{tableBodies, key(ref.Body)})
		}
	}
	slices.SortFunc(bodies, func(a, b Key) int { return strings.Compare(a.Key, b.Key) })
	if err := f.fetch(slices.Compact(bodies)...); err != nil {
		return nil, err
	}
	orders := make([]job.Order, 0, len(ids))
	for _, content := range contents {
		order := content.Order
		for _, ref := range content.Patches {
			patch, found, err := load[job.OrderPatch](f, tableBodies, key(ref.Body))
			if err == nil && !found {
				err = fmt.Errorf("order %s: patch %s is missing", order.ID, ref.Patch)
			}
			if err != nil {
				return nil, err
			}
			order.Patches = append(order.Patches, patch)
		}
		orders = append(orders, order)
	}
	return orders, nil
}

// trim takes patches out of an open order (CAT-6, CAT-9).
func (t *tx) trim(e ledger.Entry, drops []ledger.Drop) error {
	if !e.Trimmable() {
		return nil
	}
	orders, err := loadContents(&t.fetched, e.ID())
	if err != nil {
		return err
	}
	order := orders[0]
	var left []job.PatchOutcome
	order.Patches = slices.DeleteFunc(order.Patches, func(p job.OrderPatch) bool {
		i := slices.IndexFunc(drops, func(d ledger.Drop) bool { return d.Patch == p.Patch })
		if i >= 0 {
			left = append(left, job.PatchOutcome{
				Patch: p.Patch, Name: p.Name, Status: job.LeftOut, To: p.Version, Rule: drops[i].Rule, Text: drops[i].Text,
			})
		}
		return i >= 0
	})
	if len(left) == 0 {
		return nil
	}
	err = t.outcomes(e, func(o ledger.Outcomes) ledger.Outcomes { return o.LeaveOut(append(o.LeftOut, left...)) })
	if err != nil {
		return err
	}
	plan := job.Plan{Order: order}
	if order.RebootPending {
		pending, err := pendingReboots(t, e.Asset)
		if err != nil {
			return err
		}
		plan.Reboots = pending.Any()
	}
	empty := plan.Empty()
	if !empty {
		if _, err := t.saveContent(order); err != nil {
			return err
		}
	}
	return t.only(e, ledger.Trimmed{Empty: empty})
}

// entries reads the orders of a run by asset.
func entries(r Reader, run job.RunID) iter.Seq2[ledger.Entry, error] {
	return values[ledger.Entry](r, tableOrders, key(string(run)), "")
}

// queued is an order that waits or is open, as an asset's queue lists it.
type queued struct {
	run job.RunID
	ledger.Queued
}

// queue lists the orders of an asset that wait or are open, by run.
func queue(r Reader, asset job.AssetID) (list []queued, err error) {
	for row, err := range rows(r, tableQueue, key(string(asset)), 2) {
		var q ledger.Queued
		if err == nil {
			q, err = decode[ledger.Queued](tableQueue, row.Record)
		}
		if err != nil {
			return nil, err
		}
		list = append(list, queued{job.RunID(row.parts[1]), q})
	}
	return list, nil
}

// notEnded lists the runs in which an asset has an order that has not ended.
func notEnded(r Reader, asset job.AssetID) ([]job.RunID, error) {
	runs, err := names[job.RunID](r, tableUnheard, key(string(asset)))
	if err != nil {
		return nil, err
	}
	rows, err := queue(r, asset)
	for _, q := range rows {
		runs = append(runs, q.run)
	}
	return runs, err
}

// stepEach steps orders of an asset.
func (t *tx) stepEach(asset job.AssetID, runs []job.RunID, ev ledger.Event) error {
	keys := make([]Key, 0, len(runs))
	for _, run := range runs {
		keys = append(keys, entryKey(run, asset))
	}
	if err := t.fetch(keys...); err != nil {
		return err
	}
	for _, run := range runs {
		e, err := loadEntry(t, run, asset)
		if err == nil {
			err = t.only(e, ev)
		}
		if err != nil {
			return fmt.Errorf("order %s: %w", job.MakeOrderID(run, asset), err)
		}
	}
	return nil
}
