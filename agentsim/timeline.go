package agentsim

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Line is one line of a world's history.
type Line struct {
	At    time.Time `json:"at"`
	Actor string    `json:"actor"` // an asset's id, "server" or "vendor"
	Text  string    `json:"text"`
}

func (w *World) log(actor, format string, args ...any) {
	w.history = append(w.history, Line{At: w.now, Actor: actor, Text: fmt.Sprintf(format, args...)})
}

// History is what happened so far.
func (w *World) History() []Line { return slices.Clone(w.history) }

// Timeline prints a history for people: the time since start, who, and what.
func Timeline(history []Line, start time.Time) string {
	var b strings.Builder
	for _, l := range history {
		fmt.Fprintf(&b, "%-12s %-10s %s\n", "+"+short(l.At.Sub(start)), l.Actor, strings.ReplaceAll(l.Text, "\n", "\n"+strings.Repeat(" ", 24)))
	}
	return b.String()
}

// since writes an instant as the timeline does.
func (w *World) since(at time.Time) string { return "+" + short(at.Sub(w.cfg.Start)) }

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
