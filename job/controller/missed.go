package controller

import (
	"time"

	"github.com/patchpolicy/patchpolicy/job"
)

// endMissed ends the orders of an asset that were never handed out and that have a newer run of their job behind them which is
// due, too: of several missed runs only the newest runs (JOB-12). The asset itself sees to that among the orders it holds. But
// one manifest takes so many orders, and an older one that came with the next would run behind the newer.
func endMissed(w Writer, asset job.AssetID, now time.Time) error {
	type due struct {
		run   job.RunID
		order orderRecord
		job   job.ID
		start time.Time
	}
	var orders []due
	newest := map[job.ID]time.Time{}
	err := eachQueued(w, asset, func(run job.RunID, o orderRecord) error {
		if o.Waiting || o.Cancelled {
			return nil
		}
		content, _, err := load[contentRecord](w, tableContents, key(string(run), string(asset)))
		if d := (due{run, o, content.Order.Job, content.Order.Start}); err == nil && !d.start.After(now) {
			orders = append(orders, d)
			if d.start.After(newest[d.job]) {
				newest[d.job] = d.start
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, d := range orders {
		if !d.start.Before(newest[d.job]) {
			continue
		}
		handed, err := handedOut(w, d.order)
		if err != nil {
			return err
		}
		if handed {
			continue // the asset will tell
		}
		d.order.Text = "a newer run of the job is due"
		if err := finish(w, d.run, d.order, job.TimedOut, now, true); err != nil {
			return err
		}
	}
	return nil
}
