package controller

import (
	"context"
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

// triedKey is where a failed install is listed by what a job may give up
// (JOB-27).
func triedKey(f ledger.Failure) string {
	return key(string(f.Job), string(f.Asset), string(f.Patch), string(f.Run))
}

// GivenUp is a patch that a job leaves out on an asset (JOB-27).
type GivenUp struct {
	Asset job.AssetID     `json:"asset"`
	Patch catalog.PatchID `json:"patch"`
	Runs  int             `json:"runs"` // in which it failed
	Last  time.Time       `json:"last"` // of the failures
}

// GivenUp lists what a job has given up, by asset and patch, limit at most (1
// to MaxPage). The error is a *NotFoundError.
func (c *Controller) GivenUp(ctx context.Context, id job.ID, limit int) ([]GivenUp, error) {
	return collect(ctx, c, limit, func(r *reader, add func(GivenUp) bool) {
		rec := r.job(id)
		var asset job.AssetID
		for row := range r.rows(tableTried, key(string(id)), 4) {
			if job.AssetID(row.parts[1]) == asset {
				continue
			}
			asset = job.AssetID(row.parts[1])
			for _, g := range r.failedRuns(id, asset) {
				if rec.Definition.GivesUp(g.Runs) && add(g) {
					return
				}
			}
		}
	})
}

// RetryPatch makes a job try a patch again on an asset where it gave the patch
// up, or is about to: past failures no longer count. The next order includes
// the patch. The error is a *NotFoundError, also for a patch that no run of the
// job failed to install there.
func (c *Controller) RetryPatch(ctx context.Context, id job.ID, asset job.AssetID, patch catalog.PatchID, now time.Time) error {
	return c.update(ctx, now, func(t *tx) {
		t.job(id)
		t.asset(asset)
		k := key(string(id), string(asset), string(patch))
		if t.empty(tableTried, k) {
			t.fail(&NotFoundError{"failed patch", fmt.Sprintf("%s of job %s on %s", patch, id, asset)})
		}
		t.acted(PatchRetried, string(id), fmt.Sprintf("patch %s on asset %s", patch, asset))
		t.save(tableRetried, k, t.now)
	})
}

// failedRuns counts the runs of a job in which each patch failed on an asset,
// since the asset enrolled and somebody asked to try the patch again. They are
// in the order of the patches.
func (r *reader) failedRuns(id job.ID, asset job.AssetID) (list []GivenUp) {
	rec, _ := r.findAsset(asset)
	since := map[catalog.PatchID]time.Time{}
	prefix := key(string(id), string(asset))
	for row := range r.rows(tableRetried, prefix, 3) {
		since[catalog.PatchID(row.parts[2])] = decode[time.Time](r, tableRetried, row.Record)
	}
	for row := range r.rows(tableTried, prefix, 4) {
		at, patch := decode[time.Time](r, tableTried, row.Record), catalog.PatchID(row.parts[2])
		if at.Before(rec.Enrolled) || !at.After(since[patch]) || r.entry(job.RunID(row.parts[3]), asset).Former != "" { // of the computer before this one (MAN-10)
			continue
		}
		if len(list) == 0 || list[len(list)-1].Patch != patch {
			list = append(list, GivenUp{Asset: asset, Patch: patch})
		}
		g := &list[len(list)-1]
		g.Runs++
		if at.After(g.Last) {
			g.Last = at
		}
	}
	return list
}

// failedOn is what a job's plan on an asset needs of that; nothing if the job
// never gives up.
func (r *reader) failedOn(d job.Definition, asset job.AssetID) map[catalog.PatchID]int {
	if d.GiveUp == 0 {
		return nil
	}
	failed := map[catalog.PatchID]int{}
	for _, g := range r.failedRuns(d.ID, asset) {
		failed[g.Patch] = g.Runs
	}
	return failed
}
