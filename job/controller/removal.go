package controller

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// RemovedKept is how long a removed asset's key is known (MAN-10).
const RemovedKept = 90 * 24 * time.Hour

// removedRecord is what is kept of a removed asset, so that its removal reaches
// it (MAN-10).
type removedRecord struct {
	Key          ed25519.PublicKey `json:"key"`
	Exchange     []byte            `json:"exchange,omitempty"` // as of an asset (MAN-12)
	At           time.Time         `json:"at"`                 // of the removal
	Until        time.Time         `json:"until"`              // when this is forgotten
	Revisions    ledger.Revisions  `json:"revisions"`          // from Without on, its manifests are empty
	Acknowledged job.Sequence      `json:"acknowledged"`       // of its reports
}

func removedKey(id job.AssetID, keyID string) string { return key(string(id), keyID) }

func (r *reader) removed(id job.AssetID, keyID string) (removedRecord, bool) {
	return load[removedRecord](r, tableRemoved, removedKey(id, keyID))
}

// former returns a removed asset that is not to be forgotten yet.
func (t *tx) former(id job.AssetID, keyID string) (removedRecord, bool) {
	rec, _ := t.removed(id, keyID)
	return rec, t.now.Before(rec.Until)
}

// RemoveAsset removes an asset. Its open orders end, its history stays, and an
// asset of the same name that enrols later has a key, manifest revisions and
// orders of its own.
//
// The removed asset's key is known for another 90 days. Until it holds a last,
// empty manifest, each of its calls is answered with that. Then its calls are
// refused; only those with reports are acknowledged. If they report how one of
// its orders ended, the history shows it (MAN-10).
func (c *Controller) RemoveAsset(ctx context.Context, id job.AssetID, now time.Time) error {
	return c.update(ctx, now, func(t *tx) { t.remove(t.asset(id), AssetRemoved) })
}

// Leave removes an asset that asks for it itself, with the key named keyID. The
// error wraps manifest.ErrUnknownAsset if it no longer has the name.
func (c *Controller) Leave(ctx context.Context, id job.AssetID, keyID string, now time.Time) error {
	return c.update(ctx, now, func(t *tx) {
		rec := t.enrolled(id)
		if manifest.Fingerprint(rec.Key) != keyID {
			t.fail(fmt.Errorf("%w: %q was removed", manifest.ErrUnknownAsset, id))
		}
		t.remove(rec, AssetLeft)
	})
}

// remove removes an asset.
func (t *tx) remove(asset assetRecord, action Action) {
	id := asset.ID
	got, keyID := t.call(id, ""), manifest.Fingerprint(asset.Key)
	runs := t.notEnded(id)
	t.followers("") // reads who runs after whom
	for of := range t.chains {
		runs = append(runs, t.job(of).Open...) // a share of its assets may be enough without this one (JOB-19)
	}
	t.stepEach(id, runs, ledger.AssetRemoved{Key: keyID})
	t.leaveRollouts(id)
	removed := removedRecord{
		Key: asset.Key, Exchange: asset.Exchange, At: t.now, Until: t.now.Add(RemovedKept),
		Revisions: t.revisions(id).Revise(true), Acknowledged: got.reports.Acknowledged,
	}
	t.save(tableRemoved, removedKey(id, keyID), removed)
	t.put(tableRemovals, key(risingTime(removed.Until), string(id), keyID), nil)
	k := key(string(id))
	t.dropImage(id, got.inventory)
	t.sweep(got.inventory.content())
	t.delete(tableReboots, key(string(id), ""))
	for _, table := range []Table{tableExceptions, tableEvidence} { // the next asset of this name may be another computer
		for rec := range t.records(table, k, "") {
			t.delete(table, rec.Key)
		}
	}
	t.moveHeard(id, asset.heard(got.seen), time.Time{})
	for _, table := range []Table{tableAssets, tableSeen, tableReports, tableInventories, tableRevisions, tableCloned} {
		t.delete(table, k)
	}
	t.acted(action, string(id), "")
}

// farewell answers a call by a key that is not the key of the asset that has
// the name now.
func (c *Controller) farewell(ctx context.Context, in manifest.CheckIn, now time.Time) (answer manifest.Answer, err error) {
	var refused error // and what the call brings is kept all the same
	err = c.update(ctx, now, func(t *tx) {
		answer, refused = manifest.Answer{Format: manifest.Format, At: instant(now)}, nil
		complete := c.bring(&answer, in)
		rec, found := t.former(in.Asset, in.Key)
		if !found {
			refused = fmt.Errorf("%w: %q", manifest.ErrUnknownAsset, in.Asset)
			return
		}
		before, reports := rec, reportsRecord{Acknowledged: rec.Acknowledged}
		t.fold(in, in.Key, false, &reports)
		rec.Acknowledged, answer.Acknowledged = reports.Acknowledged, reports.Acknowledged
		next, _, ahead := rec.Revisions.Heard(in)
		switch {
		case !complete: // the next call gets the manifest
		case in.Held <= MaxRevision && len(answer.Trust) == 0 && (!ahead && in.Held >= rec.Revisions.Without || in.Held == MaxRevision):
			if len(in.Reports) == 0 {
				refused = fmt.Errorf("%w: %q was removed at %s and holds its last manifest; to make this computer an asset again, give it a new key: agent enrol --again (MAN-10)",
					manifest.ErrUnknownAsset, in.Asset, rec.At.Format(time.RFC3339))
			}
		default:
			if ahead && in.Held < MaxRevision {
				rec.Revisions = next
			}
			rec.Revisions = rec.Revisions.Seal(t.now, c.config.Lifetime)
			answer.Manifest = t.sealed(in.Asset, rec.Revisions, nil)
			rec.Revisions.Digest = manifest.Digest(answer.Manifest)
		}
		if rec.Revisions != before.Revisions || rec.Acknowledged != before.Acknowledged {
			t.save(tableRemoved, removedKey(in.Asset, in.Key), rec)
		}
	})
	if err == nil && refused != nil {
		return manifest.Answer{}, refused
	}
	return answer, err
}

// forget drops the keys of assets that were removed 90 days ago (MAN-10).
func (c *Controller) forget(ctx context.Context, now time.Time) error {
	to := after(key(risingTime(instant(now))))
	due := func(r *reader) []Record { return r.scan(tableRemovals, "", to, MaxBatch) }
	list, err := view(ctx, c, due)
	if err != nil || len(list) == 0 { // most often; no write
		return err
	}
	return c.repeat(ctx, now, func(t *tx) (more bool) {
		list := due(t.reader)
		for _, row := range list {
			t.delete(tableRemoved, key(t.parts(tableRemovals, row.Key, 3)[1:]...))
			t.delete(tableRemovals, row.Key)
		}
		return len(list) == MaxBatch
	})
}
