// Package scan says which patches are missing on a Debian or Ubuntu system,
// from its package database and the lists that apt has downloaded, or on an RPM
// system, from what dnf has downloaded (package rpm). It only reads: it needs no
// root rights and no network, and takes no lock.
//
// The catalog decides the verdicts, from feeds that verify the lists as apt-get
// update did. On a Debian asset apt itself decides two more things: which version
// it would choose (its pins and priorities, CAT-5), and whether the deployable
// patches can be installed together without adding or removing a package
// (CAT-3). So the deployable patches are those that apt would install. Each
// newer version that apt would not install has a row with the reason (CAT-19).
package scan

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/aptfeed"
	"github.com/patchpolicy/patchpolicy/catalog/debian"
	"github.com/patchpolicy/patchpolicy/catalog/fault"
	"github.com/patchpolicy/patchpolicy/examples/agent/rpm"
	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job/runner/dpkg"
)

// Config says what is scanned.
type Config struct {
	Root             string           // the folder of the system
	Channel          string           // of the distribution's packages; default as dpkg.Config.Channel
	IgnoreValidUntil bool             // take expired lists too
	Now              func() time.Time // default time.Now
	Logger           *slog.Logger     // default: none
}

// Report is the result of a scan.
type Report struct {
	Rows     []Row
	Snapshot uint64               // the catalog snapshot the verdicts come from
	Feeds    []catalog.FeedHealth // by id
	Failed   int                  // feeds that could not be used: what they list is not among the rows
	LeftOut  int                  // packages whose record in the package database cannot be read: they are not among the rows
	Notes    []string             // what the reader should know: entries that are ignored, feeds that fail
}

// Row is one patch that was considered.
type Row struct {
	Package      string           `json:"package"`
	Architecture string           `json:"architecture"`
	Installed    string           `json:"installed"`
	Available    string           `json:"available"`
	Severity     catalog.Severity `json:"severity,omitempty"`  // the highest known of what it fixes; zero: none is
	CVEs         []string         `json:"cves,omitempty"`      // the vulnerabilities that it fixes, by what the feeds say
	Exploited    catalog.Answer   `json:"exploited,omitempty"` // one of them is known to be exploited; zero: not known (CAT-18)
	Deployable   bool             `json:"deployable"`
	Reasons      []catalog.Reason `json:"reasons"` // never empty; for a deployable patch, why it is
	Patch        catalog.PatchID  `json:"patch,omitempty"`
	Snapshot     uint64           `json:"snapshot"`
	Feed         *Feed            `json:"feed,omitempty"` // where the patch comes from; absent when no verified feed lists it
}

// Feed is the state of the feed of a row.
type Feed struct {
	ID       catalog.FeedID `json:"id"`
	Healthy  bool           `json:"healthy"`
	Stale    bool           `json:"stale"` // CAT-2
	LastGood time.Time      `json:"lastGood,omitzero"`
}

// Complete returns an error if something could not be scanned. The notes say
// why.
func (r Report) Complete() error {
	var parts []string
	if r.Failed > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d feeds could not be used", r.Failed, len(r.Feeds)))
	}
	if r.LeftOut > 0 {
		parts = append(parts, fmt.Sprintf("unreadable records of the package database: %d", r.LeftOut))
	}
	if len(parts) == 0 {
		return nil
	}
	return fmt.Errorf("the scan is not complete: %s; see the notes above", strings.Join(parts, ", "))
}

// JSON writes one array with one object per row.
func (r Report) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(append([]Row{}, r.Rows...)) // not null
}

// Table writes the rows for people, and a last line with the totals.
func (r Report) Table(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	deployable := 0
	if len(r.Rows) > 0 {
		fmt.Fprintln(t, "PACKAGE\tINSTALLED\tAVAILABLE\tSEVERITY\tCVES\tEXPLOITED\tDEPLOYABLE\tRULE\tWHY")
	}
	for _, row := range r.Rows {
		answer := "no"
		if row.Deployable {
			deployable++
			answer = "yes"
		}
		var rules, why []string
		for _, reason := range row.Reasons {
			rules = append(rules, reason.Rule)
			why = append(why, reason.Text)
		}
		fmt.Fprintf(t, "%s:%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", problem.Printable(row.Package), problem.Printable(row.Architecture), problem.Printable(row.Installed),
			problem.Printable(row.Available), known(row.Severity), cves(row.CVEs), known(row.Exploited), answer, strings.Join(rules, ","), problem.Printable(strings.Join(why, " ")))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%d missing, of these %d deployable; catalog snapshot %d of %d feeds.\n", len(r.Rows), deployable, r.Snapshot, len(r.Feeds))
	return err
}

// known is a fact, or a dash if it is not known.
func known[T ~uint8](fact T) string {
	if fact == 0 {
		return "-"
	}
	return fmt.Sprint(fact)
}

// cves is how many there are, and the first.
func cves(ids []string) string {
	if len(ids) == 0 {
		return "-"
	}
	return fmt.Sprintf("%d %s", len(ids), problem.Printable(ids[0]))
}

// Run scans a system. The rows are sorted by package and architecture.
func Run(ctx context.Context, c Config) (Report, error) {
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // a short run: some 20 MB more for less CPU
	root, err := filepath.Abs(c.Root)
	if err != nil {
		return Report{}, err
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	now := c.Now()
	if rpm.Is(root) {
		return runRPM(ctx, root, c, now)
	}
	platform, err := dpkg.New(dpkg.Config{Root: root, Channel: c.Channel, Logger: c.Logger})
	if err != nil {
		return Report{}, err
	}
	apt, err := platform.OpenApt(ctx)
	if err != nil {
		return Report{}, err
	}
	defer apt.Close()
	answer, err := apt.Inventory(ctx)
	if err != nil {
		return Report{}, err
	}
	choices := answer.Choices
	report := Report{LeftOut: len(answer.LeftOut)}
	for _, problem := range answer.LeftOut {
		report.Notes = append(report.Notes, fmt.Sprintf("a package is not scanned because its record cannot be read: %v", problem))
	}
	for _, warning := range answer.Warnings {
		report.Notes = append(report.Notes, "apt warns: "+warning)
	}
	names := map[string]bool{}
	for p := range choices {
		names[p.Name] = true
	}
	feeds := aptfeed.Config{
		Only: func(name string) bool { return names[name] },
		Root: root, IgnoreValidUntil: c.IgnoreValidUntil, Now: c.Now,
		Report: func(p aptfeed.Problem) {
			if !p.Refused { // a refused entry is a feed that fails with the reason
				report.Notes = append(report.Notes, p.Error())
			}
		},
	}
	snapshot, err := catalogOf(ctx, feeds, now, &report)
	if err != nil {
		return Report{}, err
	}
	verdicts := snapshot.Missing(answer.Inventory, catalog.Options{}, now)
	if err := asApt(ctx, apt, verdicts, choices); err != nil {
		return Report{}, err
	}
	for _, v := range verdicts {
		p := packageOf(v.Product)
		report.Rows = append(report.Rows, rowOf(snapshot, v, p.Name, p.Arch, now))
	}
	report.Rows = append(report.Rows, unknown(snapshot, verdicts, choices)...)
	slices.SortFunc(report.Rows, Row.compare)
	return report, nil
}

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
			if fault.Is(err, fault.Missing) {
				missing++
			} else {
				report.Notes = append(report.Notes, err.Error())
			}
			report.Failed++
		}
		batches = append(batches, b)
	}
	if missing == len(feeds) {
		return nil, fmt.Errorf("%s: apt has downloaded no package lists: run \"apt-get update\" first", c.Root)
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

// asApt blocks what apt would not install, whatever the catalog says: a version
// that is not its candidate (CAT-5), and a patch that cannot be installed
// together with the others. A patch that is already there, but that dpkg did not
// finish, only has to be finished (JOB-17).
func asApt(ctx context.Context, apt *dpkg.Apt, verdicts []catalog.Verdict, choices map[dpkg.Package]dpkg.Choice) error {
	set := wish{}
	for i, v := range verdicts {
		p, to := packageOf(v.Product), v.To.String()
		switch c := choices[p]; {
		case !v.Deployable:
		case c.Candidate != to:
			verdicts[i] = v.With(catalog.NewReason(catalog.PinnedElsewhere, c.Candidate, to,
				"The asset's package manager would choose version %s of %s, not %s.", c.Candidate, p.Name, to))
		case c.Installed != to:
			set[p] = to
		}
	}
	refused, err := resolve(ctx, apt, set)
	for i, v := range verdicts {
		if r, is := refused[packageOf(v.Product)]; is && v.Deployable {
			verdicts[i] = v.With(r)
		}
	}
	return err
}

// unknown makes a row for each upgrade that apt offers and the catalog does not
// know, and for each package that never worked (CAT-15).
func unknown(snapshot *catalog.Snapshot, verdicts []catalog.Verdict, choices map[dpkg.Package]dpkg.Choice) []Row {
	known := map[dpkg.Package]bool{}
	for _, v := range verdicts {
		p := packageOf(v.Product)
		known[p] = known[p] || v.To.String() == choices[p].Candidate
	}
	text := ", which no verified list has"
	for _, f := range snapshot.Feeds() {
		if !f.Healthy {
			text += "; " + f.Err
		}
	}
	var rows []Row
	for p, c := range choices {
		r := Row{Package: p.Name, Architecture: p.Arch, Installed: c.Installed, Available: c.Candidate, Snapshot: snapshot.ID()}
		switch {
		case c.State != "":
			r.Reasons = []catalog.Reason{catalog.NewReason(catalog.NotInstalled, c.State, c.Candidate,
				"Version %s of %s was never installed to its end: dpkg calls it %s.", c.Installed, p.Name, c.State)}
		case c.Upgrade() && !known[p]:
			r.Reasons = []catalog.Reason{catalog.NewReason(catalog.UnknownPatch, c.Installed, c.Candidate, "apt offers %s of %s%s.", c.Candidate, p.Name, text)}
		case c.Rebuilt && !c.Upgrade() && !known[p]:
			r.Available = c.Installed
			r.Reasons = []catalog.Reason{catalog.NewReason(catalog.AlreadyInstalled, c.Installed, c.Installed,
				"%s is at version %s already, of which the lists have another build.", p.Name, c.Installed)}
		default:
			continue
		}
		rows = append(rows, r)
	}
	return rows
}

func packageOf(id catalog.ProductID) dpkg.Package {
	_, arch, name, _ := debian.SplitProductID(id)
	return dpkg.Package{Name: name, Arch: arch}
}
