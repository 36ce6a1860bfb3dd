package schedule

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The oracle of calendars: walk minute by minute and note, for each minute,
// whether an opening is open, which began when the clock first showed its time
// or jumped over it, and whether a closed period holds.

// changes are weeks around odd changes of clocks.
var changes = []struct{ zone, at, why string }{
	{"UTC", "2026-03-01", "no change"},
	{"Europe/Berlin", "2026-03-29", "an hour is skipped"},
	{"Europe/Berlin", "2026-10-25", "an hour comes twice"},
	{"Australia/Lord_Howe", "2025-10-05", "half an hour is skipped"},
	{"Australia/Lord_Howe", "2026-04-05", "half an hour comes twice"},
	{"Pacific/Apia", "2011-12-30", "a day is skipped"},
	{"Pacific/Kwajalein", "1993-08-21", "a day is skipped"},
	{"America/Sao_Paulo", "2018-11-04", "midnight is skipped"},
	{"America/Sao_Paulo", "2018-02-18", "the hour before midnight comes twice"},
	{"America/St_Johns", "2006-10-29", "set back across midnight, at one past it"},
	{"Africa/Cairo", "2023-10-27", "set back from midnight"},
	{"Antarctica/Troll", "2026-03-29", "two hours are skipped"},
}

const walkedDays = 17 // ten before the change; of these, the first eight only let openings begin

// slowCalendar has one entry per minute from its start on.
type slowCalendar struct {
	from         time.Time
	open, closed []bool
}

func slowly(c Calendar, from, until time.Time, z *time.Location) slowCalendar {
	minutes := int(until.Sub(from) / time.Minute)
	s := slowCalendar{from, make([]bool, minutes), make([]bool, minutes)}
	mark := func(list []bool, from, until time.Time, to bool) {
		for m := max(0, int(from.Sub(s.from)/time.Minute)); m < minutes && s.from.Add(time.Duration(m)*time.Minute).Before(until); m++ {
			list[m] = to
		}
	}
	begins, ends := map[string]time.Time{}, map[string]time.Time{}
	walk(from, until, z, func(at, wall time.Time) {
		for _, o := range c.Openings {
			if int64(wall.Hour()*60+wall.Minute()) == o.When.Time.minutes() && recurs(o.When, wall.Truncate(24*time.Hour)) {
				mark(s.open, at, at.Add(o.Length), true)
			}
		}
		for _, p := range c.Closed {
			if p.First == 0 || wall.Hour()+wall.Minute() != 0 {
				continue
			}
			switch wall.Format(time.DateOnly) {
			case p.First.String():
				begins[p.Name] = at
			case (p.Last + 1).String():
				ends[p.Name] = at
			}
		}
	})
	if len(c.Openings) == 0 {
		mark(s.open, from, until, true)
	}
	for _, p := range c.Closed {
		one := make([]bool, minutes)
		if p.First == 0 {
			mark(one, p.From, p.Until, true)
		} else {
			mark(one, begins[p.Name], ends[p.Name], true)
		}
		for _, o := range c.Overrides {
			if o.Closed == p.Name {
				mark(one, o.From, o.Until, false)
			}
		}
		for m := range one {
			s.closed[m] = s.closed[m] || one[m]
		}
	}
	return s
}

// next returns the first minute, not before one, that is open or not.
func (s slowCalendar) next(minute int, open bool) (time.Time, bool) {
	for ; minute < len(s.open); minute++ {
		if (s.open[minute] && !s.closed[minute]) == open {
			return s.from.Add(time.Duration(minute) * time.Minute), true
		}
	}
	return time.Time{}, false
}

// drawCalendar draws a calendar whose closed periods are in the walk.
func drawCalendar(t *rapid.T, from time.Time) Calendar {
	c := Calendar{Name: "drawn", Zone: AssetZone}
	minute := func(label string) time.Time {
		return from.Add(time.Duration(rapid.IntRange(0, walkedDays*dayMinutes).Draw(t, label)) * time.Minute)
	}
	clocks := []TimeOfDay{Clock(0, 0), Clock(0, 1), Clock(1, 45), Clock(2, 0), Clock(2, 30), Clock(22, 0), Clock(23, 30), Clock(23, 59)}
	for range rapid.IntRange(0, 3).Draw(t, "openings") {
		o := Opening{When: Schedule{Kind: Daily, Time: rapid.SampledFrom(clocks).Draw(t, "time")}}
		if rapid.Bool().Draw(t, "weekly") {
			o.When.Kind, o.When.Weekdays = Weekly, WeekdaysOf(rapid.SliceOfNDistinct(rapid.SampledFrom(weekdays.All()), 1, 3, rapid.ID).Draw(t, "days")...)
		}
		o.Length = time.Duration(rapid.SampledFrom([]int{1, 30, 90, 120, 480, 1439, 1440, 1500, 4320, 10_080}).Draw(t, "length")) * time.Minute
		c.Openings = append(c.Openings, o)
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "closed") {
		p := Closed{Name: string(rune('a' + i)), Reason: "drawn"}
		if rapid.Bool().Draw(t, "whole days") {
			p.First = Date(from.Unix()/86400) + Date(rapid.IntRange(1, walkedDays-6).Draw(t, "first"))
			p.Last = p.First + Date(rapid.IntRange(0, 3).Draw(t, "days"))
		} else {
			p.From = minute("from")
			p.Until = p.From.Add(time.Duration(rapid.IntRange(1, 5000).Draw(t, "minutes")) * time.Minute)
		}
		c.Closed = append(c.Closed, p)
		for range rapid.IntRange(0, 2).Draw(t, "overrides") {
			o := Override{Closed: p.Name, By: "ana", Reason: "drawn", Until: minute("override until")}
			if rapid.Bool().Draw(t, "later") {
				o.From = o.Until.Add(-time.Duration(rapid.IntRange(1, 3000).Draw(t, "override minutes")) * time.Minute)
			}
			c.Overrides = append(c.Overrides, o)
		}
	}
	return c
}

func TestCalendarsAgreeWithAMinuteWalk_CAL1_CAL2_CAL4(t *testing.T) {
	if testing.Short() {
		t.Skip("a walk over weeks, minute by minute: left out by -short")
	}
	rapid.Check(t, func(t *rapid.T) {
		w := rapid.SampledFrom(changes).Draw(t, "change")
		z, err := time.LoadLocation(w.zone)
		require.NoError(t, err)
		day, err := time.Parse(time.DateOnly, w.at)
		require.NoError(t, err)
		from := day.AddDate(0, 0, -10)
		c := drawCalendar(t, from)
		require.NoError(t, c.Validate())
		slow := slowly(c, from, from.AddDate(0, 0, walkedDays), z)
		checkAgainst(t, c, z, slow, 8*dayMinutes)
	})
}

// checkAgainst compares the calendar with the walk: at each edge and each hour.
func checkAgainst(t *rapid.T, c Calendar, z *time.Location, slow slowCalendar, first int) {
	for m := first; m < len(slow.open); m++ {
		open := slow.open[m] && !slow.closed[m]
		edge := open != (slow.open[m-1] && !slow.closed[m-1])
		if !edge && m%61 != 0 {
			continue
		}
		at := slow.from.Add(time.Duration(m) * time.Minute)
		got := c.At(at, z)
		require.Equal(t, open, got.Open, "%v in %v: %+v", at, z, got)
		require.Equal(t, !open && slow.closed[m], got.Period != "", "%v: %+v", at, got)
		require.Equal(t, open, got.Text == "")
		sameInstant(t, slow, m, false, c.NextClose, z)
		sameInstant(t, slow, m, true, c.NextOpen, z)
	}
	var walked []Span
	start := slow.from.Add(time.Duration(first) * time.Minute)
	for m := first; ; {
		from, ok := slow.next(m, true)
		if !ok {
			break
		}
		until, ok := slow.next(int(from.Sub(slow.from)/time.Minute), false)
		if !ok {
			until = slow.from.Add(time.Duration(len(slow.open)) * time.Minute)
		}
		walked = append(walked, Span{from, until})
		if m = int(until.Sub(slow.from) / time.Minute); !ok {
			break
		}
	}
	spans := c.Spans(start, slow.from.Add(time.Duration(len(slow.open))*time.Minute), z)
	require.True(t, slices.Equal(walked[:min(len(walked), MaxSpans)], spans), "%v and %v", walked, spans)
}

// sameInstant asks for the next opening or closing from a minute on.
func sameInstant(t *rapid.T, slow slowCalendar, m int, open bool, ask func(time.Time, *time.Location) (time.Time, bool), z *time.Location) {
	at := slow.from.Add(time.Duration(m) * time.Minute)
	want, found := slow.next(m, open)
	got, ok := ask(at, z)
	if !found { // it is after the walk
		require.True(t, !ok || !got.Before(slow.from.Add(time.Duration(len(slow.open))*time.Minute)), "%v: %v", at, got)
		return
	}
	require.True(t, ok && got.Equal(want), "%v: %v, walked %v", at, got, want)
}
