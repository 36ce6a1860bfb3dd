package controller

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

// triedRecord is a patch that failed in a run of a job.
type triedRecord struct {
	Patch catalog.PatchID `json:"patch"`
	At    time.Time       `json:"at"`
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
		for row := range r.rows(tableTried, key(string(id)), 3) {
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
		if !slices.ContainsFunc(t.tried(id, asset), func(f ledger.Failure) bool { return f.Patch == patch }) {
			t.fail(&NotFoundError{"failed patch", fmt.Sprintf("%s of job %s on %s", patch, id, asset)})
		}
		t.acted(PatchRetried, string(id), fmt.Sprintf("patch %s on asset %s", patch, asset))
		t.save(tableRetried, key(string(id), string(asset), string(patch)), t.now)
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
	for _, f := range r.tried(id, asset) {
		if f.At.Before(rec.Enrolled) || !f.At.After(since[f.Patch]) || r.entry(f.Run, asset).Former != "" { // of the computer before this one (MAN-10)
			continue
		}
		if len(list) == 0 || list[len(list)-1].Patch != f.Patch {
			list = append(list, GivenUp{Asset: asset, Patch: f.Patch})
		}
		g := &list[len(list)-1]
		g.Runs++
		if f.At.After(g.Last) {
			g.Last = f.At
		}
	}
	return list
}

// tried lists which patches failed in runs of a job on an asset, by patch.
func (r *reader) tried(id job.ID, asset job.AssetID) (list []ledger.Failure) {
	for row := range r.rows(tableTried, key(string(id), string(asset)), 3) {
		for _, f := range decode[[]triedRecord](r, tableTried, row.Record) {
			list = append(list, ledger.Failure{Patch: f.Patch, At: f.At, Run: job.RunID(row.parts[2])})
		}
	}
	return sorted(list)
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
