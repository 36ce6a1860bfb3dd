package controller_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// The oracle: walk through some days minute by minute and look at the clocks on
// the walls. It knows on which dates and at which time the job is to start,
// when each clock shows that, and what each asset has received. It knows no
// passes, no due rows, and no run of the server.

const (
	lead  = 3 * time.Hour
	stamp = "20060102T150405"
)

var (
	east, west  = "Etc/GMT-14", "Etc/GMT+12"
	walledZones = []string{
		east, west, "Pacific/Kiritimati", "Pacific/Apia", "Pacific/Auckland", "Pacific/Chatham", "Australia/Lord_Howe", "Asia/Tokyo",
		"Asia/Kathmandu", "Asia/Tehran", "Africa/Cairo", "Europe/Berlin", "Europe/London", "Africa/Casablanca", "America/St_Johns",
		"America/Havana", "America/New_York", "America/Los_Angeles", "Pacific/Honolulu", "Pacific/Pago_Pago",
	}
)

// Around these dates some clocks are changed.
var changes = []time.Time{
	time.Date(2026, 3, 8, 0, 0, 0, 0, time.UTC),    // North America, Havana at midnight
	time.Date(2026, 3, 29, 0, 0, 0, 0, time.UTC),   // Europe
	time.Date(2026, 4, 5, 0, 0, 0, 0, time.UTC),    // New Zealand, and Lord Howe by half an hour
	time.Date(2026, 10, 25, 0, 0, 0, 0, time.UTC),  // Europe back
	time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),   // North America back
	time.Date(2026, 2, 15, 0, 0, 0, 0, time.UTC),   // Casablanca
	time.Date(2026, 4, 24, 0, 0, 0, 0, time.UTC),   // Cairo at midnight
	time.Date(2026, 10, 30, 0, 0, 0, 0, time.UTC),  // Cairo back, from midnight
	time.Date(2011, 12, 30, 10, 0, 0, 0, time.UTC), // Apia skips a day
}

// meet is a call, of which the oracle knows too.
func (w *zoneWorld) meet(a *zoneAsset) {
	before := a.holds()
	w.call(a.agent)
	if a.agent.zone != a.zone {
		w.moved(a, a.agent.zone)
	}
	want, have := w.orders(a), a.holds()
	require.Equal(w, want, have, "%s in %q\n%v", a.id, a.zone, w)
	for _, h := range before {
		if !slices.ContainsFunc(have, func(now held) bool { return now.run == h.run }) {
			w.end(a, h.run, job.Withdrawn)
		}
	}
	for _, h := range have {
		if !slices.Contains(before, h) {
			w.say("%s holds %s, start %s", a.id, h.run, h.start.Format("02 15:04"))
		}
	}
}

// act is what an asset does by itself: see job/agent.
func (w *zoneWorld) act(a *zoneAsset) {
	for called := false; ; {
		var newest time.Time
		for _, h := range a.holds() {
			switch {
			case !h.end.IsZero() && !h.end.After(w.now):
				w.end(a, h.run, job.TimedOut)
			case !h.start.After(w.now):
				newest = h.start
			}
		}
		var due []held
		for _, h := range a.holds() {
			switch {
			case h.start.Before(newest):
				w.end(a, h.run, job.TimedOut)
			case !h.start.After(w.now):
				due = append(due, h)
			}
		}
		switch {
		case len(due) == 0:
			return
		case w.up && !called: // the last call (MAN-7)
			called = true
			w.meet(a)
			continue
		}
		require.Len(w, due, 1, "two runs start at once")
		a.starts = append(a.starts, due[0].run)
		w.end(a, due[0].run, job.Completed)
	}
}

func (w *zoneWorld) String() string {
	text := fmt.Sprintf("%+v, window %v, enabled %v\n", w.d.Schedule, w.d.Window, w.enabled)
	for _, line := range w.log {
		text += line + "\n"
	}
	return text
}

func (w *zoneWorld) pick() string {
	if w.random.IntN(12) == 0 {
		return []string{"", "Mars/Base"}[w.random.IntN(2)]
	}
	return walledZones[w.random.IntN(len(walledZones))]
}

// calendar lists the dates and times of a schedule.
func (w *zoneWorld) calendar(from, to time.Time) {
	s := w.d.Schedule
	if s.Kind == schedule.Once {
		w.runs = []time.Time{s.Local.In(time.UTC)}
		return
	}
	clock, err := time.Parse("15:04", s.Time.String())
	require.NoError(w, err)
	for day := from.Truncate(24 * time.Hour); day.Before(to); day = day.AddDate(0, 0, 1) {
		if s.Kind == schedule.Daily || s.Weekdays.Has(schedule.Weekday((day.Weekday()+6)%7)+1) {
			w.runs = append(w.runs, day.Add(time.Duration(clock.Hour())*time.Hour+time.Duration(clock.Minute())*time.Minute))
		}
	}
}

// newZoneWorld is a job in each asset's zone, and some assets.
func newZoneWorld(t *testing.T, seed uint64, days int) *zoneWorld {
	random := rand.New(rand.NewPCG(seed, 9))
	c := config()
	c.Batch = 1 + random.IntN(4)
	w := &zoneWorld{fixture: fixtureOf(t, memstore.New(memstore.Options{}), c), config: c, random: random, clocks: map[string]clock{}, up: true}
	around := changes[random.IntN(len(changes))]
	w.now = around.Add(-time.Duration(random.IntN(60*days*16)) * time.Minute)
	w.enabled = w.now
	from, to := w.now.AddDate(0, 0, -5), w.now.AddDate(0, 0, days+5)
	for _, zone := range walledZones {
		w.clocks[zone] = watch(t, zone, from, to)
	}
	w.d = definition("own")
	w.d.Pre = []job.Action{{Name: "look", Command: []string{"look"}}}
	w.d.Window = []time.Duration{0, 0, time.Hour, 8 * time.Hour, 30 * time.Hour}[random.IntN(5)]
	s := schedule.Schedule{Zone: schedule.AssetZone, Time: schedule.Clock(random.IntN(24), random.IntN(4)*15)}
	switch random.IntN(5) {
	case 0:
		local, err := schedule.ParseLocalTime(w.now.Add(time.Duration(random.IntN(30*60)-11*60) * time.Minute).Format("2006-01-02T15:04"))
		require.NoError(t, err)
		s = schedule.Schedule{Kind: schedule.Once, Zone: schedule.AssetZone, Local: local}
	case 1:
		s.Kind, s.Weekdays = schedule.Weekly, schedule.WeekdaysOf(schedule.Monday, schedule.Thursday, schedule.Sunday)
	default:
		s.Kind = schedule.Daily
	}
	w.d.Schedule = s
	w.calendar(from.AddDate(0, 0, 2), to.AddDate(0, 0, -2))
	for i := range 5 {
		a := &zoneAsset{agent: w.enrolOnly(job.AssetID(fmt.Sprintf("a%d", i)), "all"), on: true, offset: random.IntN(60), done: map[string]bool{}}
		a.agent.zone = w.pick()
		a.zone, a.runs = a.agent.zone, make([]told, len(w.runs))
		w.call(a.agent)
		w.assets = append(w.assets, a)
		w.say("%s is in %q", a.id, a.zone)
	}
	w.enable(w.d)
	w.next = w.now
	w.turns()
	return w
}

// minute lets one minute pass.
func (w *zoneWorld) minute() {
	w.now = w.now.Add(time.Minute)
	if w.random.IntN(1500) == 0 {
		w.up = !w.up
		w.next = w.now
		w.say("the server is up: %v", w.up)
	}
	if w.up && !w.next.IsZero() && !w.next.After(w.now) {
		if w.random.IntN(2) == 0 { // a server that dies on the way, and starts again
			dies, err := controller.New(&failing{Store: w.store, after: w.random.IntN(8)}, w.config)
			require.NoError(w, err)
			if _, err = dies.Tick(ctx, w.now); err != nil {
				require.ErrorIs(w, err, errDied)
			}
		}
		next, err := w.Tick(ctx, w.now)
		require.NoError(w, err)
		w.next = next
	}
	if w.up {
		w.turns()
		if w.random.IntN(1500) == 0 {
			w.d.Name += "."
			_, err := w.SaveJob(ctx, w.d, w.now)
			require.NoError(w, err)
			w.say("the job is edited")
			w.edited()
		}
	}
	for _, a := range w.assets {
		back := false
		if w.random.IntN(1200) == 0 {
			a.on = !a.on
			back = a.on
			w.say("%s is on: %v", a.id, a.on)
		}
		if w.random.IntN(900) == 0 {
			a.agent.zone = w.pick()
			w.say("%s moves to %q", a.id, a.agent.zone)
		}
		if !a.on {
			continue
		}
		if w.up && (back || w.now.Minute() == a.offset) {
			w.meet(a)
			if next, err := w.Tick(ctx, w.now); err == nil {
				w.next = next // a call may have made it come sooner
			}
		}
		w.act(a)
	}
}

// Jobs in each asset's own zone, against the oracle: the server is away for
// hours or days, assets are off and travel, the job is edited, and clocks are
// changed. PATCHPOLICY_ZONES is how many worlds there are.
func TestEachAssetsClockDecides_JOB9_JOB12_MAN1(t *testing.T) {
	worlds, days := 12, 5
	if testing.Short() {
		worlds = 1
	}
	if n, err := strconv.Atoi(os.Getenv("PATCHPOLICY_ZONES")); err == nil {
		worlds = n
	}
	starts, left := 0, 0
	for seed := range uint64(worlds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newZoneWorld(t, seed, days)
			for range days * 24 * 60 {
				w.minute()
			}
			for _, a := range w.assets {
				starts += len(a.starts)
				slices.Sort(a.starts)
				require.Len(t, slices.Compact(slices.Clone(a.starts)), len(a.starts), "an asset starts a run at most once")
				for _, s := range a.runs {
					if s.left {
						left++
					}
				}
			}
		})
	}
	require.Greater(t, starts, 2*worlds)
	require.Greater(t, left, worlds)
	t.Logf("%d starts, %d left out", starts, left)
}
