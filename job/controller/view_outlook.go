package controller

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/rollout"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// Outlook is what an administrator should know about a job before its next
// start.
type Outlook struct {
	Assets      int               `json:"assets"`                // selected now (JOB-7)
	NoInventory int               `json:"noInventory,omitempty"` // of them, not inventoried yet
	Silent      int               `json:"silent,omitempty"`      // of them, not called for manifest.MaxPropagation
	Starts      []ZoneStart       `json:"starts,omitempty"`      // by start; none for a job on demand or after another
	Unknown     []catalog.PatchID `json:"unknown,omitempty"`     // listed in the job and not in the catalog
	Rollout     string            `json:"rollout,omitempty"`     // how many assets a bad patch hurts at most (ROL-5); empty: the job has no rollout
	Warnings    []string          `json:"warnings,omitempty"`    // one sentence each
}

// ZoneStart is the next start of a job in one time zone.
type ZoneStart struct {
	Zone   string    `json:"zone,omitempty"` // empty: an instant, or assets that never reported a zone
	Start  time.Time `json:"start,omitzero"` // zero: there is none, see Why
	Assets int       `json:"assets"`         // that start then
	Why    string    `json:"why,omitempty"`
}

// Outlook returns what an administrator should know about a saved job before
// its next start, with warnings about the unexpected. It changes nothing. The
// error is a *NotFoundError for an unknown job.
func (c *Controller) Outlook(ctx context.Context, id job.ID, now time.Time) (Outlook, error) {
	status, err := c.Job(ctx, id)
	if err != nil {
		return Outlook{}, err
	}
	o, _, err := c.outlook(ctx, status, now)
	return o, err
}

// outlook also returns the selected assets.
func (c *Controller) outlook(ctx context.Context, status JobStatus, now time.Time) (o Outlook, selected []job.AssetID, err error) {
	zones := map[string]int{}
	var members []rollout.Asset
	err = c.eachAsset(ctx, now, func(a AssetStatus) error {
		if !status.Select(a.Asset) {
			return nil
		}
		selected = append(selected, a.ID)
		o.Assets++
		members = append(members, rollout.Asset{ID: string(a.ID), Tags: a.Tags})
		zones[a.Zone]++
		if a.InventoryAt.IsZero() {
			o.NoInventory++
		}
		if a.Silent {
			o.Silent++
		}
		return nil
	})
	if err != nil {
		return o, nil, err
	}
	if status.After == nil && status.Schedule.Kind != schedule.OnDemand {
		if status.Schedule.Zone != schedule.AssetZone {
			zones = map[string]int{status.Schedule.Zone: o.Assets}
		}
		o.Starts, err = view(ctx, c, func(r *reader) []ZoneStart { return r.starts(status, zones, now) })
		if err != nil {
			return o, nil, err
		}
	}
	snap, err := c.Snapshot(ctx)
	if err != nil {
		return o, nil, err
	}
	for _, p := range status.Patches.List {
		if _, known := snap.Patch(p); !known {
			o.Unknown = append(o.Unknown, p)
		}
	}
	if status.Rollout != nil {
		o.Rollout = status.Rollout.WithDefaults().BlastRadius(members).String()
	}
	o.warn(status)
	if _, refused := view(ctx, c, func(r *reader) bool { r.checkChain(status.Definition); return true }); refused != nil {
		o.Warnings = append(o.Warnings, refused.Error())
	}
	findings, err := view(ctx, c, func(r *reader) []job.Finding { return r.check(status.Definition, members, now) })
	o.find(findings, len(c.config.Deadlines) > 0)
	return o, selected, err
}

// eachAsset calls fn with every asset, page by page.
func (c *Controller) eachAsset(ctx context.Context, now time.Time, fn func(AssetStatus) error) error {
	var after job.AssetID
	for {
		assets, err := c.Assets(ctx, after, MaxPage, now)
		if err != nil {
			return err
		}
		for _, a := range assets {
			if err := fn(a); err != nil {
				return err
			}
			after = a.ID
		}
		if len(assets) < MaxPage {
			return nil
		}
	}
}

// starts returns the next start in each of the zones.
func (r *reader) starts(status JobStatus, zones map[string]int, now time.Time) (list []ZoneStart) {
	enabled := now
	if status.State == job.Enabled {
		enabled = status.Enabled
	}
	for _, name := range slices.Sorted(maps.Keys(zones)) {
		s := ZoneStart{Zone: name, Assets: zones[name]}
		zone, why := r.c.zoneOf(status.Schedule, name)
		if s.Why = why; why == "" {
			if o, ok := r.uncancelled(status.Definition, zone, enabled, now); ok {
				s.Start = o.Start
			} else {
				s.Why = "there is no start after now"
			}
		}
		list = append(list, s)
	}
	slices.SortStableFunc(list, func(a, b ZoneStart) int {
		return cmp.Or(cmp.Compare(len(a.Why), len(b.Why)), a.Start.Compare(b.Start)) // what starts comes first
	})
	return list
}

// zoneOf resolves a zone's name for a schedule. Why says why it cannot be used.
func (c *Controller) zoneOf(s schedule.Schedule, name string) (zone *time.Location, why string) {
	switch {
	case name == "" && s.Zone == "":
		return time.UTC, ""
	case name == "":
		return nil, "they have not reported their time zone yet"
	}
	zone, err := c.location(name)
	if err != nil {
		return nil, "the server does not know this time zone"
	}
	return zone, ""
}

func (o *Outlook) warn(status JobStatus) {
	add := func(format string, args ...any) { o.Warnings = append(o.Warnings, fmt.Sprintf(format, args...)) }
	if o.Assets == 0 {
		add("The job selects no asset now: check its tags and its platform, %v (JOB-7).", status.Platform)
	}
	if n := len(o.Unknown); n > 0 {
		add("%d of the %d patches listed are not in the catalog and are left out: %s (CAT-9).", n, len(status.Patches.List), firstFew(o.Unknown))
	}
	for _, s := range o.Starts {
		switch {
		case s.Why == "":
		case s.Zone == "":
			add("%s left out: %s (JOB-9).", countAssets(s.Assets), s.Why)
		default:
			add("%s with time zone %q left out: %s (JOB-9).", countAssets(s.Assets), s.Zone, s.Why)
		}
	}
	if o.NoInventory > 0 {
		add("%s sent no inventory yet: an order is made when it comes.", countAssets(o.NoInventory))
	}
	if o.Silent > 0 {
		add("No call for a while from %s: nobody knows when the orders arrive there (MAN-3).", countAssets(o.Silent))
	}
}

// find adds what a check found: of each table of deadlines one sentence.
func (o *Outlook) find(findings []job.Finding, deadlines bool) {
	missed := map[string]int{}
	for _, f := range findings {
		switch {
		case f.Kind == job.GateStuck: // it is in Outlook.Rollout
		case f.Kind == job.ClosedStart || f.Kind == job.LongRollout:
			o.Warnings = append(o.Warnings, f.Text)
		case f.Missed && deadlines:
			if missed[f.Table]++; missed[f.Table] == 1 {
				o.Warnings = append(o.Warnings, f.Text)
			}
		}
	}
	for _, table := range slices.Sorted(maps.Keys(missed)) {
		if n := missed[table]; table != "" && n > 1 {
			o.Warnings = append(o.Warnings, fmt.Sprintf("About %s, a check of the job finds %d more (DUE-7).", table, n-1))
		}
	}
}

func countAssets(n int) string {
	if n == 1 {
		return "1 asset"
	}
	return fmt.Sprintf("%d assets", n)
}

// firstFew names the first few of a list.
func firstFew[T ~string](list []T) (text string) {
	const most = 5
	for i, x := range list {
		if i == most {
			return fmt.Sprintf("%s and %d more", text, len(list)-most)
		}
		if i > 0 {
			text += ", "
		}
		text += string(x)
	}
	return text
}
