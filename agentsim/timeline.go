package agentsim

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
)

// Line is one line of a world's history.
type Line struct {
	At    time.Time `json:"at"`
	Actor string    `json:"actor"` // an asset's id, "server" or "vendor"
	Text  string    `json:"text"`
	Zone  string    `json:"zone,omitempty"` // the asset's own, if it tells one
}

func (w *World) log(actor, format string, args ...any) {
	l := Line{At: w.now, Actor: actor, Text: fmt.Sprintf(format, args...)}
	if a := w.assets[job.AssetID(actor)]; a != nil {
		l.Zone = a.zone
	}
	w.history = append(w.history, l)
}

// History is what happened so far.
func (w *World) History() []Line { return slices.Clone(w.history) }

// Timeline prints a history for people: the time since start, who, the asset's local time if it has a zone, and what.
func Timeline(history []Line, start time.Time) string {
	var b strings.Builder
	for _, l := range history {
		text := strings.ReplaceAll(l.Text, "\n", "\n"+strings.Repeat(" ", 24))
		if here := local(l.At, l.Zone); here != "" {
			text = here + " " + text
		}
		fmt.Fprintf(&b, "%-12s %-10s %s\n", "+"+short(l.At.Sub(start)), l.Actor, text)
	}
	return b.String()
}

// since writes an instant as the timeline does.
func (w *World) since(at time.Time) string { return "+" + short(at.Sub(w.cfg.Start)) }

// moment writes an instant in UTC, and on the clocks of a zone: 2026-03-02T05:00Z (00:00 New York).
func moment(t time.Time, zone string) string {
	layout := "2006-01-02T15:04Z"
	if t.Second() != 0 {
		layout = "2006-01-02T15:04:05Z"
	}
	return strings.TrimSpace(t.UTC().Format(layout) + " " + local(t, zone))
}

// local is what clocks in a zone show, with the day if it is another than in UTC; empty: there is no zone of that name.
func local(t time.Time, zone string) string {
	place, err := time.LoadLocation(zone)
	if zone == "" || err != nil {
		return ""
	}
	layout := "15:04"
	if here := t.In(place); here.YearDay() != t.UTC().YearDay() {
		layout = "2006-01-02 15:04"
	}
	name := zone[strings.LastIndex(zone, "/")+1:]
	return fmt.Sprintf("(%s %s)", t.In(place).Format(layout), strings.ReplaceAll(name, "_", " "))
}

// short writes a duration in whole seconds.
func short(d time.Duration) string { return FormatDuration(d.Truncate(time.Second)) }

// FormatDuration writes a duration as ParseDuration reads it, to the millisecond and without parts that are zero: 3h15m, 2d1s.
func FormatDuration(d time.Duration) string {
	text := ""
	for _, u := range []struct {
		d    time.Duration
		unit string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}, {time.Millisecond, "ms"}} {
		if n := d / u.d; n > 0 {
			text += fmt.Sprintf("%d%s", n, u.unit)
			d -= n * u.d
		}
	}
	return cmp.Or(text, "0s")
}
