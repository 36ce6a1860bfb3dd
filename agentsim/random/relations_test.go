package random

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/agentsim"
)

// relation is what a changed world must have in common with the original. A
// similar change that does make a difference shows that the relation can fail.
type relation struct {
	name     string
	troubles []Trouble // in the world that is changed; nil: none
	calm     bool      // all assets and patches exist from the start, and no patch requires another
	prepare  func(*script)
	change   func(*script)
	wrong    func(*script)
	view     func(*agentsim.World) string // what must be the same
	viewed   func(string) string          // undoes the change in the view of the changed world
}

// quiet are the troubles that do not depend on the number of transactions of
// the server.
var quiet = []Trouble{Network, Power, Clocks, Installers, Vendors, Edits}

func relations() []relation {
	return []relation{
		{
			name: "an asset that no job selects changes no other asset's history", troubles: quiet, view: histories("a00"),
			change: func(s *script) {
				s.add(0, "asset zz in UTC tagged none has browser 1.0")
				s.add(day, "try zz crashes")
				s.add(2*day, "try zz network cut")
			},
			wrong: func(s *script) {
				s.add(0, "job zz: query, tags all, on demand")
				s.add(time.Hour, "enable zz")
			},
		},
		{
			name: "the order in which assets are enrolled changes no asset's history", troubles: quiet, view: histories("a00"),
			change: func(s *script) {
				slices.SortStableFunc((*s)[1:], func(a, b agentsim.ScriptStep) int { return strings.Compare(enrolment(b), enrolment(a)) })
				s.sort()
			},
			wrong: func(s *script) { s.replace(`^asset a000 .*`, "asset a000 tagged all") },
		},
		{
			name: "messages that arrive twice change no asset's history", troubles: quiet, view: histories("a00"),
			prepare: func(s *script) {
				s.drop(" arrive twice")
				s.begin("asset ")
			},
			change: each("next 1000 calls arrive twice"),
			wrong:  each("loses the next 1 answers"),
		},
		{
			name: "a server that crashes and starts between two things changes no asset's history", troubles: quiet, view: histories("a00"),
			change: func(s *script) {
				for i := range 60 {
					s.add(time.Duration(i)*3*time.Hour+time.Duration(i*i)*time.Minute, "server crashes")
				}
			},
			wrong: func(s *script) {
				s.add(2*day, "server goes down")
				s.add(4*day, "server comes up")
			},
		},
		{
			name: "a store that repeats its transactions changes nothing", troubles: append(quiet[:len(quiet):len(quiet)], Server), view: histories(""),
			change: func(s *script) { (*s)[0].Words += ", store seed 12345" },
			wrong:  func(s *script) { s.add(0, "server crashes before commit 30") },
		},
		{
			name: "jobs that are saved as they are, and enabled when they are, change no asset's history", troubles: quiet, view: histories("a00"),
			change: func(s *script) {
				for i := range 20 {
					s.add(time.Duration(i+1)*7*time.Hour, "try edit j%d: on linux", i%4)
				}
			},
			wrong: func(s *script) {
				for i := range 10 {
					s.add(3*day, "try delete j%d", i)
				}
			},
		},
		{
			name: "names of jobs, products and patches, their order kept, change nothing but names", troubles: append(quiet[:len(quiet):len(quiet)], Server),
			view: histories(""), prepare: func(s *script) {
				s.replace(`, start spread [0-9a-z]+|, early download`, "") // are drawn from names
			},
			change: rename(`\b(j\d|browser|editor|kernel|runtime|office|reader|driver)\b`, "the-$1"),
			wrong:  rename(`\b(j\d)\b`, "other-$1"),
			viewed: func(text string) string { return strings.ReplaceAll(text, "the-", "") },
		},
		{
			name: "a catalog that syncs more often changes no asset's history when no vendor does anything", calm: true, view: histories("a00"),
			change: func(s *script) { s.replace(`sync every \w+`, "sync every 45m") },
			wrong: func(s *script) {
				s.replace(`sync every \w+`, "sync every 45m")
				s.add(2*day+time.Minute, "patch browser-9: browser 9.0, pinned")
			},
		},
		{
			name: "another check-in interval changes nothing that is installed when nothing goes wrong", calm: true, view: installed,
			change: func(s *script) { s.replace(`check-in every \w+`, "check-in every 5m") },
			wrong:  noMore,
		},
		{
			name: "a longer lead changes nothing that is installed when nothing is modified", calm: true, view: installed,
			change: func(s *script) {
				s.replace(`, lead \w+`, "")
				(*s)[0].Words += ", lead 20h"
			},
			wrong: noMore,
		},
		{
			name: "agents that crash change nothing that is installed", calm: true, view: installed,
			change: func(s *script) {
				for i := range 300 {
					s.add(time.Duration(i)*31*time.Minute, "try a00%d crashes", i%relationAssets)
				}
			},
			wrong: noMore,
		},
		{
			name: "a job's patches split over two jobs install the same", calm: true, view: installed,
			prepare: func(s *script) { s.drop(" after ") },
			change:  split,
			wrong:   noMore,
		},
	}
}

// relationAssets is fewer in a short run.
var relationAssets = 5

func TestRelations(t *testing.T) {
	if testing.Short() {
		relationAssets = 2
	}
	for i, r := range relations() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			if testing.Short() && i%6 != 1 {
				t.Skip("SKIPPED ALOUD: a week of several worlds each takes a while; run without -short")
			}
			noticed, worlds := false, max(1, *seeds/3)
			if testing.Short() {
				worlds = 1
			}
			for i := range worlds {
				troubles := r.troubles
				if troubles == nil {
					troubles = []Trouble{}
				}
				text, err := generate(Options{Seed: *seed + uint64(i), Assets: relationAssets, Weeks: 1, Troubles: troubles})
				require.NoError(t, err)
				want := r.view(r.played(t, text, nil))
				have := r.view(r.played(t, text, r.change))
				if r.viewed != nil {
					have = r.viewed(have)
				}
				require.Equal(t, want, have, "seed %d", *seed+uint64(i))
				if noticed { // once is enough
					continue
				}
				other := r.view(r.played(t, text, r.wrong))
				if r.viewed != nil {
					other = r.viewed(other)
				}
				noticed = other != want
			}
			require.True(t, noticed, "a change that makes a difference was not noticed")
		})
	}
}

// played returns the world after a change.
func (r relation) played(t *testing.T, text string, change func(*script)) *agentsim.World {
	s, err := parse(text)
	require.NoError(t, err)
	if r.calm {
		s.replace(`, requires [^,]*`, "")
		s.begin("asset ")
		s.begin("patch ")
	}
	for _, f := range []func(*script){r.prepare, change} {
		if f != nil {
			f(&s)
			s.sort()
		}
	}
	play, _ := plays.LoadOrStore(s.String(), sync.OnceValues(func() (*agentsim.World, *Failure) { return Play(s.String(), agentsim.Config{}) }))
	w, failure := play.(func() (*agentsim.World, *Failure))()
	if failure != nil {
		t.Fatalf("%v\n%s", failure, s)
	}
	return w
}

// plays has each scenario that was played, by its text: relations share the
// worlds that they change.
var plays sync.Map

// histories returns what happened on the assets whose id has the prefix,
// without lines about messages that came twice.
func histories(prefix string) func(*agentsim.World) string {
	return func(w *agentsim.World) string {
		history := slices.DeleteFunc(w.History(), func(l agentsim.Line) bool {
			return !strings.HasPrefix(l.Actor, prefix) || l.Text == "call arrived twice"
		})
		slices.SortStableFunc(history, func(a, b agentsim.Line) int { return strings.Compare(a.Actor, b.Actor) })
		return agentsim.Timeline(history, w.Start())
	}
}

// installed returns the last version that was installed of each product on each
// asset.
func installed(w *agentsim.World) string {
	last := map[string]string{}
	for _, l := range w.History() {
		if what, ok := strings.CutPrefix(l.Text, "installed "); ok {
			f := strings.Fields(what)
			last[l.Actor+" "+f[0]] = f[1]
		}
	}
	var list []string
	for what, version := range last {
		list = append(list, what+" "+version)
	}
	slices.Sort(list)
	return strings.Join(list, "\n")
}

// begin moves the lines that begin with some words to the start.
func (s script) begin(words string) {
	for i, l := range s {
		if strings.HasPrefix(l.Words, words) {
			s[i].At = 0
		}
	}
	s.sort()
}

// drop removes the lines that contain some words.
func (s *script) drop(words string) {
	*s = slices.DeleteFunc(*s, func(l agentsim.ScriptStep) bool { return strings.Contains(l.Words, words) })
}

func (s script) replace(pattern, by string) {
	re := regexp.MustCompile(pattern)
	for i := range s {
		s[i].Words = re.ReplaceAllString(s[i].Words, by)
	}
}

func rename(pattern, by string) func(*script) {
	return func(s *script) { s.replace(pattern, by) }
}

// each does something to every asset, every day.
func each(what string) func(*script) {
	return func(s *script) {
		for i := range relationAssets {
			for at := time.Minute; at < 11*day; at += day {
				s.add(at, "try a00%d %s", i, what)
			}
		}
	}
}

// enrolment returns the words of a line that enrols an asset at the start;
// empty for others.
func enrolment(l agentsim.ScriptStep) string {
	if l.At == 0 && strings.HasPrefix(l.Words, "asset ") {
		return l.Words
	}
	return ""
}

// noMore keeps all products from being upgraded.
func noMore(s *script) {
	for i := range relationAssets {
		for _, p := range productNames {
			s.add(0, "try a00%d refuses %s: it is kept as it is", i, p)
		}
	}
}

// split moves the first patch of each list of several to a job of its own,
// enabled at the same time.
func split(s *script) {
	list := regexp.MustCompile(`^try job (j\d): patches ([^ ,]+) ([^,]+)(.*)$`)
	for _, l := range slices.Clone(*s) {
		m := list.FindStringSubmatch(l.Words)
		if m == nil {
			continue
		}
		patches := append(strings.Fields(m[3]), m[2])
		if slices.Sort(patches); len(slices.Compact(slices.Clone(patches))) < len(patches) { // a job that names a patch twice is refused
			continue
		}
		s.replace(fmt.Sprintf(`^try job %s: .*`, m[1]), fmt.Sprintf("try job %s: patches %s%s", m[1], m[3], m[4]))
		s.add(l.At, "try job %s-2: patches %s%s", m[1], m[2], m[4])
		for _, other := range slices.Clone(*s) {
			if verb, ok := strings.CutSuffix(other.Words, " "+m[1]); ok {
				s.add(other.At, "%s %s-2", verb, m[1])
			}
		}
	}
}
