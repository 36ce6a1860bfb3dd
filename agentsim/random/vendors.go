package random

import (
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/agentsim"
)

// product has versions 1.0, 2.0 and so on. The patch to version n is NAME-n.
type product struct {
	name     string
	versions int
	known    []time.Duration // when each version's patch is published; version 1 has none
}

func (p product) patch(version int) string { return fmt.Sprintf("%s-%d", p.name, version) }

var productNames = []string{"browser", "editor", "kernel", "runtime", "office", "reader", "driver"}

// publish adds the products, their patches, and what vendors do with them.
func (g *generator) publish(d dice) {
	names := productNames[:d.between(2, len(productNames))]
	for _, name := range names {
		p := product{name: name, versions: d.between(2, 6)}
		how := words(pick(d, "pinned", "pinned", "latest only", "repository"), pick(d, "", "", "signed by Maker"))
		p.known = make([]time.Duration, p.versions+1)
		at := time.Duration(0)
		for v := 2; v <= p.versions; v++ {
			if v > 2 && d.chance(70) {
				at = d.when(at, g.end*9/10)
			}
			p.known[v] = at
			g.add(at, "patch %s", words(fmt.Sprintf("%s: %s %d.0, %s", p.patch(v), name, v, how), g.traits(d, p, v)))
		}
		g.products = append(g.products, p)
		if g.has(Vendors) {
			g.fates(d, p)
		}
	}
	if g.has(Vendors) {
		for range d.between(0, g.Weeks) {
			at := d.when(0, g.end)
			g.add(at, "vendor feed fails")
			g.add(min(at+d.span(time.Hour, 3*day), g.end), "vendor feed recovers")
		}
	}
}

// traits chooses what a patch has besides its file.
func (g *generator) traits(d dice, p product, version int) string {
	other, supersedes := "", ""
	reboot := d.some(35, "needs reboot")
	if len(g.products) > 0 && d.chance(20) {
		if before := pick(d, g.products...); before.versions > 1 && before.known[2] <= p.known[version] {
			other = "requires " + before.patch(2) + pick(d, "", " and a reboot")
		}
	}
	if version > 2 && d.chance(30) {
		supersedes = "supersedes " + p.patch(version-1)
	}
	severity := d.some(40, "severity ", "low", "medium", "high", "critical")
	class := stream(g.Seed, "class", p.patch(version)).some(40, "",
		"class security", "class bugfix", "fixes CVE-2026-0001", "class security, fixes CVE-2026-0002, exploited")
	return words(pick(d, "", "", "", "", "no checksum", "checksum sha512", "checksum sha1"), reboot, other, severity, supersedes, class)
}

// fates are what a vendor does with published patches.
func (g *generator) fates(d dice, p product) {
	if d.chance(20) {
		g.add(p.known[2], "line %s %d ends +%s", p.name, d.between(1, p.versions), agentsim.FormatDuration(d.when(0, g.end+week)))
	}
	for range d.between(0, 2*g.Weeks) {
		version := d.between(2, p.versions)
		patch, at := p.patch(version), d.when(p.known[version], g.end)
		soon := min(at+d.span(time.Hour, 3*day), g.end)
		switch d.IntN(8) {
		case 0:
			g.try(at, "vendor marks %s end of life%s", patch, pick(d, "", " at +"+agentsim.FormatDuration(d.when(at, g.end))))
		case 1:
			g.try(at, "vendor withdraws %s", patch)
		case 2:
			g.try(at, "vendor removes %s", patch)
		case 3:
			g.try(at, "vendor takes down %s", patch)
			g.try(soon, "vendor restores %s", patch)
		case 4:
			g.try(at, "vendor strips %s", patch)
			g.try(soon, "vendor restores %s", patch)
		case 5:
			g.try(at, "vendor damages %s", patch)
			g.try(soon, "vendor restores %s", patch)
		case 6:
			g.try(at, "vendor signs %s %s", patch, pick(d, "by Mallory", "unreadably"))
			g.try(soon, "vendor restores %s", patch)
		case 7:
			g.try(at, "vendor serves %d.0 for %s", d.between(1, p.versions+1), patch)
		}
	}
}
