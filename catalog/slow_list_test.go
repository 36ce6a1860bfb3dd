package catalog

import (
	"cmp"
	"slices"
	"sort"
	"time"
)

func (s slowly) evaluateList(ids []PatchID, inv Inventory, o Options, now time.Time) []Verdict {
	verdicts := make([]Verdict, 0, len(ids))
	seen := make(map[PatchID]bool, len(ids))
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			verdicts = append(verdicts, s.evaluateID(id, inv, o, now))
		}
	}
	newest := make(map[ProductID]Verdict, len(verdicts)) // by what is installed
	for _, v := range verdicts {
		software := slowSoftware(inv, v.Product)
		if best, has := newest[software]; v.Deployable && (!has || slowBeats(v, best, software)) {
			newest[software] = v
		}
	}
	var chosen []int32
	for _, v := range verdicts {
		if i, found := s.patchIndex(v.Patch); found && newest[slowSoftware(inv, v.Product)].Patch == v.Patch {
			chosen = append(chosen, int32(i))
		}
	}
	by := s.supersededBy(chosen)
	for i, v := range verdicts {
		software := slowSoftware(inv, v.Product)
		if best, has := newest[software]; has && best.Patch != v.Patch && slowBeats(best, v, software) {
			v = slowWith(v, slowReason(Superseded, v.To.String(), best.To.String(), "%s, in the same list, takes its place.", best.Patch))
		}
		if other, is := by[v.Patch]; is {
			v = slowWith(v, slowReason(Superseded, string(v.Patch), string(other), "%s, in the same list, supersedes it.", other))
		}
		verdicts[i] = v
	}
	return verdicts
}

func slowBeats(v, w Verdict, own ProductID) bool {
	order, ok := v.To.Compare(w.To)
	return ok && cmp.Or(order, btoi(v.Product == own)-btoi(w.Product == own), cmp.Compare(v.Patch, w.Patch)) > 0
}

func (s slowly) supersededBy(patches []int32) map[PatchID]PatchID {
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

func (s slowly) missing(inv Inventory, o Options, now time.Time) []Verdict {
	by := s.supersededOn(inv, o, now)
	var missing []Verdict
	var candidates []int32
	for i := range inv.installed {
		candidates = s.newerThan(&inv.installed[i], candidates[:0])
		start, blocked, best := len(missing), 0, Verdict{}
		for _, c := range candidates {
			v := s.evaluate(int(c), inv, o, now)
			if other, is := by[v.Patch]; is {
				v = slowWith(v, slowReason(Superseded, string(v.Patch), string(other), "This asset may get %s, which supersedes it.", other))
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
			*last = slowWith(*last, slowReason(MoreNewer, "", "",
				"%d more newer patches cannot be deployed here. Evaluate them one by one for their reasons.", blocked-MaxNewer))
		}
		if best.Deployable {
			missing = append(missing, best)
		}
	}
	return missing
}

func (s slowly) newerThan(in *Installed, all []int32) []int32 {
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

func (s slowly) supersededOn(inv Inventory, o Options, now time.Time) map[PatchID]PatchID {
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

func (s slowly) elsewhere(i int, inv Inventory) (Product, bool) {
	of := &s.products[i].Product
	if of.Channel == "" {
		return Product{}, false
	}
	at, _ := sort.Find(len(s.named), func(k int) int { return compareNamed(of, &s.products[s.named[k]].Product) })
	for _, k := range s.named[at:min(len(s.named), at+maxElsewhere)] {
		other := &s.products[k].Product
		if compareNamed(of, other) != 0 {
			break
		}
		if _, has := slowFind(inv, other.ID); has && other.Channel != of.Channel {
			return *other, true
		}
	}
	return Product{}, false
}
