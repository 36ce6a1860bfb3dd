package random

import (
	"fmt"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/agentsim"
)

var tags = []string{"red", "blue", "green"}

// job adds a job, and what administrators do with it.
func (g *generator) job(id string) {
	d := stream(g.Seed, "job", id)
	at := time.Duration(0)
	if d.chance(30) {
		at = d.when(0, g.end/2)
	}
	timing, due := g.timing(d, at)
	care := g.care(d)
	if !strings.Contains(care, "suppress") && stream(g.Seed, "pending", id).chance(25) {
		care = words(care, "reboots for a pending reboot")
	}
	if g.has(Policies) {
		care = words(care, g.policy(id))
	}
	g.try(at, "job %s: %s", id, words(g.what(d), g.who(d), timing, care))
	on := d.when(at, at+2*day)
	g.try(on, "enable %s", id)
	g.jobs = append(g.jobs, id)
	if g.has(Edits) || g.has(Policies) || !strings.HasPrefix(timing, "on") { // "on demand" and "once" end by themselves unless edited
		g.recurs = append(g.recurs, id)
	}
	if g.has(Edits) {
		g.acts(d, id, append(due, on), on)
	}
}

// what chooses the patches and actions of a job.
func (g *generator) what(d dice) string {
	acts := ""
	if d.chance(25) {
		acts = words(pick(d, "", "first stop"), pick(d, "", "last start", "last start check"))
	}
	if d.chance(50) {
		name := g.products[0].name
		return words(pick(d, "query", "query", "query severity medium", "query product "+name, "query but not product "+name,
			"query but not needs reboot or severity critical", "query any cve but not exploited", "query class security"), acts)
	}
	var list []string
	for range d.between(1, 4) {
		p := pick(d, g.products...)
		list = append(list, p.patch(d.between(2, p.versions)))
	}
	return words("patches "+strings.Join(list, " "), acts)
}

// who chooses the assets of a job: by tag, and perhaps one by name.
func (g *generator) who(d dice) string {
	who := "tags " + pick(d, "all", "all", pick(d, tags...), pick(d, tags...)+" all")
	if strings.Count(who, " ") > 1 {
		who += pick(d, "", ", all tags")
	}
	who += d.some(25, ", not tagged ", tags...)
	if d.chance(25) {
		who += fmt.Sprintf(", %s a%03d", pick(d, "assets", "without"), d.IntN(min(g.Assets, 4)))
	}
	return who
}

// timing chooses when a job runs. Due are some of its starts, roughly.
func (g *generator) timing(d dice, from time.Duration) (text string, due []time.Duration) {
	zone := pick(d, "UTC", pick(d, zones...), "each zone")
	hour, minute := d.IntN(24), pick(d, 0, 30, 59)
	at := fmt.Sprintf(" at %02d:%02d in %s", hour, minute, zone)
	spread := d.some(20, "start spread ", "1m", "30m", "2h")
	if len(g.jobs) > 0 && d.chance(35) {
		after := fmt.Sprintf("after %s %s", pick(d, g.jobs...), pick(d, "per asset", "per asset", "at 1%", "at 50%", "at 100%"))
		switch {
		case d.chance(25): // at the next of its own times
			return words("daily"+at, spread, after+pick(d, "", " plus 6h", " plus 2d")), nil
		case strings.HasSuffix(after, "%"):
			after += pick(d, "", "", " plus 1h")
		}
		return words("on demand", spread, after), nil
	}
	clock := time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute - g.start.Sub(g.start.Truncate(day))
	for n := day; n < g.end; n += day {
		if clock+n >= from {
			due = append(due, clock+n)
		}
	}
	switch d.IntN(9) {
	case 0, 1:
		at := d.when(from+2*day, max(from+3*day, g.end-day))
		return words("once at +"+agentsim.FormatDuration(at), spread), []time.Duration{at}
	case 2, 3, 4:
		return words("daily"+at, spread), due
	case 5:
		return words("weekly on "+pick(d, "mon", "sat sun", "tue fri", "wed")+at, spread), due
	case 6:
		return words("monthly on "+pick(d, "day 1", "day 29", "day 31", "the last day", "the last fri", "the 2nd tue", "the 5th mon")+at, spread), due
	case 7:
		return words("patch tuesday"+pick(d, "", " +3d", " -5d", " +20d")+at, spread), due
	default:
		return "on demand", nil
	}
}

// care chooses window, reboots and the treatment of files.
func (g *generator) care(d dice) string {
	window, reboot := d.some(35, "window ", "3h", "12h", "2d", "7d"), ""
	switch d.IntN(5) {
	case 0:
		reboot = "suppress reboot"
	case 1, 2:
		reboot = fmt.Sprintf("defer %d times for %s, countdown %s", d.between(1, 4), pick(d, "10m", "4h", "1d"), pick(d, "1m", "15m", "6h"))
	}
	return words(window, reboot, d.some(10, "strict lines"), d.some(20, "legacy checksums"), d.some(20, "no last call"),
		d.some(25, "early download"), d.some(20, "late joiners"), d.some(20, "gives up after 2 failures"))
}

// acts are later acts of administrators: at any time, or near a start.
func (g *generator) acts(d dice, id string, due []time.Duration, from time.Duration) {
	for range d.between(0, 6*g.Weeks) {
		at := d.when(from, g.end)
		if d.chance(70) {
			at = pick(d, due...) + pick(d, -time.Duration(1), 1, 1)*d.span(10*time.Second, 6*time.Hour)
			at = min(max(at, from), g.end)
		}
		switch d.IntN(12) {
		case 0, 1:
			g.try(at, "disable %s", id)
			g.try(min(at+d.span(time.Second, 3*day), g.end), "enable %s", id)
		case 2, 3, 4:
			g.try(at, "cancel %s", id)
		case 5:
			g.try(at, "edit %s: %s", id, g.what(d))
		case 6:
			timing, _ := g.timing(d, at)
			g.try(at, "edit %s: %s", id, timing)
		case 7:
			g.try(at, "edit %s: %s", id, pick(d, g.who(d), "window 1d", "defer 2 times for 1h", "suppress reboot", "early download"))
		case 8:
			g.try(at, "%s %s", pick(d, "enable", "run"), id)
		case 9:
			if d.chance(30) {
				g.try(at, "delete %s%s", id, pick(d, "", " by force"))
			}
		default: // while an order may be carried out
			at = min(max(pick(d, due...)+d.when(10*time.Second, 15*time.Minute), from), g.end)
			g.try(at, "cancel %s", id)
		}
	}
	for range d.between(0, 2*g.Weeks) {
		p := pick(d, g.products...)
		g.try(d.when(from, g.end), "retry %s of %s on a%03d", p.patch(d.between(2, p.versions)), id, d.IntN(min(g.Assets, 4)))
	}
	if d.chance(50) {
		asset := fmt.Sprintf("a%03d", d.IntN(min(g.Assets, 4)))
		g.try(d.when(from, g.end), "tag %s %s", asset, strings.Join(tags[d.IntN(len(tags)):], " "))
	}
}
