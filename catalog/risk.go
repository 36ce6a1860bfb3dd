package catalog

import (
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog/version"
)

// Vulnerability returns what is known of a vulnerability, merged from every
// feed whose facts count now, and the feeds that it was merged from (CAT-18).
// The facts of a feed that is failing or stale are unknown, whatever it last
// said.
//
// Yes outranks No, and No outranks unknown. The highest severity and
// probability count, the earliest publication, listing and due date. It is
// withdrawn if every source that has it withdrew it. Exploited is No only where
// a feed with Batch.AllExploited does not name it, and only of CVE ids, because
// such a feed need not know others. A Yes of a feed that is failing or stale is
// unknown, and so is a No that contradicts it. The zero value of each fact
// means unknown, as for an id that no feed speaks about. Ids must match
// exactly.
//
// It costs a binary search in each feed.
func (s *Snapshot) Vulnerability(id string, now time.Time) (Vulnerability, []FeedID) {
	s = s.orEmpty()
	var sources []FeedID
	v := s.vulnerability(id, s.informing(now), func(feed int) { sources = append(sources, s.feeds[feed].Feed) })
	return v, sources
}

// informing says of each feed whether its facts count: it is neither failing nor
// stale (CAT-18).
func (s *Snapshot) informing(now time.Time) []bool {
	good := make([]bool, len(s.feeds))
	for i := range s.feeds {
		good[i] = s.feeds[i].Healthy && !s.feeds[i].Stale(now)
	}
	return good
}

func (s *Snapshot) vulnerability(id string, good []bool, source func(feed int)) Vulnerability {
	v := Vulnerability{ID: id}
	var doubted [4]bool
	listed, withdrawn := 0, 0
	for i := range s.feeds {
		fact, lists := s.facts[i].vulnerability(id)
		complete := s.feeds[i].AllExploited
		switch {
		case lists && !good[i]:
			for k, a := range fact.answers() {
				doubted[k] = doubted[k] || *a == Yes
			}
		case lists:
			listed++
			if fact.Withdrawn {
				withdrawn++
			}
			v.merge(fact, complete)
			source(i)
		case complete && good[i] && isCVE(id):
			v.merge(&Vulnerability{Exploited: No}, complete)
			source(i)
		}
	}
	for k, a := range v.answers() {
		if doubted[k] && *a == No {
			*a = 0
		}
	}
	v.Withdrawn = listed > 0 && withdrawn == listed
	return v
}

// isCVE reports whether an id is like CVE-2026-1234.
func isCVE(id string) bool {
	rest, is := strings.CutPrefix(id, "CVE-")
	year, number, found := strings.Cut(rest, "-")
	return is && found && digits(year) && digits(number)
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// merge adds the facts of one feed. Complete: its No about exploitation counts.
func (v *Vulnerability) merge(o *Vulnerability, complete bool) {
	said := o.answers()
	for k, a := range v.answers() {
		exploited := k == 0
		if *said[k] == Yes || *said[k] == No && *a == 0 && (complete || !exploited) {
			*a = *said[k]
		}
	}
	v.Severity, v.Probability = max(v.Severity, o.Severity), max(v.Probability, o.Probability)
	v.Published, v.Listed, v.Due = earlier(v.Published, o.Published), earlier(v.Listed, o.Listed), earlier(v.Due, o.Due)
}

// earlier returns the earlier of two times, of which zero is unknown.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// Fixed returns the sorted ids of the vulnerabilities that the upgrade of a
// verdict, from v.From to v.To, fixes: those that the patch itself names, and
// those of each advisory on the product's package that affects the installed
// version and not the new one. Withdrawn advisories do not count. If
// Patch.Source states the version of the source package, that version is
// compared, also for an installed version that the catalog has or had. An
// advisory without CVE ids counts with its own id. Which feeds are stale plays
// no part: a version does not get a vulnerability back. The caller owns the
// list.
//
// It costs a binary search in each feed, and the length of what that finds.
func (s *Snapshot) Fixed(v Verdict) []string {
	s = s.orEmpty()
	var ids []string
	if i, found := s.patchIndex(v.Patch); found {
		ids = append(ids, s.patches[i].CVEs...)
	}
	for _, a := range s.advisories(&v) {
		ids = append(ids, a.ids()...)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func (a *Advisory) ids() []string {
	if len(a.CVEs) == 0 {
		return []string{a.ID}
	}
	return a.CVEs
}

// advisories yields the advisories that an upgrade fixes, with their feeds. One
// that has several ranges may come more than once.
func (s *Snapshot) advisories(v *Verdict) iter.Seq2[int, *Advisory] {
	return func(yield func(int, *Advisory) bool) {
		i, found := s.productIndex(v.Product)
		if !found || s.products[i].Package == (Package{}) {
			return
		}
		from, to := s.sourceOf(i, v.From), s.sourceOf(i, v.To)
		if k, found := s.patchIndex(v.Patch); found && !s.patches[k].Source.IsZero() {
			to = s.patches[k].Source
		}
		for feed, f := range s.facts {
			for a, fix := range f.fixesOf(s.products[i].Package) {
				if newer(fix.Fixed, from) && notNewer(fix.Fixed, to) && (fix.Introduced.IsZero() || notNewer(fix.Introduced, from)) && !yield(feed, a) {
					return
				}
			}
		}
	}
}

// notNewer reports whether v is w or older. Versions without an order are not.
func notNewer(v, w version.Version) bool {
	order, ok := v.Compare(w)
	return ok && order <= 0
}

// sourceOf returns the version of the source package of which a version of the
// product at index i was built, or that version itself if the catalog does not
// know it.
func (s *Snapshot) sourceOf(i int, v version.Version) version.Version {
	p := &s.products[i]
	at, _ := slices.BinarySearchFunc(p.versions, v, func(k int32, v version.Version) int {
		order, _ := s.patches[k].Version.Compare(v)
		return order
	})
	for ; at < len(p.versions) && s.patches[p.versions[at]].Version == v; at++ {
		if source := s.patches[p.versions[at]].Source; !source.IsZero() {
			return source
		}
	}
	for _, k := range p.deprecated {
		if s.patches[k].Version == v && !s.patches[k].Source.IsZero() {
			return s.patches[k].Source
		}
	}
	if k, found := s.formerIndex(p.ID); found {
		for _, f := range s.former[k].list {
			if f.Version == v && !f.Source.IsZero() {
				return f.Source
			}
		}
	}
	return v
}

// Risk is what is known of the vulnerabilities that an upgrade fixes. It is for
// order, deadlines and selection, never a gate (CAT-4).
type Risk struct {
	Fixed     []string // as [Snapshot.Fixed] has them
	Severity  Severity // the highest that is known; zero: none is known
	Exploited Answer   // Yes: one of them is known to be exploited; No: none of them is; zero: not known
}

// Risk returns what is known now of the vulnerabilities that the upgrade of a
// verdict fixes. Its severity is the highest of the patch's own and of those of
// its advisories and vulnerabilities. Facts and advisories of a feed that is
// failing or stale are unknown. If it is the patch's own feed, so is the
// patch's mark of exploitation (CAT-18). The patch's own severity stays, as the
// patch does (CAT-1). Exploited is No only if there is at least one
// vulnerability and it is No for each of them. A withdrawn vulnerability adds
// nothing.
//
// It costs what Fixed costs, and a binary search in each feed for each of the
// vulnerabilities.
func (s *Snapshot) Risk(v Verdict, now time.Time) Risk {
	s = s.orEmpty()
	risk, good := Risk{Fixed: s.Fixed(v)}, s.informing(now)
	unsure := false
	if i, found := s.patchIndex(v.Patch); found {
		p := &s.patches[i]
		risk.Severity = p.Severity
		switch {
		case p.Exploited && good[p.feed]:
			risk.Exploited = Yes
		case p.Exploited:
			unsure = true
		}
	}
	for feed, a := range s.advisories(&v) {
		if good[feed] {
			risk.Severity = max(risk.Severity, a.Severity)
		}
	}
	for _, id := range risk.Fixed {
		known := s.vulnerability(id, good, func(int) {})
		switch {
		case known.Withdrawn:
			continue
		case known.Exploited == Yes || risk.Exploited == 0:
			risk.Exploited = known.Exploited
		}
		unsure = unsure || known.Exploited == 0
		risk.Severity = max(risk.Severity, known.Severity)
	}
	if unsure && risk.Exploited == No {
		risk.Exploited = 0
	}
	return risk
}
