package catalog

import (
	"cmp"
	"slices"
	"time"
)

// EvaluateList evaluates several patches for one asset together, each id once, in the order given
// (CAT-14): of the deployable patches of one installed product, in all channels that the asset
// uses, only the newest stays deployable, and of those that are left, none that another of them
// supersedes, directly or through others. The rest are Superseded, and so are older patches that
// could not be deployed anyway. At least one patch stays deployable if any is by itself.
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

// beats orders verdicts on one installed product: by version, then the product's own channel before
// others, then by id.
func beats(v, w Verdict, own ProductID) bool {
	order, ok := v.To.Compare(w.To)
	return ok && cmp.Or(order, btoi(v.Product == own)-btoi(w.Product == own), cmp.Compare(v.Patch, w.Patch)) > 0
}

// supersededBy follows the supersedence of some patches and names for each patch that is reached
// the first of them that reaches it. There are no cycles in it (CAT-14), so not all of them can be
// reached.
func (s *Snapshot) supersededBy(patches []int32) map[PatchID]PatchID {
	by := make(map[PatchID]PatchID)
	for _, start := range patches {
		for open := []int32{start}; len(open) > 0; {
			from := int(open[len(open)-1])
			open = open[:len(open)-1]
			for _, to := range s.patches[from].Supersedes {
				i, found := s.patchIndex(to)
				if _, named := by[to]; named || !found || s.authority(i) != s.authority(from) {
					continue // if it is named, so is all that it reaches
				}
				by[to] = s.patches[start].ID
				open = append(open, int32(i))
			}
		}
	}
	return by
}

// Missing says, for every installed product, what newer versions there are in all channels that the
// asset uses for it, and which of them the asset may get: the newest that is deployable and that no
// other deployable patch supersedes (CAT-19, CAT-14). The verdicts are ordered by installed
// product, and for each of these newest first: every newer patch that the asset may not get, with
// the reasons, and then the one that it may get, if there is one; of several of one version that of
// the installed product's own channel, then the last by id. Of more than MaxNewer newer patches of
// one product the newest are told, and MoreNewer counts the rest. A patch that is superseded has
// the reason Superseded.
func (s *Snapshot) Missing(inv Inventory, o Options, now time.Time) []Verdict {
	s = s.orEmpty()
	by := s.supersededOn(inv, o, now)
	var missing []Verdict
	var candidates []int32
	for i := range inv.installed {
		candidates = s.newerThan(&inv.installed[i], candidates[:0])
		missing = s.missing(missing, candidates, func(c int32) Verdict {
			v := s.evaluate(int(c), inv, o, now)
			if other, is := by[v.Patch]; is {
				v = v.With(NewReason(Superseded, string(v.Patch), string(other), "%s, which this asset may get, supersedes it.", other))
			}
			return v
		})
	}
	return missing
}

// missing appends the verdicts on the patches that are newer than one installed product, the newest
// first.
func (s *Snapshot) missing(verdicts []Verdict, newest []int32, evaluate func(int32) Verdict) []Verdict {
	start, blocked, best := len(verdicts), 0, Verdict{}
	for _, c := range newest {
		v := evaluate(c)
		if v.Deployable {
			best = v
			break
		}
		if blocked++; blocked <= MaxNewer {
			verdicts = append(verdicts, v)
		}
	}
	for blocked > 0 && best.Deployable && !newer(s.patches[newest[blocked-1]].Version, best.To) {
		blocked-- // it is of the same version
	}
	verdicts = verdicts[:start+min(blocked, MaxNewer)]
	if blocked > MaxNewer {
		last := &verdicts[len(verdicts)-1]
		*last = last.With(NewReason(MoreNewer, "", "", "%d more newer patches cannot be deployed here; ask for them one by one.", blocked-MaxNewer))
	}
	if best.Deployable {
		verdicts = append(verdicts, best)
	}
	return verdicts
}

// newerThan appends the patches that are newer than what is installed, in all channels that the
// asset uses for it, the newest first, and of one version those of its own channel first, then the
// last by id.
func (s *Snapshot) newerThan(in *Installed, all []int32) []int32 {
	add := func(id ProductID) {
		i, found := s.productIndex(id)
		if !found {
			return
		}
		list := s.versions[i]
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

// supersededOn names for each patch that one supersedes which the asset may get, the one that does.
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
