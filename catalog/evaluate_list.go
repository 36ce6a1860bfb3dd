package catalog

import (
	"cmp"
	"time"
)

// EvaluateList evaluates several patches for one asset together, each id once, in the order given (CAT-14): of the
// deployable patches of one product only the newest stays deployable, and of those that are left, none that another of
// them supersedes, directly or through others. The rest are Superseded, and so are older patches that could not be
// deployed anyway. At least one patch stays deployable if any is by itself.
func (s *Snapshot) EvaluateList(ids []PatchID, inv Inventory, o Options, now time.Time) []Verdict {
	verdicts := make([]Verdict, 0, len(ids))
	seen := make(map[PatchID]bool, len(ids))
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			verdicts = append(verdicts, s.Evaluate(id, inv, o, now))
		}
	}
	newest := make(map[ProductID]Verdict, len(verdicts))
	for _, v := range verdicts {
		if best, has := newest[v.Product]; v.Deployable && (!has || beats(v, best)) {
			newest[v.Product] = v
		}
	}
	by := s.supersededBy(verdicts, newest)
	for i, v := range verdicts {
		if best, has := newest[v.Product]; has && best.Patch != v.Patch && beats(best, v) {
			v = v.With(NewReason(Superseded, v.To.String(), best.To.String(), "%s, in the same list, takes its place.", best.Patch))
		}
		if other, is := by[v.Patch]; is {
			v = v.With(NewReason(Superseded, string(v.Patch), string(other), "%s, in the same list, supersedes it.", other))
		}
		verdicts[i] = v
	}
	return verdicts
}

// beats orders verdicts of one product: by version, then by id.
func beats(v, w Verdict) bool {
	order, ok := v.To.Compare(w.To)
	return ok && cmp.Or(order, cmp.Compare(v.Patch, w.Patch)) > 0
}

// supersededBy follows the supersedence of each product's best patch, in the order of the list, and names for each
// patch of the list the first of them that reaches it. There are no cycles in it (CAT-14), so not all can go.
func (s *Snapshot) supersededBy(verdicts []Verdict, newest map[ProductID]Verdict) map[PatchID]PatchID {
	by := make(map[PatchID]PatchID)
	for _, v := range verdicts {
		if newest[v.Product].Patch != v.Patch {
			continue
		}
		visited := make(map[PatchID]bool)
		open := []PatchID{v.Patch}
		for len(open) > 0 {
			i, found := s.patchIndex(open[len(open)-1])
			open = open[:len(open)-1]
			if !found {
				continue
			}
			for _, to := range s.patches[i].Supersedes {
				if k, known := s.patchIndex(to); visited[to] || !known || s.authority(k) != s.authority(i) {
					continue
				}
				visited[to] = true
				if _, named := by[to]; !named {
					by[to] = v.Patch
				}
				open = append(open, to)
			}
		}
	}
	return by
}

// Missing returns, for every installed product of which a version newer than the installed one is listed, the verdict of
// the newest such patch, deployable or not, by product. Of several patches of that same newest version it takes one that
// is deployable, if any is, else the last by id.
func (s *Snapshot) Missing(inv Inventory, o Options, now time.Time) []Verdict {
	var missing []Verdict
	for _, in := range inv.Installed {
		i, found := s.productIndex(in.Product)
		if !found || !newer(s.newestVersion(i), in.Version) {
			continue
		}
		list := s.versions[i]
		var chosen Verdict
		for k := len(list) - 1; k >= 0 && !newer(s.newestVersion(i), s.patches[list[k]].Version); k-- {
			v := s.Evaluate(s.patches[list[k]].ID, inv, o, now)
			if chosen.Patch == "" || v.Deployable {
				chosen = v
			}
			if v.Deployable {
				break
			}
		}
		missing = append(missing, chosen)
	}
	return missing
}
