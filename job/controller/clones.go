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
	return collect(ctx, c, limit, func(r *reader, add func(AssetStatus) bool) {
		for row := range r.rows(tableCloned, "", 1) {
			if add(r.assetStatus(r.asset(job.AssetID(row.parts[0])), now)) {
				return
			}
		}
	})
}

// SettleClone declares that one computer alone is the asset again, so its
// orders are handed out (MAN-9). If the other one still calls, the asset is
// soon listed again. The error is a *NotFoundError for an asset that is unknown
// or is not cloned.
func (c *Controller) SettleClone(ctx context.Context, id job.AssetID, now time.Time) error {
	return c.update(ctx, now, func(t *tx) {
		rec, got := t.asset(id), t.call(id, "")
		if got.seen.Caller.Cloned.IsZero() {
			t.fail(&NotFoundError{"cloned asset", string(id)})
			return
		}
		pending := t.doubt(id, got.seen, ledger.StateLost{})
		t.listReboot(id, got.seen.Reboot, pending)
		got.seen.Reboot, got.seen.Caller = pending, got.seen.Caller.Settled()
		t.save(tableSeen, key(string(id)), got.seen)
		t.cloned(id, &got, false)
		t.acted(CloneSettled, string(id), "")
		t.planAgain(rec.Asset)
	})
}

// cloned lists an asset as cloned, or takes it off the list. Its manifest
// changes with that. The orders that it has not begun wait meanwhile.
func (t *tx) cloned(id job.AssetID, got *call, is bool) {
	k := key(string(id))
	t.saveRevisions(id, t.revisions(id).Revise(false))
	if !is {
		t.replan = true
		t.delete(tableCloned, k)
		return
	}
	got.reports.anomaly(Anomaly{At: t.now, Rule: "MAN-9", Text: cloneOf(id, got.seen.Caller).Text})
	t.put(tableCloned, k, nil)
	var runs []job.RunID
	for _, q := range t.queue(id) {
		if !q.Waiting {
			runs = append(runs, q.run)
		}
	}
	t.stepEach(id, runs, ledger.Awaited{})
}

// isCloned reports whether an asset is listed as cloned.
func (r *reader) isCloned(id job.AssetID) bool { return r.get(tableCloned, key(string(id))) != nil }
