package controller

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/schedule"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// orderRecord is where one order stands. It is small, because passes over a whole run read and write many.
type orderRecord struct {
	Asset     job.AssetID       `json:"asset"`
	Since     manifest.Revision `json:"since,omitempty"`   // the revision it first appears in
	Waiting   bool              `json:"waiting,omitempty"` // not made yet: the asset's inventory is not known
	Dropped   int               `json:"dropped,omitempty"` // patches beyond job.MaxPatches or the size of a manifest (JOB-8)
	Progress  job.Progress      `json:"progress,omitempty"`
	Stage     job.Stage         `json:"stage,omitempty"` // the furthest known to have begun; zero: none
	Result    job.Result        `json:"result,omitempty"`
	TooLate   job.Stage         `json:"tooLate,omitempty"`
	Cancelled bool              `json:"cancelled,omitempty"` // asked for; Result tells what came of it
	Withdrawn bool              `json:"withdrawn,omitempty"` // no longer in the manifest
	Retracted bool              `json:"retracted,omitempty"` // was withdrawn since it was last made
	Again     bool              `json:"again,omitempty"`     // made again before the asset told of a withdrawal: that word may still come
	At        time.Time         `json:"at,omitzero"`         // of the last report folded
	Ended     time.Time         `json:"ended,omitzero"`
	Local     bool              `json:"local,omitempty"` // ended here: the asset never received it
	Reboots   int               `json:"reboots,omitempty"`
	Text      string            `json:"text,omitempty"`
}

func (o orderRecord) ended() bool { return !o.Ended.IsZero() }

// begun says whether the execution is known to have started, or to have ended.
func (o orderRecord) begun() bool { return o.Stage != 0 || o.ended() }

// contentRecord is the order as frozen (JOB-8), its patches by reference: assets of one run share most of them.
type contentRecord struct {
	Order   job.Order  `json:"order"` // without Patches
	Patches []patchRef `json:"patches,omitempty"`
}

type patchRef struct {
	Patch catalog.PatchID `json:"patch"`
	Body  string          `json:"body"` // key in tableBodies
}

// maker makes the orders of one transaction. It remembers what it has written already.
type maker struct {
	c       *Controller
	w       Writer
	now     time.Time
	snap    *catalog.Snapshot
	probed  map[string]bool // unreachable URLs; nil: not read yet
	bodies  map[string]bool
	patches map[string]bool
}

func (c *Controller) maker(w Writer, now time.Time) (*maker, error) {
	snap, err := c.snapshot(w)
	return &maker{c: c, w: w, now: now, snap: snap, bodies: map[string]bool{}, patches: map[string]bool{}}, err
}

// make makes the order of a run on an asset, or makes it again after the job changed (MAN-2). What has begun or was
// cancelled is left alone.
func (m *maker) make(run runRecord, asset job.Asset) error {
	k := key(string(run.ID), string(asset.ID))
	old, had, err := load[orderRecord](m.w, tableOrders, k)
	if err != nil {
		return err
	}
	locked := old.Cancelled || old.begun() && !old.Local && old.Result != job.Withdrawn
	selected := run.Definition.Select(asset)
	switch {
	case had && locked, !had && !selected:
		return nil
	case !selected && !old.ended() && !old.Withdrawn:
		return withdraw(m.w, run.ID, old, m.now)
	case !selected:
		return nil
	}
	inventory, known, err := loadInventory(m.w, asset.ID)
	if err != nil {
		return err
	}
	o := orderRecord{Asset: asset.ID}
	if !known {
		o.Waiting = true
		return m.put(run.ID, o)
	}
	start, trouble, err := m.c.onAsset(m.w, run.Definition, schedule.Occurrence{Local: run.Local, Start: run.Start}, asset.ID)
	if err != nil {
		return err
	}
	if m.probed == nil {
		if m.probed, err = unreachable(m.w); err != nil {
			return err
		}
	}
	plan := run.Definition.Plan(job.PlanInput{
		Snapshot: m.snap, Asset: asset.ID, Inventory: inventory, Occurrence: start, Unreachable: m.probed, Policy: m.c.config.Policy, Now: m.now,
	})
	cut := 0
	if plan.Order, cut, err = fit(plan.Order); err != nil {
		return err
	}
	o.Dropped = plan.Dropped + cut
	if err := saveLeftOut(m.w, run.ID, asset.ID, plan.LeftOut); err != nil {
		return err
	}
	handed := false
	if had {
		if handed, err = handedOut(m.w, old); err != nil {
			return err
		}
		handed = handed && !old.ended() // also when withdrawn: the asset has not told that it dropped it
	}
	if err := plan.Order.Validate(); err != nil && trouble == "" {
		trouble = err.Error()
	}
	if plan.Empty() || trouble != "" {
		o.Result, o.Text = job.NotApplicable, "Nothing of the job applies to this asset."
		if trouble != "" {
			o.Result, o.Text = job.Failed, problem.Clip(trouble, MaxText)
		}
		if handed {
			return withdraw(m.w, run.ID, old, m.now) // the asset will tell
		}
		o.Ended, o.Local = m.now, true
		if err := unqueue(m.w, run.ID, asset.ID); err != nil {
			return err
		}
		if err := save(m.w, tableOrders, k, o); err != nil || !o.succeeded() {
			return err
		}
		return m.passed(run.ID, asset.ID)
	}
	if err := m.saveContent(run.ID, asset.ID, plan.Order); err != nil {
		return err
	}
	revision, err := bump(m.w, asset.ID)
	if err != nil {
		return err
	}
	o.Since = revision.Wanted
	if handed {
		o.Since, o.Again = old.Since, old.Withdrawn || old.Again // the asset may hold it as it was
	}
	return m.put(run.ID, o)
}

func (m *maker) put(run job.RunID, o orderRecord) error {
	if err := mark(m.w, tableLive, string(run), string(o.Asset)); err != nil {
		return err
	}
	if err := mark(m.w, tableQueue, string(o.Asset), string(run)); err != nil {
		return err
	}
	if err := unmark(m.w, tableGone, string(o.Asset), string(run)); err != nil {
		return err
	}
	return saveOrder(m.w, run, o)
}

func (m *maker) saveContent(run job.RunID, asset job.AssetID, order job.Order) error {
	content := contentRecord{Order: order, Patches: make([]patchRef, 0, len(order.Patches))}
	content.Order.Patches = nil
	for _, p := range order.Patches {
		data, err := json.Marshal(p)
		if err != nil {
			return fmt.Errorf("patch %s: %w", p.Patch, err)
		}
		sum := sha256.Sum256(data)
		body := hex.EncodeToString(sum[:])
		if !m.bodies[body] {
			m.bodies[body] = true
			if err := m.w.Put(tableBodies, key(body), data); err != nil {
				return err
			}
		}
		if held := key(string(run), string(p.Patch)); !m.patches[held] {
			m.patches[held] = true
			if err := m.w.Put(tableRunPatches, held, nil); err != nil {
				return err
			}
		}
		content.Patches = append(content.Patches, patchRef{p.Patch, body})
	}
	return save(m.w, tableContents, key(string(run), string(asset)), content)
}

// loadContent puts a frozen order together again.
func loadContent(r Reader, run job.RunID, asset job.AssetID) (job.Order, error) {
	content, found, err := load[contentRecord](r, tableContents, key(string(run), string(asset)))
	if err != nil {
		return job.Order{}, err
	}
	if !found {
		return job.Order{}, fmt.Errorf("order %s has no content", job.MakeOrderID(run, asset))
	}
	order := content.Order
	for _, ref := range content.Patches {
		patch, found, err := load[job.OrderPatch](r, tableBodies, key(ref.Body))
		if err != nil {
			return order, err
		}
		if !found {
			return order, fmt.Errorf("order %s: patch %s is missing", order.ID, ref.Patch)
		}
		order.Patches = append(order.Patches, patch)
	}
	return order, nil
}

func saveOrder(w Writer, run job.RunID, o orderRecord) error {
	return save(w, tableOrders, key(string(run), string(o.Asset)), o)
}

// eachOrder visits every order of a run by asset.
func eachOrder(r Reader, run job.RunID, from string, visit func(orderRecord) (bool, error)) error {
	return each(r, tableOrders, key(string(run)), from, func(rec Record) (bool, error) {
		o, err := decode[orderRecord](tableOrders, rec)
		if err != nil {
			return false, err
		}
		return visit(o)
	})
}

// eachQueued visits the live orders of an asset by run.
func eachQueued(r Reader, asset job.AssetID, visit func(job.RunID, orderRecord) error) error {
	return eachOf(r, tableQueue, asset, visit)
}

// eachOf visits the orders of an asset that a table lists, by run. They are listed first, so that visit may change them.
func eachOf(r Reader, table Table, asset job.AssetID, visit func(job.RunID, orderRecord) error) error {
	var runs []job.RunID
	err := each(r, table, key(string(asset)), "", func(rec Record) (bool, error) {
		run, err := last(rec.Key)
		runs = append(runs, job.RunID(run))
		return true, err
	})
	if err != nil {
		return err
	}
	for _, run := range runs {
		o, found, err := load[orderRecord](r, tableOrders, key(string(run), string(asset)))
		if err == nil && !found {
			err = fmt.Errorf("it is in table %s and has no record", table)
		}
		if err == nil {
			err = visit(run, o)
		}
		if err != nil {
			return fmt.Errorf("order %s: %w", job.MakeOrderID(run, asset), err)
		}
	}
	return nil
}

// drop is a patch that must leave a run's orders, with the reason.
type drop struct {
	Patch catalog.PatchID `json:"patch"`
	Rule  string          `json:"rule"`
	Text  string          `json:"text"`
}

// trim takes patches out of an order that has not begun (CAT-6, CAT-9). With nothing left to do it is withdrawn.
func (m *maker) trim(run job.RunID, o orderRecord, drops []drop) error {
	if o.begun() || o.Waiting || o.Withdrawn || o.Cancelled {
		return nil
	}
	order, err := loadContent(m.w, run, o.Asset)
	if err != nil {
		return err
	}
	var left []job.PatchOutcome
	kept := slices.DeleteFunc(slices.Clone(order.Patches), func(p job.OrderPatch) bool {
		i := slices.IndexFunc(drops, func(d drop) bool { return d.Patch == p.Patch })
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
	outcomes, _, err := load[outcomesRecord](m.w, tableOutcomes, key(string(run), string(o.Asset)))
	if err != nil {
		return err
	}
	if err := saveLeftOut(m.w, run, o.Asset, append(outcomes.LeftOut, left...)); err != nil {
		return err
	}
	order.Patches = kept
	if (job.Plan{Order: order}).Empty() {
		return withdraw(m.w, run, o, m.now)
	}
	if err := m.saveContent(run, o.Asset, order); err != nil {
		return err
	}
	_, err = bump(m.w, o.Asset)
	return err
}
