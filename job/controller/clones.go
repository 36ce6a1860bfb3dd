package controller

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

// Clone says that two computers call under one identity. Neither gets anything
// to start (MAN-9).
type Clone struct {
	Since time.Time `json:"since"`
	Boots []string  `json:"boots"` // the boot identities of the last calls, in their order
	Text  string    `json:"text"`  // what was seen, and what to do
}

func cloneOf(id job.AssetID, c ledger.Caller) *Clone {
	if c.Cloned.IsZero() {
		return nil
	}
	return &Clone{Since: c.Cloned, Boots: slices.Clone(c.Boots), Text: fmt.Sprintf(
		"Two computers call as asset %s: their boot identities alternate (%s). Neither computer starts anything. "+
			"Enrol the copy again on that computer: agent enrol --again. This ends when one of them alone has called for %v, or when you settle it (MAN-9).",
		id, strings.Join(c.Boots, ", "), ledger.CloneEnds)}
}

// Cloned lists the assets that two computers call as (RPT-3, MAN-9), by id,
// limit at most (1 to MaxPage).
func (c *Controller) Cloned(ctx context.Context, limit int, now time.Time) ([]AssetStatus, error) {
	return collect(ctx, c.store, limit, func(r Reader, add func(AssetStatus) bool) error {
		for row, err := range rows(r, tableCloned, "", 1) {
			if err != nil {
				return err
			}
			rec, err := loadAsset(r, job.AssetID(row.parts[0]))
			if err != nil {
				return err
			}
			status, err := c.assetStatus(r, rec, now)
			if err != nil || add(status) {
				return err
			}
		}
		return nil
	})
}

// SettleClone declares that one computer alone is the asset again, so its
// orders are handed out (MAN-9). If the other one still calls, the asset is
// soon listed again. The error is a *NotFoundError for an asset that is unknown
// or is not cloned.
func (c *Controller) SettleClone(ctx context.Context, id job.AssetID, now time.Time) error {
	return c.update(ctx, now, func(t *tx) error {
		rec, err := loadAsset(t, id)
		if err != nil {
			return err
		}
		got, err := loadCall(t, id, "")
		if err != nil {
			return err
		}
		if got.seen.Caller.Cloned.IsZero() {
			return &NotFoundError{"cloned asset", string(id)}
		}
		pending, err := t.doubt(id, got.seen, ledger.StateLost{})
		if err != nil {
			return err
		}
		t.listReboot(id, got.seen.Reboot, pending)
		got.seen.Reboot, got.seen.Caller = pending, got.seen.Caller.Settled()
		t.save(tableSeen, key(string(id)), got.seen)
		if err := t.cloned(id, &got, false); err != nil {
			return err
		}
		t.acted(CloneSettled, string(id), "")
		return t.planAgain(rec.Asset)
	})
}

// cloned lists an asset as cloned, or takes it off the list. Its manifest
// changes with that. The orders that it has not begun wait meanwhile.
func (t *tx) cloned(id job.AssetID, got *call, is bool) error {
	k := key(string(id))
	rev, err := loadRevisions(t, id)
	if err == nil {
		err = t.saveRevisions(id, rev.Revise(false))
	}
	if err != nil {
		return err
	}
	if !is {
		t.replan = true
		t.Delete(tableCloned, k)
		return nil
	}
	got.reports.anomaly(Anomaly{At: t.now, Text: cloneOf(id, got.seen.Caller).Text})
	t.Put(tableCloned, k, nil)
	rows, err := queue(t, id)
	if err != nil {
		return err
	}
	var runs []job.RunID
	for _, q := range rows {
		if !q.Waiting {
			runs = append(runs, q.run)
		}
	}
	return t.stepEach(id, runs, ledger.Awaited{})
}

// isCloned reports whether an asset is listed as cloned.
func (t *tx) isCloned(id job.AssetID) (bool, error) {
	row, err := t.Get(tableCloned, key(string(id)))
	return row != nil, err
}
