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
	return collect(ctx, c.store, limit, func(r Reader, add func(GivenUp) bool) error {
		rec, err := loadJob(r, id)
		if err != nil {
			return err
		}
		var asset job.AssetID
		for row, err := range rows(r, tableTried, key(string(id)), 4) {
			if err != nil {
				return err
			}
			if job.AssetID(row.parts[1]) == asset {
				continue
			}
			asset = job.AssetID(row.parts[1])
			failed, err := failedRuns(r, id, asset)
			if err != nil {
				return err
			}
			for _, g := range failed {
				if rec.Definition.GivesUp(g.Runs) && add(g) {
					return nil
				}
			}
		}
		return nil
	})
}

// RetryPatch makes a job try a patch again on an asset where it gave the patch
// up, or is about to: past failures no longer count. The next order includes
// the patch. The error is a *NotFoundError, also for a patch that no run of the
// job failed to install there.
func (c *Controller) RetryPatch(ctx context.Context, id job.ID, asset job.AssetID, patch catalog.PatchID, now time.Time) error {
	return c.update(ctx, now, func(t *tx) error {
		if _, err := loadJob(t, id); err != nil {
			return err
		}
		if _, err := loadAsset(t, asset); err != nil {
			return err
		}
		k := key(string(id), string(asset), string(patch))
		if none, err := empty(t, tableTried, k); err != nil {
			return err
		} else if none {
			return &NotFoundError{"failed patch", fmt.Sprintf("%s of job %s on %s", patch, id, asset)}
		}
		t.acted(PatchRetried, string(id), fmt.Sprintf("patch %s on asset %s", patch, asset))
		t.save(tableRetried, k, t.now)
		return nil
	})
}

// failedRuns counts the runs of a job in which each patch failed on an asset,
// since the asset enrolled and somebody asked to try the patch again. They are
// in the order of the patches.
func failedRuns(r Reader, id job.ID, asset job.AssetID) (list []GivenUp, err error) {
	rec, _, err := load[assetRecord](r, tableAssets, key(string(asset)))
	if err != nil {
		return nil, err
	}
	since := map[catalog.PatchID]time.Time{}
	prefix := key(string(id), string(asset))
	for row, err := range rows(r, tableRetried, prefix, 3) {
		if err == nil {
			since[catalog.PatchID(row.parts[2])], err = decode[time.Time](tableRetried, row.Record)
		}
		if err != nil {
			return nil, err
		}
	}
	for row, err := range rows(r, tableTried, prefix, 4) {
		if err != nil {
			return nil, err
		}
		at, err := decode[time.Time](tableTried, row.Record)
		if err != nil {
			return nil, err
		}
		patch := catalog.PatchID(row.parts[2])
		if at.Before(rec.Enrolled) || !at.After(since[patch]) {
			continue
		}
		e, err := loadEntry(r, job.RunID(row.parts[3]), asset)
		switch {
		case err != nil:
			return nil, err
		case e.Former != "": // of the computer before this one (MAN-10)
			continue
		case len(list) == 0 || list[len(list)-1].Patch != patch:
			list = append(list, GivenUp{Asset: asset, Patch: patch})
		}
		g := &list[len(list)-1]
		g.Runs++
		if at.After(g.Last) {
			g.Last = at
		}
	}
	return list, nil
}

// failedOn is what a job's plan on an asset needs of that; nothing if the job
// never gives up.
func failedOn(r Reader, d job.Definition, asset job.AssetID) (map[catalog.PatchID]int, error) {
	if d.GiveUp == 0 {
		return nil, nil
	}
	list, err := failedRuns(r, d.ID, asset)
	failed := make(map[catalog.PatchID]int, len(list))
	for _, g := range list {
		failed[g.Patch] = g.Runs
	}
	return failed, err
}
