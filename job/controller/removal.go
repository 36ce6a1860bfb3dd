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

func loadRemoved(r Reader, id job.AssetID, keyID string) (removedRecord, bool, error) {
	return load[removedRecord](r, tableRemoved, removedKey(id, keyID))
}

// former returns a removed asset that is not to be forgotten yet.
func (t *tx) former(id job.AssetID, keyID string) (rec removedRecord, found bool, err error) {
	rec, found, err = loadRemoved(t, id, keyID)
	if !t.now.Before(rec.Until) {
		return removedRecord{}, false, err
	}
	return rec, found, err
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
	return c.update(ctx, now, func(t *tx) error { return t.remove(id, AssetRemoved) })
}

// Leave removes an asset that asks for it itself, with the key named keyID. The
// error wraps manifest.ErrUnknownAsset if it no longer has the name.
func (c *Controller) Leave(ctx context.Context, id job.AssetID, keyID string, now time.Time) error {
	return c.update(ctx, now, func(t *tx) error {
		rec, err := enrolled(t, id)
		if err == nil && manifest.Fingerprint(rec.Key) != keyID {
			err = fmt.Errorf("%w: %q was removed", manifest.ErrUnknownAsset, id)
		}
		if err != nil {
			return err
		}
		return t.remove(id, AssetLeft)
	})
}

// remove removes an asset.
func (t *tx) remove(id job.AssetID, action Action) error {
	asset, err := loadAsset(t, id)
	if err != nil {
		return err
	}
	got, err := loadCall(t, id, "")
	if err != nil {
		return err
	}
	runs, err := notEnded(t, id)
	if err != nil {
		return err
	}
	followed, err := t.followed() // a share of their assets may be enough without this one (JOB-19)
	if err != nil {
		return err
	}
	keyID := manifest.Fingerprint(asset.Key)
	if err := t.stepEach(id, append(runs, followed...), ledger.AssetRemoved{Key: keyID}); err != nil {
		return err
	}
	rev, err := loadRevisions(t, id)
	if err != nil {
		return err
	}
	removed := removedRecord{
		Key: asset.Key, Exchange: asset.Exchange, At: t.now, Until: t.now.Add(RemovedKept), Revisions: rev.Revise(true), Acknowledged: got.reports.Acknowledged,
	}
	t.save(tableRemoved, removedKey(id, keyID), removed)
	t.Put(tableRemovals, key(risingTime(removed.Until), string(id), keyID), nil)
	k := key(string(id))
	t.saveChunks(tableInventory, k, nil, got.inventory.Chunks)
	t.Delete(tableReboots, key(string(id), ""))
	for _, table := range []Table{tableAssets, tableSeen, tableReports, tableInventories, tableRevisions, tableCloned} {
		t.Delete(table, k)
	}
	t.acted(action, string(id), "")
	return nil
}

// farewell answers a call by a key that is not the key of the asset that has
// the name now.
func (c *Controller) farewell(ctx context.Context, in manifest.CheckIn, now time.Time) (answer manifest.Answer, err error) {
	var refused error
	err = c.update(ctx, now, func(t *tx) error {
		answer, refused = manifest.Answer{Format: manifest.Format, At: instant(now)}, nil
		complete := c.bring(&answer, in)
		rec, found, err := t.former(in.Asset, in.Key)
		switch {
		case err != nil:
			return err
		case !found:
			refused = fmt.Errorf("%w: %q", manifest.ErrUnknownAsset, in.Asset)
			return nil
		}
		before, reports := rec, reportsRecord{Acknowledged: rec.Acknowledged}
		if err := t.fold(in, in.Key, false, &reports); err != nil {
			return err
		}
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
			if answer.Manifest, err = c.sealed(in.Asset, rec.Revisions, nil); err != nil {
				return err
			}
			rec.Revisions.Digest = manifest.Digest(answer.Manifest)
		}
		if rec.Revisions == before.Revisions && rec.Acknowledged == before.Acknowledged {
			return nil
		}
		t.save(tableRemoved, removedKey(in.Asset, in.Key), rec)
		return nil
	})
	if err == nil && refused != nil {
		return manifest.Answer{}, refused
	}
	return answer, err
}

// forget drops the keys of assets that were removed 90 days ago (MAN-10).
func (c *Controller) forget(ctx context.Context, now time.Time) error {
	to := after(key(risingTime(instant(now))))
	due := func(r Reader) ([]Record, error) { return r.Scan(tableRemovals, "", to, MaxBatch) }
	list, err := view(ctx, c.store, due)
	if err != nil || len(list) == 0 { // most often; no write
		return err
	}
	return c.repeat(ctx, now, func(t *tx) (more bool, err error) {
		list, err := due(t)
		if err != nil {
			return false, err
		}
		for _, row := range list {
			p, err := parts(row.Key)
			if err == nil && len(p) != 3 {
				err = fmt.Errorf("key %q of table %s is damaged", row.Key, tableRemovals)
			}
			if err != nil {
				return false, err
			}
			t.Delete(tableRemoved, key(p[1:]...))
			t.Delete(tableRemovals, row.Key)
		}
		return len(list) == MaxBatch, nil
	})
}
