package agentsim

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

var patchOptions = newGrammar("an option of a patch", "", []pattern[*offered]{
	{"pinned  one URL for this version alone; the default", "", func(*offered, *match) {}},
	{"latest only  one URL for all versions (CAT-6)", "", func(o *offered, _ *match) { o.availability = catalog.LatestOnly }},
	{"repository  the asset's own package manager downloads it", "", func(o *offered, _ *match) { o.availability = catalog.Repository }},
	{"vendor  the customer supplies its file", "", func(o *offered, _ *match) { o.availability = catalog.Vendor }},
	{"signed by NAME…", "", func(o *offered, m *match) { o.signer = m.w[0] }},
	{"carries a signature by NAME…  within the file; the catalog does not say so", "", func(o *offered, m *match) { o.within = m.w[0] }},
	{"no checksum  without it: sha256", "", func(o *offered, _ *match) { o.checksum = 0 }},
	{"checksum sha256|sha384|sha512|sha1|md5", "", func(o *offered, m *match) { o.checksum = value(m, 0, integrity.ParseAlgorithm) }},
	{"needs reboot", "", func(o *offered, _ *match) { o.Reboot = true }},
	{"on PLATFORM[/ARCHITECTURE]", "", func(o *offered, m *match) { o.place, m.err = parsePlace(m.w[0], m.w[1]) }},
	{"requires PATCH[ and a reboot]", "", func(o *offered, m *match) {
		o.Requires = append(o.Requires, catalog.Requirement{Patch: catalog.PatchID(m.w[0]), Reboot: m.w[1] != ""})
	}},
	{"supersedes PATCH", "", func(o *offered, m *match) { o.Supersedes = append(o.Supersedes, catalog.PatchID(m.w[0])) }},
	{"fixes CVE…", "", func(o *offered, m *match) { o.CVEs = strings.Fields(m.w[0]) }},
	{"severity low|medium|high|critical", "", func(o *offered, m *match) { o.Severity, m.err = catalog.ParseSeverity(m.w[0]) }},
	{"exploited", "", func(o *offered, _ *match) { o.Exploited = true }},
	{"class security|bugfix|feature|driver|definition", "", func(o *offered, m *match) { o.Class, m.err = catalog.ParseClass(m.w[0]) }},
	{"transaction NAME", "", func(o *offered, m *match) { o.Transaction = m.w[0] }},
})

func (p *player) patch(m *match) {
	o := offered{Patch: catalog.Patch{ID: catalog.PatchID(m.w[0])}, place: usual, availability: catalog.Pinned, checksum: integrity.SHA256}
	if m.w[3] != "" {
		if m.err = patchOptions.applyAll(p, &o, m.w[3]); m.err != nil {
			return
		}
	}
	if o.Product, o.Version, m.err = p.w.vendor.parseVersion(m.w[1], o.place, m.w[2]); m.err != nil {
		return
	}
	p.w.vendor.publish(o)
	on := ""
	if o.place != usual {
		on = " on " + o.place.String()
	}
	p.w.log("vendor", "publishes %s: %s %s%s", m.w[0], m.w[1], o.Version, on)
	p.listed()
}

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
		d.Schedule = schedule.Schedule{Kind: schedule.Once, Spread: d.Schedule.Spread, At: m.time(0)}
	}},
	{"once at LOCAL-TIME in ZONE", "", func(d *job.Definition, m *match) {
		local := value(m, 0, schedule.ParseLocalTime)
		d.Schedule = schedule.Schedule{Kind: schedule.Once, Spread: d.Schedule.Spread, Zone: m.zone(1), Local: local}
	}},
	{"daily, weekly, monthly, patch tuesday …: each at HH:MM in ZONE", `((?:daily|weekly|monthly|patch tuesday)\b.*)`, func(d *job.Definition, m *match) {
		d.Schedule = schedule.Schedule{Spread: d.Schedule.Spread}
		m.err = recurring.apply(m.p, &d.Schedule, m.w[0])
	}},
	{"start spread D", "", func(d *job.Definition, m *match) { d.Schedule.Spread = m.duration(0) }},
	{"window D", "", func(d *job.Definition, m *match) { d.Window = m.duration(0) }},
	{"install limit D", "", func(d *job.Definition, m *match) { d.InstallLimit = m.duration(0) }},
	{"stuck after D", "", func(d *job.Definition, m *match) { d.StuckAfter = m.duration(0) }},
	{"defer N times for D", "", func(d *job.Definition, m *match) { d.Reboot.Deferrals, d.Reboot.Interval = m.number(0), m.duration(1) }},
	{"prompt D", "", func(d *job.Definition, m *match) { d.Reboot.Prompt = m.duration(0) }},
	{"countdown D", "", func(d *job.Definition, m *match) { d.Reboot.Countdown = m.duration(0) }},
	{"reboots for a pending reboot", "", func(d *job.Definition, _ *match) { d.RebootPending = true }},
	{"no countdown", "", func(d *job.Definition, _ *match) { d.Reboot.Countdown = -1 }},
	{"suppress reboot", "", func(d *job.Definition, m *match) { d.Reboot.Suppress = true }},
	{"strict lines  an installed line past its end of life also blocks (CAT-11)", "", func(d *job.Definition, m *match) { d.StrictLines = true }},
	{"known lines  a version on no line of a product that has lines is blocked (CAT-11)", "", func(d *job.Definition, m *match) { d.KnownLines = true }},
	{"legacy checksums  SHA-1 and MD5 may carry trust (INT-7)", "", func(d *job.Definition, m *match) { d.AllowLegacy = true }},
	{"no last call  agents do not check in just before the start and the deploy stage (MAN-7)", "", func(d *job.Definition, m *match) { d.NoLastCall = true }},
	{"gives up after N failures", "", func(d *job.Definition, m *match) { d.GiveUp = m.number(0) }},
	{"late joiners  assets that enrol or get the tag later also take part (JOB-26)", "", func(d *job.Definition, m *match) { d.LateJoiners = true }},
	{"early download  files may be downloaded before the start (JOB-23)", "", func(d *job.Definition, m *match) { d.Early = true }},
	{"baseline NAME  (APR-1)", "", func(d *job.Definition, m *match) { d.Baseline = m.w[0] }},
	{"calendar NAME  (CAL-1)", "", func(d *job.Definition, m *match) { d.Calendar = m.w[0] }},
	{"reboot hours NAME  (RBT-10)", "", func(d *job.Definition, m *match) { d.RebootHours = m.w[0] }},
	{"ring NAME[ tagged TAG][ takes N|N%][ soaks D][ wants N results][ of N%][ limit N|N%]  rings in order; the last takes the rest (ROL-1, ROL-2)",
		"ring ([^ ]+)(?: tagged ([^ ]+))?(?: takes ([^ ]+))?(?: soaks ([^ ]+))?(?: wants ([0-9]+) results?)?(?: of ([0-9]+)%)?(?: limit ([^ ]+))?", ring},
	{"budget N|N%  assets that may be at risk at once (ROL-3)", "budget ([^ ]+)", func(d *job.Definition, m *match) { rolloutOf(d).Budget = value(m, 0, amount) }},
	{"silent after D  an asset of the rollout that has not called for so long", "", func(d *job.Definition, m *match) { rolloutOf(d).Silence = m.duration(0) }},
	{"reboot slots N of TAG[ leased D]  how many assets of the tag may be down for its reboots at once (ROL-7)", "reboot slots ([0-9]+) of ([^ ]+)(?: leased ([^ ]+))?", rebootSlots},
	{"first ACTION…", "", func(d *job.Definition, m *match) { d.Pre = commands(m.w[0]) }},
	{"last ACTION…", "", func(d *job.Definition, m *match) { d.Post = commands(m.w[0]) }},
	{"after JOB per asset[ plus D]", "", func(d *job.Definition, m *match) {
		d.After = &job.After{Job: job.ID(m.w[0]), PerAsset: true, Delay: m.duration(1)}
	}},
	{"after JOB at N%[ plus D]", "", func(d *job.Definition, m *match) {
		d.After = &job.After{Job: job.ID(m.w[0]), Share: m.number(1), Delay: m.duration(2)}
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

var (
	dayWords = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"} // from schedule.Monday on
	nthWords = []string{"1st", "2nd", "3rd", "4th", "5th", "last"}       // from schedule.First on
)

// recurring are the schedules that recur (JOB-9).
var recurring = newGrammar("a schedule", "", []pattern[*schedule.Schedule]{
	{"daily at HH:MM in ZONE", "", func(s *schedule.Schedule, m *match) { s.Kind, s.Time, s.Zone = schedule.Daily, m.clock(0), m.zone(1) }},
	{"weekly on DAY… at HH:MM in ZONE  DAY: mon, tue, wed, thu, fri, sat or sun", "", func(s *schedule.Schedule, m *match) {
		s.Kind, s.Time, s.Zone, s.Weekdays = schedule.Weekly, m.clock(1), m.zone(2), value(m, 0, weekdays)
	}},
	{"monthly on day N at HH:MM in ZONE", "", func(s *schedule.Schedule, m *match) {
		s.Kind, s.Time, s.Zone, s.Day = schedule.MonthlyDay, m.clock(1), m.zone(2), m.number(0)
	}},
	{"monthly on the last day at HH:MM in ZONE", "", func(s *schedule.Schedule, m *match) {
		s.Kind, s.Time, s.Zone = schedule.MonthlyLast, m.clock(0), m.zone(1)
	}},
	{"monthly on the 1st|2nd|3rd|4th|5th|last DAY at HH:MM in ZONE", "", func(s *schedule.Schedule, m *match) {
		s.Kind, s.Time, s.Zone, s.Weekdays = schedule.MonthlyWeekday, m.clock(2), m.zone(3), value(m, 1, weekdays)
		s.Nth = schedule.First + schedule.Nth(slices.Index(nthWords, m.w[0]))
	}},
	{"patch tuesday[ +Nd|-Nd] at HH:MM in ZONE", "", func(s *schedule.Schedule, m *match) {
		s.Kind, s.Time, s.Zone = schedule.PatchTuesday, m.clock(1), m.zone(2)
		days, ok := strings.CutSuffix(m.w[0], "d")
		if s.Offset, m.err = strconv.Atoi(days); m.w[0] == "" {
			m.err = nil
		} else if m.err != nil || !ok {
			m.err = fmt.Errorf("%q is not a number of days; write patch tuesday +4d or -3d", m.w[0])
		}
	}},
})

func weekdays(words string) (schedule.Weekdays, error) {
	var days []schedule.Weekday
	for word := range strings.FieldsSeq(words) {
		i := slices.Index(dayWords, word)
		if i < 0 {
			return 0, fmt.Errorf("%q is not a day; write mon, tue, wed, thu, fri, sat or sun", word)
		}
		days = append(days, schedule.Monday+schedule.Weekday(i))
	}
	return schedule.WeekdaysOf(days...), nil
}

const policySyntax = "policy NAME: CLAUSE[, CLAUSE]…"

var policyClauses = newGrammar("a clause of a policy", "", []pattern[*integrity.Policy]{
	{"actions NAME…", "", func(p *integrity.Policy, m *match) {
		for name := range strings.FieldsSeq(m.w[0]) {
			p.Commands = append(p.Commands, integrity.Command{Name: name, Command: []string{name}})
		}
	}},
	{"PRODUCT unsigned  PRODUCT * is every product that no other clause names", "", func(p *integrity.Policy, m *match) {
		p.Clauses = append(p.Clauses, integrity.Clause{Name: m.w[0], Vendor: integrity.Any, Product: m.w[0], AllowUnsigned: true})
	}},
	{"PRODUCT signed by SIGNER…[ or unsigned]", "", func(p *integrity.Policy, m *match) {
		p.Clauses = append(p.Clauses, integrity.Clause{
			Name: m.w[0], Vendor: integrity.Any, Product: m.w[0], Signers: strings.Fields(m.w[1]), AllowUnsigned: m.w[2] != "",
		})
	}},
})

// policy defines a signer policy. Other lines put the server and the assets
// under it.
func (p *player) policy(m *match) {
	policy := integrity.Policy{Format: integrity.PolicyFormat}
	err := policyClauses.applyAll(p, &policy, m.w[1])
	x := policy.Excerpt()
	m.err = cmp.Or(err, x.Validate())
	p.policies[m.w[0]] = x
}

// named finds a policy that a line defined; "no policy" is the zero value.
func (p *player) named(name string) (integrity.Excerpt, error) {
	x, has := p.policies[name]
	if !has && name != "no policy" {
		return x, fmt.Errorf("there is no policy %q; define it above: %s", name, policySyntax)
	}
	return x, nil
}
