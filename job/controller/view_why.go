package controller

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// Why explains why a patch is not installed on an asset yet: the decisions from
// the catalog to the last report, in this order (RPT-3).
type Why struct {
	Asset    job.AssetID     `json:"asset"`
	CVE      string          `json:"cve,omitempty"`     // the vulnerability that was asked about
	Patch    catalog.PatchID `json:"patch,omitempty"`   // that was asked about, or that fixes the vulnerability here; empty: none is missing that does
	Earliest time.Time       `json:"earliest,omitzero"` // when its install can begin as things stand; zero: never, or after somebody's act
	Steps    []WhyStep       `json:"steps"`
}

// WhyStep is one decision or fact.
type WhyStep struct {
	At    time.Time `json:"at,omitzero"` // when it happened or will happen; zero: it has no time
	Job   job.ID    `json:"job,omitempty"`
	Rule  string    `json:"rule,omitempty"`
	Text  string    `json:"text"`            // one or more plain sentences
	Stops bool      `json:"stops,omitempty"` // nothing installs the patch while this holds; with Job: that job does not
}

// Why explains why a patch, or the patch that fixes a vulnerability like
// CVE-2026-1234, is not installed on an asset yet. It plans every job on the
// asset as a preview does (JOB-22), and changes nothing. The error is a
// *NotFoundError if the asset is unknown or has sent no inventory, or if the
// catalog knows neither a patch nor a vulnerability of that id.
func (c *Controller) Why(ctx context.Context, id job.AssetID, about string, now time.Time) (Why, error) {
	w, err := view(ctx, c, func(r *reader) Why {
		w := whyNot{reader: r, now: now, Why: Why{Asset: id, Steps: []WhyStep{}}}
		w.rec, w.inventory = r.knownAsset(id)
		w.find(about)
		if w.Patch != "" && w.verdict() {
			w.calls()
			w.orders()
			w.jobs()
		}
		if slices.ContainsFunc(w.Steps, func(s WhyStep) bool { return s.Stops && s.Job == "" }) {
			w.Earliest = time.Time{}
		}
		return w.Why
	})
	if err != nil || w.Patch == "" {
		return w, err
	}
	failed, err := c.Failures(ctx, FailureFilter{Asset: id, Patch: w.Patch, Limit: 1})
	for _, f := range failed.Failures {
		w.Steps = append(w.Steps, WhyStep{At: f.At, Job: f.Job, Rule: f.Rule, Text: "The last install failed. " + f.Text})
	}
	return w, err
}

// whyNot is an explanation in progress.
type whyNot struct {
	*reader
	Why
	now       time.Time
	rec       assetRecord
	inventory catalog.Inventory
}

func (w *whyNot) add(s WhyStep) { w.Steps = append(w.Steps, s) }

// say adds a sentence without a job.
func (w *whyNot) say(at time.Time, rule string, stops bool, format string, args ...any) {
	w.add(WhyStep{At: at, Rule: rule, Stops: stops, Text: fmt.Sprintf(format, args...)})
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
	fixes := false
	for _, v := range snap.Missing(w.inventory, catalog.Options{Unreachable: w.unreachable()}, w.now) {
		if slices.Contains(snap.Fixed(v), about) && (w.Patch == "" || v.Deployable) {
			w.Patch, fixes = v.Patch, true
		}
	}
	switch {
	case facts.Exploited == catalog.Yes:
		w.say(facts.Listed, "CAT-18", false, "%s is known to be exploited.", about)
	case facts.Exploited == catalog.No:
		w.say(facts.Published, "CAT-18", false, "%s is not known to be exploited.", about)
	case len(feeds) > 0 || fixes:
		w.say(facts.Published, "CAT-18", false, "Whether %s is exploited is not known.", about)
	default:
		w.fail(&NotFoundError{"patch or vulnerability", about})
		return
	}
	if !fixes {
		w.say(time.Time{}, "CAT-18", true, "No patch that is missing on this asset fixes %s: the asset is not affected, the fix is installed, or the catalog lists none.", about)
	}
}

// verdict says what the catalog decides about the patch on the asset, and
// reports whether a job could change anything.
func (w *whyNot) verdict() bool {
	snap := w.snapshot()
	p, _ := snap.Patch(w.Patch)
	if at := p.Published; !at.IsZero() {
		w.say(at, "CAT-2", false, "The vendor published the patch.")
	}
	if at := p.Listed; !at.IsZero() {
		w.say(at, "CAT-2", false, "The catalog listed it first.")
	}
	v := snap.Evaluate(w.Patch, w.inventory, catalog.Options{Unreachable: w.unreachable()}, w.now)
	useful := true
	for _, reason := range v.Reasons {
		w.say(time.Time{}, reason.Rule, reason.Code.Blocks(), "%s", reason.Text)
		switch reason.Code {
		case catalog.NotInstalled, catalog.AlreadyInstalled, catalog.NewerInstalled, catalog.WrongPlatform:
			useful = false
		}
	}
	return useful
}

// calls says whether the asset can be reached.
func (w *whyNot) calls() {
	status := w.assetStatus(w.rec, w.now)
	w.say(status.InventoryAt, "", false, "The asset sent the inventory that all this is decided with.")
	if status.Silent {
		w.say(status.LastSeen, "MAN-3", true, "The asset's agent called last. Until it calls again, nothing reaches it.")
	}
	if status.Cloned != nil {
		w.say(time.Time{}, "MAN-9", true, "Two computers call as this asset. Neither starts anything until this is settled.")
	}
}

// orders says what becomes of orders that were made and have not ended.
func (w *whyNot) orders() {
	for _, run := range w.notEnded(w.Asset) {
		e := w.entry(run, w.Asset)
		for _, p := range w.contents(e.ID())[0].Patches {
			if p.Patch == w.Patch {
				w.order(e)
			}
		}
	}
}

func (w *whyNot) order(e ledger.Entry) {
	s := WhyStep{Job: w.run(e.Run).Definition.ID, At: e.Start}
	switch {
	case e.Cancelled:
		s.Rule, s.Text, s.Stops = "JOB-3", "The order of this run was cancelled.", e.TooLate == 0
	case withdrawn(e):
		s.Rule, s.Text, s.Stops = "JOB-5", "The order of this run was withdrawn.", true
	case e.Phase == ledger.Waiting:
		s.Rule, s.Text = "MAN-1", "The order of this run waits. "+e.Text
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

// jobs says what each job would do, and counts those that do not select the
// asset.
func (w *whyNot) jobs() {
	var others, selected int
	for rec := range values[jobRecord](w.reader, tableJobs, "", "") {
		switch d := rec.Definition; {
		case d.State == job.Deleted:
		case !d.Select(w.rec.Asset):
			others++
		default:
			selected++
			w.job(rec)
		}
	}
	switch {
	case selected == 0 && others == 0:
		w.say(time.Time{}, "JOB-7", true, "There is no job.")
	case selected == 0:
		w.say(time.Time{}, "JOB-7", true, "None of the %d jobs selects this asset.", others)
	}
}

func (w *whyNot) job(rec jobRecord) {
	d := rec.Definition
	s := WhyStep{Job: d.ID, Stops: true}
	defer func() { w.add(s) }()
	in := job.PlanInput{
		Snapshot: w.snapshot(), Asset: w.Asset, Inventory: w.inventory, Occurrence: schedule.Occurrence{Start: w.now},
		Unreachable: w.unreachable(), Now: w.now,
	}
	timed := d.Schedule.Kind != schedule.OnDemand && d.After == nil
	if timed {
		name := d.Schedule.Zone
		if name == schedule.AssetZone {
			name = w.seen(w.Asset).Zone
		}
		zone, why := w.c.zoneOf(d.Schedule, name)
		if why != "" {
			s.Rule, s.Text = "JOB-9", "The asset is left out: "+why+"."
			return
		}
		from := w.now
		if d.State == job.Enabled {
			from = rec.Enabled
		}
		o, ok := w.uncancelled(d, zone, from, w.now)
		if !ok {
			s.Rule, s.Text = "JOB-20", "The job has no start any more."
			return
		}
		in.Occurrence, s.At = o, o.Start
	}
	plan := w.plan(d, in)
	left := slices.IndexFunc(plan.LeftOut, func(o job.PatchOutcome) bool { return o.Patch == w.Patch })
	switch {
	case left >= 0:
		s.Rule, s.Text = plan.LeftOut[left].Rule, "The job leaves it out. "+plan.LeftOut[left].Text
	case !slices.ContainsFunc(plan.Order.Patches, func(p job.OrderPatch) bool { return p.Patch == w.Patch }):
		s.Rule, s.Text = "JOB-8", "The job's list or query does not select this patch here."
		if plan.Dropped > 0 {
			s.Text = fmt.Sprintf("The job's query does not select this patch here, or it is one of %d beyond the most that one order can hold.", plan.Dropped)
		}
	case plan.Obstacle.Stops():
		s.Rule, s.Text = plan.Obstacle.Rule, plan.Obstacle.Text
	case d.State != job.Enabled:
		s.Rule, s.Text = "JOB-6", "The job would install it, and is not enabled."
	case d.After != nil:
		s.Rule, s.Text = "JOB-19", fmt.Sprintf("The job installs it after job %q has succeeded here.", d.After.Job)
	case !timed:
		s.Rule, s.Text = "JOB-9", "The job installs it when somebody starts the job."
	default:
		start := plan.Order.Start
		s.At, s.Rule, s.Stops, s.Text = start, "JOB-9", false, "The job installs it at its next start."
		w.begins(start)
	}
}
