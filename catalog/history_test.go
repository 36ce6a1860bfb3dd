package catalog

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// briefly lists a history: "2.0.0 left" and the like.
func briefly(s *Snapshot, id ProductID) (all []string) {
	for _, f := range s.History(id) {
		text := f.Version.String()
		if !f.Left.IsZero() {
			text += " left " + f.Left.Format("15:04")
		}
		if f.Deprecated {
			text += " deprecated"
		}
		all = append(all, text)
	}
	return all
}

// The catalog remembers when every version was published, also after it left.
func TestHistory_APR2(t *testing.T) {
	full := edit("1.0.0", func(p *Patch) {
		p.Severity, p.CVEs, p.Exploited, p.Class, p.Source = High, []string{"CVE-2026-1"}, true, Security, ver("0.9.0")
	})
	s := synced(t, batch(full, edit("1.1.0"), edit("1.2.0")))
	require.Equal(t, []string{"1.2.0", "1.1.0", "1.0.0"}, briefly(s, "editor"))
	s, _ = Sync(s, []Batch{batch(edit("1.1.0", withdrawn), edit("1.2.0"), edit("1.3.0"))}, noon.Add(time.Hour))
	s, _ = Sync(s, []Batch{batch(edit("1.3.0"))}, noon.Add(2*time.Hour))
	want := []string{"1.3.0", "1.2.0 left 14:00", "1.1.0 left 14:00 deprecated", "1.0.0 left 13:00"}
	require.Equal(t, want, briefly(s, "editor"))
	for name, s := range map[string]*Snapshot{"read": roundTrip(t, s), "kept": next(roundTrip(t, s)), "failing": next(s, Failed("acme", noon, nil))} {
		require.Equal(t, want, briefly(s, "editor"), name)
		require.Equal(t, Former{
			Patch: "editor-1.0.0", Version: ver("1.0.0"), Source: ver("0.9.0"), Published: noon.Add(-time.Hour), Listed: noon, Left: noon.Add(time.Hour),
			Severity: High, Class: Security, CVEs: []string{"CVE-2026-1"}, Exploited: true,
		}, s.History("editor")[3], name)
	}
	require.Empty(t, s.History("unknown"))
	require.Empty(t, (*Snapshot)(nil).History("editor"))
}

// A version that comes back was first seen when it was first seen, and is not
// there twice (APR-4).
func TestVersionThatComesBack_APR4(t *testing.T) {
	s := synced(t, batch(edit("1.0.0"), edit("2.0.0")))
	s, _ = Sync(s, []Batch{batch(edit("2.0.0"))}, noon.Add(time.Hour))
	s, _ = Sync(roundTrip(t, s), []Batch{batch(edit("1.0.0"))}, noon.Add(2*time.Hour))
	require.Equal(t, []string{"2.0.0 left 14:00", "1.0.0"}, briefly(s, "editor"))
	p, _ := s.Patch("editor-1.0.0")
	require.Equal(t, noon, p.Listed)
	s, _ = Sync(s, []Batch{batch(edit("2.0.0"))}, noon.Add(3*time.Hour))
	require.Equal(t, []string{"2.0.0", "1.0.0 left 15:00"}, briefly(s, "editor"))
}

// One id can stand for one version after the other: each is remembered, and
// each was first seen by itself.
func TestOneIDForEachVersion_APR2(t *testing.T) {
	latest := func(text string) Batch { return batch(edit(text, func(p *Patch) { p.ID = "latest" })) }
	s := synced(t, latest("1.0.0"))
	s, _ = Sync(s, []Batch{latest("2.0.0")}, noon.Add(time.Hour))
	s, changes := Sync(s, []Batch{latest("3.0.0")}, noon.Add(2*time.Hour))
	require.Equal(t, []PatchID{"latest"}, changes.Changed)
	require.Equal(t, []string{"3.0.0", "2.0.0 left 14:00", "1.0.0 left 13:00"}, briefly(s, "editor"))
	p, _ := s.Patch("latest")
	require.Equal(t, noon.Add(2*time.Hour), p.Listed, "this version was seen now")
	require.Equal(t, noon.Add(time.Hour), s.History("editor")[1].Listed)
}

// A product that left the catalog keeps its history for a time, and loses it to
// another authority.
func TestHistoryOfAProductThatLeft_APR2_CAT17(t *testing.T) {
	s := synced(t, batch(edit("1.0.0")))
	later := noon.Add(time.Hour)
	s, _ = Sync(s, []Batch{{Feed: "acme", Gone: true}}, later)
	gone := []string{"1.0.0 left 13:00"}
	require.Equal(t, gone, briefly(s, "editor"))
	almost, _ := Sync(roundTrip(t, s), nil, later.Add(KeepHistory-1))
	require.Equal(t, gone, briefly(almost, "editor"))
	require.Equal(t, s.ID(), almost.ID())
	over, _ := Sync(s, nil, later.Add(KeepHistory))
	require.Empty(t, briefly(over, "editor"))
	require.Equal(t, s.ID()+1, over.ID())

	back, _ := Sync(s, []Batch{batch(edit("2.0.0"))}, later)
	require.Equal(t, []string{"2.0.0", "1.0.0 left 13:00"}, briefly(back, "editor"))
	years, _ := Sync(back, nil, later.Add(3*KeepHistory))
	require.Equal(t, []string{"2.0.0", "1.0.0 left 13:00"}, briefly(years, "editor"), "it is in the catalog")
	renamed, _ := Sync(back, []Batch{batch(edit("2.0.0")).of("new")}, later)
	require.Equal(t, []string{"2.0.0", "1.0.0 left 13:00"}, briefly(renamed, "editor"), "its keyring was replaced")

	other, _ := Sync(s, []Batch{batch(edit("2.0.0")).from("other")}, later)
	require.Equal(t, []string{"2.0.0"}, briefly(other, "editor"), "another authority starts afresh")
	dotted := editor()
	dotted.Scheme = "dotted"
	other, _ = Sync(s, []Batch{{Feed: "acme", At: noon, Products: []Product{dotted}}}, later)
	require.Empty(t, briefly(other, "editor"), "versions of another scheme have no order with these")
}

func TestHistoryIsBounded_APR2(t *testing.T) {
	var b Batch
	for i := range MaxHistory + 1 {
		b = batch(append(b.Patches, edit(fmt.Sprintf("%d.0.0", i)))...)
	}
	s := next(synced(t, b), batch())
	history := s.History("editor")
	require.Len(t, history, MaxHistory)
	require.Equal(t, []string{"256.0.0", "1.0.0"}, []string{history[0].Version.String(), history[MaxHistory-1].Version.String()}, "the oldest version goes first")
	same(t, s, roundTrip(t, s))

	// In all: who has more than an equal share loses what left first.
	at := func(hour int) Former {
		return Former{Patch: PatchID(fmt.Sprint(hour)), Version: ver(fmt.Sprintf("%d.0.0", hour)), Left: noon.Add(time.Duration(hour) * time.Hour)}
	}
	sync := newSyncer("a", "b")
	sync.mostFormer = 4
	sync.next.former = []formerPatches{
		{product: "p", authority: "a", list: []Former{at(5), at(1)}}, {product: "q", authority: "a", list: []Former{at(1)}},
		{product: "r", authority: "a", list: []Former{at(4), at(3), at(1)}}, {product: "s", authority: "b", list: []Former{at(0)}},
	}
	sync.forget()
	var left []string
	for _, f := range sync.next.former {
		for _, o := range f.list {
			left = append(left, string(f.product)+string(o.Patch))
		}
	}
	require.Equal(t, []string{"p5", "r4", "r3", "s0"}, left)
}

// The history against a list that forgets nothing, over random syncs.
func TestHistoryAgainstOracle_APR2(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s *Snapshot
		type key struct {
			id      PatchID
			version string
		}
		first, current := map[key]time.Time{}, map[key]bool{}
		for hour := range rapid.IntRange(1, 6).Draw(t, "syncs") {
			now := noon.Add(time.Duration(hour) * time.Hour)
			b := batch()
			current = map[key]bool{}
			for _, id := range []PatchID{"a", "b", "c"} {
				if version := rapid.SampledFrom([]string{"", "1.0.0", "2.0.0"}).Draw(t, "version"); version != "" {
					b.Patches = append(b.Patches, edit(version, func(p *Patch) { p.ID = id }))
					k := key{id, version}
					current[k] = true
					if _, known := first[k]; !known {
						first[k] = now
					}
				}
			}
			s, _ = Sync(s, []Batch{b}, now)
			if rapid.Bool().Draw(t, "restart") {
				s = roundTrip(t, s)
			}
		}
		history := s.History("editor")
		require.Len(t, history, len(first))
		for i, f := range history {
			k := key{f.Patch, f.Version.String()}
			require.Equal(t, first[k], f.Listed)
			require.Equal(t, current[k], f.Left.IsZero())
			if i > 0 {
				require.False(t, newer(f.Version, history[i-1].Version))
			}
		}
	})
}
