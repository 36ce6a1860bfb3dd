package catalog

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/patchpolicy/patchpolicy/catalog/version"
)

var distro = Package{"Acme:1", "editor"}

// packaged is the editor with its name in advisories.
func packaged() Product {
	p := editor()
	p.Package = distro
	return p
}

func fixed(id string, introduced, in string, changes ...func(*Advisory)) Advisory {
	a := Advisory{ID: id, CVEs: []string{"CVE-2026-" + id}, Fixes: []Fix{{Package: distro, Fixed: ver(in)}}}
	if introduced != "" {
		a.Fixes[0].Introduced = ver(introduced)
	}
	for _, change := range changes {
		change(&a)
	}
	return a
}

// knows is a batch of facts alone.
func knows(feed FeedID, list ...Vulnerability) Batch {
	return Batch{Feed: feed, At: noon, Vulnerabilities: list}
}

func (b Batch) all() Batch {
	b.AllExploited = true
	return b
}

func toVerdict(from, to string) Verdict {
	v := Verdict{Patch: PatchID("editor-" + to), Product: "editor", To: ver(to)}
	if from != "" {
		v.From = ver(from)
	}
	return v
}

func TestBadFactsAreRejected_CAT16(t *testing.T) {
	impossible := time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)
	fix := func(change func(*Fix)) Advisory {
		return fixed("1", "1.0.0", "2.0.0", func(a *Advisory) { change(&a.Fixes[0]) })
	}
	for want, b := range map[string]Batch{
		"vulnerability  rejected: the id is empty": knows("f", Vulnerability{}),
		"has 65 bytes": knows("f", Vulnerability{ID: strings.Repeat("x", 65)}),
		"the CVE id \"cve-2026-1\" is not in capitals":            knows("f", Vulnerability{ID: "cve-2026-1"}),
		"unknown severity 9":                                      knows("f", Vulnerability{ID: "x", Severity: 9}),
		"the publishing time is in the year 10000":                knows("f", Vulnerability{ID: "x", Published: impossible}),
		"the listing time is in the year":                         knows("f", Vulnerability{ID: "x", Listed: impossible}),
		"the due date is in the year":                             knows("f", Vulnerability{ID: "x", Due: impossible}),
		`the answer to "automatable" is unknown: 7`:               knows("f", Vulnerability{ID: "x", Automatable: 7}),
		"the probability of 1000001 millionths is over 1,000,000": knows("f", Vulnerability{ID: "x", Probability: 1_000_001}),
		"vulnerability CVE-2026-1 rejected: duplicate id":         knows("f", Vulnerability{ID: "CVE-2026-1"}, Vulnerability{ID: "CVE-2026-1", Exploited: Yes}),
		"advisory  rejected: the id is empty":                     {Feed: "f", Advisories: []Advisory{{}}},
		"a CVE id is empty":                                       {Feed: "f", Advisories: []Advisory{{ID: "x", CVEs: []string{""}}}},
		"it has 2049 CVE ids":                                     {Feed: "f", Advisories: []Advisory{{ID: "x", CVEs: make([]string, 2049)}}},
		"it has 4097 fixes, at most 4096 are allowed":             {Feed: "f", Advisories: []Advisory{{ID: "x", Fixes: make([]Fix, 4097)}}},
		"unknown severity 7":                                      {Feed: "f", Advisories: []Advisory{{ID: "x", Severity: 7}}},
		"the publishing time is in":                               {Feed: "f", Advisories: []Advisory{{ID: "x", Published: impossible}}},
		"the time of the change is in":                            {Feed: "f", Advisories: []Advisory{{ID: "x", Modified: impossible}}},
		"advisory 1 rejected: duplicate id":                       {Feed: "f", Advisories: []Advisory{fixed("1", "", "1.0.0"), fixed("1", "", "2.0.0")}},
		"a fix has no package":                                    {Feed: "f", Advisories: []Advisory{fix(func(f *Fix) { f.Package = Package{} })}},
		"the package's name is empty":                             {Feed: "f", Advisories: []Advisory{fix(func(f *Fix) { f.Package.Name = "" })}},
		"introduced in 2.0.0, which is not below 2.0.0":           {Feed: "f", Advisories: []Advisory{fix(func(f *Fix) { f.Introduced = f.Fixed })}},
		"of scheme dotted, but fixed in 2.0.0 of scheme semver":   {Feed: "f", Advisories: []Advisory{fix(func(f *Fix) { f.Introduced = version.MustParse(version.Dotted, "1") })}},
		"unknown scheme \"zap\"":                                  {Feed: "f", Advisories: []Advisory{fix(func(f *Fix) { f.Fixed.KeepUnknown("zap:1") })}},
		"lines of product  rejected: the product is empty":        {Feed: "f", Lines: []LineSet{{}}},
		"the product \"a*b\" has a star that is not at its end":   {Feed: "f", Lines: []LineSet{{Product: "a*b"}}},
		"line \"1\" occurs twice":                                 {Feed: "f", Lines: []LineSet{{Product: "a", Lines: []Line{{Prefix: "1"}, {Prefix: "1"}}}}},
		"it has 513 version lines, at most 512 are allowed":       {Feed: "f", Lines: []LineSet{{Product: "a", Lines: make([]Line, 513)}}},
		"lines of product a rejected: duplicate id":               {Feed: "f", Lines: []LineSet{{Product: "a"}, {Product: "a"}}},
		"product p rejected: the package's ecosystem is empty":    {Feed: "f", Products: []Product{product("p", func(p *Product) { p.Package.Name = "x" })}},
		"the source's version 1 is of scheme dotted, the patch's": {Feed: "f", Products: []Product{product("p")}, Patches: []Patch{patch("p", "p-1", "1.0.0", func(p *Patch) { p.Source = version.MustParse(version.Dotted, "1") })}},
	} {
		t.Run(want, func(t *testing.T) {
			b.Vulnerabilities = append(slices.Clone(b.Vulnerabilities), Vulnerability{ID: "CVE-2026-7", Exploited: Yes})
			s, changes := Sync(nil, []Batch{b.all()}, noon)
			require.Len(t, changes.Rejected, 1)
			require.ErrorContains(t, &changes.Rejected[0], want)
			require.Equal(t, 1, s.Feeds()[0].Rejected)
			v, _ := s.Vulnerability("CVE-2026-7", noon)
			require.Equal(t, Yes, v.Exploited, "the rest is kept")
		})
	}
	all := Vulnerability{ID: "x", Severity: Critical, Exploited: Yes, Ransomware: No, Automatable: Yes, TotalImpact: No, Probability: 1_000_000, Published: noon, Listed: noon, Due: noon.AddDate(0, 0, -1), Withdrawn: true}
	require.Empty(t, all.Check(), "a due date before the listing occurs")
	require.Empty(t, fixed("1", "1.0.0", "1.0.1", func(a *Advisory) { a.Fixes = append(a.Fixes, Fix{Package: distro}) }).Check())
}

// A list of everything that is exploited with a bad record may lack one that is.
func TestBadRecordVoidsAllExploited_CAT18(t *testing.T) {
	good := knows("kev", Vulnerability{ID: "CVE-2026-1", Exploited: Yes}).all()
	for want, b := range map[Answer]Batch{No: good, 0: knows("kev", Vulnerability{ID: "CVE-2026-1", Exploited: Yes}, Vulnerability{ID: "CVE-2026-2", Probability: 1_000_001}).all()} {
		s, _ := Sync(nil, []Batch{b}, noon)
		v, _ := s.Vulnerability("CVE-2026-2", noon)
		require.Equal(t, want, v.Exploited)
	}
	// Refused by the feed, it is void too, unless the list has it all the same.
	for record, want := range map[string]Answer{
		"number 7": 0, "vulnerability CVE-2026-3": 0, "vulnerability CVE-2026-4": 0, "vulnerability CVE-2026-1": No, "patch CVE-2026-1": 0,
	} {
		refused := good
		refused.Vulnerabilities = append(slices.Clone(good.Vulnerabilities), Vulnerability{ID: "CVE-2026-4", Exploited: No})
		refused.Rejected = []Rejected{{Record: record, Reasons: []string{"it is null"}}}
		s, _ := Sync(nil, []Batch{refused}, noon)
		v, _ := s.Vulnerability("CVE-2026-2", noon)
		require.Equal(t, want, v.Exploited, record)
	}
}

// A fact counts while its feed is good, and never reads as "not exploited"
// otherwise.
func TestFactsOfFeedsThatAreNotGood_CAT18(t *testing.T) {
	listed := Vulnerability{ID: "CVE-2026-1", Exploited: Yes, Ransomware: No, Severity: High, Listed: noon, Due: noon.AddDate(0, 0, 14), Probability: 500_000}
	kev := knows("kev", listed).all().dated(noon)
	kev.MaxAge = 10 * time.Hour
	s := synced(t, kev)
	exploited := func(s *Snapshot, id string, now time.Time) Answer {
		v, sources := s.Vulnerability(id, now)
		require.Equal(t, v.Exploited != 0, len(sources) > 0)
		return v.Exploited
	}
	for name, c := range map[string]struct {
		s    *Snapshot
		now  time.Time
		good bool
	}{
		"fresh": {s, noon, true}, "the moment before it is stale": {s, noon.Add(10*time.Hour - 1), true}, "stale": {s, noon.Add(10 * time.Hour), false},
		"failing": {next(s, Failed("kev", noon, fmt.Errorf("no route"))), noon, false}, "gone": {next(s, Batch{Feed: "kev", Gone: true}), noon, false},
		"unchanged": {next(s, Batch{Feed: "kev", Unchanged: true, MaxAge: 10 * time.Hour}), noon, true}, "without a batch": {next(s), noon, true},
		"good again":         {next(next(s, Failed("kev", noon, nil)), Batch{Feed: "kev", Unchanged: true}), noon, true},
		"an older document":  {next(s, knows("kev").all().dated(noon.Add(-1))), noon, false},
		"read again":         {roundTrip(t, s), noon, true},
		"never there":        {nil, noon, false},
		"emptied":            {next(s, knows("kev").dated(noon)), noon, false},
		"stale and restored": {roundTrip(t, s), noon.Add(10 * time.Hour), false},
	} {
		yes, no := Yes, No
		if !c.good {
			yes, no = 0, 0
		}
		require.Equal(t, yes, exploited(c.s, "CVE-2026-1", c.now), name)
		require.Equal(t, no, exploited(c.s, "CVE-2026-2", c.now), name)
		v, sources := c.s.Vulnerability("CVE-2026-1", c.now)
		if want := (Vulnerability{ID: "CVE-2026-1"}); !c.good {
			require.Equal(t, want, v, name)
			continue
		}
		require.Equal(t, listed, v, name)
		require.Equal(t, []FeedID{"kev"}, sources, name)
	}
	require.Zero(t, exploited(s, "cve-2026-1", noon), "another way to write it is not \"not listed\"")
	require.Zero(t, exploited(s, "DSA-1", noon), "a list of CVE ids need not name it")
}

func next(s *Snapshot, batches ...Batch) *Snapshot {
	after, _ := Sync(s, batches, noon)
	return after
}

// Vulnerability against CAT-18 read once more, on small random worlds.
func TestVulnerabilityAgainstOracle_CAT18(t *testing.T) {
	answer := rapid.SampledFrom([]Answer{0, Yes, No})
	day := rapid.Custom(func(t *rapid.T) time.Time {
		return rapid.SampledFrom([]time.Time{{}, noon, noon.AddDate(0, 0, 1), noon.AddDate(0, 0, -1)}).Draw(t, "day")
	})
	rapid.Check(t, func(t *rapid.T) {
		var batches, failing []Batch
		for _, id := range []FeedID{"a", "b", "c"} {
			b := Batch{Feed: id, At: noon, AllExploited: rapid.Bool().Draw(t, "all")}
			for _, cve := range []string{"CVE-2026-1", "CVE-2026-2", "GHSA-1"} {
				if rapid.Bool().Draw(t, "lists") {
					b.Vulnerabilities = append(b.Vulnerabilities, Vulnerability{
						ID: cve, Severity: rapid.SampledFrom([]Severity{0, Unrated, Low, Critical}).Draw(t, "severity"), Exploited: answer.Draw(t, "exploited"),
						Ransomware: answer.Draw(t, "ransomware"), Automatable: answer.Draw(t, "automatable"), TotalImpact: answer.Draw(t, "impact"),
						Published: day.Draw(t, "published"), Listed: day.Draw(t, "listed"), Due: day.Draw(t, "due"),
						Probability: rapid.SampledFrom([]uint32{0, 200_000, 1_000_000}).Draw(t, "probability"), Withdrawn: rapid.Bool().Draw(t, "withdrawn"),
					})
				}
			}
			batches = append(batches, b)
			if rapid.IntRange(0, 3).Draw(t, "fails") == 0 {
				failing = append(failing, Failed(id, noon, nil))
			}
		}
		s := next(synced(t, batches...), failing...)
		for _, id := range []string{"CVE-2026-1", "CVE-2026-2", "CVE-2026-3", "GHSA-1"} {
			want := Vulnerability{ID: id}
			var sources []FeedID
			said := map[string]map[Answer]bool{"e": {}, "r": {}, "a": {}, "t": {}}
			stale := map[string]bool{}
			listed, kept := false, false
			for _, b := range batches {
				good := !slices.ContainsFunc(failing, func(f Batch) bool { return f.Feed == b.Feed })
				k := slices.IndexFunc(b.Vulnerabilities, func(v Vulnerability) bool { return v.ID == id })
				if k < 0 {
					if good && b.AllExploited && strings.HasPrefix(id, "CVE-") {
						said["e"][No], sources = true, append(sources, b.Feed)
					}
					continue
				}
				v := b.Vulnerabilities[k]
				for name, a := range map[string]Answer{"e": v.Exploited, "r": v.Ransomware, "a": v.Automatable, "t": v.TotalImpact} {
					if !good {
						stale[name] = stale[name] || a == Yes
					} else if a != No || name != "e" || b.AllExploited {
						said[name][a] = true
					}
				}
				if !good {
					continue
				}
				listed, kept, sources = true, kept || !v.Withdrawn, append(sources, b.Feed)
				want.Severity, want.Probability = max(want.Severity, v.Severity), max(want.Probability, v.Probability)
				for _, at := range []struct{ to, from *time.Time }{{&want.Published, &v.Published}, {&want.Listed, &v.Listed}, {&want.Due, &v.Due}} {
					if !at.from.IsZero() && (at.to.IsZero() || at.from.Before(*at.to)) {
						*at.to = *at.from
					}
				}
			}
			for name, to := range map[string]*Answer{"e": &want.Exploited, "r": &want.Ransomware, "a": &want.Automatable, "t": &want.TotalImpact} {
				if said[name][Yes] {
					*to = Yes
				} else if said[name][No] && !stale[name] {
					*to = No
				}
			}
			want.Withdrawn = listed && !kept
			got, from := s.Vulnerability(id, noon)
			require.Equal(t, want, got)
			require.Equal(t, sources, from)
		}
	})
}

// A feed that brings only facts changes no verdict: not one of CAT-4, and none
// of another's patches (invariant 18).
func TestFactsChangeNoVerdict_CAT4_CAT17(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first := genBatches.Draw(t, "first")
		before, _ := Sync(nil, first, noon)
		facts := knows("zfacts", Vulnerability{ID: "CVE-2026-0001", Exploited: Yes, Severity: Critical}).all()
		facts.Advisories = []Advisory{fixed("1", "", "99.0.0")}
		for _, p := range before.products {
			facts.Lines = append(facts.Lines, LineSet{Product: p.ID, Lines: []Line{{Prefix: "1", Over: true}, {Prefix: "2", Over: true}, {Prefix: "0", Over: true}}})
		}
		facts.Lines = append(facts.Lines, LineSet{Product: "*", Lines: []Line{{Prefix: "1", Over: true}}})
		after, _ := Sync(nil, append(slices.Clone(first), facts), noon)
		require.Equal(t, seen(t, before), seen(t, after))
		require.Equal(t, fmt.Sprint(slices.Collect(before.Products())), fmt.Sprint(slices.Collect(after.Products())))
	})
}
