package catalog

import (
	"cmp"
	"time"
)

// EvaluateList evaluates several patches for one asset together, each id once,
// in the order given (CAT-14). Of the deployable patches of one installed
// product, in all channels that the asset uses for it, only the newest stays
// deployable. Then each one that another remaining patch supersedes, directly
// or through others, is dropped too. Those that do not stay are Superseded, and
// so are older patches that could not be deployed anyway. If any patch is
// deployable by itself, at least one stays deployable.
func (s *Snapshot) EvaluateList(ids []PatchID, inv Inventory, o Options, now time.Time) []Verdict {
	c := s.scan(inv, o, now)
	verdicts := make([]Verdict, 0, len(ids))
	software := make([]ProductID, 0, len(ids)) // by verdict: what is installed
	seen := make(map[PatchID]bool, len(ids))
	newest := make(map[ProductID]int, len(ids)) // by what is installed: index of the verdict
	for _, id := range ids {
		if seen[id] {
			continue
		}
		seen[id] = true
		verdicts = append(verdicts, Verdict{})
		v := &verdicts[len(verdicts)-1]
		c.byID(v, id)
		own := inv.Software(v.Product)
		if best, has := newest[own]; v.Deployable && (!has || beats(v, &verdicts[best], own)) {
			newest[own] = len(verdicts) - 1
		}
		software = append(software, own)
	}
	var chosen []int32
	for k := range verdicts {
		if best, has := newest[software[k]]; has && best == k {
			i, _ := c.snapshot.patchIndex(verdicts[k].Patch)
			chosen = append(chosen, int32(i))
		}
	}
	by := c.snapshot.supersededBy(chosen)
	for k := range verdicts {
		v := &verdicts[k]
		if best, has := newest[software[k]]; has && best != k && beats(&verdicts[best], v, software[k]) {
			to := &verdicts[best]
			*v = v.With(reason(Superseded, v.To.String(), to.To.String(), string(to.Patch)+", in the same list, takes its place."))
		}
		if other, is := by[v.Patch]; is {
			*v = v.With(reason(Superseded, string(v.Patch), string(other), string(other)+", in the same list, supersedes it."))
		}
	}
	return verdicts
}

// beats orders verdicts on one installed product: by version, then its own
// channel first, then by id.
func beats(v, w *Verdict, own ProductID) bool {
	order, ok := v.To.Compare(w.To)
	return ok && cmp.Or(order, btoi(v.Product == own)-btoi(w.Product == own), cmp.Compare(v.Patch, w.Patch)) > 0
}

// supersededBy follows the supersedence of some patches. For each patch that it
// reaches, it returns the first of them that reaches it. There are no cycles
// (CAT-14), so it cannot reach all of them.
func (s *Snapshot) supersededBy(patches []int32) map[PatchID]PatchID {
	if !s.replaces {
		return nil
	}
	by := make(map[PatchID]PatchID)
	for _, start := range patches {
		for open := []int32{start}; len(open) > 0; {
			from := int(open[len(open)-1])
			open = open[:len(open)-1]
			for _, to := range s.patches[from].Supersedes {
				i, found := s.patchIndex(to)
				if _, named := by[to]; named || !found || s.authority(i) != s.authority(from) {
					continue // what it reaches is in the map already
				}
				by[to] = s.patches[start].ID
				open = append(open, int32(i))
			}
		}
	}
	return by
}
