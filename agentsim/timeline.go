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
	Zone  string    `json:"zone,omitempty"` // the asset's own, if it reports one
}

func (w *World) log(actor, format string, args ...any) {
	l := Line{At: w.now, Actor: actor, Text: fmt.Sprintf(format, args...)}
	if a := w.assets[job.AssetID(actor)]; a != nil {
		l.Zone = a.zone
	}
	w.history = append(w.history, l)
}

// History returns a copy of what happened so far.
func (w *World) History() []Line { return slices.Clone(w.history) }

// Timeline formats a history for people: the time since start, the actor, the
// asset's local time if it has a zone, and what happened.
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

func describe(r job.Report) string {
	name, text := r.Order.Run().Job(), ""
	if r.Text != "" {
		text = " (" + r.Text + ")"
	}
	switch {
	case r.Refused != "":
		return "refused a manifest: " + r.Refused
	case r.Progress != 0:
		return fmt.Sprintf("%s %s%s", name, r.Progress, text)
	case r.TooLate != 0:
		return fmt.Sprintf("%s TooLate(%s)", name, r.TooLate)
	}
	s := fmt.Sprintf("%s %s%s", name, r.Result, text)
	for _, a := range r.Actions {
		if a.Exit != 0 {
			s += fmt.Sprintf("\naction %s exit %d: %s", a.Name, a.Exit, a.Text)
		}
	}
	for _, p := range r.Patches {
		s += fmt.Sprintf("\n%s %s", p.Patch, describeOutcome(p))
	}
	return s
}

func describeOutcome(p job.PatchOutcome) string {
	s := p.Status.String()
	if p.Code != 0 {
		s += fmt.Sprintf(" %s(%d)", p.Code, p.Code)
	}
	if p.Rule != "" {
		s += fmt.Sprintf(" [%s] %s", p.Rule, p.Text)
	}
	return s
}

func (w *World) since(at time.Time) string { return "+" + short(at.Sub(w.cfg.Start)) }

// moment formats an instant in UTC and in a zone:
// 2026-03-02T05:00Z (00:00 New York).
func moment(t time.Time, zone string) string {
	layout := "2006-01-02T15:04Z"
	if t.Second() != 0 {
		layout = "2006-01-02T15:04:05Z"
	}
	return strings.TrimSpace(t.UTC().Format(layout) + " " + local(t, zone))
}

// local formats what clocks in a zone show, with the day if it is not the same
// in UTC; empty: there is no zone of that name.
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

func short(d time.Duration) string { return FormatDuration(d.Truncate(time.Second)) }

// FormatDuration formats a duration to the millisecond, as scripts write it:
// 3h15m, 2d1s.
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
