package scan

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/rpmfeed"
	"github.com/patchpolicy/patchpolicy/examples/agent/rpm"
)

// runRPM scans an RPM system, from rpm's database and the metadata that dnf has
// downloaded. dnf's settings choose the version (CAT-5). Whether the deployable
// patches can be installed together is not asked: dnf does that when it deploys
// them.
func runRPM(ctx context.Context, root string, c Config, now time.Time) (Report, error) {
	system, err := rpm.Open(ctx, root)
	if err != nil {
		return Report{}, err
	}
	report := Report{LeftOut: len(system.LeftOut)}
	for _, problem := range system.LeftOut {
		report.Notes = append(report.Notes, "a package is not scanned because its record cannot be read: "+problem)
	}
	names := system.Names()
	var batches []catalog.Batch
	var patches []catalog.Patch
	for _, repo := range system.Repos {
		b, err := fetchRPM(ctx, system, repo, rpmfeed.Config{Now: c.Now, Only: func(name string) bool { return names[name] }})
		if ctx.Err() != nil {
			return Report{}, ctx.Err()
		}
		if err != nil {
			b = catalog.Failed(catalog.FeedID("rpm:"+repo.ID), now, err)
			report.Notes = append(report.Notes, err.Error())
			report.Failed++
		}
		batches = append(batches, b)
		patches = append(patches, b.Patches...)
	}
	snapshot, changes := catalog.Sync(nil, batches, now)
	for _, r := range changes.Rejected {
		report.Notes = append(report.Notes, r.Error())
	}
	report.Snapshot, report.Feeds = snapshot.ID(), snapshot.Feeds()
	choice, err := system.Choose(patches)
	if err != nil {
		return Report{}, err
	}
	for _, v := range snapshot.Missing(choice.Inventory, catalog.Options{Refuse: choice.Refuse}, now) {
		_, arch, name, _ := rpmfeed.SplitProductID(v.Product)
		report.Rows = append(report.Rows, rowOf(snapshot, v, name, arch, now))
	}
	slices.SortFunc(report.Rows, Row.compare)
	return report, nil
}

func fetchRPM(ctx context.Context, system *rpm.System, repo rpm.Repo, c rpmfeed.Config) (catalog.Batch, error) {
	feed, err := system.Feed(repo, c)
	if err != nil {
		return catalog.Batch{}, err
	}
	b, err := feed.Fetch(ctx)
	if err != nil {
		return b, fmt.Errorf("repository %s: %w", repo.ID, err)
	}
	return b, nil
}

func rowOf(snapshot *catalog.Snapshot, v catalog.Verdict, name, arch string, now time.Time) Row {
	risk := snapshot.Risk(v, now)
	r := Row{
		Severity: risk.Severity, CVEs: risk.Fixed, Exploited: risk.Exploited,
		Package: name, Architecture: arch, Installed: v.From.String(), Available: v.To.String(),
		Deployable: v.Deployable, Reasons: v.Reasons, Patch: v.Patch, Snapshot: v.Snapshot,
	}
	if f, has := snapshot.FeedOf(v.Patch); has {
		r.Feed = &Feed{ID: f.Feed, Healthy: f.Healthy, Stale: f.Stale(now), LastGood: f.LastGood}
	}
	return r
}

func (r Row) compare(o Row) int {
	return cmp.Or(cmp.Compare(r.Package, o.Package), cmp.Compare(r.Architecture, o.Architecture), cmp.Compare(r.Available, o.Available), cmp.Compare(r.Patch, o.Patch))
}
