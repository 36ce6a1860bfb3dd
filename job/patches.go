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

// newestFirst sorts by publication, newest first, then by id (JOB-8).
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
		l.Add("patches", "", "have both a list and a query; keep one of them (JOB-8)")
	}
	if len(s.List) > MaxSelection {
		l.Add("patches.list", fmt.Sprint(len(s.List)), "are too many; use at most %d", MaxSelection)
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
			l.Add(field, string(id), "is named twice; name it once")
		}
		seen[string(id)] = true
	}
	if s.Query != nil {
		checkQuery(l, *s.Query)
	}
}
