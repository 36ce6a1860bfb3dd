package catalog

import (
	"cmp"
	"time"
)

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
	c := s.scan(inv, o, now)
	var behind []int32 // indexes into installed
	for i := range inv.installed {
		if c.snapshot.isBehind(&inv.installed[i]) {
			behind = append(behind, int32(i))
		}
	}
	if len(behind) == 0 {
		return nil
	}
	by := c.superseded(behind)
	missing := make([]Verdict, 0, len(behind))
	for _, i := range behind {
		missing = c.missing(missing, &inv.installed[i], by)
	}
	return missing
}

// isBehind reports whether a version newer than the installed one is listed in
// a channel that the asset uses for it.
func (s *Snapshot) isBehind(in *Installed) bool {
	has := func(id ProductID) bool {
		i, found := s.productIndex(id)
		return found && newer(s.heads[i].newest, in.Version)
	}
	if has(in.Product) {
		return true
	}
	for _, id := range in.Also {
		if has(id) {
			return true
		}
	}
	return false
}

// missing appends what is missing of one installed product.
func (c *scan) missing(all []Verdict, in *Installed, by map[PatchID]PatchID) []Verdict {
	patches := c.snapshot.patches
	start, blocked := len(all), 0
	above, last := 0, int32(-1) // how many of them are of newer versions than the last one
	q := c.snapshot.newerThan(in)
	for i, more := q.next(); more; i, more = q.next() {
		if last >= 0 && newer(patches[last].Version, patches[i].Version) {
			above = blocked
		}
		last = i
		v := c.evaluateFor(i, in)
		if other, is := by[v.Patch]; is {
			v = v.With(reason(Superseded, string(v.Patch), string(other), "This asset may get "+string(other)+", which supersedes it."))
		}
		if v.Deployable {
			return append(c.bound(all, start, above), v)
		}
		if blocked++; blocked <= MaxNewer {
			all = append(all, v)
		}
	}
	return c.bound(all, start, blocked)
}

// evaluateFor judges the patch at index i, which is for an installed product
// unless the inventory names the patch's product twice.
func (c *scan) evaluateFor(i int32, in *Installed) Verdict {
	if c.inv.twice {
		in = c.inv.find(c.snapshot.patches[i].Product)
	}
	return c.evaluate(int(i), in)
}

// bound keeps the first of the verdicts from start on, and counts the others.
func (c *scan) bound(all []Verdict, start, blocked int) []Verdict {
	all = all[:start+min(blocked, MaxNewer)]
	if blocked > MaxNewer {
		last := &all[len(all)-1]
		*last = last.With(NewReason(MoreNewer, "", "", "%d more newer patches cannot be deployed here. Evaluate them one by one for their reasons.", blocked-MaxNewer))
	}
	return all
}

// superseded returns, for each patch that is superseded on the asset, a patch
// that the asset may get and that supersedes it.
func (c *scan) superseded(behind []int32) map[PatchID]PatchID {
	if !c.snapshot.replaces {
		return nil
	}
	var deployable []int32
	for _, k := range behind {
		in := &c.inv.installed[k]
		q := c.snapshot.newerThan(in)
		for i, more := q.next(); more; i, more = q.next() {
			if len(c.snapshot.patches[i].Supersedes) > 0 && c.evaluateFor(i, in).Deployable {
				deployable = append(deployable, i)
			}
		}
	}
	return c.snapshot.supersededBy(deployable)
}

// newerPatches are the patches that are newer than an installed version, in all
// channels that the asset uses for it: the newest first, within one version
// those of its own channel first, then the last by id.
type newerPatches struct {
	snapshot *Snapshot
	in       *Installed
	own      []int32   // what is left of its own channel, the newest last
	others   [][]int32 // and of the others
}

func (s *Snapshot) newerThan(in *Installed) newerPatches {
	q := newerPatches{snapshot: s, in: in}
	if i, found := s.productIndex(in.Product); found {
		q.own = q.cut(s.products[i].versions)
	}
	for _, id := range in.Also {
		if i, found := s.productIndex(id); found {
			if list := q.cut(s.products[i].versions); list != nil {
				q.others = append(q.others, list)
			}
		}
	}
	return q
}

// cut returns the list if its last patch is newer than the installed version.
func (q *newerPatches) cut(list []int32) []int32 {
	if n := len(list); n > 0 && newer(q.snapshot.patches[list[n-1]].Version, q.in.Version) {
		return list
	}
	return nil
}

// next returns the index of the next patch.
func (q *newerPatches) next() (int32, bool) {
	best := &q.own
	for k := range q.others {
		if list := q.others[k]; len(list) > 0 && (len(*best) == 0 || q.beats(list[len(list)-1], (*best)[len(*best)-1])) {
			best = &q.others[k]
		}
	}
	n := len(*best)
	if n == 0 {
		return 0, false
	}
	i := (*best)[n-1]
	*best = q.cut((*best)[:n-1])
	return i, true
}

func (q *newerPatches) beats(a, b int32) bool {
	v, w := &q.snapshot.patches[a], &q.snapshot.patches[b]
	order, _ := v.Version.Compare(w.Version)
	own := q.in.Product
	return cmp.Or(order, btoi(v.Product == own)-btoi(w.Product == own), cmp.Compare(a, b)) > 0
}
