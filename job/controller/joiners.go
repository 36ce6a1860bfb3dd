package controller

import (
	"cmp"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// joinable reports whether an asset that enrols or is tagged now could still take part in a run whose orders were made before
// (JOB-26).
func (run runRecord) joinable(now time.Time) bool {
	made := run.State == ledger.RunMaking || run.State == ledger.RunMade
	return made && run.Definition.LateJoiners && run.joinsUntil(now, latestStart(run))
}

// joinsUntil reports whether that is so where the run starts at an instant.
func (run runRecord) joinsUntil(now, start time.Time) bool {
	return now.Before(start.Add(cmp.Or(run.Definition.Window, job.JoinTime)))
}

// join makes the orders of an asset that enrolled or was tagged now, in the newest run of each job that takes late joiners (JOB-26).
func (t *tx) join(asset job.Asset) error {
	jobs, err := names[job.ID](t, tableJoins, "")
	if err != nil {
		return err
	}
	for _, id := range jobs {
		rec, err := loadJob(t, id)
		if err != nil {
			return err
		}
		run, found, err := lastRun(t, rec)
		if err == nil && found && run.joinable(t.now) && run.Definition.Select(asset) {
			err = t.joinRun(run, asset)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// joinRun makes the order of an asset that has none in a run, unless it is too late where the asset is. Until the asset has
// reported its zone, that is not known.
func (t *tx) joinRun(run runRecord, asset job.Asset) error {
	e, err := loadEntry(t, run.ID, asset.ID)
	if err != nil || e.Phase == ledger.Waiting || e.Phase == ledger.Open {
		return err
	}
	o, unknown, err := t.c.onAsset(t, run.Definition, schedule.Occurrence{Local: run.Local, Start: run.Start}, asset.ID)
	if err != nil || unknown == "" && !run.joinsUntil(t.now, o.Start) {
		return err
	}
	return t.make(run, asset)
}
