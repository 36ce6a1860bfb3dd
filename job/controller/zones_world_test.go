package controller_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// clock is when the clock in a zone first shows each minute of some days, or jumps over it.
type clock map[time.Time]time.Time

func watch(t tester, zone string, from, to time.Time) clock {
	location, err := time.LoadLocation(zone)
	require.NoError(t, err)
	c := clock{}
	face := func(at time.Time) time.Time {
		l := at.In(location)
		return time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), l.Minute(), 0, 0, time.UTC)
	}
	latest := face(from)
	for at := from; at.Before(to); at = at.Add(time.Minute) {
		for now := face(at); latest.Before(now); {
			latest = latest.Add(time.Minute)
			c[latest] = at
		}
	}
	return c
}

// held is an order that an asset has not begun.
type held struct {
	run        string
	start, end time.Time // a zero end: there is no window
}

// told is the state of a run on an asset, as the oracle knows it. The zero
// value is one whose turn has not come.
type told struct {
	made  bool // there is an order
	given bool // and the asset has received it
	left  bool // out, with a reason
	over  bool // begun or ended
}

// zoneAsset is an asset as it is, and as the oracle knows it.
type zoneAsset struct {
	*agent
	on     bool
	offset int             // of its calls, minutes past the hour
	done   map[string]bool // runs that it began or ended
	starts []string
	zone   string // as reported to the server
	runs   []told
}

type zoneWorld struct {
	*fixture
	config  controller.Config
	random  *rand.Rand
	clocks  map[string]clock
	runs    []time.Time // dates and times, as if in UTC
	d       job.Definition
	enabled time.Time
	assets  []*zoneAsset
	up      bool
	next    time.Time // Tick
	log     []string
}

func (w *zoneWorld) say(format string, args ...any) {
	w.log = append(w.log, w.now.Format("02 15:04 ")+fmt.Sprintf(format, args...))
}

func (w *zoneWorld) name(run int) string { return "own@" + w.runs[run].Format(stamp) }

// start is when a run starts by the clock in a zone; not ok: there is no such clock.
func (w *zoneWorld) start(zone string, run int) (at time.Time, ok bool) {
	c, ok := w.clocks[zone]
	return c[w.runs[run]], ok
}

// planned reports whether a run was ahead anywhere when the job was enabled.
func (w *zoneWorld) planned(run int) bool {
	last, _ := w.start(west, run)
	return last.After(w.enabled)
}

// decide is what the clock in the asset's zone says of a run that the asset has no order of.
func (w *zoneWorld) decide(a *zoneAsset, run int) {
	start, ok := w.start(a.zone, run)
	until := start
	if w.now.After(until) {
		until = w.now
	}
	newer := func() bool {
		for later := run + 1; later < len(w.runs); later++ {
			if at, _ := w.start(a.zone, later); !at.After(until) {
				return true
			}
		}
		return false
	}
	a.runs[run].left = !ok || !start.After(w.enabled) || newer()
	a.runs[run].made = !a.runs[run].left
}

// turns gives every asset whose turn has come its orders, if the server runs.
func (w *zoneWorld) turns() {
	for _, a := range w.assets {
		for run := range w.runs {
			start, ok := w.start(a.zone, run)
			if !ok {
				start, _ = w.start(east, run)
			}
			if s := a.runs[run]; w.planned(run) && s == (told{}) && !start.Add(-lead).After(w.now) {
				w.decide(a, run)
			}
		}
	}
}

// moved is what a call does that reports another zone.
func (w *zoneWorld) moved(a *zoneAsset, zone string) {
	a.zone = zone
	for run := range w.runs {
		s := &a.runs[run]
		last, _ := w.start(west, run)
		_, known := w.clocks[zone]
		switch {
		case s.over:
		case s.made && !known && s.given:
			s.over = true
		case s.made && !known:
			*s = told{left: true}
		case s.left && w.now.Before(last.Add(-lead)):
			w.decide(a, run)
		}
	}
	w.turns()
}

// edited is what an edit does: who was left out is looked at again, except
// where a recurring job has started (JOB-9, MAN-2).
func (w *zoneWorld) edited() {
	for _, a := range w.assets {
		for run := range w.runs {
			start, known := w.start(a.zone, run)
			last, _ := w.start(west, run)
			past := last.Before(w.now) || known && start.Before(w.now)
			if a.runs[run].left && (w.d.Schedule.Kind == schedule.Once || !past) {
				w.decide(a, run)
			}
		}
	}
}

// orders is what an asset holds after a call. Of several that it never held and
// that have started only the newest is left.
func (w *zoneWorld) orders(a *zoneAsset) []held {
	var newest time.Time
	for run, s := range a.runs {
		if start, _ := w.start(a.zone, run); s.made && !s.over && !start.After(w.now) && start.After(newest) {
			newest = start
		}
	}
	list := []held{}
	for run := range a.runs {
		s := &a.runs[run]
		if !s.made || s.over {
			continue
		}
		start, _ := w.start(a.zone, run)
		if !s.given && start.Before(newest) {
			s.over = true
			continue
		}
		s.given = true
		h := held{run: w.name(run), start: start}
		if w.d.Window > 0 {
			h.end = start.Add(w.d.Window)
		}
		list = append(list, h)
	}
	return sorted(list)
}

func sorted(list []held) []held {
	slices.SortFunc(list, func(a, b held) int { return cmp.Or(a.start.Compare(b.start), cmp.Compare(a.run, b.run)) })
	return list
}

// holds is what the asset really holds.
func (a *zoneAsset) holds() []held {
	list := []held{}
	for _, o := range a.agent.orders {
		if !a.done[string(o.Run)] {
			list = append(list, held{string(o.Run), o.Start, o.End})
		}
	}
	return sorted(list)
}

// end notes that an order began or ended, and reports it.
func (w *zoneWorld) end(a *zoneAsset, run string, r job.Result) {
	a.done[run] = true
	a.report(job.Report{Order: job.MakeOrderID(job.RunID(run), a.id), Result: r})
	for i := range w.runs {
		if w.name(i) == run {
			a.runs[i].over = true
		}
	}
	w.say("%s: %s %v", a.id, run, r)
}
