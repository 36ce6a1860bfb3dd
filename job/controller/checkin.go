package controller

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// call is what answering a check-in needs to know of an asset, besides its
// orders.
type call struct {
	seen      seenRecord
	reports   reportsRecord
	revisions ledger.Revisions
	inventory inventoryRecord
	stops     int  // runs that are being cancelled or withdrawn
	late      bool // the agent made the call before the newest one
}

// CheckIn answers an agent's call. Errors wrap manifest.ErrInvalid or
// manifest.ErrUnknownAsset, or are the store's.
//
// Reports are accepted exactly once, in order (MAN-6), at most
// manifest.MaxReports per call. The answer carries a manifest when the agent
// holds an older revision than it should, or its manifest expires soon. A call
// that brings nothing new, from an asset seen less than Config.SeenEvery ago,
// writes nothing. After that time it writes when the asset was last seen, to
// rows of its own that no other call waits for. A call costs a fixed number of
// reads, however many orders, patches and reports there are. It costs more if
// it brings an inventory or another change that orders are made from, or while
// runs are being cancelled or withdrawn.
//
// What a call says of the asset counts only if it is the agent's newest call
// (ledger.Caller). From a late or replayed call, only the reports count; it
// sets nothing back and gets no manifest. A call that names the key of a
// removed asset is answered as RemoveAsset says (MAN-10).
//
// An asset can only report on its own orders. An impossible report (on an order
// that it was never given, after the end, on a cancel that nobody asked for) is
// accepted into the sequence, kept as an Anomaly, and changes nothing.
func (c *Controller) CheckIn(ctx context.Context, in manifest.CheckIn, now time.Time) (answer manifest.Answer, err error) {
	if err := in.Validate(); err != nil {
		return manifest.Answer{}, fmt.Errorf("%w: %w", manifest.ErrInvalid, err)
	}
	news := len(in.Reports) > 0 || in.Inventory != nil // or it turns out so; what was sent before changes nothing
	if !news {
		answer, news, err = c.look(ctx, in, now)
		_ = c.saveQuiet(ctx, now, quietTime) // whatever happens to it, this call is answered
	}
	if err == nil && news {
		err = c.update(ctx, now, func(t *tx) {
			t.fetch(callKeys(in)...)
			got := t.call(in.Asset, in.Key)
			t.takeIn(&got, in)
			if answer = t.answer(got, in, now); answer.Manifest != nil {
				got.revisions.Digest = manifest.Digest(answer.Manifest)
				t.saveRevisions(in.Asset, got.revisions)
			}
		})
	}
	if errors.Is(err, errOther) {
		return c.farewell(ctx, in, now)
	}
	return answer, err
}

// look answers a call that brings nothing new, or reports that the call does
// bring something.
func (c *Controller) look(ctx context.Context, in manifest.CheckIn, now time.Time) (answer manifest.Answer, news bool, err error) {
	if k := c.known.get(in.Asset); k != nil && (in.Key == "" || in.Key == k.keyID) && in.Slot == "" {
		if got := k.call; c.hasNews(&got, in, now, k.stored) {
			return answer, true, nil
		} else if !c.wantsManifest(got, in) {
			return (&reader{c: c}).answer(got, in, now), false, nil
		}
	}
	age := c.known.begun()
	answer, err = view(ctx, c, func(r *reader) (answer manifest.Answer) {
		r.have = map[Key][]byte{}
		r.fetch(callKeys(in)...)
		got := r.call(in.Asset, in.Key)
		c.known.put(r, in.Asset, got, age)
		if news = c.hasNews(&got, in, now, sha256.Sum256(r.get(tableSeen, key(string(in.Asset))))) || in.Slot != "" && !got.late && r.slotNews(in.Slot, in.Asset, now); news {
			return answer
		}
		return r.answer(got, in, now)
	})
	return answer, news, err
}

// hasNews reports whether a call without reports and inventory changes anything
// that is stored. If it only says that the asset called, it is one of the quiet
// calls. Stored is the digest of the seenRecord.
func (c *Controller) hasNews(got *call, in manifest.CheckIn, now time.Time, stored digest) bool {
	caller, heard := got.seen.Caller.Heard(in, 0, now)
	old := heard.Age == ledger.Newest && c.seenIsOld(got.seen, in, now)
	if old && (c.config.SeenEvery < 0 || got.seen.says(in, now)) {
		return true
	}
	got.late = heard.Age == ledger.Late
	if !got.late && got.news(in, now) {
		return true
	}
	if old {
		c.quiet.add(in.Asset, quietCall{stored, instant(now), caller, in.Offset})
	}
	return false
}

// callKeys are the records that reader.call and tx.saveImage read. A check-in
// names an asset that can exist, see manifest.CheckIn.Validate.
func callKeys(in manifest.CheckIn) []Key {
	k := key(string(in.Asset))
	keys := []Key{{tableAssets, k}, {tableSeen, k}, {tableReports, k}, {tableRevisions, k}, {tableInventories, k}, {tableCloned, k}, {tableMeta, stopsKey}}
	if image := (Key{tableImages, key(in.Digest)}); in.Inventory != nil && CheckKey(image.Table, image.Key) == nil {
		keys = append(keys, image)
	}
	return keys
}

// errOther says that a call comes from another computer than the one that has
// the name now.
var errOther = errors.New("another key")

// call reads what is needed to answer the asset of a name. The error is
// errOther if the key of that asset is not keyID.
func (r *reader) call(id job.AssetID, keyID string) (got call) {
	k := key(string(id))
	rec, found := r.findAsset(id)
	switch {
	case keyID != "" && (!found || keyID != manifest.Fingerprint(rec.Key)):
		r.fail(errOther)
	case !found:
		r.enrolled(id) // the error says what is wrong
	}
	got.seen, got.revisions = r.seen(id), r.revisions(id)
	got.reports, _ = load[reportsRecord](r, tableReports, k)
	got.stops, _ = load[int](r, tableMeta, stopsKey)
	got.inventory, _ = load[inventoryRecord](r, tableInventories, k)
	return got
}

// news reports whether a call without reports and inventory changes anything
// that is stored, apart from when the asset was last seen.
func (got call) news(in manifest.CheckIn, now time.Time) bool {
	rev := got.revisions
	_, silent, ahead := rev.Heard(in)
	caller, heard := got.seen.Caller.Heard(in, got.reports.Acknowledged, now)
	changed := caller.Cloned != got.seen.Caller.Cloned || !slices.Equal(caller.Boots, got.seen.Caller.Boots)
	return changed || heard.Lost || heard.Back || silent || ahead || rev.Due(now) || got.stops != 0
}

// seenIsOld reports whether a call must be stored if it is the newest: it says
// something new, or the stored one is too old.
func (c *Controller) seenIsOld(seen seenRecord, in manifest.CheckIn, now time.Time) bool {
	return !now.Before(seen.At.Add(c.config.SeenEvery)) || seen.says(in, now)
}

// says reports whether a call differs from what is stored of the call before,
// apart from its time.
func (seen seenRecord) says(in manifest.CheckIn, now time.Time) bool {
	return seen.Held != in.Held || seen.Boot != in.Boot || seen.Zone != in.Zone || seen.Slot != in.Slot || seen.differs(in) || seen.Reboot.Heard(in, now) != seen.Reboot ||
		(seen.Offset.Abs() > MaxOffset) != (in.Offset.Abs() > MaxOffset)
}

// takeIn stores what the call brings and numbers the manifest that the asset
// should hold.
func (t *tx) takeIn(got *call, in manifest.CheckIn) {
	k := key(string(in.Asset))
	before, zone := got.reports, got.seen.Zone
	if in.Held > MaxRevision {
		got.reports.anomaly(Anomaly{At: t.now, Rule: "MAN-12", Text: fmt.Sprintf("claims to hold manifest revision %d; the highest possible is %d", in.Held, MaxRevision)})
		in.Held, in.HeldDigest = got.seen.Held, ""
	}
	caller, heard := got.seen.Caller.Heard(in, before.Acknowledged, t.now)
	cloned, slot := !got.seen.Caller.Cloned.IsZero(), got.seen.Slot
	if got.late = heard.Age == ledger.Late; got.late { // it describes the past
		in.Inventory, in.Digest, in.Zone = nil, got.inventory.Digest, zone
	}
	next, _, ahead := t.revisions(in.Asset).Heard(in)
	if ahead = ahead && !got.late; ahead { // reports are judged by it
		t.saveRevisions(in.Asset, next)
	}
	pending := got.seen.Reboot
	switch {
	case heard.Lost:
		got.reports.anomaly(Anomaly{At: t.now, Rule: "MAN-6", Text: fmt.Sprintf(
			"its state was lost or put back: it holds manifest revision %d and has made %d reports; %d were accepted", in.Held, in.Made, got.reports.Acknowledged)})
		pending = t.doubt(in.Asset, got.seen, ledger.StateLost{})
	case ahead:
		pending = t.doubt(in.Asset, got.seen, ledger.ServerPutBack{})
	case heard.Back:
		got.reports.anomaly(Anomaly{At: t.now, Rule: "MAN-9", Text: fmt.Sprintf(
			"its state was put back: it makes call %d in boot %q after call %d in boot %q", in.Call, in.Boot, got.seen.Caller.Call, got.seen.Boot)})
	case cloned && caller.Cloned.IsZero():
		pending = t.doubt(in.Asset, got.seen, ledger.StateLost{})
	}
	news := heard.Lost || heard.Back || fresh(in.Reports, before.Acknowledged) || cloned != !caller.Cloned.IsZero() || t.c.seenIsOld(got.seen, in, t.now)
	if heard.Age == ledger.Newest && news { // first: orders are made by the zone that the asset reports
		pending = pending.Heard(in, t.now)
		t.listReboot(in.Asset, got.seen.Reboot, pending)
		before := got.seen
		got.seen = seenRecord{
			At: t.now, Held: in.Held, Caller: caller, Offset: in.Offset, Boot: in.Boot, Reboot: pending, Zone: in.Zone, Slot: in.Slot,
			Format: in.Format, Release: in.Release, Hostname: in.Hostname, Can: in.Can,
		}
		t.replan = t.replan || got.seen.lost(before)
		t.save(tableSeen, k, got.seen)
		t.moveHeard(in.Asset, t.enrolled(in.Asset).heard(before), got.seen.At)
	}
	if got.stops != 0 {
		t.stopNow(in.Asset)
	}
	t.fold(in, "", !got.late && caller.Sole(), &got.reports)
	if !got.late && caller.Sole() {
		t.takeSlot(in.Asset, slot, in.Slot)
	}
	if is := !caller.Cloned.IsZero(); is != cloned {
		t.cloned(in.Asset, got, is)
	}
	changed := in.Inventory != nil && t.takeInventory(in.Asset, got, in)
	if in.Zone != zone {
		t.moved(t.enrolled(in.Asset).Asset, zone)
	}
	if changed || t.replan {
		t.planAgain(t.enrolled(in.Asset).Asset)
	}
	if in.Inventory == nil && in.Digest != got.inventory.Digest {
		t.outdated = in.Asset
	}
	t.followAll() // before the manifest is numbered, so that it has their orders
	if t.wanted && got.inventory.Digest != "" {
		got.inventory.Wanted = true
		t.save(tableInventories, k, got.inventory)
	}
	t.number(got, in)
	if got.reports.Acknowledged != before.Acknowledged || got.reports.AnomalyCount != before.AnomalyCount {
		t.save(tableReports, k, got.reports)
	}
}

// listReboot lists an asset that needs a reboot which none of its orders waits
// for, or takes it off the list.
func (t *tx) listReboot(asset job.AssetID, was, is ledger.PendingReboot) {
	if was.Since.IsZero() == is.Since.IsZero() {
		return
	}
	t.replan = true
	if k := key(string(asset), ""); is.Since.IsZero() {
		t.delete(tableReboots, k)
	} else {
		t.put(tableReboots, k, nil)
	}
}

// doubt steps every order of the asset that has not ended, because the agent or
// the server may have lost its state (JOB-24). A reboot that such an order
// waits for stays pending until the asset has another boot identity (RBT-11).
func (t *tx) doubt(asset job.AssetID, seen seenRecord, ev ledger.Event) ledger.PendingReboot {
	pending, runs := seen.Reboot, t.notEnded(asset)
	for _, run := range runs {
		pending = pending.Keep(t.entry(run, asset), seen.Boot)
	}
	t.stepEach(asset, runs, ev)
	return pending
}

// number records which manifest the asset holds, and numbers the one that it
// should hold.
func (t *tx) number(got *call, in manifest.CheckIn) {
	rev := t.revisions(in.Asset) // what came in may have changed it
	if !got.late {
		next, silent, ahead := rev.Heard(in)
		if !got.seen.Caller.Cloned.IsZero() { // one of two computers proves nothing about the other
			next.Without, silent = rev.Without, false
		}
		if ahead {
			got.reports.anomaly(Anomaly{At: t.now, Rule: "MAN-5", Text: fmt.Sprintf("holds manifest revision %d; the newest known here was %d", in.Held, rev.Sealed)})
		}
		rev = next
		t.saveRevisions(in.Asset, rev)
		if silent {
			t.stepEach(in.Asset, names[job.RunID](t.reader, tableUnheard, key(string(in.Asset))), ledger.NeverHeld{Unsure: in.Made > got.reports.Acknowledged})
		}
	}
	if rev.Due(t.now) {
		t.endMissed(in.Asset)
		rev = rev.Seal(t.now, t.c.config.Lifetime)
	}
	got.revisions = rev
	t.saveRevisions(in.Asset, rev)
}

// endMissed ends the orders of an asset that were never handed out and have a
// newer run of their job that is due as well: of several missed runs only the
// newest runs (JOB-12). Among the orders that it holds, the asset decides this
// itself. But a manifest has limited room, and an older order that came with a
// later manifest would run after the newer one.
func (t *tx) endMissed(asset job.AssetID) {
	rows := t.queue(asset)
	newest := map[job.ID]time.Time{} // that is due
	for _, q := range rows {
		if of := q.run.Job(); !q.Cancelled && missed(newest[of], q.Start, t.now) {
			newest[of] = q.Start
		}
	}
	var runs []job.RunID
	for _, q := range rows {
		if !q.Cancelled && missed(q.Start, newest[q.run.Job()], t.now) {
			runs = append(runs, q.run)
		}
	}
	t.stepEach(asset, runs, ledger.Missed{})
}

// answer only reads. The manifest of a revision is the same bytes however often
// it is asked for.
func (r *reader) answer(got call, in manifest.CheckIn, now time.Time) manifest.Answer {
	a := manifest.Answer{Format: manifest.Format, At: instant(now), Acknowledged: got.reports.Acknowledged}
	if got.late {
		return a
	}
	a.WantInventory = in.Inventory == nil && (got.inventory.Digest == "" || got.inventory.Wanted || in.Digest != "" && in.Digest != got.inventory.Digest)
	if r.c.bring(&a, in) && r.c.wantsManifest(got, in) {
		a.Manifest = r.seal(in.Asset, got)
	}
	return a
}

// wantsManifest reports whether the asset of a call is to get its manifest. An
// agent that gets newer keys gets the manifest signed by the newest. So does an
// agent whose manifest nobody here can have signed.
func (c *Controller) wantsManifest(got call, in manifest.CheckIn) bool {
	outdated := in.Held < got.revisions.Sealed || in.Trust != 0 && len(c.config.Trust.After(in.Trust)) > 0 || in.Held > MaxRevision
	return outdated && got.revisions.Sealed != 0 && !got.late
}

// seal seals the manifest of a revision. While the asset is cloned, the
// manifest has no order that could start: only orders that are marked as
// cancelled, or as begun already (MAN-9).
func (r *reader) seal(asset job.AssetID, got call) []byte {
	cloned := !got.seen.Caller.Cloned.IsZero()
	rows := slices.DeleteFunc(r.queue(asset), func(q queued) bool { return q.Waiting || cloned && !q.Cancelled && !q.Begun })
	var ids []job.OrderID
	for _, q := range rows {
		ids = append(ids, job.MakeOrderID(q.run, asset))
	}
	orders := r.contents(ids...)
	for i := range orders {
		orders[i].Cancelled, orders[i].Begun, orders[i].RebootUntil = rows[i].Cancelled, rows[i].Begun, rows[i].Slot
	}
	orders, err := manifest.Hold(orders)
	r.fail(err)
	return r.sealed(asset, got.revisions, orders)
}

// After an error, sealed signs nothing.
func (r *reader) sealed(asset job.AssetID, rev ledger.Revisions, orders []job.Order) []byte {
	if r.failed != nil {
		return nil
	}
	sealed, err := manifest.Seal(manifest.Document{
		Format: manifest.Format, Asset: asset, Revision: rev.Sealed, Issued: rev.Issued, Expires: rev.Expires, Orders: orders,
	}, r.c.config.Signer)
	if err != nil {
		r.fail(fmt.Errorf("manifest of asset %s: %w", asset, err))
	}
	return sealed
}
