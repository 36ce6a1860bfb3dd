package job

import (
	"cmp"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job/baseline"
	"github.com/patchpolicy/patchpolicy/job/deadline"
)

// scan is what one plan finds out about patches, each only once.
type scan struct {
	in    PlanInput
	lines map[lineKey][]baseline.Fix
	known map[catalog.PatchID]urgency
	until map[catalog.PatchID]time.Time // when the baseline may offer it (APR-2)
}

// lineKey names a line of a product.
type lineKey struct {
	product catalog.ProductID
	prefix  string
}

// urgency is what orders patches (JOB-8).
type urgency struct {
	due       deadline.Deadline
	risk      catalog.Risk
	published time.Time
	triage    string // a vulnerability whose evidence is wanted and not there; empty: none
}

// held reports whether a patch waits for the evidence that its deadline wants.
// The hold ends before the deadline (DUE-1, DUE-7).
func (s *scan) held(d Definition, v catalog.Verdict, product catalog.Product) bool {
	u := s.of(v, product)
	if d.TriageHold == 0 || u.triage == "" {
		return false
	}
	until := u.due.Due.Add(-d.TriageHold)
	if !s.in.Now.Before(until) {
		return false
	}
	s.until[v.Patch] = until
	return true
}

// refuse gives the reasons of the signer policy and of the baseline why a patch
// is not deployable. They are reasons of the verdict, so that an older patch
// that both allow is taken (CAT-19).
func (s *scan) refuse(v catalog.Verdict, product catalog.Product) (catalog.Reason, bool) {
	if r, ok := s.in.untrusted(v, product); !ok || s.in.Baseline == nil {
		return r, ok
	}
	request := baseline.Request{Product: product, Line: s.line(v, product), Due: s.of(v, product).due.Due}
	own := slices.IndexFunc(request.Line, func(f baseline.Fix) bool { return f.Patch == v.Patch })
	if own < 0 { // it is not newer than what is installed, so another reason blocks it
		return catalog.Reason{}, true
	}
	request.Patch = request.Line[own]
	decision := s.in.Baseline.Decide(request, s.in.Now)
	s.until[v.Patch] = decision.Until
	return decision.Reason()
}

// line returns the fixes of a verdict's line that are newer than what is
// installed, with what is known of an upgrade to each (APR-2).
func (s *scan) line(v catalog.Verdict, product catalog.Product) []baseline.Fix {
	own, _ := product.LineOf(v.To)
	key := lineKey{v.Product, own.Prefix}
	if line, seen := s.lines[key]; seen {
		return line
	}
	line := []baseline.Fix{}
	for _, f := range baseline.Line(product, s.in.Snapshot.History(v.Product), v) {
		to := catalog.Verdict{Patch: f.Patch, Product: v.Product, From: v.From, To: f.Version}
		risk := s.in.Snapshot.Risk(to, s.in.Now)
		fix := baseline.Fix{
			Patch: f.Patch, Class: f.Class, Severity: max(f.Severity, risk.Severity), CVEs: slices.Concat(risk.Fixed, f.CVEs),
			Exploited: risk.Exploited, Released: baseline.Released(f),
		}
		if f.Exploited && !f.Left.IsZero() { // the catalog no longer asks its feed
			fix.Exploited = catalog.Yes
		}
		line = append(line, fix)
	}
	s.lines[key] = line
	return line
}

// of returns how urgent a patch is.
func (s *scan) of(v catalog.Verdict, product catalog.Product) urgency {
	if u, seen := s.known[v.Patch]; seen {
		return u
	}
	patch, _ := s.in.Snapshot.Patch(v.Patch)
	u := urgency{risk: s.in.Snapshot.Risk(v, s.in.Now), published: patch.Published}
	if len(s.in.Deadlines) > 0 {
		var dues []deadline.Deadline
		for _, id := range u.risk.Fixed {
			of := s.dues(id, u.risk, v.Product, s.line(v, product))
			dues = append(dues, of...)
			wanted := slices.ContainsFunc(of, func(d deadline.Deadline) bool { return d.Triage })
			if wanted && (s.in.Evidence == nil || !s.in.Evidence(id)) {
				u.triage = id
			}
		}
		u.due = deadline.Earliest(dues...)
	}
	s.known[v.Patch] = u
	return u
}

// dues returns the deadlines of a vulnerability on the asset. Its first fix is
// the oldest of the line (DUE-1 to DUE-3).
func (s *scan) dues(id string, risk catalog.Risk, product catalog.ProductID, line []baseline.Fix) (dues []deadline.Deadline) {
	known, _ := s.in.Snapshot.Vulnerability(id, s.in.Now)
	if known.Withdrawn {
		return nil
	}
	facts := deadline.Facts{
		Exploited: known.Exploited, Automatable: known.Automatable, TotalImpact: known.TotalImpact,
		Severity: cmp.Or(known.Severity, risk.Severity), Listed: known.Listed,
	}
	if facts.Exploited == 0 && risk.Exploited == catalog.Yes {
		facts.Exploited = catalog.Yes // the patch says so, and not of which vulnerability
	}
	for _, f := range line {
		if slices.Contains(f.CVEs, id) && (facts.Published.IsZero() || f.Released.Before(facts.Published)) {
			facts.Published = f.Released
		}
	}
	asset := deadline.Asset{Exposed: s.in.Facts.Exposed, Tags: s.in.Facts.Tags}
	if s.in.Arrived != nil {
		asset.Missing = deadline.FirstMissing(s.in.Arrived(product), facts.Published)
	}
	for _, t := range s.in.Deadlines {
		dues = append(dues, deadline.Decide(t, facts, asset, s.in.Now))
	}
	return dues
}

// compare puts the more urgent patch first: by deadline, known or possible
// exploitation, severity, the newest, and then by id (JOB-8).
func (s *scan) compare(a, b catalog.PatchID) int {
	u, w := s.known[a], s.known[b]
	return cmp.Or(u.due.Compare(w.due), cmp.Compare(u.exploitation(), w.exploitation()), cmp.Compare(w.severity(), u.severity()),
		w.published.Compare(u.published), cmp.Compare(a, b))
}

// exploitation is 0 if it is known, 1 if it is possible, and 2 otherwise.
func (u urgency) exploitation() int {
	switch {
	case u.risk.Exploited == catalog.Yes:
		return 0
	case u.risk.Exploited == 0 && len(u.risk.Fixed) > 0:
		return 1
	}
	return 2
}

func (u urgency) severity() catalog.Severity { return max(u.risk.Severity, catalog.Unrated) }

// capped keeps the most urgent patches, each with those that it needs, and at
// most so many. It stops at the first that does not fit, so nothing that it drops
// is due before anything that it keeps, except for what that one needs. The
// order stays as it is (JOB-8).
func capped(in PlanInput, patches []OrderPatch, most int, compare func(a, b catalog.PatchID) int) []OrderPatch {
	if len(patches) <= most {
		return patches
	}
	byUrgency, of := make([]int, len(patches)), make(map[catalog.ProductID]int, len(patches))
	for i, p := range patches {
		byUrgency[i], of[in.Inventory.Software(p.Product)] = i, i
	}
	slices.SortStableFunc(byUrgency, func(i, j int) int { return compare(patches[i].Patch, patches[j].Patch) })
	kept, count := make([]bool, len(patches)), 0
	for _, i := range byUrgency {
		group := []int{}
		for open := []int{i}; len(open) > 0; {
			k := open[len(open)-1]
			open = open[:len(open)-1]
			if kept[k] || slices.Contains(group, k) {
				continue
			}
			group = append(group, k)
			for _, r := range patches[k].Requires {
				if j, brought := of[in.Inventory.Software(r.Product)]; brought && r.Unmet(in.Inventory, in.Pending) != "" {
					open = append(open, j)
				}
			}
		}
		if count+len(group) > most {
			break
		}
		for _, k := range group {
			kept[k], count = true, count+1
		}
	}
	var list []OrderPatch
	for i, p := range patches {
		if kept[i] {
			list = append(list, p)
		}
	}
	return list
}
