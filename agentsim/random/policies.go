package random

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/agentsim"
)

// policies are what jobs name besides patches and assets. Administrators change
// some of them later; then the server starts again.
func (g *generator) policies(d dice) {
	g.add(0, "deadlines %s", pick(d, "none", "bod-26-04", "pci-dss", "bod-26-04 pci-dss", "cyber-essentials"))
	for i := range d.between(0, 4) {
		facts := words(pick(d, "not known exploited", "known exploited since "+g.start.Format(time.RFC3339)), d.some(50, "severity ", "low", "high", "critical"),
			d.some(50, "", "automatable", "not automatable"), d.some(50, "", "total impact", "no total impact"))
		g.add(d.when(0, g.end/2), "vulnerability CVE-2026-000%d: %s", i%2+1, facts)
	}
	for _, at := range []time.Duration{0, d.when(day, g.end)} {
		g.add(at, "calendar openings: %s", words("in "+pick(d, append(zones, "each zone")...), fmt.Sprintf("open daily at %02d:%02d for %s", d.IntN(24), pick(d, 0, 30), pick(d, "3h", "6h", "20h"))))
		from := d.when(0, g.end-day)
		g.add(at, "calendar freeze: closed from +%s to +%s", agentsim.FormatDuration(from), agentsim.FormatDuration(min(from+d.span(time.Hour, 4*day), g.end)))
		g.add(at, "baseline slow: %s", words("everything class security after "+pick(d, "0", "1", "3")+" days", "everything after "+pick(d, "0", "2", "5")+" days", g.named(d, "deny")))
		g.add(at, "baseline strict: %s", words("everything severity medium", g.named(d, "approve"), d.some(30, "no bypass")))
	}
}

// named approves or denies a few patches by their ids.
func (g *generator) named(d dice, verb string) string {
	var ids []string
	for range d.between(0, 3) {
		p := pick(d, g.products...)
		if id := p.patch(d.between(2, p.versions)); !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return ""
	}
	return verb + " " + strings.Join(ids, " ")
}

// policy chooses the policies of a job, and what administrators do with its
// rollout.
func (g *generator) policy(id string) string {
	d := stream(g.Seed, "policy", id)
	text := words(d.some(30, "calendar ", "openings", "freeze"), d.some(25, "reboot hours ", "openings", "freeze"), d.some(40, "baseline ", "slow", "strict"))
	if s := stream(g.Seed, "slots", id); s.chance(40) { // longer than the longest countdown
		text = words(text, fmt.Sprintf("reboot slots %s of %s leased 7h", pick(s, "1", "2"), pick(s, append(tags, "all")...)))
	}
	if !d.chance(40) {
		return text
	}
	first := pick(d, "tagged red", "takes 1", "takes 2", "takes 30%")
	gate := func() string {
		return d.some(60, " soaks ", "1h", "12h", "2d") + fmt.Sprintf(" wants %s results", pick(d, "1", "1", "2")) + d.some(60, " of ", "30%", "60%") + d.some(20, " limit ", "1", "2")
	}
	rings := words("ring first "+first+gate(), d.some(50, "ring second takes 50%"+gate()), "ring rest"+gate())
	for range d.between(0, 2*g.Weeks) {
		at := d.when(time.Hour, g.end)
		switch d.IntN(4) {
		case 0:
			g.try(at, "abandon rollout of %s", id)
		case 1:
			g.try(at, "expedite rollout of %s to rest", id)
		default:
			g.try(at, "stop rollout of %s", id)
			g.try(min(at+d.span(time.Minute, day), g.end), "resume rollout of %s", id)
		}
	}
	g.try(g.end+2*time.Hour, "abandon rollout of %s", id)
	return words(text, rings, "budget "+pick(d, "1", "2", "3", "30%"), d.some(50, "silent after ", "2h", "1d"))
}
