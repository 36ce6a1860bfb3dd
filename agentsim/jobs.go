package agentsim

import (
	"errors"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

var jobClauses = newGrammar("a clause of a job", "", []pattern[*job.Definition]{
	{"patches ID…", "", func(d *job.Definition, m *match) { d.Patches = job.Patches{List: words[catalog.PatchID](m.w[0])} }},
	{"query but not CONDITION or …", "query()(?: but not (.+))", query},
	{"query[ CONDITION and …][ but not CONDITION or …]", "query(?: (.+?))?(?: but not (.+))?", query},
	{"assets ID…", "", func(d *job.Definition, m *match) { d.Assets.Include = words[job.AssetID](m.w[0]) }},
	{"without ID…", "", func(d *job.Definition, m *match) { d.Assets.Exclude = words[job.AssetID](m.w[0]) }},
	{"tags T…", "", func(d *job.Definition, m *match) { d.Assets.IncludeTags = words[string](m.w[0]) }},
	{"all tags", "", func(d *job.Definition, m *match) { d.Assets.Match = job.All }},
	{"not tagged T…", "", func(d *job.Definition, m *match) { d.Assets.ExcludeTags = words[string](m.w[0]) }},
	{"on demand", "", func(d *job.Definition, m *match) {
		d.Schedule = schedule.Schedule{Kind: schedule.OnDemand, Spread: d.Schedule.Spread}
	}},
	{"on PLATFORM", "", func(d *job.Definition, m *match) { d.Platform, m.err = catalog.ParsePlatform(m.w[0]) }},
	{"once at TIME", "", func(d *job.Definition, m *match) {
		d.Schedule = schedule.Schedule{Kind: schedule.Once, Spread: d.Schedule.Spread, At: m.at[0]}
	}},
	{"once at LOCAL-TIME in ZONE", "", func(d *job.Definition, m *match) {
		d.Schedule = schedule.Schedule{Kind: schedule.Once, Spread: d.Schedule.Spread, Zone: m.w[1]}
		d.Schedule.Local, m.err = schedule.ParseLocalTime(m.w[0])
	}},
	{"daily, weekly, monthly, patch tuesday …: each at HH:MM in ZONE", `((?:daily|weekly|monthly|patch tuesday)\b.*)`, func(d *job.Definition, m *match) {
		d.Schedule = schedule.Schedule{Spread: d.Schedule.Spread}
		m.err = recurring.apply(m.p, &d.Schedule, m.w[0])
	}},
	{"start spread D", "", func(d *job.Definition, m *match) { d.Schedule.Spread = m.d[0] }},
	{"window D", "", func(d *job.Definition, m *match) { d.Window = m.d[0] }},
	{"install limit D", "", func(d *job.Definition, m *match) { d.InstallLimit = m.d[0] }},
	{"stuck after D", "", func(d *job.Definition, m *match) { d.StuckAfter = m.d[0] }},
	{"defer N times for D", "", func(d *job.Definition, m *match) { d.Reboot.Deferrals, d.Reboot.Interval = m.n[0], m.d[0] }},
	{"prompt D", "", func(d *job.Definition, m *match) { d.Reboot.Prompt = m.d[0] }},
	{"countdown D", "", func(d *job.Definition, m *match) { d.Reboot.Countdown = m.d[0] }},
	{"reboots for a pending reboot", "", func(d *job.Definition, _ *match) { d.RebootPending = true }},
	{"no countdown", "", func(d *job.Definition, _ *match) { d.Reboot.Countdown = -1 }},
	{"suppress reboot", "", func(d *job.Definition, m *match) { d.Reboot.Suppress = true }},
	{"strict lines  an installed line past its end of life also blocks (CAT-11)", "", func(d *job.Definition, m *match) { d.StrictLines = true }},
	{"known lines  a version on no line of a product that has lines is blocked (CAT-11)", "", func(d *job.Definition, m *match) { d.KnownLines = true }},
	{"legacy checksums  SHA-1 and MD5 may carry trust (INT-7)", "", func(d *job.Definition, m *match) { d.AllowLegacy = true }},
	{"no last call  agents do not check in just before the start and the deploy stage (MAN-7)", "", func(d *job.Definition, m *match) { d.NoLastCall = true }},
	{"gives up after N failures", "", func(d *job.Definition, m *match) { d.GiveUp = m.n[0] }},
	{"late joiners  assets that enrol or get the tag later also take part (JOB-26)", "", func(d *job.Definition, m *match) { d.LateJoiners = true }},
	{"early download  files may be downloaded before the start (JOB-23)", "", func(d *job.Definition, m *match) { d.Early = true }},
	{"first ACTION…", "", func(d *job.Definition, m *match) { d.Pre = commands(m.w[0]) }},
	{"last ACTION…", "", func(d *job.Definition, m *match) { d.Post = commands(m.w[0]) }},
	{"after JOB per asset[ plus D]", "", func(d *job.Definition, m *match) {
		d.After = &job.After{Job: job.ID(m.w[0]), PerAsset: true, Delay: m.d[0]}
	}},
	{"after JOB at N%[ plus D]", "", func(d *job.Definition, m *match) {
		d.After = &job.After{Job: job.ID(m.w[0]), Share: m.n[0], Delay: m.d[0]}
	}},
})

// conditions select patches for a query, or exclude them (JOB-8).
var conditions = newGrammar("a condition of a query", "", []pattern[*job.Conditions]{
	{"product P…", "", func(c *job.Conditions, m *match) { c.Products = words[string](m.w[0]) }},
	{"vendor V…", "", func(c *job.Conditions, m *match) { c.Vendors = words[string](m.w[0]) }},
	{"channel C…", "", func(c *job.Conditions, m *match) { c.Channels = words[string](m.w[0]) }},
	{"class C…", "", func(c *job.Conditions, m *match) {
		for name := range strings.FieldsSeq(m.w[0]) {
			class, err := catalog.ParseClass(name)
			c.Classes, m.err = append(c.Classes, class), errors.Join(m.err, err)
		}
	}},
	{"cve C…", "", func(c *job.Conditions, m *match) { c.CVEs = words[string](m.w[0]) }},
	{"any cve", "", func(c *job.Conditions, _ *match) { c.AnyCVE = true }},
	{"severity S", "", func(c *job.Conditions, m *match) { c.MinSeverity, m.err = catalog.ParseSeverity(m.w[0]) }},
	{"exploited", "", func(c *job.Conditions, _ *match) { c.Exploited = true }},
	{"needs reboot", "", func(c *job.Conditions, _ *match) { c.Reboot = true }},
})

// query makes a job's patches a query: all conditions must hold, and none of
// those after "but not".
func query(d *job.Definition, m *match) {
	var q job.Query
	d.Patches = job.Patches{Query: &q}
	for i, of := range []struct {
		conditions *job.Conditions
		between    string
	}{{&q.Conditions, " and "}, {&q.Exclude, " or "}} {
		if m.w[i] == "" {
			continue
		}
		for text := range strings.SplitSeq(m.w[i], of.between) {
			m.err = errors.Join(m.err, conditions.apply(m.p, of.conditions, text))
		}
	}
}

// save creates a job, or edits one; a clause that an edit leaves out stays.
func (p *player) save(m *match) {
	if m.err = p.answered(); m.err != nil {
		return
	}
	d := job.Definition{ID: job.ID(m.w[1]), Name: m.w[1], Platform: catalog.Linux, Schedule: schedule.Schedule{Kind: schedule.OnDemand}}
	if m.w[0] == "edit" {
		status, err := p.w.server.c.Job(background, d.ID)
		if m.err = err; err != nil {
			return
		}
		d = status.Definition
	}
	if m.err = jobClauses.applyAll(p, &d, m.w[2]); m.err == nil {
		p.refused = p.saveJob(d)
	}
}

func commands(names string) (list []job.Action) {
	for _, name := range strings.Fields(names) {
		list = append(list, job.Action{Name: name, Command: []string{name}})
	}
	return list
}
