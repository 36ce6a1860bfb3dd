package job

import (
	"fmt"
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// Patches selects patches: a list or a query, never both (JOB-8).
type Patches struct {
	List  []catalog.PatchID `json:"list,omitempty"`
	Query *Query            `json:"query,omitempty"`
}

// Query takes missing, non-superseded patches that meet every set field, newest published first, MaxPatches at most (JOB-8).
// The zero Query takes everything missing.
type Query struct {
	Products    []string         `json:"products,omitempty"`    // product names or ids
	Vendors     []string         `json:"vendors,omitempty"`     // of the product
	Channels    []string         `json:"channels,omitempty"`    // of the product
	MinSeverity catalog.Severity `json:"minSeverity,omitempty"` // zero: any
	CVEs        []string         `json:"cves,omitempty"`        // one of them is enough
}

func (q Query) matches(snap *catalog.Snapshot, id catalog.PatchID) bool {
	patch, ok := snap.Patch(id)
	if !ok || snap.Superseded(id) {
		return false
	}
	product, _ := snap.Product(patch.Product)
	named := func(list []string, values ...string) bool {
		return len(list) == 0 || slices.ContainsFunc(values, func(v string) bool { return slices.Contains(list, v) })
	}
	return named(q.Products, product.Name, string(product.ID)) && named(q.Vendors, product.Vendor) &&
		named(q.Channels, product.Channel) && named(q.CVEs, patch.CVEs...) && patch.Severity >= q.MinSeverity
}

// newestFirst sorts by the time of publishing, newest first, and by id where that is equal (JOB-8).
func newestFirst(snap *catalog.Snapshot, verdicts []catalog.Verdict) {
	slices.SortFunc(verdicts, func(a, b catalog.Verdict) int {
		pa, _ := snap.Patch(a.Patch)
		pb, _ := snap.Patch(b.Patch)
		if c := pb.Published.Compare(pa.Published); c != 0 {
			return c
		}
		return strings.Compare(string(a.Patch), string(b.Patch))
	})
}

func checkPatches(l *problem.List, s Patches) {
	if len(s.List) > 0 && s.Query != nil {
		l.Add("patches", "", "both a list and a query are given; keep one of them (JOB-8)")
	}
	if len(s.List) > MaxSelection {
		l.Add("patches.list", fmt.Sprint(len(s.List)), "is longer than %d", MaxSelection)
		return
	}
	seen := make(map[string]bool, len(s.List))
	for i, id := range s.List {
		field := fmt.Sprintf("patches.list[%d]", i)
		checkText(l, field, string(id))
		if id == "" {
			l.Add(field, "", "is empty")
		}
		if seen[string(id)] {
			l.Add(field, string(id), "is named twice")
		}
		seen[string(id)] = true
	}
	if q := s.Query; q != nil {
		for _, f := range []struct {
			name string
			list []string
		}{{"products", q.Products}, {"vendors", q.Vendors}, {"channels", q.Channels}, {"cves", q.CVEs}} {
			if len(f.list) > MaxSelection {
				l.Add("patches.query."+f.name, fmt.Sprint(len(f.list)), "is longer than %d", MaxSelection)
			}
		}
		if _, err := q.MinSeverity.MarshalText(); err != nil {
			l.Add("patches.query.minSeverity", q.MinSeverity.String(), "is no severity")
		}
	}
}
