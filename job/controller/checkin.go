package controller

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// inventoryRecord is the header of an asset's stored inventory.
type inventoryRecord struct {
	Digest string    `json:"digest"`
	At     time.Time `json:"at"`
	Chunks int       `json:"chunks"`
}

// call is all that answering a check-in needs of an asset beside its orders.
type call struct {
	seen      seenRecord
	reports   reportsRecord
	revision  revisionRecord
	inventory inventoryRecord
}

// CheckIn answers an agent's call. Errors wrap manifest.ErrInvalid or manifest.ErrUnknownAsset, or are the store's.
//
// Reports are accepted exactly once, in order (MAN-6), at most manifest.MaxReports a call. The answer carries a
// manifest when the agent holds an older revision than it should, or its manifest expires soon. A call that brings
// nothing new, from an asset seen less than Config.SeenEvery ago, writes nothing; after that time it writes the asset's
// own row of last calls, for which nobody else waits.
//
// An asset can only speak of its own orders. What makes no sense (an order it was never given, a word after the end, a
// cancel nobody asked for) is accepted into the sequence, kept as an Anomaly, and changes nothing.
func (c *Controller) CheckIn(ctx context.Context, in manifest.CheckIn, now time.Time) (answer manifest.Answer, err error) {
	if err := in.Validate(); err != nil {
		return manifest.Answer{}, fmt.Errorf("%w: %w", manifest.ErrInvalid, err)
	}
	now = instant(now)
	news := len(in.Reports) > 0 || in.Inventory != nil // or it turns out so; what was sent before changes nothing
	if !news {
		answer, news, err = c.look(ctx, in, now)
	}
	if err != nil || !news {
		return answer, err
	}
	err = c.store.Update(ctx, func(w Writer) error {
		got, err := loadCall(w, in.Asset)
		if err != nil {
			return err
		}
		if err := c.takeIn(w, &got, in, now); err != nil {
			return err
		}
		answer, err = c.answer(w, got, in, now)
		return err
	})
	return answer, err
}

// look answers a call that brings nothing new, or says that it does.
func (c *Controller) look(ctx context.Context, in manifest.CheckIn, now time.Time) (answer manifest.Answer, news bool, err error) {
	err = c.store.View(ctx, func(r Reader) error {
		seen, _, err := load[seenRecord](r, tableSeen, key(string(in.Asset)))
		if err != nil {
			return err
		}
		if news = c.seenIsOld(seen, in, now); news { // most often
			return nil
		}
		got, err := loadCall(r, in.Asset)
		if err != nil {
			return err
		}
		if news = c.hasNews(got, in, now); news {
			return nil
		}
		answer, err = c.answer(r, got, in, now)
		return err
	})
	return answer, news, err
}

func loadCall(r Reader, id job.AssetID) (got call, err error) {
	k := key(string(id))
	if there, err := r.Get(tableAssets, k); err != nil || there == nil {
		_, err = enrolled(r, id) // says what is wrong
		return got, err
	}
	if got.seen, _, err = load[seenRecord](r, tableSeen, k); err != nil {
		return got, err
	}
	if got.reports, _, err = load[reportsRecord](r, tableReports, k); err != nil {
		return got, err
	}
	if got.revision, _, err = load[revisionRecord](r, tableRevisions, k); err != nil {
		return got, err
	}
	got.inventory, _, err = load[inventoryRecord](r, tableInventories, k)
	return got, err
}

// hasNews says whether the call changes anything that is stored.
func (c *Controller) hasNews(got call, in manifest.CheckIn, now time.Time) bool {
	rev := got.revision
	return fresh(in.Reports, got.reports.Acknowledged) ||
		in.Inventory != nil && in.Inventory.Digest() != got.inventory.Digest ||
		in.Held > rev.Wanted || silentAbout(rev, in) || rev.Wanted > rev.Sealed || rev.Wanted > 0 && manifest.RenewalDue(rev.Expires, now) ||
		c.seenIsOld(got.seen, in, now)
}

func (c *Controller) seenIsOld(seen seenRecord, in manifest.CheckIn, now time.Time) bool {
	return !now.Before(seen.At.Add(c.config.SeenEvery)) || seen.Held != in.Held || seen.Boot != in.Boot || seen.Zone != in.Zone ||
		(seen.Offset.Abs() > MaxOffset) != (in.Offset.Abs() > MaxOffset)
}

// silentAbout says whether the call proves that what was withdrawn and not told of was never held, see neverHeld.
func silentAbout(rev revisionRecord, in manifest.CheckIn) bool {
	return rev.Gone > 0 && in.Held >= rev.Gone && in.Held <= rev.Wanted && len(in.Reports) == 0
}

// takeIn stores what the call brings and numbers the manifest the asset should hold.
func (c *Controller) takeIn(w Writer, got *call, in manifest.CheckIn, now time.Time) error {
	k := key(string(in.Asset))
	before := got.reports
	if c.seenIsOld(got.seen, in, now) { // first: orders are made by the zone that the asset tells
		got.seen = seenRecord{At: now, Held: in.Held, Offset: in.Offset, Boot: in.Boot, Zone: in.Zone}
		if err := save(w, tableSeen, k, got.seen); err != nil {
			return err
		}
	}
	if err := c.fold(w, in, &got.reports, now); err != nil {
		return err
	}
	if in.Inventory != nil {
		if err := c.takeInventory(w, in.Asset, got, *in.Inventory, now); err != nil {
			return err
		}
	}
	rev, _, err := load[revisionRecord](w, tableRevisions, k) // what came in may have bumped it
	if err != nil {
		return err
	}
	if silentAbout(rev, in) {
		rev.Gone = 0
		if err := neverHeld(w, in.Asset, now); err != nil {
			return err
		}
	}
	if in.Held > MaxRevision {
		got.reports.anomaly(Anomaly{At: now, Text: fmt.Sprintf("claims to hold manifest revision %d; the highest possible is %d", in.Held, MaxRevision)})
	} else if in.Held > rev.Wanted {
		// The server was restored from a backup. An asset's revision never falls (MAN-5): go on above it.
		got.reports.anomaly(Anomaly{At: now, Text: fmt.Sprintf("holds manifest revision %d; the newest known here was %d", in.Held, rev.Wanted)})
		rev.Wanted = in.Held + 1
		if rev.Gone > 0 {
			rev.Gone = rev.Wanted
		}
	}
	if rev.Wanted == rev.Sealed && rev.Wanted > 0 && manifest.RenewalDue(rev.Expires, now) {
		rev.Wanted++
	}
	if rev.Wanted > rev.Sealed {
		if err := endMissed(w, in.Asset, now); err != nil {
			return err
		}
		issued := now.Truncate(time.Second)
		rev.Sealed, rev.Issued, rev.Expires = rev.Wanted, issued, issued.Add(c.config.Lifetime)
	}
	if rev != got.revision {
		if err := save(w, tableRevisions, k, rev); err != nil {
			return err
		}
		got.revision = rev
	}
	if got.reports.Acknowledged != before.Acknowledged || got.reports.AnomalyCount != before.AnomalyCount {
		return save(w, tableReports, k, got.reports)
	}
	return nil
}

// answer reads only. The manifest of a revision is the same bytes however often it is asked for.
func (c *Controller) answer(r Reader, got call, in manifest.CheckIn, now time.Time) (manifest.Answer, error) {
	a := manifest.Answer{At: now, Acknowledged: got.reports.Acknowledged}
	a.WantInventory = in.Inventory == nil && (got.inventory.Digest == "" || in.Digest != "" && in.Digest != got.inventory.Digest)
	if in.Held >= got.revision.Sealed {
		return a, nil
	}
	var err error
	a.Manifest, err = c.seal(r, in.Asset, got.revision)
	return a, err
}

// takeInventory stores a changed inventory and makes the orders that waited for the first one.
func (c *Controller) takeInventory(w Writer, id job.AssetID, got *call, sent catalog.Inventory, now time.Time) error {
	asset, err := enrolled(w, id)
	if err != nil {
		return err
	}
	inventory, err := catalog.NewInventory(sent.Platform, sent.Installed)
	switch {
	case err != nil:
		got.reports.anomaly(Anomaly{At: now, Text: problem.Clip(err.Error(), MaxText)})
		return nil
	case inventory.Platform != asset.Platform:
		got.reports.anomaly(Anomaly{At: now, Text: fmt.Sprintf("sent an inventory of platform %v; it enrolled as %v", inventory.Platform, asset.Platform)})
		return nil
	}
	digest := inventory.Digest()
	if digest == got.inventory.Digest {
		return nil
	}
	data, err := json.Marshal(inventory)
	if err != nil {
		return fmt.Errorf("inventory of asset %s: %w", id, err)
	}
	k := key(string(id))
	chunks, err := saveChunks(w, tableInventory, k, data, got.inventory.Chunks)
	if err != nil {
		return err
	}
	got.inventory = inventoryRecord{Digest: digest, At: now, Chunks: chunks}
	if err := save(w, tableInventories, k, got.inventory); err != nil {
		return err
	}
	m, err := c.maker(w, now)
	if err != nil {
		return err
	}
	return eachQueued(w, id, func(id job.RunID, o orderRecord) error {
		if !o.Waiting {
			return nil
		}
		run, _, err := loadRun(w, id)
		if err != nil {
			return err
		}
		return m.make(run, asset.Asset)
	})
}

// loadInventory returns an asset's last inventory; known is false while there is none.
func loadInventory(r Reader, id job.AssetID) (inventory catalog.Inventory, known bool, err error) {
	header, known, err := load[inventoryRecord](r, tableInventories, key(string(id)))
	if err != nil || !known {
		return inventory, false, err
	}
	data, err := loadChunks(r, tableInventory, key(string(id)), header.Chunks)
	if err != nil {
		return inventory, false, fmt.Errorf("inventory of asset %s: %w", id, err)
	}
	if err := json.Unmarshal(data, &inventory); err != nil {
		return inventory, false, fmt.Errorf("inventory of asset %s: %w", id, err)
	}
	return inventory, true, nil
}
