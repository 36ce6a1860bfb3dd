package catalog

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// facts are what one feed brings about vulnerabilities, and its line sets. They
// never change: snapshots share those of a feed that keeps them.
type facts struct {
	vulnerabilities []Vulnerability // by id
	advisories      []Advisory      // by id
	sets            []LineSet       // by product
	fixes           []fixAt         // of advisories that are not withdrawn and fix something, by package
}

type fixAt struct{ advisory, fix int32 }

func (f *facts) fix(at fixAt) *Fix { return &f.advisories[at.advisory].Fixes[at.fix] }

func comparePackages(a, b Package) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Ecosystem, b.Ecosystem))
}

// newFacts indexes facts that are sorted. It returns nil for none.
func newFacts(f facts) *facts {
	if len(f.vulnerabilities)+len(f.advisories)+len(f.sets) == 0 {
		return nil
	}
	f.fixes = nil
	for i := range f.advisories {
		a := &f.advisories[i]
		for k := range a.Fixes {
			if !a.Withdrawn && !a.Fixes[k].Fixed.IsZero() {
				f.fixes = append(f.fixes, fixAt{int32(i), int32(k)})
			}
		}
	}
	slices.SortStableFunc(f.fixes, func(a, b fixAt) int { return comparePackages(f.fix(a).Package, f.fix(b).Package) })
	return &f
}

func (f *facts) vulnerability(id string) (*Vulnerability, bool) {
	if f == nil {
		return nil, false
	}
	i, found := slices.BinarySearchFunc(f.vulnerabilities, id, func(v Vulnerability, id string) int { return cmp.Compare(v.ID, id) })
	if !found {
		return nil, false
	}
	return &f.vulnerabilities[i], true
}

// fixesOf yields the fixes of a package.
func (f *facts) fixesOf(p Package) iter.Seq2[*Advisory, *Fix] {
	return func(yield func(*Advisory, *Fix) bool) {
		if f == nil {
			return
		}
		i, _ := slices.BinarySearchFunc(f.fixes, p, func(at fixAt, p Package) int { return comparePackages(f.fix(at).Package, p) })
		for ; i < len(f.fixes) && f.fix(f.fixes[i]).Package == p; i++ {
			if !yield(&f.advisories[f.fixes[i].advisory], f.fix(f.fixes[i])) {
				return
			}
		}
	}
}

func (f *facts) equal(g *facts) bool {
	if f == nil || g == nil {
		return f == g
	}
	return slices.Equal(f.vulnerabilities, g.vulnerabilities) &&
		slices.EqualFunc(f.advisories, g.advisories, func(a, b Advisory) bool {
			return a.ID == b.ID && slices.Equal(a.CVEs, b.CVEs) && a.Severity == b.Severity && a.Published.Equal(b.Published) &&
				a.Modified.Equal(b.Modified) && a.Withdrawn == b.Withdrawn && slices.Equal(a.Fixes, b.Fixes)
		}) &&
		slices.EqualFunc(f.sets, g.sets, func(a, b LineSet) bool { return a.Product == b.Product && slices.Equal(a.Lines, b.Lines) })
}

// facts collects the facts of each feed. They are never merged here: whether
// they count depends on the time of asking (CAT-18). When there are too many,
// only authorities with more than an equal share lose some (CAT-17).
func (s *syncer) facts() {
	s.next.facts = make([]*facts, len(s.next.feeds))
	for i, f := range s.prev.facts {
		if feed := s.moved[i]; feed >= 0 {
			s.next.facts[feed] = f
		}
	}
	all := make([]facts, len(s.next.feeds))
	vulnerabilities, advisories, sets := newRoom(MaxVulnerabilities), newRoom(MaxAdvisories), newRoom(MaxLineSets)
	for feed := range all {
		f := &all[feed]
		if b := s.fresh[feed]; b != nil {
			*f = facts{vulnerabilities: b.Vulnerabilities, advisories: b.Advisories, sets: b.Lines}
		} else if kept := s.next.facts[feed]; kept != nil {
			*f = *kept
		}
		a := s.authority(int32(feed))
		vulnerabilities.asked[a] += len(f.vulnerabilities)
		advisories.asked[a] += len(f.advisories)
		sets.asked[a] += len(f.sets)
	}
	for _, feed := range s.order {
		f, b := &all[feed], s.fresh[feed]
		before := *f
		f.vulnerabilities = admit(s, feed, vulnerabilities, "vulnerability", f.vulnerabilities, stampVulnerability)
		f.advisories = admit(s, feed, advisories, "advisory", f.advisories, stampAdvisory)
		f.sets = admit(s, feed, sets, "lines of product", f.sets, stampLineSet)
		whole := len(f.vulnerabilities) == len(before.vulnerabilities)
		if b != nil {
			s.next.feeds[feed].AllExploited = b.AllExploited && whole && f.nameAll(b.Rejected)
		} else if whole && len(f.advisories) == len(before.advisories) && len(f.sets) == len(before.sets) {
			continue
		} else {
			s.next.feeds[feed].AllExploited = s.next.feeds[feed].AllExploited && whole
		}
		if was := s.next.facts[feed]; !f.equal(was) {
			s.next.facts[feed] = newFacts(*f)
		}
	}
}

// nameAll reports whether refused records hide no vulnerability that may be
// known to be exploited: the facts name each as exploited all the same.
func (f *facts) nameAll(refused []Rejected) bool {
	return !slices.ContainsFunc(refused, func(r Rejected) bool {
		id, _ := strings.CutPrefix(r.Record, "vulnerability ")
		v, found := f.vulnerability(id)
		return !found || v.Exploited != Yes
	})
}

// room is how many records of one kind each authority may have.
type room struct {
	asked, taken map[string]int
	limit        int
}

func newRoom(limit int) *room { return &room{map[string]int{}, map[string]int{}, limit} }

// admit returns the records of a feed that are fit, by id, each id once. Stamp
// brings the times of a record into the catalog's form, and returns its id and
// what is wrong with it. Records that the feed keeps are fit already.
func admit[T any](s *syncer, feed int32, r *room, kind string, list []T, stamp func(*T) (id string, problems []string)) []T {
	authority := s.authority(feed)
	most := max(0, share(r.asked, r.limit)-r.taken[authority])
	fit := list
	if s.fresh[feed] != nil {
		fit = checked(s, feed, kind, list, stamp)
	}
	for _, over := range fit[min(len(fit), most):] {
		id, _ := stamp(&over)
		s.reject(feed, kind+" "+id, "", fmt.Sprintf("over the limit of %d in all", r.limit))
	}
	fit = fit[:min(len(fit), most)]
	r.taken[authority] += len(fit)
	return fit
}

func checked[T any](s *syncer, feed int32, kind string, list []T, stamp func(*T) (id string, problems []string)) []T {
	type entry struct {
		id string
		at int
	}
	stamped, entries := slices.Clone(list), make([]entry, 0, len(list))
	for i := range stamped {
		id, problems := stamp(&stamped[i])
		if len(problems) > 0 {
			s.reject(feed, kind+" "+id, "", problems...)
			continue
		}
		entries = append(entries, entry{id, i})
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return cmp.Compare(a.id, b.id) })
	fit := make([]T, 0, len(entries))
	for i, e := range entries {
		if i > 0 && entries[i-1].id == e.id {
			s.reject(feed, kind+" "+e.id, "", "duplicate id: the batch has it more than once")
			continue
		}
		fit = append(fit, stamped[e.at])
	}
	return fit
}

func stampVulnerability(v *Vulnerability) (id string, problems []string) {
	problems = v.Check()
	v.Published, v.Listed, v.Due = stamp(v.Published), stamp(v.Listed), stamp(v.Due)
	return v.ID, problems
}

func stampAdvisory(a *Advisory) (id string, problems []string) {
	problems = a.Check()
	a.Published, a.Modified = stamp(a.Published), stamp(a.Modified)
	return a.ID, problems
}

func stampLineSet(l *LineSet) (id string, problems []string) {
	problems = l.Check()
	l.Lines = normalLines(l.Lines)
	return string(l.Product), problems
}

// factsChanged reports whether the facts of a feed changed.
func (s *syncer) factsChanged() bool {
	for i, f := range s.next.feeds {
		var was *facts
		if k, known := s.prev.feedIndex(f.Feed); known {
			was = s.prev.facts[k]
		}
		if was != s.next.facts[i] {
			return true
		}
	}
	return false
}
