package osvfeed

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/internal/fetch"
	"github.com/patchpolicy/patchpolicy/catalog/version"
)

// record is what is read of a record.
type record struct {
	ID        string     `json:"id"`
	Aliases   []string   `json:"aliases"`
	Upstream  []string   `json:"upstream"`
	Related   []string   `json:"related"`
	Modified  time.Time  `json:"modified"`
	Published time.Time  `json:"published"`
	Withdrawn time.Time  `json:"withdrawn"`
	Severity  []score    `json:"severity"`
	Affected  []affected `json:"affected"`
	Database  words      `json:"database_specific"`
}

type affected struct {
	Package struct {
		Ecosystem string `json:"ecosystem"`
		Name      string `json:"name"`
	} `json:"package"`
	Severity []score `json:"severity"`
	Ranges   []struct {
		Type   string  `json:"type"`
		Events []event `json:"events"`
	} `json:"ranges"`
	Ecosystem words `json:"ecosystem_specific"`
	Database  words `json:"database_specific"`
}

type score struct {
	Type  string `json:"type"`
	Score string `json:"score"`
}

// event is a change at a version. One of its members is set.
type event struct {
	Introduced   string `json:"introduced"`
	Fixed        string `json:"fixed"`
	LastAffected string `json:"last_affected"`
	Limit        string `json:"limit"`
}

// words are ratings in the parts of a record that each database fills as it
// likes.
type words struct{ Severity, Urgency string }

func (w *words) UnmarshalJSON(data []byte) error {
	var any struct{ Severity, Urgency any }
	if json.Unmarshal(data, &any) == nil {
		w.Severity, _ = any.Severity.(string)
		w.Urgency, _ = any.Urgency.(string)
	}
	return nil
}

// advisory reads a record and returns everything that is wrong with it. A
// record without wanted packages has no fixes.
func (p parser) advisory(data []byte) (a catalog.Advisory, problems []string) {
	var r record
	if err := json.Unmarshal(data, &r); err != nil {
		return a, []string{strings.TrimPrefix(err.Error(), "json: ")}
	}
	a = catalog.Advisory{ID: r.ID, Published: r.Published.UTC(), Modified: r.Modified.UTC(), Withdrawn: !r.Withdrawn.IsZero()}
	var mine []affected
	distribution := false
	for _, at := range r.Affected {
		i := slices.IndexFunc(p.wanted, func(w wanted) bool { return w.ecosystem == at.Package.Ecosystem })
		if i < 0 {
			continue
		}
		at.Package.Ecosystem = p.wanted[i].ecosystem // one text for all
		fixes, wrong := at.fixes()
		mine, a.Fixes, problems = append(mine, at), append(a.Fixes, fixes...), append(problems, wrong...)
		distribution = distribution || schemeOf(at.Package.Ecosystem) != version.Semver
	}
	if len(mine) == 0 {
		return a, nil
	}
	if r.ID == "" || len(r.ID) > catalog.MaxCVE {
		problems = append(problems, fmt.Sprintf("its id has %d bytes, want 1 to %d", len(r.ID), catalog.MaxCVE))
	}
	if r.Modified.IsZero() {
		problems = append(problems, `it has no "modified"`)
	}
	a.CVEs = cves(slices.Concat([]string{r.ID}, r.Aliases, r.Upstream))
	if a.CVEs == nil && distribution {
		a.CVEs = cves(r.Related)
	}
	a.Severity = r.rating(mine)
	if problems == nil {
		problems = a.Check()
	}
	return a, problems
}

// cves returns the CVE ids among ids, sorted, each once.
func cves(ids []string) []string {
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !fetch.IsCVE(id) })
	slices.Sort(ids)
	if ids = slices.Compact(ids); len(ids) == 0 {
		return nil
	}
	return ids
}

func (at affected) fixes() (fixes []catalog.Fix, problems []string) {
	pkg := catalog.Package{Ecosystem: at.Package.Ecosystem, Name: at.Package.Name}
	about := func(format string, args ...any) {
		problems = append(problems, fmt.Sprintf("package %.80q of %s: ", pkg.Name, pkg.Ecosystem)+fmt.Sprintf(format, args...))
	}
	if pkg.Name == "" || len(pkg.Name) > catalog.MaxText {
		about("the name has %d bytes, want 1 to %d", len(pkg.Name), catalog.MaxText)
	}
	ranges := 0
	for _, r := range at.Ranges {
		switch r.Type {
		case "ECOSYSTEM", "SEMVER":
			ranges++
			changes, err := inOrder(schemeOf(pkg.Ecosystem), r.Events)
			if err != nil {
				about("%v", err)
			}
			fixes = append(fixes, pairs(pkg, changes)...)
		case "GIT":
		default:
			about("a range of type %.40q is not known", r.Type)
		}
	}
	if ranges == 0 {
		about("it has no range of versions")
	}
	return fixes, problems
}

// change is a version from which on the vulnerability is there, or is not.
type change struct {
	at      version.Version // zero: before every version
	present bool
}

// inOrder returns the changes that the events make, in the order of versions.
func inOrder(scheme version.Scheme, events []event) ([]change, error) {
	var changes []change
	introduced := false
	for _, e := range events {
		set := 0
		for _, text := range []string{e.Introduced, e.Fixed, e.LastAffected, e.Limit} {
			set += min(len(text), 1)
		}
		introduced = introduced || e.Introduced != ""
		switch {
		case set != 1:
			return nil, fmt.Errorf("an event has %d of introduced, fixed, last_affected and limit, want one", set)
		case e.Introduced == "0":
			changes = append(changes, change{present: true})
		case e.LastAffected == "" && e.Limit != "*":
			v, err := version.Parse(scheme, cmp.Or(e.Introduced, e.Fixed, e.Limit))
			if err != nil {
				return nil, err
			}
			changes = append(changes, change{v, e.Introduced != ""})
		}
	}
	if !introduced {
		return nil, errors.New("a range has no introduced event")
	}
	slices.SortStableFunc(changes, func(a, b change) int { return compare(a.at, b.at) })
	return changes, nil
}

// compare orders versions of one scheme. The zero version is the oldest.
func compare(a, b version.Version) int {
	switch {
	case a == b:
		return 0
	case a.IsZero():
		return -1
	case b.IsZero():
		return 1
	}
	order, _ := a.Compare(b)
	return order
}

// pairs returns the ranges between the changes, without empty ones.
func pairs(pkg catalog.Package, changes []change) (fixes []catalog.Fix) {
	open := false
	var from version.Version
	for _, c := range changes {
		switch {
		case c.present && !open:
			from = c.at
		case !c.present && open:
			if compare(from, c.at) < 0 {
				fixes = append(fixes, catalog.Fix{Package: pkg, Introduced: from, Fixed: c.at})
			}
		}
		open = c.present
	}
	if open {
		fixes = append(fixes, catalog.Fix{Package: pkg, Introduced: from})
	}
	return fixes
}
