package agentsim

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

// explanation collects sentences that explain why an expectation does not hold.
type explanation struct {
	w    *World
	list []string
}

const maxReasons = 20

func (x *explanation) add(format string, args ...any) {
	if s := fmt.Sprintf(format, args...); len(x.list) < maxReasons && !slices.Contains(x.list, s) {
		x.list = append(x.list, s)
	}
}

// why explains an expectation that does not hold, by the assets, jobs, patches
// and products that its line names.
func (p *player) why(line string) []string {
	x := &explanation{w: p.w}
	var assets []*asset
	var jobs []controller.JobStatus
	var patches []catalog.PatchID
	named := strings.Fields(line)
	for _, word := range named {
		if a := p.w.assets[job.AssetID(word)]; a != nil {
			assets = append(assets, a)
		} else if status, err := p.w.server.c.Job(background, job.ID(word)); err == nil {
			jobs = append(jobs, status)
		} else if patch, known := p.w.vendor.patches[catalog.PatchID(word)]; known {
			patches = append(patches, patch.ID)
		} else if len(assets) > 0 {
			patches = append(patches, p.w.vendor.patchesOf(assets[0].product(word), named[len(named)-1])...)
		}
	}
	for _, status := range jobs {
		x.job(status)
	}
	for _, a := range assets {
		x.asset(a)
		x.jobs(a, jobs, patches)
	}
	return x.list
}

// explainIdle adds to the history why nothing happened, if no execution started
// in a world with jobs: each asset's verdict on each patch of a job's list, or
// on every patch if a job has a query.
func (p *player) explainIdle() {
	if slices.ContainsFunc(p.w.history, func(l Line) bool { return strings.HasSuffix(l.Text, " Started") }) {
		return
	}
	x := &explanation{w: p.w}
	for _, status := range p.w.server.jobs() {
		x.job(status)
		patches := status.Patches.List
		if status.Patches.Query != nil {
			patches = slices.Sorted(maps.Keys(p.w.vendor.patches))
		}
		for _, a := range p.w.sorted() {
			for _, id := range patches {
				if len(x.list) < maxReasons {
					x.verdict(a, id)
				}
			}
		}
	}
	for _, sentence := range x.list {
		p.w.log("server", "nothing started: %s", sentence)
	}
}

// asset adds what keeps an asset from its orders.
func (x *explanation) asset(a *asset) {
	if here := local(a.w.now, a.zone); here != "" {
		x.add("it is %s on %s", moment(a.w.now, a.zone), a.id)
	}
	switch {
	case !a.up:
		x.add("%s is off", a.id)
	case a.asleep():
		x.add("%s sleeps until %s", a.id, moment(a.sleep, a.zone))
	case a.link.cut:
		x.add("the network of %s is cut", a.id)
	}
	status, err := a.w.server.c.Asset(background, a.as, a.w.now)
	switch {
	case err != nil:
		x.add("the server refuses the calls of %s: %v", a.id, err)
	case status.LastSeen.IsZero():
		x.add("%s has not called yet", a.id)
	case status.Behind:
		x.add("%s last called at %s and holds manifest %d, not yet %d", a.id, moment(status.LastSeen, a.zone), status.Held, status.Newest)
	}
	if err == nil && status.Refused != nil {
		x.add("%s refused a manifest: %s", a.id, status.Refused.Text)
	}
}

// jobs adds how far the named jobs came on an asset; without a named job, those
// that have one of the patches.
func (x *explanation) jobs(a *asset, list []controller.JobStatus, patches []catalog.PatchID) {
	if len(list) == 0 {
		for _, status := range x.w.server.jobs() {
			brings := func(id catalog.PatchID) bool { return slices.Contains(status.Patches.List, id) }
			if len(patches) == 0 || status.Patches.Query != nil || slices.ContainsFunc(patches, brings) {
				list = append(list, status)
			}
		}
		if len(list) == 0 {
			x.add("no job brings %s to %s", join(patches, " or "), a.id)
		}
	}
	said := map[catalog.PatchID]bool{}
	for _, status := range list {
		x.job(status)
		x.order(a, status, patches, said)
	}
	for _, id := range patches {
		if !said[id] {
			x.verdict(a, id)
		}
	}
}

// job adds why a job makes no orders, and what the server refused about it.
func (x *explanation) job(status controller.JobStatus) {
	switch {
	case status.State == job.Disabled && status.Enabled.IsZero():
		x.add("job %s was never enabled", status.ID)
	case status.State != job.Enabled:
		x.add("job %s is %s", status.ID, status.State)
	case status.Waits != nil:
		x.add("job %s waits: %s", status.ID, status.Waits.Text)
	}
	for _, l := range slices.Backward(x.w.history) {
		act, refusal, refused := strings.Cut(l.Text, ": refused: ")
		if refused && l.Actor == "server" && slices.Contains(strings.Fields(act), string(status.ID)) {
			x.add("%s, at %s, was refused: %s", act, moment(l.At, ""), refusal)
			return
		}
	}
}

// order adds how far a job came on an asset, and the outcome of patches; without
// patches, of all that did not succeed.
func (x *explanation) order(a *asset, status controller.JobStatus, patches []catalog.PatchID, said map[catalog.PatchID]bool) {
	if why := x.unselected(a, status.Definition); why != "" {
		x.add("job %s does not select %s: %s", status.ID, a.id, why)
	}
	row, exists := a.w.server.row(a.as, status.ID)
	switch {
	case exists:
		x.row(a, row)
	case len(status.Open) > 0:
		if run, err := a.w.server.c.Run(background, status.Open[0]); err == nil {
			x.add("no order of job %s is made for %s: its run %s is %s, and starts at %s", status.ID, a.id, run.ID, run.State, moment(run.Start, a.zone))
		}
	default:
		x.add("no order of job %s was ever made for %s", status.ID, a.id)
	}
	for _, r := range slices.Backward(a.observer.journal) {
		if r.Order != "" && r.Order.Run().Job() == status.ID {
			report, _, _ := strings.Cut(describe(r), "\n")
			x.add("the last report of %s about it: %s, at %s", a.id, report, moment(r.At, a.zone))
			break
		}
	}
	for _, o := range row.Patches {
		if slices.Contains(patches, o.Patch) || len(patches) == 0 && o.Status != job.Succeeded {
			said[o.Patch] = true
			x.add("%s of job %s: %s", o.Patch, status.ID, describeOutcome(o))
		}
	}
}

// unselected returns why a job does not select an asset; empty: it does, or the
// server does not know the asset (JOB-7).
func (x *explanation) unselected(a *asset, d job.Definition) string {
	status, err := a.w.server.c.Asset(background, a.as, a.w.now)
	switch {
	case err != nil || d.Select(status.Asset):
		return ""
	case d.Platform != status.Platform:
		return fmt.Sprintf("it is for %s, the asset runs %s", d.Platform, status.Platform)
	case slices.Contains(d.Assets.Exclude, a.as):
		return "the asset is excluded by name"
	case len(d.Assets.IncludeTags) == 0:
		return fmt.Sprintf("it is for %s", join(d.Assets.Include, " "))
	}
	not, has := "", "has no tag"
	if len(d.Assets.ExcludeTags) > 0 {
		not = " and not " + strings.Join(d.Assets.ExcludeTags, " ")
	}
	if len(status.Tags) > 0 {
		has = "is tagged " + strings.Join(status.Tags, " ")
	}
	return fmt.Sprintf("it is for assets tagged %s%s, this one %s", strings.Join(d.Assets.IncludeTags, " "), not, has)
}

func (x *explanation) row(a *asset, row controller.RunAsset) {
	text := ""
	if row.Text != "" {
		text = " (" + row.Text + ")"
	}
	switch {
	case row.Result != 0:
		x.add("the server shows %s as %s%s", row.Order, row.Result, text)
	case row.Progress != 0:
		x.add("the server shows %s as %s%s", row.Order, row.Progress, text)
	case row.Waiting:
		x.add("%s waits for the asset's inventory, for its run to be due, or for what its patches need%s", row.Order, text)
	case row.HandedOut:
		x.add("%s may have reached the asset, which has not reported it%s", row.Order, text)
	default:
		x.add("%s has not been handed out%s", row.Order, text)
	}
	if run, err := a.w.server.c.Run(background, row.Order.Run()); err == nil && row.Ended.IsZero() && run.Start.After(a.w.now) {
		x.add("run %s starts at %s", run.ID, moment(run.Start, a.zone))
	}
	switch {
	case row.Cancel == ledger.CancelTooLate && row.TooLate == 0:
		x.add("the cancel came too late: the deploy stage had begun")
	case row.Cancel == ledger.CancelTooLate:
		x.add("the cancel came too late: stage %s had begun", row.TooLate)
	case row.Cancel != 0:
		x.add("a cancel was asked for: %s", row.Cancel)
	case row.Withdrawn && row.Result != job.Withdrawn:
		x.add("the order was withdrawn: it is no longer in the asset's manifest")
	}
}

// verdict adds every reason of the catalog's verdict on a patch.
func (x *explanation) verdict(a *asset, id catalog.PatchID) {
	if why := x.w.vendor.barred[id]; why != "" {
		x.add("%s is not admitted: %s", id, why)
	}
	for _, r := range a.verdict(id).Reasons {
		x.add("%s on %s: %s [%s] %s", id, a.id, r.Code, r.Rule, r.Text)
	}
}

func join[T ~string](list []T, between string) string {
	var all []string
	for _, word := range list {
		all = append(all, string(word))
	}
	return strings.Join(all, between)
}
