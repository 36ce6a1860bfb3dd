package controller

import (
	"cmp"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

// joinable reports whether an asset that enrols or is tagged now could still
// take part in a run whose orders were made before (JOB-26).
func (run runRecord) joinable(now time.Time) bool {
	made := run.State == ledger.RunMaking || run.State == ledger.RunMade
	return made && run.Definition.LateJoiners && run.joinsUntil(now, run.lastStart())
}

// joinsUntil reports whether that is so where the run starts at an instant.
func (run runRecord) joinsUntil(now, start time.Time) bool {
	return now.Before(start.Add(cmp.Or(run.Definition.Window, job.JoinTime)))
}

// join makes the orders of an asset that enrolled, was tagged or reported its
// zone now, in the newest run of each job that takes late joiners (JOB-26).
// With each asset's own clock, it is the newest whose turn has come there:
// those after it have the asset anyway.
func (t *tx) join(asset job.Asset) {
	jobs, zone := names[job.ID](t.reader, tableJoins, ""), t.seen(asset.ID).Zone
	for _, id := range jobs {
		var newest runRecord
		for _, open := range t.job(id).Open {
			run := t.run(open)
			if turn := run.State != ledger.RunPlanned && !(run.zoned() && t.dueIn(run, zone).After(t.now)); turn && run.Start.After(newest.Start) {
				newest = run
			}
		}
		if newest.joinable(t.now) && newest.Definition.Select(asset) {
			t.joinRun(newest, asset, zone)
		}
	}
}

// joinRun makes the order of an asset that has none in a run, unless it is too
// late where the asset is. Until the asset has reported its zone, that is not
// known.
func (t *tx) joinRun(run runRecord, asset job.Asset, zone string) {
	e := t.entry(run.ID, asset.ID)
	if e.Phase == ledger.Waiting || e.Phase == ledger.Open {
		return
	}
	if at := t.assetZone(zone); run.zoned() && at.unusable == "" && !run.joinsUntil(t.now, run.Local.In(at.Location)) {
		return
	}
	t.make(run, asset, ledger.Pass{Kind: ledger.MakePass})
}
