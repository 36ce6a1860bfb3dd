package controller

import (
	"time"

	"github.com/patchpolicy/patchpolicy/job"
)

// withdraw takes an order that has not begun out of the asset's manifest (JOB-5). If the asset never received it, that
// is its end; else the asset will tell.
func withdraw(w Writer, run job.RunID, o orderRecord, now time.Time) error {
	if o.begun() || o.Withdrawn {
		return nil
	}
	handed, err := handedOut(w, o)
	if err != nil {
		return err
	}
	o.Withdrawn, o.Retracted = true, true
	if !handed {
		return finish(w, run, o, job.Withdrawn, now, true)
	}
	if err := unqueue(w, run, o.Asset); err != nil {
		return err
	}
	if err := unmark(w, tableCancels, string(run), string(o.Asset)); err != nil {
		return err
	}
	rev, err := bump(w, o.Asset)
	if err != nil {
		return err
	}
	rev.Gone = rev.Wanted
	if err := save(w, tableRevisions, key(string(o.Asset)), rev); err != nil {
		return err
	}
	if err := mark(w, tableGone, string(o.Asset), string(run)); err != nil {
		return err
	}
	return saveOrder(w, run, o)
}

// abandon takes an order out whose asset is removed. What the asset had begun has no end that anybody could know.
func abandon(w Writer, run job.RunID, o orderRecord, now time.Time) error {
	if !o.begun() {
		return withdraw(w, run, o, now)
	}
	o.Withdrawn, o.Text = true, "the asset was removed before it told how this ended"
	if err := unqueue(w, run, o.Asset); err != nil {
		return err
	}
	if err := unmark(w, tableCancels, string(run), string(o.Asset)); err != nil {
		return err
	}
	if err := unmark(w, tableReboots, string(o.Asset), string(run)); err != nil {
		return err
	}
	return saveOrder(w, run, o)
}

// neverHeld ends the withdrawn orders of which an asset said nothing, when it holds a manifest without them and has said
// all it had to say: it never held them. What it held it drops with a word, in the commit that takes the manifest in.
func neverHeld(w Writer, asset job.AssetID, now time.Time) error {
	return eachOf(w, tableGone, asset, func(run job.RunID, o orderRecord) error {
		if !o.Withdrawn || o.begun() {
			return unmark(w, tableGone, string(asset), string(run))
		}
		o.Text = "withdrawn before the asset received it"
		return finish(w, run, o, job.Withdrawn, now, true)
	})
}

// finish notes the end of an order.
func finish(w Writer, run job.RunID, o orderRecord, result job.Result, now time.Time, local bool) error {
	queued := !o.Withdrawn && !o.Waiting
	o.Result, o.Ended, o.Local, o.Waiting = result, now, local, false
	if err := unqueue(w, run, o.Asset); err != nil {
		return err
	}
	if err := unmark(w, tableCancels, string(run), string(o.Asset)); err != nil {
		return err
	}
	if err := unmark(w, tableReboots, string(o.Asset), string(run)); err != nil {
		return err
	}
	if err := unmark(w, tableGone, string(o.Asset), string(run)); err != nil {
		return err
	}
	if queued {
		if _, err := bump(w, o.Asset); err != nil {
			return err
		}
	}
	return saveOrder(w, run, o)
}

func unqueue(w Writer, run job.RunID, asset job.AssetID) error {
	if err := unmark(w, tableLive, string(run), string(asset)); err != nil {
		return err
	}
	return unmark(w, tableQueue, string(asset), string(run))
}
