package adminhttp

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
)

// CatalogChange is a patch that the catalog first listed, that left it, or that
// changed; a product whose version lines changed; or a vulnerability whose
// facts did.
type CatalogChange struct {
	At            time.Time         `json:"at"`
	Change        string            `json:"change"` // "listed", "left" or "changed"
	Patch         catalog.PatchID   `json:"patch,omitempty"`
	Product       catalog.ProductID `json:"product,omitempty"`
	Version       string            `json:"version,omitempty"`
	Vulnerability string            `json:"vulnerability,omitempty"`
	What          []string          `json:"what,omitempty"` // of a change: what it was and what it is
}

// MaxChanges is how many changes of one sync are kept, and of several.
const MaxChanges = 10_000

// Changed returns what changed from one snapshot to the next in what both have,
// at most MaxChanges: patches, version lines, and facts about vulnerabilities
// that a patch fixes. Exploit probabilities change every day and do not count.
func Changed(was, is *catalog.Snapshot, c catalog.Changes, at time.Time) (list []CatalogChange) {
	add := func(x CatalogChange) bool {
		x.At, x.Change = at, "changed"
		if len(x.What) > 0 && len(list) < MaxChanges {
			list = append(list, x)
		}
		return len(list) < MaxChanges
	}
	ids := slices.Concat(c.Changed, c.Deprecated)
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		old, had := was.Patch(id)
		if p, has := is.Patch(id); had && has {
			d := patchDifference(old, p)
			d.add("lifecycle", was.Lifecycle(id), is.Lifecycle(id))
			if d == nil {
				d = difference{"files, texts or the feed"}
			}
			add(CatalogChange{Patch: id, Product: p.Product, Version: p.Version.String(), What: d})
		}
	}
	for p := range is.Products() {
		if old, had := was.Product(p.ID); had && !slices.Equal(old.Lines, p.Lines) && !add(CatalogChange{Product: p.ID, What: lineDifference(old.Lines, p.Lines)}) {
			return list
		}
	}
	seen := map[string]bool{}
	for _, s := range []*catalog.Snapshot{was, is} {
		for id := range s.Known() {
			if seen[id] {
				continue
			}
			seen[id] = true
			old, _ := was.Vulnerability(id, at)
			v, _ := is.Vulnerability(id, at)
			if d := factDifference(old, v); d != nil && len(is.Fixing(id)) > 0 && !add(CatalogChange{Vulnerability: id, What: d}) {
				return list
			}
		}
	}
	return list
}

// difference is what differs, like "severity: low → high".
type difference []string

func (d *difference) add(name string, was, is any) {
	before, after := say(was), say(is)
	if before != after {
		*d = append(*d, fmt.Sprintf("%s: %s → %s", name, before, after))
	}
}

func say(v any) string {
	text := fmt.Sprint(v)
	if at, is := v.(time.Time); is && !at.IsZero() {
		text = at.Format(time.RFC3339)
	} else if is || text == "" || text == "0" || text == "[]" || strings.HasSuffix(text, "(0)") {
		text = "-"
	}
	return text
}

func patchDifference(was, is catalog.Patch) (d difference) {
	d.add("product", was.Product, is.Product)
	d.add("version", was.Version, is.Version)
	d.add("severity", was.Severity, is.Severity)
	d.add("class", was.Class, is.Class)
	d.add("CVEs", was.CVEs, is.CVEs)
	d.add("exploited", was.Exploited, is.Exploited)
	d.add("published", was.Published, is.Published)
	d.add("end of life", was.EOL, is.EOL)
	d.add("end of life announced", was.EOLMarked, is.EOLMarked)
	d.add("withdrawn", was.Withdrawn, is.Withdrawn)
	d.add("reboot", was.Reboot, is.Reboot)
	d.add("supersedes", was.Supersedes, is.Supersedes)
	d.add("requires", was.Requires, is.Requires)
	return d
}

func lineDifference(was, is []catalog.Line) (d difference) {
	end := func(list []catalog.Line, prefix string) any {
		i := slices.IndexFunc(list, func(l catalog.Line) bool { return l.Prefix == prefix })
		switch {
		case i < 0:
			return "no line"
		case list[i].Over && list[i].EOL.IsZero():
			return "ended"
		}
		return list[i].EOL
	}
	for _, l := range slices.Concat(was, is) {
		if text := fmt.Sprintf("end of life of line %s", l.Prefix); !slices.ContainsFunc(d, func(s string) bool { return len(s) > len(text) && s[:len(text)+1] == text+":" }) {
			d.add(text, end(was, l.Prefix), end(is, l.Prefix))
		}
	}
	return d
}

func factDifference(was, is catalog.Vulnerability) (d difference) {
	d.add("severity", was.Severity, is.Severity)
	d.add("exploited", was.Exploited, is.Exploited)
	d.add("listed as exploited", was.Listed, is.Listed)
	d.add("due", was.Due, is.Due)
	d.add("ransomware", was.Ransomware, is.Ransomware)
	d.add("automatable", was.Automatable, is.Automatable)
	d.add("total impact", was.TotalImpact, is.TotalImpact)
	d.add("withdrawn", was.Withdrawn, is.Withdrawn)
	return d
}

// changes lists what the catalog listed, lost and changed since an instant, the
// newest first. What it listed and lost is read from the patches and their
// history. What changed is known since the server was started.
func (h handler) changes(r *http.Request, _ string, limit int) (any, error) {
	snap, err := h.Controller.Snapshot(r.Context())
	since, wrong := instant(r, "since")
	if err := cmp.Or(err, wrong, pageOf(limit)); err != nil {
		return nil, err
	}
	list := []CatalogChange{}
	for p := range snap.Patches() {
		if !p.Listed.Before(since) {
			list = append(list, CatalogChange{At: p.Listed, Change: "listed", Patch: p.ID, Product: p.Product, Version: p.Version.String()})
		}
	}
	for product, f := range snap.Left(since) {
		list = append(list, CatalogChange{At: f.Left, Change: "left", Patch: f.Patch, Product: product, Version: f.Version.String()})
	}
	for _, c := range h.Lately() {
		if !c.At.Before(since) {
			list = append(list, c)
		}
	}
	slices.SortStableFunc(list, func(a, b CatalogChange) int { return b.At.Compare(a.At) })
	return list[:min(len(list), limit)], nil
}
