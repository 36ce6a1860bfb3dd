package agentsim

import (
	"fmt"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/deadline"
)

// deadlines puts tables into force. The server starts again.
func (p *player) deadlines(m *match) {
	p.w.server.deadlines = nil
	if m.w[0] != "none" {
		for _, name := range strings.Fields(m.w[0]) {
			table, err := deadline.BuiltIn(name)
			if m.err = err; err != nil {
				return
			}
			p.w.server.deadlines = append(p.w.server.deadlines, table)
		}
	}
	p.startServer(m)
}

var facts = newGrammar("a fact about a vulnerability", "", []pattern[*catalog.Vulnerability]{
	{"known exploited since TIME", "", func(v *catalog.Vulnerability, m *match) { v.Exploited, v.Listed = catalog.Yes, m.time(0) }},
	{"not known exploited", "", func(v *catalog.Vulnerability, _ *match) { v.Exploited, v.Listed = catalog.No, time.Time{} }},
	{"severity low|medium|high|critical", "", func(v *catalog.Vulnerability, m *match) { v.Severity, m.err = catalog.ParseSeverity(m.w[0]) }},
	{"automatable|not automatable", "(automatable|not automatable)", func(v *catalog.Vulnerability, m *match) { v.Automatable = answer(m.w[0]) }},
	{"total impact|no total impact", "(total impact|no total impact)", func(v *catalog.Vulnerability, m *match) { v.TotalImpact = answer(m.w[0]) }},
})

func answer(words string) catalog.Answer {
	if strings.HasPrefix(words, "no") {
		return catalog.No
	}
	return catalog.Yes
}

// vulnerability changes what the vendor's feed says of a vulnerability.
func (p *player) vulnerability(m *match) {
	v := p.w.vendor.vulnerabilities[m.w[0]]
	v.ID = m.w[0]
	if m.err = facts.applyAll(p, &v, m.w[1]); m.err == nil {
		p.w.vendor.vulnerabilities[v.ID] = v
		p.w.log("vendor", "%s", m.text)
		p.listed()
	}
}

// expose says whether an asset can be reached from the public network (DUE-4).
var expose = asks(func(c *controller.Controller, m *match, now time.Time) error {
	exposed := map[string]catalog.Answer{"yes": catalog.Yes, "no": catalog.No}[m.w[1]]
	return c.ExposeAsset(background, job.AssetID(m.w[0]), exposed, now)
})

// except makes an exception (DUE-6).
var except = asks(func(c *controller.Controller, m *match, now time.Time) error {
	e := controller.Excepted{CVE: m.w[0], Asset: job.AssetID(m.w[1]), Exception: deadline.Exception{
		Owner: "the administrator", Reason: "a scenario", Until: m.time(2), PatchAppears: true, Exploitation: true, ExposureChanges: true,
	}}
	return c.Except(background, e, now)
})

// expectDue compares the state of a vulnerability on an asset, and its deadline
// or the cause that it is late for. What is not listed is gone.
func (p *player) expectDue(m *match) {
	list, err := p.w.server.c.Due(background, job.AssetID(m.w[1]), p.w.now)
	m.err = err
	have := "gone"
	for _, d := range list {
		if d.CVE != m.w[0] {
			continue
		}
		switch have = d.State.String(); {
		case d.State == deadline.Overdue:
			have += " because " + d.Cause.String()
		case !d.Due.IsZero() && strings.Contains(m.w[2], " by "):
			have += " by " + d.Due.Format(time.RFC3339)
		}
	}
	m.compare(2, have)
}

// expectOverdue compares how much is overdue on all assets, for one cause or any.
func (p *player) expectOverdue(m *match) {
	fleet, err := p.w.server.c.DueFleet(background, p.w.now)
	m.err = err
	n := 0
	for _, c := range fleet.Causes {
		if m.w[1] == "" || c.Cause.String() == m.w[1] {
			n += c.Count
		}
	}
	m.compare(0, fmt.Sprint(n))
}

// expectWhy looks for a text in the explanation why a patch is not installed.
func (p *player) expectWhy(m *match) {
	why, err := p.w.server.c.Why(background, job.AssetID(m.w[1]), m.w[0], p.w.now)
	m.err = err
	var steps []string
	for _, s := range why.Steps {
		steps = append(steps, s.Text)
	}
	m.contains(2, strings.Join(steps, " "))
}

func (p *player) expectEarliest(m *match) {
	why, err := p.w.server.c.Why(background, job.AssetID(m.w[1]), m.w[0], p.w.now)
	m.err = err
	have := "never"
	if !why.Earliest.IsZero() {
		have = why.Earliest.Format(time.RFC3339)
	}
	if m.w[2] != "never" {
		m.w[2] = m.time(2).Format(time.RFC3339)
	}
	m.compare(2, have)
}
