package job

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/internal/enum"
	"github.com/patchpolicy/patchpolicy/job/baseline"
	"github.com/patchpolicy/patchpolicy/job/deadline"
	"github.com/patchpolicy/patchpolicy/job/rollout"
	"github.com/patchpolicy/patchpolicy/job/schedule"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// Policies are what a definition names, and how the server and the agents are
// set, for [Definition.Check].
type Policies struct {
	Tables      []deadline.Table // in force
	Calendar    Calendar         // Definition.Calendar
	RebootHours Calendar         // Definition.RebootHours
	Baseline    *baseline.Baseline

	Members []rollout.Asset          // that the job selects now, for its rollout
	Gaps    map[string]time.Duration // between two versions, of products of which only the newest can be fetched, by name (ROL-6)

	Zone    *time.Location // that the schedule names; for schedule.AssetZone that of one kind of asset; nil: UTC
	Lead    time.Duration  // how long before a start its orders are made (MAN-1)
	CheckIn time.Duration  // how long an agent takes to call at most
	Now     time.Time
}

// FindingKind is what a [Finding] is about.
type FindingKind uint8

// The kinds.
const (
	WorstCase   FindingKind = 1 + iota // how long a fix takes at worst, against a row of a deadline table (DUE-7)
	LongFreeze                         // a closed period that is as long as a deadline, or longer (CAL-3)
	LongDelay                          // a delay that is as long as a deadline, or longer (DUE-7)
	NotOffered                         // no rule of the baseline surely covers a row of a deadline table (APR-1)
	ClosedStart                        // the next start is in a closed time (CAL-1)
	NoMoreRuns                         // what is published later is not installed by this job
	NeverReboot                        // what needs a reboot stays pending (RBT-7)
	GateStuck                          // the gate of a ring can never promote (ROL-5)
	LongRollout                        // a rollout that takes longer than the time between two versions (ROL-6)
	SlotWait                           // the wait for a reboot slot, which has no bound (ROL-7)
)

var findingKinds = enum.Of[FindingKind]("finding", "worst case", "long freeze", "long delay", "not offered", "closed start", "no more runs", "never reboots", "stuck gate", "long rollout", "slot wait")

// String returns the kind's name.
func (k FindingKind) String() string { return findingKinds.String(k) }

// MarshalText returns the kind's name, and the empty text for the zero value.
func (k FindingKind) MarshalText() ([]byte, error) { return findingKinds.MarshalText(k) }

// UnmarshalText is the inverse of MarshalText.
func (k *FindingKind) UnmarshalText(text []byte) error { return findingKinds.UnmarshalText(text, k) }

// Finding is one thing that a check says about a definition.
type Finding struct {
	Kind   FindingKind `json:"kind"`
	Table  string      `json:"table,omitempty"` // of WorstCase, LongFreeze, LongDelay and NotOffered
	Row    int         `json:"row,omitempty"`   // of the table, from 0
	Worst  Chain       `json:"worst,omitzero"`  // of WorstCase
	Missed bool        `json:"missed"`          // a deadline can be missed
	Text   string      `json:"text"`            // one sentence
}

// Chain is what a fix passes through from its publication to the end of the
// reboot, on an asset that is always on (DUE-7).
type Chain struct {
	Published time.Time     `json:"published"` // of the fix that takes longest
	Due       time.Time     `json:"due"`
	Delay     time.Duration `json:"delay"`   // of the baseline
	Wait      time.Duration `json:"wait"`    // until the orders of the next run are made
	Lead      time.Duration `json:"lead"`    // until the run's start
	Closed    time.Duration `json:"closed"`  // until the calendar opens
	Late      time.Duration `json:"late"`    // the spread of the starts, and the propagation of orders beyond the lead
	Window    time.Duration `json:"window"`  // until the window ends or the calendar closes; zero: the installs take as long as they take
	Hours     time.Duration `json:"hours"`   // until prompts and reboots may happen
	Reboot    time.Duration `json:"reboot"`  // deferrals and countdown
	Install   time.Time     `json:"install"` // the end of the window, or the start without one
}

// Total is the length of the chain.
func (c Chain) Total() time.Duration {
	return c.Delay + c.Wait + c.Lead + c.Closed + c.Late + c.Window + c.Hours + c.Reboot
}

// checkAhead is how far a check looks ahead: a year of runs and a month more.
const checkAhead = 400 * 24 * time.Hour

// maxChecked is how many runs a check looks at: more than one a day.
const maxChecked = 500

// Check says whether the definition can miss a deadline of the tables, and by
// what chain, over the next 400 days (DUE-7, CAL-3). It is about assets that are
// on and can be reached, and about deadlines that count from the publication of
// a fix or later. It finds the worst case of each row: the publication just
// after the orders of a run are made, less the delay.
func (d Definition) Check(p Policies) (findings []Finding) {
	if p.Zone == nil {
		p.Zone = time.UTC
	}
	runs := d.runs(p)
	if d.Reboot.Suppress {
		findings = append(findings, Finding{Kind: NeverReboot, Missed: true, Text: "The job never reboots an asset: a fix that needs a reboot stays pending until somebody reboots by hand (RBT-7)."})
	}
	if o, ok := d.Schedule.NextIn(p.Now, p.Now, p.Zone); ok && !p.Calendar.At(o.Start).Open {
		findings = append(findings, Finding{Kind: ClosedStart, Text: fmt.Sprintf("The next start, %s, is in a closed time. %s", o.Start.Format(time.RFC3339), p.Calendar.At(o.Start).Text)})
	}
	if demand := d.Schedule.Kind == schedule.OnDemand; demand && d.After == nil && !p.Calendar.At(p.Now).Open {
		findings = append(findings, Finding{Kind: ClosedStart, Text: "A start now is in a closed time. " + p.Calendar.At(p.Now).Text})
	}
	if len(runs) < 2 {
		findings = append(findings, Finding{Kind: NoMoreRuns, Missed: true, Text: d.fewRuns()})
	}
	if s := d.RebootSlots; s != nil {
		findings = append(findings, Finding{Kind: SlotWait, Missed: true, Text: fmt.Sprintf(
			"%d of the assets tagged %s may be down for a reboot at once. One that does not come back keeps its slot until somebody frees it; until then others may wait past their deadlines (ROL-7).", s.Slots, s.Tag)})
	}
	if d.Rollout != nil {
		findings = append(findings, d.checkRollout(p, runs)...)
	}
	for _, t := range p.Tables {
		for i, row := range t.Rows {
			if row.NextUpgrade {
				continue
			}
			findings = append(findings, d.checkRow(p, runs, t, i)...)
		}
	}
	return findings
}

func (d Definition) fewRuns() string {
	switch {
	case d.Schedule.Kind != schedule.OnDemand:
		return "Fewer than two runs of the job can start within 400 days: what is published after the orders of the last are made is not installed."
	case d.After != nil:
		return fmt.Sprintf("The job starts after job %s: check that one, and add the time of this one.", d.After.Job)
	}
	return "The job starts only when somebody starts it: what is published later is not installed until then."
}

// checkRollout says which gates never promote, and for which products a rollout
// takes too long. A ring takes its soak time, and starts at the next time of the
// schedule.
func (d Definition) checkRollout(p Policies, runs []plannedRun) (findings []Finding) {
	policy, takes := d.Rollout.WithDefaults(), time.Duration(0)
	for _, text := range policy.BlastRadius(p.Members).Warnings {
		findings = append(findings, Finding{Kind: GateStuck, Text: text})
	}
	for _, ring := range policy.Rings[:len(policy.Rings)-1] {
		takes += ring.Soak
		if len(runs) > 1 {
			takes += runs[1].start.Sub(runs[0].start)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Gaps)) {
		if gap := p.Gaps[name]; takes > gap {
			findings = append(findings, Finding{Kind: LongRollout, Missed: true, Text: fmt.Sprintf(
				"The last ring starts %d hours after the first at the earliest, and a version of %s can be fetched for %d hours only, until the next one: the last ring never gets it (ROL-6).",
				hours(takes), name, hours(gap))})
		}
	}
	return findings
}

func (d Definition) checkRow(p Policies, runs []plannedRun, t deadline.Table, i int) (findings []Finding) {
	row := t.Rows[i]
	add := func(kind FindingKind, missed bool, worst Chain, format string, args ...any) {
		findings = append(findings, Finding{kind, t.Name, i, worst, missed, fmt.Sprintf(format, args...)})
	}
	limit := time.Duration(row.Days) * 24 * time.Hour
	for _, c := range p.Calendar.Closed {
		if s := c.Span(p.Calendar.Zone); !row.Overrides && s.Until.After(p.Now) && s.Until.Sub(s.From) >= limit {
			add(LongFreeze, true, Chain{}, "The closed period %q of calendar %q lasts %d hours, and row %d of %s allows %d days (CAL-3).",
				c.Name, p.Calendar.Name, hours(s.Until.Sub(s.From)), i+1, t.Name, row.Days)
		}
	}
	delays, covered := delaysFor(p.Baseline, row)
	if !covered {
		add(NotOffered, true, Chain{}, "No rule of baseline %q is about all patches of row %d of %s: what no rule is about is not offered (APR-1).", p.Baseline.Name, i+1, t.Name)
	}
	if delay := slices.Max(delays); p.Baseline != nil && p.Baseline.NoBypass && delay >= limit {
		add(LongDelay, true, Chain{}, "Baseline %q lets a fix wait for %d days, and row %d of %s allows %d (APR-3).", p.Baseline.Name, delay/(24*time.Hour), i+1, t.Name, row.Days)
	}
	worst, missed := d.worst(p, runs, t, row, delays)
	if worst.Published.IsZero() {
		return findings
	}
	verdict := "in time"
	if missed {
		verdict = "which can be too late"
	}
	add(WorstCase, missed, worst, "At worst a fix takes %d hours, and row %d of %s allows %d days, %s: published %s, installed by %s, rebooted %s, due %s.",
		hours(worst.Total()), i+1, t.Name, row.Days, verdict, stamp(worst.Published), stamp(worst.Install), stamp(worst.Published.Add(worst.Total())), stamp(worst.Due))
	return findings
}

// hours rounds up.
func hours(d time.Duration) int { return int((d + time.Hour - 1) / time.Hour) }

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// plannedRun is a run that can start.
type plannedRun struct {
	occurrence schedule.Occurrence
	plan       time.Time // when its orders are made
	start, end time.Time // by the calendar; end is zero without a window
	hours      *reboot.Hours
}

// runs lists the runs that can start, as an asset without a delay sees them.
func (d Definition) runs(p Policies) (runs []plannedRun) {
	d.Schedule.Spread = 0
	from := p.Now
	for len(runs) < maxChecked {
		o, ok := d.Schedule.NextIn(p.Now, from, p.Zone)
		if !ok || o.Start.Sub(p.Now) > checkAhead {
			break
		}
		from = o.Start
		start, end, _, starts := d.SpanIn(o, "any", p.Calendar)
		if starts && o.Start.Sub(p.Now) > p.Lead {
			runs = append(runs, plannedRun{o, o.Start.Add(-p.Lead), start, end, rebootHours(p.Calendar, p.RebootHours, start)})
		}
	}
	return runs
}

// delaysFor returns how long a baseline can let a fix wait that a row is about.
// Covered: some rule is about each such fix.
func delaysFor(b *baseline.Baseline, row deadline.Row) (delays []time.Duration, covered bool) {
	delays = []time.Duration{0} // what its deadline lets bypass a delay (APR-3)
	if b == nil {
		return delays, true
	}
	for _, r := range b.Rules {
		if b.NoBypass || row.When.Exploited != catalog.Yes {
			delays = append(delays, time.Duration(r.Worst())*24*time.Hour)
		}
		c := r.When
		surely := len(c.Classes)+len(c.Products)+len(c.Vendors)+len(c.CVEs) == 0 && c.MinSeverity <= row.When.Severity
		if surely && (!c.Exploited || row.When.Exploited == catalog.Yes) {
			return delays, true
		}
	}
	return delays, false
}

// worst returns the chain that is latest against its due date.
func (d Definition) worst(p Policies, runs []plannedRun, t deadline.Table, row deadline.Row, delays []time.Duration) (worst Chain, missed bool) {
	bypass := p.Baseline != nil && !p.Baseline.NoBypass
	one := deadline.Table{Name: t.Name, Anchor: deadline.FromPublished, Rows: []deadline.Row{row}, Zone: t.Zone}
	due := func(published time.Time) time.Time {
		return deadline.Decide(one, deadline.Facts{Published: published}, deadline.Asset{}, published).Due
	}
	before := p.Now // what is published later is what the check is about
	for _, run := range runs {
		for _, delay := range delays {
			c := Chain{Published: before.Add(-delay), Delay: delay, Lead: p.Lead}
			if delay > 0 { // a second too young
				c.Published = c.Published.Add(time.Second)
			}
			c.Due = due(c.Published)
			if bypassed := bypass && !c.Due.After(c.Published.Add(delay)); delay > 0 && bypassed {
				continue // then the fix is approved at once: the case without a delay is the worst
			}
			inTime := d.finish(p, &c, run)
			if worst.Published.IsZero() || slack(c) < slack(worst) {
				worst, missed = c, !inTime
			}
		}
		before = run.plan
	}
	return worst, missed
}

// slack is how long before the due date a chain ends.
func slack(c Chain) time.Duration { return c.Due.Sub(c.Published.Add(c.Total())) }

// finish fills in the chain of a fix that the run is the first to install, and
// reports whether it ends in time.
func (d Definition) finish(p Policies, c *Chain, run plannedRun) (inTime bool) {
	c.Wait, c.Closed = run.plan.Sub(c.Published.Add(c.Delay)), run.start.Sub(run.occurrence.Start)
	c.Late = max(0, p.CheckIn-p.Lead-c.Closed)
	end := run.start.Add(c.Late + d.Schedule.Spread)
	if run.end.IsZero() {
		c.Late += d.Schedule.Spread
	} else {
		c.Window = max(0, run.end.Sub(run.start)-c.Late)
		end = run.start.Add(c.Late + c.Window)
	}
	c.Install = end
	if d.Reboot.Suppress {
		return false
	}
	policy := d.Reboot
	policy.Deadline, policy.Hours = c.Due, run.hours
	c.Reboot, c.Hours = unattended(policy, end)
	return end.Add(c.Hours+c.Reboot).Before(c.Due) || onTime(policy, end, c)
}

// onTime reports whether a reboot is on time that deferral puts off to the
// deadline itself: without it, it would have come earlier.
func onTime(policy reboot.Policy, end time.Time, c *Chain) bool {
	policy.Deferrals = 0
	least, hours := unattended(policy, end)
	return end.Add(hours+least).Before(c.Due) && !end.Add(c.Hours+c.Reboot).After(c.Due)
}

// unattended plays the reboot machine with users who never answer: from when the
// reboot is due until it is asked for, and how much of it the machine waits for
// its hours (RBT-6, RBT-10).
func unattended(policy reboot.Policy, due time.Time) (took, waited time.Duration) {
	var at time.Duration
	now := func() schedule.At { return schedule.At{UTC: due.Add(at), Steady: schedule.Steady(1).Add(at)} }
	s, out := reboot.Step(policy, reboot.State{}, reboot.Due{BootID: "before", Sessions: reboot.Active}, now())
	for s.Phase != reboot.Asked && out.Wake > 0 {
		if s.Phase == reboot.Waiting {
			waited += out.Wake
		}
		at += out.Wake
		s, out = reboot.Step(policy, s, reboot.Tick{}, now())
	}
	return at - waited, waited
}
