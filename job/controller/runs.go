package controller

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/enum"
	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// RunState is where a run stands.
type RunState uint8

// The states of a run.
const (
	Planned      RunState = 1 + iota // waits for its start less the lead (MAN-1)
	Making                           // its orders are being made, or made again after its job changed
	Made                             // every order is made; what became of each, its asset tells
	RunCancelled                     // by CancelJob or CancelRun (JOB-3)
	RunWithdrawn                     // its job was disabled or deleted, or got another start (JOB-5)
	Missed                           // never made: a newer run of the job came due before any server took it up (JOB-12)
)

var runStates = enum.Of[RunState]("run state", "planned", "making", "made", "cancelled", "withdrawn", "missed")

// RunStates lists the states.
func RunStates() []RunState { return runStates.All() }

// ParseRunState finds a state by its name. The error lists the names there are.
func ParseRunState(name string) (RunState, error) { return runStates.Parse(name) }

// over reports whether nothing of the run is made any more.
func (s RunState) over() bool { return s == RunCancelled || s == RunWithdrawn || s == Missed }

// String returns the state's name.
func (s RunState) String() string { return runStates.String(s) }

// MarshalText returns the state's name.
func (s RunState) MarshalText() ([]byte, error) { return runStates.MarshalText(s) }

// UnmarshalText sets the state to the one called text.
func (s *RunState) UnmarshalText(text []byte) error { return runStates.UnmarshalText(text, s) }

// runRecord is one occurrence of a job.
type runRecord struct {
	ID         job.RunID          `json:"id"`
	Start      time.Time          `json:"start"`           // where each asset goes by its own zone: the earliest anywhere
	Local      schedule.LocalTime `json:"local,omitempty"` // the date and time that the schedule names; zero: it names an instant
	State      RunState           `json:"state"`
	Definition job.Definition     `json:"definition"` // as of its last revision while it could still change
	Made       time.Time          `json:"made,omitzero"`
	Behind     job.RunID          `json:"behind,omitempty"` // follows this run asset by asset (JOB-19)
	Make       *makePass          `json:"make,omitempty"`   // in progress
	Trim       *trimPass          `json:"trim,omitempty"`   // in progress, or to follow Make
}

// makePass makes the orders of a run, batch assets a transaction. The cursor moves in the transaction that makes the
// orders, so a pass that is cut off anywhere goes on where it was: every order is made once.
type makePass struct {
	Cursor job.AssetID `json:"cursor,omitempty"` // assets up to this one are done
	Live   bool        `json:"live,omitempty"`   // only the orders that still wait: the run's start is past
}

// trimPass takes patches out of the orders of a run in the same way.
type trimPass struct {
	Cursor job.AssetID `json:"cursor,omitempty"`
	Drop   []drop      `json:"drop"`
}

// Tick makes the orders of every run whose start is at most the lead away (MAN-1), and carries on with passes that were
// cut off. It may be called at any time and by several servers; each run is made once. Next is when it should be called
// again for a run that is planned; zero: none is. Whoever changes jobs in between may change that.
func (c *Controller) Tick(ctx context.Context, now time.Time) (next time.Time, err error) {
	now = instant(now)
	for {
		more := false
		err := c.store.Update(ctx, func(w Writer) error {
			var err error
			more, err = c.step(w, now)
			return err
		})
		if err != nil {
			return time.Time{}, fmt.Errorf("tick: %w", err)
		}
		if !more {
			break
		}
	}
	err = c.store.View(ctx, func(r Reader) error {
		next = time.Time{}
		records, err := r.Scan(tableDue, "", "", 1)
		if err != nil || len(records) == 0 {
			return err
		}
		p, err := parts(records[0].Key)
		if err == nil && len(p) == 2 {
			next, err = parseRising(p[0])
		}
		return err
	})
	return next, err
}

// step does one bounded piece of what is due, and says whether there was any.
func (c *Controller) step(w Writer, now time.Time) (more bool, err error) {
	due, err := w.Scan(tableDue, "", after(key(risingTime(now))), 1)
	if err != nil {
		return false, err
	}
	if len(due) > 0 {
		id, err := last(due[0].Key)
		if err != nil {
			return false, err
		}
		run, _, err := loadRun(w, job.RunID(id))
		if err != nil {
			return false, err
		}
		if err := w.Delete(tableDue, due[0].Key); err != nil {
			return false, err
		}
		if run.State != Planned { // left by a server with another lead: what was stopped stays so
			return true, nil
		}
		if missed, err := c.renew(w, run, now); err != nil {
			return false, err
		} else if missed {
			run.State = Missed
			return true, saveRun(w, run)
		}
		run.State, run.Make = Making, &makePass{}
		if err := mark(w, tableWork, id); err != nil {
			return false, err
		}
		return true, saveRun(w, run)
	}
	work, err := w.Scan(tableWork, "", "", 1)
	if err != nil {
		return false, err
	}
	if len(work) == 0 {
		shares, err := w.Scan(tableShares, "", "", 1)
		if err != nil || len(shares) == 0 {
			return false, err
		}
		id, err := last(shares[0].Key)
		if err != nil {
			return false, err
		}
		return true, c.share(w, job.RunID(id), now)
	}
	id, err := last(work[0].Key)
	if err != nil {
		return false, err
	}
	run, _, err := loadRun(w, job.RunID(id))
	if err != nil {
		return false, err
	}
	return true, c.pass(w, run, now)
}

// pass does one batch of a run's pass.
func (c *Controller) pass(w Writer, run runRecord, now time.Time) error {
	m, err := c.maker(w, now)
	if err != nil {
		return err
	}
	switch {
	case run.Make != nil:
		done, err := m.makeBatch(&run)
		if err != nil {
			return err
		}
		if done {
			run.State, run.Made, run.Make = Made, now, nil
		}
	case run.Trim != nil:
		done, err := m.trimBatch(&run)
		if err != nil {
			return err
		}
		if done {
			for _, d := range run.Trim.Drop {
				if err := w.Put(tableRunPatches, key(string(run.ID), string(d.Patch)), trimmed); err != nil {
					return err
				}
			}
			run.Trim = nil
		}
	}
	if run.Make == nil && run.Trim == nil {
		if err := unmark(w, tableWork, string(run.ID)); err != nil {
			return err
		}
	}
	return saveRun(w, run)
}

func (m *maker) makeBatch(run *runRecord) (done bool, err error) {
	assets, err := m.next(run)
	if err != nil {
		return false, err
	}
	for _, asset := range assets {
		run.Make.Cursor = asset.ID
		if run.Behind != "" { // who is not there yet has not passed the run before
			had, err := m.w.Get(tableOrders, key(string(run.ID), string(asset.ID)))
			if err != nil {
				return false, err
			}
			if had == nil {
				continue
			}
		}
		if err := m.make(*run, asset); err != nil {
			return false, fmt.Errorf("run %s, asset %s: %w", run.ID, asset.ID, err)
		}
	}
	return len(assets) < batch, nil
}

// next lists the assets of the next batch of a pass.
func (m *maker) next(run *runRecord) (assets []job.Asset, err error) {
	if !run.Make.Live {
		err = eachAsset(m.w, run.Make.Cursor, func(rec assetRecord) (bool, error) {
			assets = append(assets, rec.Asset)
			return len(assets) < batch, nil
		})
		return assets, err
	}
	prefix, from := key(string(run.ID)), ""
	if run.Make.Cursor != "" {
		from = after(key(string(run.ID), string(run.Make.Cursor)))
	}
	err = each(m.w, tableLive, prefix, from, func(rec Record) (bool, error) {
		id, err := last(rec.Key)
		if err != nil {
			return false, err
		}
		if asset, found, err := load[assetRecord](m.w, tableAssets, key(id)); err != nil || found {
			assets = append(assets, asset.Asset)
			return len(assets) < batch, err
		}
		return true, nil
	})
	return assets, err
}

func (m *maker) trimBatch(run *runRecord) (done bool, err error) {
	from := ""
	if run.Trim.Cursor != "" {
		from = after(key(string(run.ID), string(run.Trim.Cursor)))
	}
	var orders []orderRecord
	err = eachOrder(m.w, run.ID, from, func(o orderRecord) (bool, error) {
		orders = append(orders, o)
		return len(orders) < batch, nil
	})
	if err != nil {
		return false, err
	}
	for _, o := range orders {
		if err := m.trim(run.ID, o, run.Trim.Drop); err != nil {
			return false, fmt.Errorf("run %s, asset %s: %w", run.ID, o.Asset, err)
		}
		run.Trim.Cursor = o.Asset
	}
	return len(orders) < batch, nil
}

// planRun notes the run of an occurrence.
func (c *Controller) planRun(w Writer, d job.Definition, o schedule.Occurrence) (job.RunID, error) {
	run := runRecord{ID: d.Run(o), Start: o.Start, Local: o.Local, State: Planned, Definition: d}
	if err := w.Put(tableDue, c.dueKey(run), nil); err != nil {
		return "", err
	}
	return run.ID, saveRun(w, run)
}

func (c *Controller) dueKey(run runRecord) string {
	return key(risingTime(run.Start.Add(-c.config.Lead)), string(run.ID))
}

// stop ends what is planned or in progress of a run. Its orders are the caller's to deal with.
func (c *Controller) stop(w Writer, run *runRecord, state RunState) error {
	if run.State == Planned {
		if err := w.Delete(tableDue, c.dueKey(*run)); err != nil {
			return err
		}
	}
	if err := unmark(w, tableWork, string(run.ID)); err != nil {
		return err
	}
	run.State, run.Make, run.Trim = state, nil, nil
	return saveRun(w, *run)
}

// withdrawRun withdraws every order of a run that has not begun (JOB-5).
func (c *Controller) withdrawRun(w Writer, run runRecord, now time.Time) error {
	if run.State.over() {
		return nil
	}
	if err := c.stop(w, &run, RunWithdrawn); err != nil {
		return err
	}
	var open []orderRecord
	err := eachOrder(w, run.ID, "", func(o orderRecord) (bool, error) {
		if !o.begun() && !o.Withdrawn && !o.Cancelled {
			open = append(open, o)
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	for _, o := range open {
		if err := withdraw(w, run.ID, o, now); err != nil {
			return err
		}
	}
	return nil
}

// settled says whether nothing of a run is open any more.
func settled(r Reader, run runRecord) (bool, error) {
	if run.State == Planned || run.Make != nil || run.Trim != nil {
		return false, nil
	}
	none, err := empty(r, tableLive, key(string(run.ID)))
	if err != nil || !none || run.Behind == "" {
		return none, err
	}
	before, _, err := loadRun(r, run.Behind) // as long as that goes on, assets may follow
	if err != nil {
		return false, err
	}
	return settled(r, before)
}

func runKey(id job.RunID) (string, error) {
	owner := string(id.Job())
	if len(id) > 2*job.MaxID || job.ValidID(owner) != nil {
		return "", &NotFoundError{"run", problem.Clip(string(id), 2*job.MaxID)}
	}
	return key(owner, string(id)), nil
}

// loadRun returns a run; the error is a *NotFoundError for an unknown one.
func loadRun(r Reader, id job.RunID) (run runRecord, k string, err error) {
	if k, err = runKey(id); err != nil {
		return run, k, err
	}
	run, found, err := load[runRecord](r, tableRuns, k)
	if err == nil && !found {
		err = &NotFoundError{"run", string(id)}
	}
	return run, k, err
}

func saveRun(w Writer, run runRecord) error {
	k, err := runKey(run.ID)
	if err != nil {
		return errors.New("a run is stored under a name that is none: " + string(run.ID))
	}
	return save(w, tableRuns, k, run)
}
