package catalog

import (
	"cmp"
	"time"
)

// shared is how many verdicts of one scan have their first reasons in one
// allocation, which is then 5 KiB.
const shared = 64

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
	c.lookUp(nil)
	by := c.superseded()
	var missing []Verdict
	for i := range inv.installed {
		q := c.newerThan(i)
		if !q.some() {
			continue
		}
		if missing == nil {
			missing = make([]Verdict, 0, max(1, c.sure))
		}
		if len(c.room) == 0 {
			c.room = make([]Reason, max(1, min(c.sure-len(missing), shared)))
		}
		missing = c.missing(missing, &q, by)
	}
	return missing
}

// missing appends what is missing of one installed product.
func (c *scan) missing(all []Verdict, q *newerPatches, by map[PatchID]PatchID) []Verdict {
	patches := c.snapshot.patches
	start, blocked := len(all), 0
	above, last := 0, int32(-1) // how many of the blocked ones are of newer versions than the last patch
	for i, more := q.next(); more; i, more = q.next() {
		if last >= 0 && newer(patches[last].Version, patches[i].Version) {
			above = blocked
		}
		last = i
		all = append(all, Verdict{})
		v := &all[len(all)-1]
		c.evaluateFor(v, i, q.in)
		if other, is := by[v.Patch]; is {
			*v = v.With(reason(Superseded, string(v.Patch), string(other), "This asset may get "+string(other)+", which supersedes it."))
		}
		switch {
		case v.Deployable && blocked == 0:
			return all
		case v.Deployable:
			best := *v
			return append(c.bound(all, start, above), best)
		}
		if blocked++; blocked > MaxNewer {
			all = all[:len(all)-1]
		}
	}
	return c.bound(all, start, blocked)
}

// evaluateFor judges the patch at index i, which is for an installed product
// unless the inventory names the patch's product twice.
func (c *scan) evaluateFor(v *Verdict, i int32, in *Installed) {
	if c.inv.twice {
		in = c.inv.find(c.snapshot.patches[i].Product)
	}
	c.evaluate(v, int(i), in)
}

// bound keeps the first of the verdicts from start on, and counts the others.
func (c *scan) bound(all []Verdict, start, blocked int) []Verdict {
	all = all[:start+min(blocked, MaxNewer)]
	if blocked > MaxNewer {
		last := &all[len(all)-1]
		*last = last.With(NewReason(MoreNewer, "", "",
			"%d more newer patches cannot be deployed here. Evaluate them one by one for their reasons.", blocked-MaxNewer))
	}
	return all
}

// superseded returns, for each patch that is superseded on the asset, a patch
// that the asset may get and that supersedes it.
func (c *scan) superseded() map[PatchID]PatchID {
	if !c.snapshot.replaces {
		return nil
	}
	var deployable []int32
	for i := range c.inv.installed {
		q := c.newerThan(i)
		for i, more := q.next(); more; i, more = q.next() {
			if len(c.snapshot.patches[i].Supersedes) == 0 {
				continue
			}
			var v Verdict
			if c.evaluateFor(&v, i, q.in); v.Deployable {
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
	own      []int32   // its own channel's patches, oldest first; the last one is newer
	others   [][]int32 // those of the other channels, in the same way
	taken    int       // the list whose last patch was returned: 0 none, 1 own, then the others
}

func (q *newerPatches) some() bool { return len(q.own)+len(q.others) > 0 }

// next returns the index of the next patch.
func (q *newerPatches) next() (int32, bool) {
	if q.taken > 0 { // only now, because most callers ask for one patch
		list := q.list(q.taken)
		*list = (*list)[:len(*list)-1]
		if n := len(*list); n > 0 && !newer(q.snapshot.patches[(*list)[n-1]].Version, q.in.Version) {
			*list = nil
		}
	}
	q.taken = 1
	for k := range q.others {
		if q.beats(q.others[k], *q.list(q.taken)) {
			q.taken = k + 2
		}
	}
	list := *q.list(q.taken)
	if len(list) == 0 {
		q.taken = 0
		return 0, false
	}
	return list[len(list)-1], true
}

func (q *newerPatches) list(k int) *[]int32 {
	if k == 1 {
		return &q.own
	}
	return &q.others[k-2]
}

// beats reports whether the last patch of a comes before the last one of b.
func (q *newerPatches) beats(a, b []int32) bool {
	if len(a) == 0 || len(b) == 0 {
		return len(a) > 0
	}
	i, k := a[len(a)-1], b[len(b)-1]
	v, w := &q.snapshot.patches[i], &q.snapshot.patches[k]
	order, _ := v.Version.Compare(w.Version)
	own := q.in.Product
	return cmp.Or(order, btoi(v.Product == own)-btoi(w.Product == own), cmp.Compare(i, k)) > 0
}
