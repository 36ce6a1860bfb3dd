package catalog

import (
	"cmp"
	"slices"
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
	s = s.orEmpty()
	verdicts := make([]Verdict, 0, len(ids))
	seen := make(map[PatchID]bool, len(ids))
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			verdicts = append(verdicts, s.Evaluate(id, inv, o, now))
		}
	}
	newest := make(map[ProductID]Verdict, len(verdicts)) // by what is installed
	for _, v := range verdicts {
		software := inv.Software(v.Product)
		if best, has := newest[software]; v.Deployable && (!has || beats(v, best, software)) {
			newest[software] = v
		}
	}
	var chosen []int32
	for _, v := range verdicts {
		if i, found := s.patchIndex(v.Patch); found && newest[inv.Software(v.Product)].Patch == v.Patch {
			chosen = append(chosen, int32(i))
		}
	}
	by := s.supersededBy(chosen)
	for i, v := range verdicts {
		software := inv.Software(v.Product)
		if best, has := newest[software]; has && best.Patch != v.Patch && beats(best, v, software) {
			v = v.With(NewReason(Superseded, v.To.String(), best.To.String(), "%s, in the same list, takes its place.", best.Patch))
		}
		if other, is := by[v.Patch]; is {
			v = v.With(NewReason(Superseded, string(v.Patch), string(other), "%s, in the same list, supersedes it.", other))
		}
		verdicts[i] = v
	}
	return verdicts
}

// beats orders verdicts on one installed product: by version, then its own
// channel first, then by id.
func beats(v, w Verdict, own ProductID) bool {
	order, ok := v.To.Compare(w.To)
	return ok && cmp.Or(order, btoi(v.Product == own)-btoi(w.Product == own), cmp.Compare(v.Patch, w.Patch)) > 0
}

// supersededBy follows the supersedence of some patches. For each patch that it
// reaches, it returns the first of them that reaches it. There are no cycles
// (CAT-14), so it cannot reach all of them.
func (s *Snapshot) supersededBy(patches []int32) map[PatchID]PatchID {
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

// Missing returns, for every installed product, the newer versions in all
// channels that the asset uses for it, and which of them the asset may get: the
// newest that is deployable and that no other deployable patch supersedes
// (CAT-19, CAT-14). The verdicts are ordered by installed product. Within one
// product the newest comes first: every newer patch that the asset may not get,
// with the reasons, and then the one that it may get, if there is one. Of
// several patches of one version, that is the one of the installed product's
// own channel, then the last by id. Of each product the newest MaxNewer are
// explained, and MoreNewer counts the others. A superseded patch has the reason
// Superseded.
func (s *Snapshot) Missing(inv Inventory, o Options, now time.Time) []Verdict {
	s = s.orEmpty()
	by := s.supersededOn(inv, o, now)
	var missing []Verdict
	var candidates []int32
	for i := range inv.installed {
		candidates = s.newerThan(&inv.installed[i], candidates[:0])
		start, blocked, best := len(missing), 0, Verdict{}
		for _, c := range candidates {
			v := s.evaluate(int(c), inv, o, now)
			if other, is := by[v.Patch]; is {
				v = v.With(NewReason(Superseded, string(v.Patch), string(other), "This asset may get %s, which supersedes it.", other))
			}
			if v.Deployable {
				best = v
				break
			}
			if blocked++; blocked <= MaxNewer {
				missing = append(missing, v)
			}
		}
		for blocked > 0 && best.Deployable && !newer(s.patches[candidates[blocked-1]].Version, best.To) {
			blocked-- // it is of the same version
		}
		missing = missing[:start+min(blocked, MaxNewer)]
		if blocked > MaxNewer {
			last := &missing[len(missing)-1]
			*last = last.With(NewReason(MoreNewer, "", "", "%d more newer patches cannot be deployed here. Evaluate them one by one for their reasons.", blocked-MaxNewer))
		}
		if best.Deployable {
			missing = append(missing, best)
		}
	}
	return missing
}

// newerThan appends the patches that are newer than the installed version, in
// all channels that the asset uses for it: the newest first, within one version
// those of its own channel first, then the last by id.
func (s *Snapshot) newerThan(in *Installed, all []int32) []int32 {
	add := func(id ProductID) {
		i, found := s.productIndex(id)
		if !found {
			return
		}
		list := s.products[i].versions
		for k := len(list) - 1; k >= 0 && newer(s.patches[list[k]].Version, in.Version); k-- {
			all = append(all, list[k])
		}
	}
	add(in.Product)
	own := len(all)
	for _, id := range in.Also {
		add(id)
	}
	if len(all) > own {
		slices.SortFunc(all, func(a, b int32) int {
			p, q := &s.patches[a], &s.patches[b]
			order, _ := q.Version.Compare(p.Version)
			return cmp.Or(order, btoi(q.Product == in.Product)-btoi(p.Product == in.Product), cmp.Compare(b, a))
		})
	}
	return all
}

// supersededOn returns, for each patch that is superseded on the asset, a patch
// that the asset may get and that supersedes it.
func (s *Snapshot) supersededOn(inv Inventory, o Options, now time.Time) map[PatchID]PatchID {
	if !s.replaces {
		return nil
	}
	var deployable, candidates []int32
	for i := range inv.installed {
		candidates = s.newerThan(&inv.installed[i], candidates[:0])
		for _, c := range candidates {
			if len(s.patches[c].Supersedes) > 0 && s.evaluate(int(c), inv, o, now).Deployable {
				deployable = append(deployable, c)
			}
		}
	}
	return s.supersededBy(deployable)
}
