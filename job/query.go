package job

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// Patches selects patches: a list or a query, never both (JOB-8).
type Patches struct {
	List  []catalog.PatchID `json:"list,omitempty"`
	Query *Query            `json:"query,omitempty"`
}

// Query takes the missing patches that meet every condition that is set, and
// none that Exclude sets. It leaves out a patch if another one that the asset
// may get supersedes it (CAT-14, CAT-19). It takes the most urgent first,
// MaxPatches at most (JOB-8). The zero Query takes everything missing.
type Query struct {
	Conditions
	Exclude Conditions `json:"exclude,omitzero"` // a patch that meets any one of these is left out
}

// Conditions select patches. A patch meets a list if one entry matches. Upper
// and lower case are the same.
type Conditions struct {
	Products    []string         `json:"products,omitempty"`    // product names or ids
	Vendors     []string         `json:"vendors,omitempty"`     // of the product
	Channels    []string         `json:"channels,omitempty"`    // of the product
	Classes     []catalog.Class  `json:"classes,omitempty"`     // a patch of unknown class is in none
	CVEs        []string         `json:"cves,omitempty"`        // CVE ids that the upgrade fixes (catalog.Snapshot.Fixed)
	AnyCVE      bool             `json:"anyCve,omitempty"`      // it fixes a vulnerability that has an id
	MinSeverity catalog.Severity `json:"minSeverity,omitempty"` // at least, as catalog.Snapshot.Risk has it; without a severity it is unrated
	Exploited   bool             `json:"exploited,omitempty"`   // it fixes what is known to be exploited; an unknown fact does not count (CAT-18)
	Reboot      bool             `json:"reboot,omitempty"`      // it declares that it needs a reboot
}

func (q Query) matches(snap *catalog.Snapshot, v catalog.Verdict, now time.Time) bool {
	patch, ok := snap.Patch(v.Patch)
	if !ok {
		return false
	}
	product, _ := snap.Product(patch.Product)
	var risk catalog.Risk
	if q.asksRisk() || q.Exclude.asksRisk() {
		risk = snap.Risk(v, now)
	}
	met, set := q.met(patch, product, risk)
	excluded, _ := q.Exclude.met(patch, product, risk)
	return met == set && excluded == 0
}

// asksRisk reports whether a condition is about the vulnerabilities that a patch
// fixes.
func (c Conditions) asksRisk() bool {
	return len(c.CVEs) > 0 || c.AnyCVE || c.MinSeverity != 0 || c.Exploited
}

// met counts the conditions that are set, and how many of them the patch meets.
func (c Conditions) met(patch catalog.Patch, product catalog.Product, risk catalog.Risk) (met, set int) {
	condition := func(isSet, holds bool) {
		if isSet {
			set++
			if holds {
				met++
			}
		}
	}
	named := func(list []string, values ...string) {
		condition(len(list) > 0, slices.ContainsFunc(values, func(v string) bool {
			return slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, v) })
		}))
	}
	named(c.Products, product.Name, string(product.ID))
	named(c.Vendors, product.Vendor)
	named(c.Channels, product.Channel)
	named(c.CVEs, risk.Fixed...)
	condition(len(c.Classes) > 0, slices.Contains(c.Classes, patch.Class))
	condition(c.AnyCVE, len(risk.Fixed) > 0)
	condition(c.MinSeverity != 0, max(risk.Severity, catalog.Unrated) >= c.MinSeverity)
	condition(c.Exploited, risk.Exploited == catalog.Yes)
	condition(c.Reboot, patch.Reboot)
	return met, set
}

// checkNames checks a list of texts, of which no two may have the same key.
func checkNames[T ~string](l *problem.List, field string, list []T, key func(string) string) {
	if len(list) > MaxSelection {
		l.Add(field, fmt.Sprint(len(list)), "are too many; use at most %d", MaxSelection)
		return
	}
	seen := make(map[string]bool, len(list))
	for i, name := range list {
		entry, s := fmt.Sprintf("%s[%d]", field, i), string(name)
		checkText(l, entry, s)
		if s == "" {
			l.Add(entry, "", "is empty")
		}
		if seen[key(s)] {
			l.Add(entry, s, "is named twice; name it once")
		}
		seen[key(s)] = true
	}
}

func checkQuery(l *problem.List, q Query) {
	const field = "patches.query"
	before := len(*l)
	checkConditions(l, field, q.Conditions)
	checkConditions(l, field+".exclude", q.Exclude)
	if len(*l) > before {
		return
	}
	in, out := q.Conditions, q.Exclude
	for _, f := range []struct {
		name string
		all  bool // it excludes everything that the query asks for
	}{
		{"products", allOf(in.Products, out.Products)},
		{"vendors", allOf(in.Vendors, out.Vendors)},
		{"channels", allOf(in.Channels, out.Channels)},
		{"classes", allOf(classNames(in.Classes), classNames(out.Classes))},
		{"cves", allOf(in.CVEs, out.CVEs)},
		{"anyCve", out.AnyCVE && (in.AnyCVE || len(in.CVEs) > 0)},
		{"minSeverity", out.MinSeverity != 0 && out.MinSeverity <= max(in.MinSeverity, catalog.Unrated)},
		{"exploited", in.Exploited && out.Exploited},
		{"reboot", in.Reboot && out.Reboot},
	} {
		if f.all {
			l.Add(field+".exclude."+f.name, "", "excludes everything that the query asks for, so no patch can match; change one of the two (JOB-8)")
		}
	}
}

// allOf reports whether list is not empty and each of its entries is also in
// other.
func allOf(list, other []string) bool {
	in := make(map[string]bool, len(other))
	for _, s := range other {
		in[strings.ToLower(s)] = true
	}
	return len(list) > 0 && !slices.ContainsFunc(list, func(s string) bool { return !in[strings.ToLower(s)] })
}

func classNames(list []catalog.Class) []string {
	names := make([]string, len(list))
	for i, c := range list {
		names[i] = c.String()
	}
	return names
}

func checkConditions(l *problem.List, field string, c Conditions) {
	for _, f := range []struct {
		name string
		list []string
	}{{"products", c.Products}, {"vendors", c.Vendors}, {"channels", c.Channels}, {"classes", classNames(c.Classes)}, {"cves", c.CVEs}} {
		checkNames(l, field+"."+f.name, f.list, strings.ToLower)
	}
	for i, class := range c.Classes {
		if _, err := catalog.ParseClass(class.String()); err != nil {
			l.Add(fmt.Sprintf("%s.classes[%d]", field, i), "", "%v", err)
		}
	}
	if _, err := c.MinSeverity.MarshalText(); err != nil {
		l.Add(field+".minSeverity", "", "%v", err)
	}
}
