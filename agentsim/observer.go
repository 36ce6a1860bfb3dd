package agentsim

import (
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/agentsim/watch"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// Broken is an invariant that does not hold. The numbers are those of the doc
// of package job/agent.
type Broken = watch.Broken

// observer feeds package watch with what one asset does.
type observer struct {
	a        *asset
	journal  []job.Report          // every report that the agent committed, except those lost with its state
	former   int                   // how many of them the server had before the asset was removed and enrolled again
	made     job.Sequence          // the last report since the state was lost
	taken    job.Sequence          // the last report that the server acknowledged
	lost     bool                  // the agent lost its state at any time
	unknown  map[job.Sequence]bool // reports that the server had, and lost
	left     map[job.OrderID]bool  // orders that had not ended when the state was last lost
	revision manifest.Revision
	held     map[job.OrderID]job.Order // in the newest manifest that the agent had to accept
	orders   map[job.OrderID]*observed
}

type observed struct {
	watch.Order
	order   job.Order // as it started, or as last received
	patches []watch.Patch
	due     time.Time // by when the reboot must come that its installs wait for; zero: no date
}

// note records a broken invariant; nil: none. The order may be empty.
func (o *observer) note(id job.OrderID, b *Broken) {
	if b == nil {
		return
	}
	if b.At, b.Asset = o.a.w.now, o.a.id; id != "" {
		b.Text = string(id) + ": " + b.Text
	}
	o.a.w.broken = append(o.a.w.broken, b)
	o.a.log("INVARIANT %d BROKEN: %s", b.Invariant, b.Text)
}

func (o *observer) broke(invariant int, format string, args ...any) {
	o.note("", watch.Breaks(invariant, format, args...))
}

func (o *observer) of(id job.OrderID) *observed {
	e, ok := o.orders[id]
	if !ok {
		e = &observed{order: o.held[id]}
		o.orders[id] = e
	}
	return e
}

func (e *observed) patch(index int) *watch.Patch {
	for len(e.patches) <= index {
		e.patches = append(e.patches, watch.Patch{})
	}
	return &e.patches[index]
}

// forget follows the loss of the agent's state. The server decides how the
// orders end that had not ended.
func (o *observer) forget() {
	*o = observer{a: o.a, former: o.former, journal: o.journal, unknown: o.unknown, lost: true, left: map[job.OrderID]bool{}, orders: map[job.OrderID]*observed{}}
	for _, r := range o.journal {
		o.left[r.Order] = !watch.Final(r.Result)
	}
}

// replaced follows a new enrolment: the server has the reports up to a number,
// and counts from one again.
func (o *observer) replaced(accepted job.Sequence) {
	had := slices.DeleteFunc(o.journal[o.former:], func(r job.Report) bool { return r.Sequence > accepted || o.unknown[r.Sequence] })
	o.former += len(had)
	o.journal, o.unknown = o.journal[:o.former], map[job.Sequence]bool{}
}

// copied returns an observer for a copy of the computer.
func (o *observer) copied(to *asset) observer {
	c := *o
	c.a, c.journal, c.unknown, c.left = to, slices.Clone(o.journal), maps.Clone(o.unknown), maps.Clone(o.left)
	c.orders = map[job.OrderID]*observed{}
	for id, e := range o.orders {
		own := *e
		own.patches = slices.Clone(e.patches)
		c.orders[id] = &own
	}
	return c
}

// forgotten follows a restored backup: the server lost the reports after one,
// up to another.
func (o *observer) forgotten(after, upTo job.Sequence) {
	for n := after + 1; n <= upTo; n++ {
		o.unknown[n] = true
	}
}

// delivered follows an answer that the agent waits for. From a manifest that
// the agent has to accept, its orders count from now on.
func (o *observer) delivered(answer manifest.Answer) {
	o.taken = max(o.taken, answer.Acknowledged)
	if !o.a.state.Clock.Sure(answer.At, o.a.moment()) {
		return // its time needs a second answer, which brings the manifest again (MAN-12)
	}
	d, err := manifest.Open(answer.Manifest, manifest.Keys(o.a.w.server.keys.newest.Manifest), o.a.as, o.revision, "", o.a.w.now)
	if err != nil {
		return
	}
	o.revision, o.held = d.Revision, map[job.OrderID]job.Order{}
	for _, order := range d.Orders {
		o.held[order.ID] = order
		if e := o.orders[order.ID]; e != nil && !e.Started && !reflect.DeepEqual(e.order, order) {
			e.order = order
			for i := range e.patches {
				e.patches[i].Passed = false // the changed order may download again (JOB-23)
			}
		}
	}
}

func (o *observer) committed(before, after *agent.State) {
	fresh, broken := watch.Committed(before, after, &o.made, o.taken)
	o.note("", broken)
	for _, r := range fresh {
		// What the server never got is lost with the state.
		o.journal = append(o.journal[:min(len(o.journal), o.former+int(r.Sequence)-1)], r)
		delete(o.unknown, r.Sequence) // an agent that lost its state goes on after what the server still had
		o.a.log("%s", describe(r))
		if r.Order != "" {
			o.reported(r)
		}
	}
}

func (o *observer) reported(r job.Report) {
	e := o.of(r.Order)
	if e.Again(r) {
		delete(o.orders, r.Order)
		e = o.of(r.Order)
	}
	held, ok := o.held[r.Order]
	if r.Progress == job.Started {
		e.order = held
	}
	o.note(r.Order, e.Reported(r, ok, held.Cancelled))
	if r.Progress == job.Started && !r.Again {
		o.note(r.Order, o.hours(r.Order, calendarOf).Acts("starts"))
	}
}

func (o *observer) downloaded(at stagedKey, patch job.OrderPatch, files []execution.Evidence) {
	o.note(at.order, o.of(at.order).patch(at.index).Downloaded(patch.Patch, o.allPass(at.order, patch, files)))
}

func (o *observer) acted(id job.OrderID, action job.Action, exit int) {
	e := o.of(id)
	o.note(id, e.Touches("runs action "+action.Name))
	e.Needs = e.Needs || exit == 10 || exit == 11
}

// deploys checks what is handed to the installer.
func (o *observer) deploys(id job.OrderID, s execution.Staged) {
	e, file := o.of(id), o.a.staged[stagedKey{id, s.Index}]
	i := watch.Install{
		Patch: s.Patch.Patch, Passes: o.allPass(id, s.Patch, file.evidence), Same: true,
		Held: slices.ContainsFunc(e.order.Patches, func(p job.OrderPatch) bool { return p.Patch == s.Patch.Patch }),
	}
	for n, f := range file.evidence {
		i.Same = i.Same && n < len(s.Digests) && slices.Contains(f.Digests, s.Digests[n])
	}
	o.note(id, e.Deploys(e.patch(s.Index), i))
	o.note(id, o.hours(id, calendarOf).Acts("installs "+string(s.Patch.Patch)))
	if o.denied(id, s.Patch.Patch) {
		o.note(id, watch.Denies(s.Patch.Patch))
	}
}

// allPass reports whether the order and the signer policy in force let the
// files of a patch pass.
func (o *observer) allPass(id job.OrderID, p job.OrderPatch, files []execution.Evidence) bool {
	if len(files) != len(p.Files) || len(files) == 0 {
		return false
	}
	policy := o.a.config.Policy
	if policy.IsZero() {
		policy = o.of(id).order.SignerPolicy
	}
	clause, _ := policy.For(string(p.Feed), p.Vendor, string(p.Product))
	for i, f := range p.Files {
		if !passes(f.Expect, len(clause.Signers) > 0, files[i]) {
			return false
		}
	}
	return true
}

// passes decides INT-1 to INT-5, INT-7 and INT-9 a second time, in a simple
// way. Named says that a clause of the policy names signers.
func passes(want integrity.Expectation, named bool, found execution.Evidence) bool {
	matches, differs, proves := false, false, false
	for _, d := range want.Digests {
		same := slices.Contains(found.Digests, d)
		trusted := d.Algorithm == integrity.SHA256 || d.Algorithm == integrity.SHA384 || d.Algorithm == integrity.SHA512 || want.AllowLegacy
		matches, differs, proves = matches || trusted && same, differs || !same, proves || trusted && !same
	}
	named = named || want.Signer != ""
	switch found.Signature.Status {
	case integrity.Valid:
		other := want.Signer != "" && want.Signer != found.Signature.Signer
		return !other && !(proves && !want.LatestOnly) && !(differs && !named)
	case integrity.Absent:
		return want.Signer == "" && matches
	case integrity.Unsupported:
		return !named && matches
	}
	return false
}

// deployed follows an installer that ended; to is the version afterwards.
func (o *observer) deployed(id job.OrderID, s execution.Staged, r execution.InstallResult, f fault, to version.Version) {
	if r.Code != 0 {
		return
	}
	e := o.of(id)
	e.Needs = e.Needs || s.Patch.Reboot || r.Reboot || f.marks && !o.a.mark
	if (s.Patch.Reboot || r.Reboot) && !f.lies {
		e.waits(s.Patch.Patch)
	}
	if !f.lies {
		o.note(id, watch.Installs(s.Patch.Name, o.a.installed[s.Patch.Product], to))
	}
}

// offers follows a reboot prompt. The agent must ask for a reboot within 168
// hours of the first (invariant 5); if the asset is off or asleep then, as soon
// as it is back.
func (o *observer) offers(id job.OrderID) {
	e := o.of(id)
	if !e.Offered(o.a.w.now) {
		return
	}
	const grace = time.Minute // for what a computer does first when it wakes up
	var due func()
	due = func() {
		switch {
		case o.orders[id] != e || !o.a.up: // coming on is a boot
		case o.a.asleep():
			o.a.w.after(o.a.sleep.Sub(o.a.w.now)+grace, due)
		default:
			o.note(id, e.Late(o.a.w.now))
		}
	}
	o.a.w.after(reboot.MaxDeferral+grace, due)
	o.due(id, e, grace)
}

func (o *observer) reboots(id job.OrderID) {
	e := o.of(id)
	e.Needs = e.Needs || e.order.RebootPending && o.pending(e)
	o.note(id, o.rebootHours(id).Reboots(o.bound(e)))
	o.note(id, e.Reboots(o.a.boots, e.order.Reboot.Suppress))
	o.slots(id)
}

// pending reports whether the asset needs a reboot for something other than an
// order of its own: the system asks for it, or another order reported it last
// (RBT-11).
func (o *observer) pending(own *observed) bool {
	for _, e := range o.orders {
		if e != own && e.Result == job.PendingReboot {
			return true
		}
	}
	return o.a.mark
}
