package controller

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// assetRecord is an asset as it was enrolled and tagged. Check-ins do not write
// it.
type assetRecord struct {
	job.Asset
	Key          ed25519.PublicKey `json:"key"`
	Exchange     []byte            `json:"exchange,omitempty"` // the agent's X25519 key; no secret (MAN-12)
	Token        string            `json:"token"`              // hash
	Architecture string            `json:"architecture,omitempty"`
	Hostname     string            `json:"hostname,omitempty"`
	Version      string            `json:"version,omitempty"`
	Enrolled     time.Time         `json:"enrolled"`
	Exposed      catalog.Answer    `json:"exposed,omitempty"`
}

// seenRecord is what an asset's calls last reported. It is written when
// something in it changes, otherwise once per Config.SeenEvery.
type seenRecord struct {
	At     time.Time            `json:"at"`
	Held   manifest.Revision    `json:"held"`
	Caller ledger.Caller        `json:"caller"`
	Offset time.Duration        `json:"offset,omitempty"`
	Boot   string               `json:"boot,omitempty"`
	Reboot ledger.PendingReboot `json:"reboot,omitzero"` // that none of its orders waits for
	Zone   string               `json:"zone,omitempty"`  // its own time zone (JOB-9)
	Slot   job.OrderID          `json:"slot,omitempty"`  // whose reboot needs a slot (ROL-7)

	Format   int      `json:"format,omitempty"` // of the call; zero: it reported none of the following (MAN-11)
	Release  string   `json:"release,omitempty"`
	Hostname string   `json:"hostname,omitempty"`
	Can      []string `json:"can,omitempty"`
}

// heard is when an asset last called; before its first call, when it enrolled.
func (a assetRecord) heard(s seenRecord) time.Time {
	if s.At.IsZero() {
		return a.Enrolled
	}
	return s.At
}

// heardKey lists an asset by when it was last heard.
func heardKey(id job.AssetID, at time.Time) Key {
	return Key{tableHeard, key(risingTime(at), string(id))}
}

// moveHeard moves an asset in that list. A zero time means no row.
func (t *tx) moveHeard(id job.AssetID, was, is time.Time) {
	if was.Equal(is) {
		return
	}
	if !was.IsZero() {
		k := heardKey(id, was)
		t.delete(k.Table, k.Key)
	}
	if !is.IsZero() {
		k := heardKey(id, is)
		t.put(k.Table, k.Key, nil)
	}
}

// differs reports whether a call describes the agent differently from the last
// call.
func (s seenRecord) differs(in manifest.CheckIn) bool {
	return s.Format != in.Format || s.Release != in.Release || s.Hostname != in.Hostname || !slices.Equal(s.Can, in.Can)
}

// can lists the agent's capabilities. An agent that never reported any has
// those of the first format.
func (s seenRecord) can() []string {
	if s.Format == 0 {
		return []string{job.CanRunActions}
	}
	return s.Can
}

// lost reports whether the agent lost a capability since.
func (s seenRecord) lost(before seenRecord) bool {
	return slices.ContainsFunc(before.can(), func(c string) bool { return !slices.Contains(s.can(), c) })
}

// AssetStatus is an asset with what its calls report.
type AssetStatus struct {
	job.Asset
	Architecture  string            `json:"architecture,omitempty"`
	Hostname      string            `json:"hostname,omitempty"` // as last reported, in a call or at enrolment
	Version       string            `json:"version,omitempty"`  // of the agent, as last reported
	Can           []string          `json:"can,omitempty"`      // what the agent last reported that it can do, see job.Capabilities (MAN-11)
	Enrolled      time.Time         `json:"enrolled"`
	Exposed       catalog.Answer    `json:"exposed,omitempty"` // as an administrator says; zero: unknown, which counts as exposed (DUE-4)
	LastSeen      time.Time         `json:"lastSeen,omitzero"` // to Config.SeenEvery; zero: never called
	Silent        bool              `json:"silent"`            // it has not called for manifest.MaxPropagation, so a change may take any time to reach it (MAN-3)
	Offset        time.Duration     `json:"offset,omitempty"`  // server's clock minus the asset's
	OffsetTooFar  bool              `json:"offsetTooFar,omitempty"`
	Zone          string            `json:"zone,omitempty"` // its own time zone; empty: never reported
	Held          manifest.Revision `json:"held"`           // the manifest revision that the asset last said it holds
	Newest        manifest.Revision `json:"newest"`         // the one it should hold
	Behind        bool              `json:"behind"`         // a change has not reached it yet (MAN-2)
	InventoryAt   time.Time         `json:"inventoryAt,omitzero"`
	Cloned        *Clone            `json:"cloned,omitempty"`        // two computers call as this asset (MAN-9); nil: one does
	NeedsReboot   bool              `json:"needsReboot,omitempty"`   // see PendingReboots
	Refused       *Refusal          `json:"refused,omitempty"`       // the last manifest it refused, until it holds a newer one (MAN-5)
	AnomalyCount  int               `json:"anomalyCount,omitempty"`  // impossible reports, ever
	NewAnomalies  int               `json:"newAnomalies,omitempty"`  // of them, those that nobody has acknowledged
	LastAnomalies []Anomaly         `json:"lastAnomalies,omitempty"` // the newest of those not acknowledged, in order
}

// Asset returns one asset; the error is a *NotFoundError for an unknown one.
func (c *Controller) Asset(ctx context.Context, id job.AssetID, now time.Time) (AssetStatus, error) {
	c.catchUp(ctx, now)
	return view(ctx, c, func(r *reader) AssetStatus { return r.assetStatus(r.asset(id), now) })
}

// Assets lists assets by id, after the id past, limit at most (1 to MaxPage).
func (c *Controller) Assets(ctx context.Context, past job.AssetID, limit int, now time.Time) ([]AssetStatus, error) {
	c.catchUp(ctx, now)
	return view(ctx, c, func(r *reader) []AssetStatus {
		return page(r, tableAssets, "", start("", past), limit, func(rec assetRecord) AssetStatus { return r.assetStatus(rec, now) })
	})
}

func (r *reader) assetStatus(rec assetRecord, now time.Time) AssetStatus {
	got := r.call(rec.ID, "")
	seen, reports, newest := got.seen, got.reports, got.revisions.Wanted
	heard := rec.heard(seen)
	s := AssetStatus{
		Asset: rec.Asset, Architecture: rec.Architecture, Enrolled: rec.Enrolled, Exposed: rec.Exposed,
		Hostname: cmp.Or(seen.Hostname, rec.Hostname), Version: cmp.Or(seen.Release, rec.Version), Can: seen.Can,
		LastSeen: seen.At, Silent: now.Sub(heard) > manifest.MaxPropagation, Zone: seen.Zone,
		Offset: seen.Offset, OffsetTooFar: seen.Offset.Abs() > MaxOffset,
		Held: seen.Held, Newest: newest, Behind: seen.Held < newest,
		InventoryAt: got.inventory.At, NeedsReboot: !r.empty(tableReboots, key(string(rec.ID))),
		Cloned: cloneOf(rec.ID, seen.Caller), AnomalyCount: reports.AnomalyCount,
		NewAnomalies: reports.AnomalyCount - reports.Noted, LastAnomalies: reports.Anomalies,
	}
	if s.Behind || reports.Refused != nil && !reports.Refused.At.Before(seen.At) {
		s.Refused = reports.Refused
	}
	return s
}

// TagAsset replaces an asset's tags. Runs whose orders are made keep their
// assets; later runs use the new tags (JOB-7). In runs that take late joiners,
// the asset gets the orders that its new tags select it for (JOB-26).
func (c *Controller) TagAsset(ctx context.Context, id job.AssetID, tags []string, now time.Time) error {
	tags, err := cleanTags(tags)
	if err != nil {
		return err
	}
	return c.update(ctx, now, func(t *tx) {
		rec := t.asset(id)
		if !slices.Equal(rec.Tags, tags) {
			rec.Tags = tags
			t.save(tableAssets, key(string(id)), rec)
			t.acted(AssetTagged, string(id), strings.Join(tags, ", "))
		}
		t.join(rec.Asset)
	})
}

func cleanTags(tags []string) ([]string, error) {
	if len(tags) > manifest.MaxTags {
		return nil, &BoundError{"number of tags", len(tags), manifest.MaxTags}
	}
	var l problem.List
	for i, tag := range tags {
		l.Under(fmt.Sprintf("tags[%d]", i), job.ValidID(tag))
	}
	if err := l.Err("tags"); err != nil {
		return nil, err
	}
	tags = slices.Clone(tags)
	slices.Sort(tags)
	return slices.Compact(tags), nil
}

// findAsset returns an asset, if there is one of that ID.
func (r *reader) findAsset(id job.AssetID) (assetRecord, bool) {
	return load[assetRecord](r, tableAssets, key(string(id)))
}

// asset returns an asset; the error is a *NotFoundError for an unknown one.
func (r *reader) asset(id job.AssetID) assetRecord {
	r.fail(job.ValidID(string(id)))
	rec, found := r.findAsset(id)
	if !found {
		r.fail(&NotFoundError{"asset", string(id)})
	}
	return rec
}

// seen returns what an asset's calls last reported.
func (r *reader) seen(id job.AssetID) seenRecord {
	seen, _ := load[seenRecord](r, tableSeen, key(string(id)))
	return seen
}

// joinable reports whether an asset that enrols or is tagged now could still
// take part in a run whose orders were made before (JOB-26).
func (run runRecord) joinable(now time.Time) bool {
	made := run.State == ledger.RunMaking || run.State == ledger.RunMade
	return made && run.Definition.LateJoiners && run.joinsUntil(now, run.lastStart())
}

// joinsUntil reports whether a late joiner can still take part if the run
// starts on it at start.
func (run runRecord) joinsUntil(now, start time.Time) bool {
	return now.Before(start.Add(cmp.Or(run.Definition.Window, job.JoinTime)))
}

// join makes the orders of an asset that enrolled, was tagged or reported its
// zone now, in the newest run of each job that takes late joiners (JOB-26). If
// runs start by each asset's own clock, the newest run is the newest that is
// due on the asset: later runs include the asset anyway.
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
		if (newest.joinable(t.now) || t.rolling(newest) && newest.Definition.LateJoiners) && newest.Definition.Select(asset) {
			t.joinRun(newest, asset, zone)
		}
	}
}

// joinRun makes the order of an asset that has none in a run, unless it is too
// late in the asset's zone. If the zone is unknown or cannot be used, it is not
// too late.
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

// AcknowledgeAnomalies says that an administrator has seen what was odd about
// an asset: the list becomes empty, and AnomalyCount stays. The error is a
// *NotFoundError for an asset that is unknown or has nothing to acknowledge.
func (c *Controller) AcknowledgeAnomalies(ctx context.Context, id job.AssetID, now time.Time) error {
	return c.update(ctx, now, func(t *tx) {
		t.asset(id)
		reports := t.call(id, "").reports
		n := reports.AnomalyCount - reports.Noted
		if n == 0 {
			t.fail(&NotFoundError{"anomaly of asset", string(id)})
			return
		}
		reports.Noted, reports.Anomalies = reports.AnomalyCount, nil
		t.save(tableReports, key(string(id)), reports)
		t.acted(AnomaliesNoted, string(id), fmt.Sprint(n))
	})
}
