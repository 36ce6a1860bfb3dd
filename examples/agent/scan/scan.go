package scan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/aptfeed"
	"github.com/patchpolicy/patchpolicy/catalog/debian"
	"github.com/patchpolicy/patchpolicy/job/runner/dpkg"
)

// Config says what is scanned.
type Config struct {
	Root             string           // default "/"
	IgnoreValidUntil bool             // take expired lists too
	Now              func() time.Time // default time.Now
	Logger           *slog.Logger     // default: none
}

// Report is the outcome.
type Report struct {
	Rows     []Row
	Snapshot uint64               // the catalog snapshot the verdicts come from
	Feeds    []catalog.FeedHealth // by id
	Notes    []string             // what the reader should know: entries that are ignored, feeds that fail
}

// Row is one patch that was considered.
type Row struct {
	Package      string           `json:"package"`
	Architecture string           `json:"architecture"`
	Installed    string           `json:"installed"`
	Available    string           `json:"available"`
	Deployable   bool             `json:"deployable"`
	Reasons      []catalog.Reason `json:"reasons"` // never empty; for a deployable patch, why it is
	Patch        catalog.PatchID  `json:"patch,omitempty"`
	Snapshot     uint64           `json:"snapshot"`
	Feed         *Feed            `json:"feed,omitempty"` // where the patch comes from; absent when no verified feed lists it
}

// Feed is how the feed of a row fares.
type Feed struct {
	ID       catalog.FeedID `json:"id"`
	Healthy  bool           `json:"healthy"`
	Stale    bool           `json:"stale"` // CAT-2
	LastGood time.Time      `json:"lastGood,omitzero"`
}

// ErrNoLists is returned when apt has downloaded nothing.
var ErrNoLists = errors.New("apt has downloaded no package lists: run \"apt-get update\" first")

// Run scans. The rows are sorted by package and architecture.
func Run(ctx context.Context, c Config) (Report, error) {
	if c.Root == "" {
		c.Root = "/"
	}
	root, err := filepath.Abs(c.Root)
	if err != nil {
		return Report{}, err
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	now := c.Now()
	platform, err := dpkg.New(dpkg.Config{Root: root, Logger: c.Logger})
	if err != nil {
		return Report{}, err
	}
	inventory, err := platform.Inventory(ctx)
	if err != nil {
		return Report{}, err
	}
	var report Report
	feeds := aptfeed.Config{
		Root: root, IgnoreValidUntil: c.IgnoreValidUntil, Now: c.Now,
		Report: func(p aptfeed.Problem) { report.Notes = append(report.Notes, p.Error()) },
	}
	snapshot, err := catalogOf(ctx, feeds, now, &report)
	if err != nil {
		return Report{}, err
	}
	a, err := newApt(ctx, root, debian.Architectures(root))
	if err != nil {
		return Report{}, err
	}
	defer a.close()
	choices, err := a.choices(ctx, inventory)
	if err != nil {
		return Report{}, err
	}
	verdicts := chosen(snapshot.Missing(inventory, catalog.Options{}, now), choices)
	if verdicts, err = resolved(ctx, a, verdicts, choices); err != nil {
		return Report{}, err
	}
	verdicts = append(verdicts, unknown(snapshot, verdicts, choices)...)
	for _, v := range verdicts {
		report.Rows = append(report.Rows, row(snapshot, v, now))
	}
	slices.SortFunc(report.Rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.Package, b.Package), cmp.Compare(a.Architecture, b.Architecture), cmp.Compare(a.Available, b.Available))
	})
	return report, nil
}

// catalogOf makes the catalog of the downloaded lists.
func catalogOf(ctx context.Context, c aptfeed.Config, now time.Time, report *Report) (*catalog.Snapshot, error) {
	feeds, err := aptfeed.FromLists(c)
	if err != nil {
		return nil, err
	}
	var batches []catalog.Batch
	missing := 0
	for _, f := range feeds {
		b, err := f.Fetch(ctx)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			b = catalog.Failed(f.ID(), now, err)
			if e, is := errors.AsType[*aptfeed.Error](err); is && e.Cause == aptfeed.Missing {
				missing++
			} else if !is || e.Cause != aptfeed.Refused { // what is refused was reported already
				report.Notes = append(report.Notes, err.Error())
			}
		}
		batches = append(batches, b)
	}
	if missing == len(feeds) {
		return nil, fmt.Errorf("%s: %w", c.Lists, ErrNoLists)
	}
	if missing > 0 {
		report.Notes = append(report.Notes, fmt.Sprintf("%d of %d suites were never downloaded: run \"apt-get update\"", missing, len(feeds)))
	}
	snapshot, changes := catalog.Sync(nil, batches, now)
	for _, r := range changes.Rejected {
		report.Notes = append(report.Notes, r.Error())
	}
	report.Snapshot, report.Feeds = snapshot.ID(), snapshot.Feeds()
	return snapshot, nil
}

// chosen blocks what apt would not choose, whatever the catalog says: a version that is not its candidate (CAT-5).
func chosen(verdicts []catalog.Verdict, choices map[pkg]choice) []catalog.Verdict {
	for i, v := range verdicts {
		c := choices[pkgOf(v.Product)]
		if v.Deployable && c.candidate != v.To.String() {
			verdicts[i] = v.With(catalog.NewReason(catalog.PinnedElsewhere, c.candidate, v.To.String(),
				"The asset's package manager would choose version %s of %s, not %s.", c.candidate, pkgOf(v.Product).name, v.To))
		}
	}
	return verdicts
}

// resolved asks apt whether the deployable patches can be installed, and blocks those that cannot.
func resolved(ctx context.Context, a *apt, verdicts []catalog.Verdict, choices map[pkg]choice) ([]catalog.Verdict, error) {
	set := wish{}
	for _, v := range verdicts {
		if v.Deployable {
			set[pkgOf(v.Product)] = v.To.String()
		}
	}
	refused, err := a.resolve(ctx, set, choices)
	if err != nil {
		return nil, err
	}
	for i, v := range verdicts {
		if r, is := refused[pkgOf(v.Product)]; is && v.Deployable {
			verdicts[i] = v.With(r)
		}
	}
	return verdicts, nil
}

// unknown gives a verdict to every upgrade that apt offers and the catalog does not know (CAT-15).
func unknown(snapshot *catalog.Snapshot, verdicts []catalog.Verdict, choices map[pkg]choice) []catalog.Verdict {
	for _, v := range verdicts {
		delete(choices, pkgOf(v.Product))
	}
	channels := map[string]bool{}
	for p := range snapshot.Products() {
		channels[p.Channel] = true
	}
	failing := []string{}
	for _, f := range snapshot.Feeds() {
		if !f.Healthy {
			failing = append(failing, f.Err)
		}
	}
	var more []catalog.Verdict
	for p, c := range choices {
		if !c.upgrade() {
			continue
		}
		text := fmt.Sprintf("apt offers %s of %s, which no verified list of this channel has", c.candidate, p.name)
		code := catalog.UnknownPatch
		switch other := otherChannel(snapshot, channels, p, c.candidate); {
		case other != "":
			code = catalog.PinnedElsewhere
			text = fmt.Sprintf("apt offers %s of %s from the channel %s, which is not the one this system follows", c.candidate, p.name, other)
		case len(failing) > 0:
			text += ": " + strings.Join(failing, "; ")
		}
		v := catalog.Verdict{Product: c.product, Snapshot: snapshot.ID(), From: c.from, To: c.to}
		more = append(more, v.With(catalog.NewReason(code, c.installed, c.candidate, "%s.", text)))
	}
	return more
}

// otherChannel finds a patch of the version in a channel that the asset does not follow: backports, say.
func otherChannel(snapshot *catalog.Snapshot, channels map[string]bool, p pkg, version string) string {
	found := ""
	for channel := range channels {
		id := debian.PatchID(debian.ProductID(channel, p.arch, p.name), version)
		if _, has := snapshot.Patch(id); has && (found == "" || channel < found) {
			found = channel
		}
	}
	return found
}

func row(snapshot *catalog.Snapshot, v catalog.Verdict, now time.Time) Row {
	p := pkgOf(v.Product)
	r := Row{
		Package: p.name, Architecture: p.arch, Installed: v.From.String(), Available: v.To.String(),
		Deployable: v.Deployable, Reasons: v.Reasons, Patch: v.Patch, Snapshot: v.Snapshot,
	}
	if f, has := snapshot.FeedOf(v.Patch); has {
		r.Feed = &Feed{ID: f.Feed, Healthy: f.Healthy, Stale: f.Stale(now), LastGood: f.LastGood}
	}
	return r
}
