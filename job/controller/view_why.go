package controller

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/deadline"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// Why explains why a patch is not installed on an asset yet: the decisions from
// the catalog to the last report, in this order (RPT-3).
type Why struct {
	Asset     job.AssetID     `json:"asset"`
	CVE       string          `json:"cve,omitempty"`       // the vulnerability that was asked about
	Patch     catalog.PatchID `json:"patch,omitempty"`     // that was asked about, or that fixes the vulnerability here; empty: none is missing that does
	Earliest  time.Time       `json:"earliest,omitzero"`   // when its install can begin as things stand; zero: never, or after somebody's act
	Installed bool            `json:"installed,omitempty"` // the asset has this version or a newer one
	Steps     []WhyStep       `json:"steps"`
}

// WhyStep is one decision or fact.
type WhyStep struct {
	At    time.Time      `json:"at,omitzero"` // when it happened or will happen; zero: it has no time
	Job   job.ID         `json:"job,omitempty"`
	Rule  string         `json:"rule,omitempty"`
	Text  string         `json:"text"`            // one or more plain sentences
	Stops bool           `json:"stops,omitempty"` // nothing installs the patch while this holds; with Job: that job does not
	Cause deadline.Cause `json:"cause,omitempty"` // as which it counts if the patch is overdue (DUE-5); zero: as none
}

// Why explains why a patch, or the patch that fixes a vulnerability like
// CVE-2026-1234, is not installed on an asset yet. It plans every job on the
// asset as a preview does (JOB-22), and changes nothing. The error is a
// *NotFoundError if the asset is unknown or has sent no inventory, or if the
// catalog knows neither a patch nor a vulnerability of that id.
func (c *Controller) Why(ctx context.Context, id job.AssetID, about string, now time.Time) (Why, error) {
	c.catchUp(ctx, now)
	w, err := view(ctx, c, func(r *reader) Why {
		w := whyNot{assetFacts: r.factsOf(id, now), Why: Why{Asset: id, Steps: []WhyStep{}}}
		w.find(about)
		if w.Patch != "" {
			w.explain()
		}
		return w.Why
	})
	if err != nil || w.Patch == "" {
		return w, err
	}
	failed, err := c.Failures(ctx, FailureFilter{Asset: id, Patch: w.Patch, Limit: 1})
	for _, f := range failed.Failures {
		w.Steps = append(w.Steps, WhyStep{At: f.At, Job: f.Job, Rule: f.Rule, Text: "The last install failed. " + f.Text, Cause: deadline.Failed})
	}
	return w, err
}

// assetFacts is what explanations about one asset share.
type assetFacts struct {
	*reader
	now       time.Time
	rec       assetRecord
	inventory catalog.Inventory
	options   catalog.Options
	plans     []jobPlan // of the jobs that select the asset
	others    int       // jobs that do not
	planned   bool
}

func (r *reader) factsOf(id job.AssetID, now time.Time) *assetFacts {
	a := &assetFacts{reader: r, now: now, options: catalog.Options{Unreachable: r.unreachable()}}
	a.rec, a.inventory = r.knownAsset(id)
	return a
}

// whyNot is an explanation in progress.
type whyNot struct {
	*assetFacts
	Why
}

func (w *whyNot) add(s WhyStep) { w.Steps = append(w.Steps, s) }

// say adds a sentence that is about no job.
func (w *whyNot) say(at time.Time, rule string, cause deadline.Cause, format string, args ...any) {
	w.add(WhyStep{At: at, Rule: rule, Stops: cause != 0, Cause: cause, Text: fmt.Sprintf(format, args...)})
}

// find sets the patch, and says what the catalog knows of the vulnerability. Of
// several patches that fix it, a deployable one counts.
func (w *whyNot) find(about string) {
	snap := w.snapshot()
	if _, known := snap.Patch(catalog.PatchID(about)); known {
		w.Patch = catalog.PatchID(about)
		return
	}
	w.CVE = about
	facts, feeds := snap.Vulnerability(about, w.now)
	for _, v := range snap.Missing(w.inventory, w.options, w.now) {
		if (w.Patch == "" || v.Deployable) && slices.Contains(snap.Fixed(v), about) {
			w.Patch = v.Patch
		}
	}
	switch {
	case facts.Exploited == catalog.Yes:
		w.say(facts.Listed, "CAT-18", 0, "%s is known to be exploited.", about)
	case facts.Exploited == catalog.No:
		w.say(facts.Published, "CAT-18", 0, "%s is not known to be exploited.", about)
	case len(feeds) > 0 || w.Patch != "":
		w.say(facts.Published, "CAT-18", 0, "Whether %s is exploited is not known.", about)
	default:
		w.fail(&NotFoundError{"patch or vulnerability", about})
		return
	}
	if w.Patch == "" {
		w.say(time.Time{}, "CAT-18", deadline.NoPatch,
			"No patch that is missing on this asset fixes %s: the asset is not affected, the fix is installed, or the catalog lists none.", about)
	}
}

// explain says everything about the patch but its last failure.
func (w *whyNot) explain() {
	if w.verdict() {
		w.calls()
		w.orders()
		w.jobs()
	}
	if slices.ContainsFunc(w.Steps, func(s WhyStep) bool { return s.Stops && s.Job == "" }) {
		w.Earliest = time.Time{}
	}
}

// verdict says what the catalog decides about the patch on the asset, and
// reports whether a job could change anything.
func (w *whyNot) verdict() bool {
	snap, useful := w.snapshot(), true
	p, _ := snap.Patch(w.Patch)
	if !p.Published.IsZero() {
		w.say(p.Published, "CAT-2", 0, "The vendor published the patch.")
	}
	if !p.Listed.IsZero() {
		w.say(p.Listed, "CAT-2", 0, "The catalog listed it first.")
	}
	for _, reason := range snap.Evaluate(w.Patch, w.inventory, w.options, w.now).Reasons {
		var cause deadline.Cause
		switch reason.Code {
		case catalog.NotInstalled, catalog.AlreadyInstalled, catalog.NewerInstalled, catalog.WrongPlatform:
			cause, useful = deadline.NoPatch, false
			w.Installed = reason.Code == catalog.AlreadyInstalled || reason.Code == catalog.NewerInstalled
		case catalog.Held, catalog.PinnedElsewhere, catalog.NeedsNewPackage, catalog.DependencyUnmet:
			cause = deadline.HeldBack
		default:
			if reason.Code.Blocks() {
				cause = deadline.NoPatch
			}
		}
		w.say(time.Time{}, reason.Rule, cause, "%s", reason.Text)
	}
	return useful
}

// calls says whether the asset can be reached.
func (w *whyNot) calls() {
	status := w.assetStatus(w.rec, w.now)
	w.say(status.InventoryAt, "", 0, "The asset sent the inventory that all this is decided with.")
	if status.Silent {
		w.say(status.LastSeen, "MAN-3", deadline.NotReached, "The asset's agent called last. Until it calls again, nothing reaches it.")
	}
	if status.Cloned != nil {
		w.say(time.Time{}, "MAN-9", deadline.HeldBack, "Two computers call as this asset. Neither starts anything until this is settled.")
	}
}

// orders says what becomes of orders that were made and have not ended.
func (w *whyNot) orders() {
	for _, run := range w.notEnded(w.Asset) {
		e := w.entry(run, w.Asset)
		if e.Phase == ledger.Waiting && w.heldBack(w.run(run), w.Asset).Rule != "" {
			w.order(e) // which patches it will have is only known then
			continue
		}
		if slices.ContainsFunc(w.contents(e.ID())[0].Patches, func(p job.OrderPatch) bool { return p.Patch == w.Patch }) {
			w.order(e)
		}
	}
}

func (w *whyNot) order(e ledger.Entry) {
	s := WhyStep{Job: w.run(e.Run).Definition.ID, At: e.Start, Cause: deadline.NoWindow}
	switch {
	case e.Cancelled:
		s.Rule, s.Text, s.Stops, s.Cause = "JOB-3", "The order of this run was cancelled.", e.TooLate == 0, deadline.Cancelled
	case withdrawn(e):
		s.Rule, s.Text, s.Stops, s.Cause = "JOB-5", "The order of this run was withdrawn.", true, deadline.Cancelled
	case e.Phase == ledger.Waiting:
		s.Rule, s.Text = "MAN-1", "The order of this run waits. "+e.Text
		if why := w.heldBack(w.run(e.Run), w.Asset); why.Rule != "" {
			s.Rule, s.Text, s.Stops, s.Cause = why.Rule, "The order of this run waits for its turn in the rollout. "+why.Text, true, deadline.HeldBack
		}
	case e.Result == job.PendingReboot:
		s.At, s.Rule, s.Text, s.Cause = e.Began, "RBT-1", "The order of this run waits for a reboot.", deadline.PendingReboot
	case e.Stage != 0:
		s.At, s.Rule, s.Text = e.Began, "JOB-1", fmt.Sprintf("The asset carries out the order of this run: stage %v began.", e.Stage)
	case w.held(e):
		s.Rule, s.Text = "MAN-1", "The asset may hold the order of this run, and starts it then."
	default:
		s.Rule, s.Text = "MAN-3", "The order of this run is made. The asset gets it at its next call, and starts it then."
	}
	if !s.Stops {
		w.begins(e.Start)
	}
	w.add(s)
}

// begins notes that the install can begin at an instant, or now if that is past.
func (w *whyNot) begins(at time.Time) {
	if at.Before(w.now) {
		at = w.now
	}
	if w.Earliest.IsZero() || at.Before(w.Earliest) {
		w.Earliest = at
	}
}

// jobPlan is what a job would do on an asset at its next start.
type jobPlan struct {
	jobRecord
	job.Plan
	timed bool   // it starts by its schedule
	over  bool   // which has no start any more
	zone  string // why its zone cannot be used on the asset; then there is no plan
	start schedule.Occurrence
	next  func(after time.Time) (schedule.Occurrence, bool) // its starts
}

// plan plans every job that selects the asset, once.
func (a *assetFacts) plan() {
	if a.planned {
		return
	}
	a.planned = true
	for rec := range values[jobRecord](a.reader, tableJobs, "", "") {
		switch d := rec.Definition; {
		case d.State == job.Deleted:
		case !d.Select(a.rec.Asset):
			a.others++
		default:
			a.plans = append(a.plans, a.planOf(rec))
		}
	}
}

func (a *assetFacts) planOf(rec jobRecord) jobPlan {
	d := rec.Definition
	p := jobPlan{jobRecord: rec, timed: d.Schedule.Kind != schedule.OnDemand && d.After == nil}
	start := schedule.Occurrence{Start: a.now}
	if p.timed {
		name, from := d.Schedule.Zone, a.now
		if name == schedule.AssetZone {
			name = a.seen(a.rec.ID).Zone
		}
		if d.State == job.Enabled {
			from = rec.Enabled
		}
		zone, why := a.c.zoneOf(d.Schedule, name)
		if why != "" {
			p.zone = why
			return p
		}
		p.next = func(after time.Time) (schedule.Occurrence, bool) { return a.uncancelled(d, zone, from, after) }
		o, ok := p.next(a.now)
		for ok && a.entry(d.Run(o), a.rec.ID).Phase != 0 { // that order is made: the next one can still take a patch
			o, ok = p.next(o.Start)
		}
		if p.over = !ok; ok {
			start = o
		}
	}
	p.start = start
	p.Plan = a.reader.plan(d, a.inputOf(d, a.rec.ID, start, a.now))
	return p
}

// maxAhead is how many starts of a job are looked at: more than a year of days.
const maxAhead = 400

// startFor is when the order starts in which a job takes a patch that may be
// offered from an instant on: its orders are made the lead before their start
// (MAN-1), and start when the calendar is open (CAL-1).
func (a *assetFacts) startFor(p jobPlan, until time.Time) (start time.Time, found bool) {
	o, ok := p.start, true
	for range maxAhead {
		if !ok {
			return start, false
		}
		if !o.Start.Add(-a.c.config.Lead).Before(until) {
			in := a.inputOf(p.Definition, a.rec.ID, o, a.now)
			if start, _, _, ok = p.Definition.SpanIn(o, a.rec.ID, in.Calendar); ok {
				return start, true
			}
		}
		o, ok = p.next(o.Start)
	}
	return start, false
}

// jobs says what each job would do.
func (w *whyNot) jobs() {
	w.plan()
	switch {
	case len(w.plans) == 0 && w.others == 0:
		w.say(time.Time{}, "JOB-7", deadline.NoJob, "There is no job.")
	case len(w.plans) == 0:
		w.say(time.Time{}, "JOB-7", deadline.NoJob, "None of the %d jobs selects this asset.", w.others)
	}
	for _, p := range w.plans {
		w.job(p)
	}
}

func (w *whyNot) job(p jobPlan) {
	d := p.Definition
	s := WhyStep{Job: d.ID, Stops: true}
	left := slices.IndexFunc(p.LeftOut, func(o job.PatchOutcome) bool { return o.Patch == w.Patch })
	switch {
	case p.zone != "":
		s.Rule, s.Text, s.Cause = "JOB-9", "The asset is left out: "+p.zone+".", deadline.HeldBack
	case left >= 0:
		s.Rule, s.Text = p.LeftOut[left].Rule, "The job leaves it out. "+p.LeftOut[left].Text
		switch s.Rule {
		case "JOB-27":
			s.Cause = deadline.Failed
		case "JOB-14":
			s.Cause = deadline.HeldBack
		case "APR-1", "APR-2", "APR-5":
			s.Cause = deadline.NotApproved
		case "CAL-1", "CAL-2":
			s.Cause = deadline.NoWindow
		case "DUE-1", "ROL-6":
			s.Cause = deadline.HeldBack
		}
		if until := p.LeftOut[left].Until; !until.IsZero() && d.State == job.Enabled && p.timed && !p.over {
			if at, found := w.startFor(p, until); found {
				s.At, s.Stops = until, false
				w.begins(at)
			}
		}
	case !slices.ContainsFunc(p.Order.Patches, func(p job.OrderPatch) bool { return p.Patch == w.Patch }):
		s.Rule, s.Text = "JOB-8", "The job's list or query does not select this patch here."
		if p.Dropped > 0 {
			s.Text = fmt.Sprintf("The job's query does not select this patch here, or it is one of %d beyond the most that one order can hold.", p.Dropped)
		}
	case p.Obstacle.Stops():
		s.Rule, s.Text, s.Cause = p.Obstacle.Rule, p.Obstacle.Text, deadline.HeldBack
	case d.State != job.Enabled:
		s.Rule, s.Text, s.Cause = "JOB-6", "The job would install it, and is not enabled.", deadline.Cancelled
	case p.over:
		s.Rule, s.Text = "JOB-20", "The job would install it, and has no start any more."
	case d.After != nil:
		s.Rule, s.Text, s.Cause = "JOB-19", fmt.Sprintf("The job installs it after job %q has succeeded here.", d.After.Job), deadline.NoWindow
		if !d.After.PerAsset {
			s.Text = fmt.Sprintf("The job installs it after %d %% of the assets of job %q have succeeded.", d.After.Share, d.After.Job)
		}
	case !p.timed && slices.ContainsFunc(w.Steps, func(made WhyStep) bool { return made.Job == d.ID && made.Cause != deadline.Cancelled }):
		return // an order of it is on its way
	case !p.timed:
		s.Rule, s.Text = "JOB-9", "The job installs it when somebody starts the job."
	default:
		s.At, s.Rule, s.Stops, s.Cause = p.Order.Start, "JOB-9", false, deadline.NoWindow
		s.Text = "The job installs it at its next start."
		w.begins(p.Order.Start)
	}
	w.add(s)
}
