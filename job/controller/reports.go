package controller

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"hash/fnv"
	"strconv"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

// FailedInstalls is the number of patch installs that failed, over the whole
// account (RPT-1): every patch that an asset reported as failed, once per
// order. A patch that a cancel kept from being tried does not count.
func (c *Controller) FailedInstalls(ctx context.Context) (int, error) {
	return view(ctx, c.store, func(r Reader) (int, error) { return sum(r, failedInstalls) })
}

// FailureFilter says which failures are listed. A zero field does not filter.
type FailureFilter struct {
	From  time.Time       // at or after
	To    time.Time       // before
	Asset job.AssetID     //
	Patch catalog.PatchID //
	Code  job.Code        //
	Limit int             // 1 to MaxPage
	Page  string          // where the last page ended: FailurePage.Next; empty: at the newest
}

// FailurePage is a page of failures, newest first.
type FailurePage struct {
	Failures []ledger.Failure `json:"failures"`
	Next     string           `json:"next,omitempty"` // FailureFilter.Page of the next page; empty: this is the last
}

// ErrBadPage is returned for a FailureFilter.Page that no FailurePage named.
var ErrBadPage = errors.New("no such page; begin again without one")

// Failures lists failed installs (RPT-2). Dates bound what is read; the other
// filters are compared one by one.
func (c *Controller) Failures(ctx context.Context, f FailureFilter) (page FailurePage, err error) {
	if err := bound("page", f.Limit, MaxPage); err != nil {
		return page, err
	}
	from := ""
	if !f.To.IsZero() {
		from = after(key(fallingTime(f.To))) // strictly before To
	}
	if f.Page != "" {
		last, err := base64.RawURLEncoding.DecodeString(f.Page)
		if p, _ := parts(string(last)); err != nil || len(p) != 4 || len(last) >= MaxKey {
			return page, ErrBadPage
		}
		from = max(from, string(last)+"\x00")
	}
	oldest := ""
	if !f.From.IsZero() {
		oldest = after(key(fallingTime(f.From)))
	}
	return view(ctx, c.store, func(r Reader) (FailurePage, error) {
		page, end := FailurePage{Failures: []ledger.Failure{}}, ""
		for rec, err := range records(r, tableFailures, "", from) {
			if err != nil {
				return page, err
			}
			if oldest != "" && rec.Key >= oldest {
				break
			}
			x, err := decode[ledger.Failure](tableFailures, rec)
			if err != nil {
				return page, err
			}
			if f.Asset != "" && x.Asset != f.Asset || f.Patch != "" && x.Patch != f.Patch || f.Code != 0 && x.Code != f.Code {
				continue
			}
			if len(page.Failures) == f.Limit {
				page.Next = base64.RawURLEncoding.EncodeToString([]byte(end))
				break
			}
			page.Failures, end = append(page.Failures, x), rec.Key
		}
		return page, nil
	})
}

// Missing lists what is missing on an asset by its last inventory, deployable
// or not, with the reasons (RPT-3). The error is a *NotFoundError for an
// unknown asset or one whose inventory is not known yet.
func (c *Controller) Missing(ctx context.Context, id job.AssetID, now time.Time) ([]catalog.Verdict, error) {
	return view(ctx, c.store, func(r Reader) ([]catalog.Verdict, error) {
		_, inventory, err := knownAsset(r, id)
		if err != nil {
			return nil, err
		}
		probed, err := unreachable(r)
		if err != nil {
			return nil, err
		}
		snap, err := c.snapshot(r)
		if err != nil {
			return nil, err
		}
		return snap.Missing(inventory, catalog.Options{Unreachable: probed}, now), nil
	})
}

// Open is an order whose outcome is not known yet.
type Open struct {
	Run   job.RunID   `json:"run,omitempty"` // empty: the asset needs a reboot that no order waits for
	Asset job.AssetID `json:"asset"`
	Since time.Time   `json:"since,omitzero"` // when the reboot was first needed or asked for; zero for a cancel
}

// PendingReboots lists who needs a reboot, for which run and since when (RPT-3),
// by asset and run, limit at most (1 to MaxPage). An entry without a run is a reboot
// that the system itself asks for, or that an agent had reported before its
// state was lost (RBT-11).
func (c *Controller) PendingReboots(ctx context.Context, limit int) ([]Open, error) {
	return c.open(ctx, tableReboots, limit, func(r Reader, p []string) (Open, error) {
		o := Open{Run: job.RunID(p[1]), Asset: job.AssetID(p[0])}
		if o.Run == "" {
			seen, _, err := load[seenRecord](r, tableSeen, key(string(o.Asset)))
			o.Since = seen.Reboot.Since
			return o, err
		}
		e, err := loadEntry(r, o.Run, o.Asset)
		o.Since = e.Began
		return o, err
	})
}

// PendingCancels lists the cancels whose outcome is not known yet (RPT-3), by
// run and asset, limit at most (1 to MaxPage).
func (c *Controller) PendingCancels(ctx context.Context, limit int) ([]Open, error) {
	return c.open(ctx, tableCancels, limit, func(_ Reader, p []string) (Open, error) {
		return Open{Run: job.RunID(p[0]), Asset: job.AssetID(p[1])}, nil
	})
}

func (c *Controller) open(ctx context.Context, table Table, limit int, of func(Reader, []string) (Open, error)) ([]Open, error) {
	return collect(ctx, c.store, limit, func(r Reader, add func(Open) bool) error {
		var alone *Open // a reboot that no order of the asset is known to wait for
		for row, err := range rows(r, table, "", 2) {
			if err != nil {
				return err
			}
			o, err := of(r, row.parts)
			if err != nil {
				return err
			}
			if alone != nil && alone.Asset != o.Asset && add(*alone) {
				return nil
			}
			alone = nil
			if o.Run == "" {
				alone = &o
			} else if add(o) {
				return nil
			}
		}
		if alone != nil {
			add(*alone)
		}
		return nil
	})
}

// Silent lists the assets that have not called for Config.SilentAfter (RPT-3,
// MAN-3), by id, limit at most (1 to MaxPage).
func (c *Controller) Silent(ctx context.Context, limit int, now time.Time) ([]AssetStatus, error) {
	return collect(ctx, c.store, limit, func(r Reader, add func(AssetStatus) bool) error {
		for rec, err := range values[assetRecord](r, tableAssets, "", "") {
			if err != nil {
				return err
			}
			status, err := c.assetStatus(r, rec, now)
			if err != nil || status.Silent && add(status) {
				return err
			}
		}
		return nil
	})
}

// StuckOrder is an execution whose stage has lasted longer than its job
// expects.
type StuckOrder struct {
	Run   job.RunID     `json:"run"`
	Asset job.AssetID   `json:"asset"`
	Stage job.Stage     `json:"stage"`
	Since time.Time     `json:"since"` // by the asset's corrected clock
	After time.Duration `json:"after"` // how long the job expects a stage to take
}

// Stuck lists the executions whose stage has lasted longer than their job's
// StuckAfter, by run and asset, limit at most (1 to MaxPage). Waiting for a
// user or an inventory is not stuck (JOB-25, RPT-3).
func (c *Controller) Stuck(ctx context.Context, limit int, now time.Time) ([]StuckOrder, error) {
	return collect(ctx, c.store, limit, func(r Reader, add func(StuckOrder) bool) error {
		var of runRecord // the rows of a run are together
		for row, err := range rows(r, tableWorking, "", 2) {
			if err != nil {
				return err
			}
			stage, err := decode[ledger.StageSince](tableWorking, row.Record)
			if err != nil {
				return err
			}
			if run := job.RunID(row.parts[0]); of.ID != run {
				if of, err = loadRun(r, run); err != nil {
					return err
				}
			}
			after := cmp.Or(of.Definition.StuckAfter, job.DefaultStuckAfter)
			if now.Sub(stage.Since) > after &&
				add(StuckOrder{Run: of.ID, Asset: job.AssetID(row.parts[1]), Stage: stage.Stage, Since: stage.Since, After: after}) {
				return nil
			}
		}
		return nil
	})
}

// shards spreads a counter over rows, so that the reports of two assets seldom
// wait for each other.
const shards = 16

func (t *tx) add(counter string, asset job.AssetID, delta int) error {
	if delta == 0 {
		return nil
	}
	h := fnv.New32a()
	h.Write([]byte(asset))
	k := key(counter, strconv.Itoa(int(h.Sum32()%shards)))
	n, _, err := load[int](t, tableCounters, k)
	if err != nil {
		return err
	}
	t.save(tableCounters, k, n+delta)
	return nil
}

func sum(r Reader, counter string) (total int, err error) {
	for n, err := range values[int](r, tableCounters, key(counter), "") {
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}
