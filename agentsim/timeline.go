package agentsim

import (
	"fmt"
	"strings"
	"time"
)

// Start is the instant the world's clock began at.
func (w *World) Start() time.Time { return w.cfg.Start }

// Timeline prints a history for people: the time since start, who, and what.
func Timeline(history []Line, start time.Time) string {
	var b strings.Builder
	for _, l := range history {
		fmt.Fprintf(&b, "%-12s %-10s %s\n", "+"+short(l.At.Sub(start)), l.Actor, l.Text)
	}
	return b.String()
}

// short writes a duration without parts that are zero: 3h15m, 2d1s.
func short(d time.Duration) string {
	d = d.Truncate(time.Second)
	s := ""
	for _, u := range []struct {
		d time.Duration
		s string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}} {
		if n := d / u.d; n > 0 {
			s += fmt.Sprintf("%d%s", n, u.s)
			d -= n * u.d
		}
	}
	if s == "" {
		return "0s"
	}
	return s
}
