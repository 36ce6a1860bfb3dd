package controller

import (
	"context"
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

// triedKey is where a failed install is listed by what a job may give up (JOB-27).
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

// GivenUp lists what a job has given up, by asset and patch, limit at most (1 to MaxPage). The error is a *NotFoundError.
func (c *Controller) GivenUp(ctx context.Context, id job.ID, limit int) ([]GivenUp, error) {
	if err := bound("page", limit, MaxPage); err != nil {
		return nil, err
	}
	return view(ctx, c.store, func(r Reader) ([]GivenUp, error) {
		rec, err := loadJob(r, id)
		if err != nil {
			return nil, err
		}
		list := []GivenUp{}
		var asset job.AssetID
		for row, err := range records(r, tableTried, key(string(id)), "") {
			if err != nil {
				return nil, err
			}
			p, err := parts(row.Key)
			if err != nil {
				return nil, err
			}
			if len(p) != 4 || job.AssetID(p[1]) == asset {
				continue
			}
			asset = job.AssetID(p[1])
			failed, err := failedRuns(r, id, asset)
			if err != nil {
				return nil, err
			}
			for _, g := range failed {
				if !rec.Definition.GivesUp(g.Runs) {
					continue
				}
				if list = append(list, g); len(list) == limit {
					return list, nil
				}
			}
		}
		return list, nil
	})
}

// RetryPatch has a job try a patch on an asset again that it gave up, or may give up soon: what failed until now no longer counts. The
// next order has it. The error is a *NotFoundError, also for a patch that no run of the job failed to install there.
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
		return save(t, tableRetried, k, t.now)
	})
}

// failedRuns counts the runs of a job in which each patch failed on an asset, since the asset enrolled and somebody asked to try the
// patch again. They are in the order of the patches.
func failedRuns(r Reader, id job.ID, asset job.AssetID) (list []GivenUp, err error) {
	rec, _, err := load[assetRecord](r, tableAssets, key(string(asset)))
	if err != nil {
		return nil, err
	}
	since := map[catalog.PatchID]time.Time{}
	prefix := key(string(id), string(asset))
	for row, err := range records(r, tableRetried, prefix, "") {
		if err != nil {
			return nil, err
		}
		patch, err := last(row.Key)
		if err != nil {
			return nil, err
		}
		if since[catalog.PatchID(patch)], err = decode[time.Time](tableRetried, row); err != nil {
			return nil, err
		}
	}
	for row, err := range records(r, tableTried, prefix, "") {
		if err != nil {
			return nil, err
		}
		p, err := parts(row.Key)
		if err != nil {
			return nil, err
		}
		at, err := decode[time.Time](tableTried, row)
		if err != nil {
			return nil, err
		}
		if len(p) != 4 || at.Before(rec.Enrolled) || !at.After(since[catalog.PatchID(p[2])]) {
			continue
		}
		if e, err := loadEntry(r, job.RunID(p[3]), asset); err != nil || e.Former != "" { // of the computer before this one (MAN-10)
			if err != nil {
				return nil, err
			}
			continue
		}
		patch := catalog.PatchID(p[2])
		if len(list) == 0 || list[len(list)-1].Patch != patch {
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

// failedOn is what a job's plan on an asset needs of that; nothing if the job never gives up.
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
