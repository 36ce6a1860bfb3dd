package agentsim

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// Broken is an invariant that did not hold. The numbers are those of the doc of package job/agent.
type Broken struct {
	Invariant int
	At        time.Time
	Asset     job.AssetID // empty: it concerns the server
	Text      string
}

func (b *Broken) Error() string {
	return fmt.Sprintf("invariant %d broken at %s on %s: %s", b.Invariant, b.At.Format(time.RFC3339), b.Asset, b.Text)
}

// onlooker watches one asset from outside: the manifests that reach it, the reports it commits, and what really happens
// to it. It never asks the agent's machine what to think of that, and reads the rules in its own, slower words.
type onlooker struct {
	a        *asset
	journal  []job.Report // every report the agent ever committed that was not lost with its state
	forgot   bool         // the agent lost its state, and has not reported since
	lost     bool         // it lost its state at any time
	taken    job.Sequence // the last report that the server said it has
	revision manifest.Revision
	held     map[job.OrderID]job.Order // by the newest manifest the agent had to take
	orders   map[job.OrderID]*seen
	offer    *offer // the reboot prompt on the screen; nil: none
}

// seen is what was seen of one order.
type seen struct {
	order     job.Order // as it started, or as last received
	started   bool
	touched   bool // an action or an installation was begun
	deploying bool // so it said
	cancelled bool
	withdrawn bool
	final     job.Result
	needs     bool // something that deployed successfully asked for a reboot
	passed    map[int]bool
	begun     map[int]int
	rebooted  string // boot that the first reboot was asked for in; empty: none was
	reboots   int
}

// offer is a first reboot prompt, from which the 168 hours count (RBT-6).
type offer struct {
	order job.OrderID
	at    time.Time
}

func (o *onlooker) broke(invariant int, format string, args ...any) {
	b := &Broken{Invariant: invariant, At: o.a.w.now, Asset: o.a.id, Text: fmt.Sprintf(format, args...)}
	o.a.w.broken = append(o.a.w.broken, b)
	o.a.log("INVARIANT %d BROKEN: %s", invariant, b.Text)
}

func (o *onlooker) of(id job.OrderID) *seen {
	e, ok := o.orders[id]
	if !ok {
		e = &seen{order: o.held[id], passed: map[int]bool{}, begun: map[int]int{}}
		o.orders[id] = e
	}
	return e
}

// forget is a state that was lost: reports that never arrived are gone, and the agent knows of nothing it did.
func (o *onlooker) forget() {
	o.lost = true
	o.forgot, o.revision, o.held, o.orders, o.offer = true, 0, nil, map[job.OrderID]*seen{}, nil
}

// delivered is a manifest that arrives. If the agent has to take it, its orders are what counts from now on.
func (o *onlooker) delivered(sealed []byte) {
	if len(sealed) == 0 {
		return
	}
	d, err := manifest.Open(sealed, o.a.config.Key, o.a.id, o.revision, o.a.w.now)
	if err != nil {
		return
	}
	o.revision, o.held = d.Revision, map[job.OrderID]job.Order{}
	for _, order := range d.Orders {
		o.held[order.ID] = order
		if e := o.orders[order.ID]; e != nil && !e.started && !reflect.DeepEqual(e.order, order) {
			e.order, e.passed = order, map[int]bool{} // what was fetched for it as it was may be fetched again (JOB-23)
		}
	}
}

// committed looks at a commit: the reports in it, and the manifest's revision (invariants 2, 3, 7, 8, 9).
func (o *onlooker) committed(before, after agent.State) {
	if after.Revision < before.Revision {
		o.broke(9, "the manifest revision falls from %d to %d", before.Revision, after.Revision)
	}
	for _, r := range before.Reports {
		if r.Sequence > o.taken && !o.lost && !slices.ContainsFunc(after.Reports, func(kept job.Report) bool { return kept.Sequence == r.Sequence }) {
			o.broke(8, "report %d is gone, and the server never said that it has it", r.Sequence)
		}
	}
	for _, r := range after.Reports {
		if r.Sequence <= before.Sequence {
			continue
		}
		if o.forgot { // what the server never got is lost with the state
			o.journal = o.journal[:min(len(o.journal), int(r.Sequence)-1)]
			o.forgot = false
		}
		if want := job.Sequence(len(o.journal) + 1); r.Sequence != want {
			o.broke(8, "report %d stands where %d should: one was lost", r.Sequence, want)
			return
		}
		o.journal = append(o.journal, r)
		o.a.log("%s", Describe(r))
		if r.Order != "" {
			o.reported(r)
		}
	}
	if n := len(o.journal); !o.forgot && after.Sequence != job.Sequence(n) {
		o.broke(8, "the agent counts %d reports and committed %d: one was lost", after.Sequence, n)
	}
}

func (o *onlooker) reported(r job.Report) {
	e := o.of(r.Order)
	switch {
	case r.Progress == job.Received:
		if e.withdrawn { // taken back, and handed out once more
			delete(o.orders, r.Order)
			e = o.of(r.Order)
		}
	case r.Progress == job.Started:
		held, there := o.held[r.Order]
		if e.withdrawn || !there || held.Cancelled {
			o.broke(3, "%s starts, although it was withdrawn or cancelled before", r.Order)
		}
		e.order, e.started = held, true
	case r.Progress == job.Deploying:
		if o.held[r.Order].Cancelled {
			o.broke(2, "the deploy stage of %s begins, although the cancel mark had come before", r.Order)
		}
		e.deploying = true
	case r.Result == job.Cancelled:
		if e.deploying || e.touched {
			o.broke(2, "%s is reported as cancelled after its deploy stage began", r.Order)
		}
		e.cancelled = true
	case r.Result == job.Withdrawn:
		if e.started {
			o.broke(3, "%s is reported as withdrawn after it started", r.Order)
		}
		e.withdrawn = true
	}
	if final(r.Result) {
		if e.final != 0 && !e.withdrawn {
			o.broke(8, "%s ends twice: %s, then %s", r.Order, e.final, r.Result)
		}
		e.final = r.Result
		if o.offer != nil && o.offer.order == r.Order {
			o.offer = nil
		}
	}
}

// final reports whether a result ends an order.
func final(r job.Result) bool {
	return r != 0 && r != job.PendingReboot && r != job.PendingVerification
}

// downloaded: what passed once is not fetched again (invariant 8).
func (o *onlooker) downloaded(at stagedKey, patch job.OrderPatch, files []execution.Evidence) {
	e := o.of(at.order)
	if e.passed[at.index] {
		o.broke(8, "%s of %s was verified, and is downloaded again", patch.Patch, at.order)
	}
	e.passed[at.index] = allPass(patch, files)
}

// touches is the first act that changes the asset, or a further one (invariants 2, 3, 4).
func (o *onlooker) touches(id job.OrderID, what string) *seen {
	e := o.of(id)
	e.touched = true
	switch {
	case e.cancelled:
		o.broke(2, "%s was reported as cancelled, and %s", id, what)
	case e.withdrawn || !e.started:
		o.broke(3, "%s has not started or was withdrawn, and %s", id, what)
	case e.reboots > 0:
		o.broke(4, "%s after the reboot of %s", what, id)
	}
	return e
}

// acted is a pre- or post-action that ran.
func (o *onlooker) acted(id job.OrderID, action job.Action, exit int) {
	e := o.touches(id, "action "+action.Name+" runs")
	e.needs = e.needs || exit == 10 || exit == 11
}

// deploys looks at what is handed to the installer (invariants 1, 7, 8, and those of touches).
func (o *onlooker) deploys(id job.OrderID, s execution.Staged) {
	patch := s.Patch.Patch
	e := o.touches(id, fmt.Sprintf("%s is deployed", patch))
	if e.begun[s.Index]++; e.begun[s.Index] > 2 {
		o.broke(8, "the install of %s is begun for the %dth time", patch, e.begun[s.Index])
	}
	if !slices.ContainsFunc(e.order.Patches, func(p job.OrderPatch) bool { return p.Patch == patch }) {
		o.broke(7, "%s is deployed; when %s started, the manifest did not hold it any more", patch, id)
	}
	file := o.a.staged[stagedKey{id, s.Index}]
	if !allPass(s.Patch, file.evidence) {
		o.broke(1, "%s is installed although its signature and checksum do not allow it", patch)
	}
	for i, f := range file.evidence {
		if i >= len(s.Digests) || !slices.Contains(f.Digests, s.Digests[i]) {
			o.broke(1, "%s is installed from other bytes than were verified", patch)
		}
	}
}

func allPass(p job.OrderPatch, files []execution.Evidence) bool {
	if len(files) != len(p.Files) || len(files) == 0 {
		return false
	}
	for i, f := range p.Files {
		if !passes(f.Expect, files[i]) {
			return false
		}
	}
	return true
}

// passes is INT-1 to INT-5, INT-7 and INT-9 read once more, slowly.
func passes(want integrity.Expectation, found execution.Evidence) bool {
	matched := false
	for _, d := range want.Digests {
		strong := d.Algorithm == integrity.SHA256 || d.Algorithm == integrity.SHA384 || d.Algorithm == integrity.SHA512
		matched = matched || (strong || want.AllowLegacy) && slices.Contains(found.Digests, d)
	}
	signed := found.Signature.Status == integrity.Valid && (want.Signer == "" || want.Signer == found.Signature.Signer)
	switch {
	case found.Signature.Status != integrity.Absent && !signed, want.Signer != "" && !signed:
		return false
	case want.Strict:
		return signed && matched
	default:
		return signed || matched
	}
}

// deployed is an installer that ran: versions only rise, and nothing new appears (invariant 6).
func (o *onlooker) deployed(id job.OrderID, s execution.Staged, f fault, to version.Version) {
	if f.code != 0 {
		return
	}
	e := o.of(id)
	e.needs = e.needs || s.Patch.Reboot || f.reboot || f.marks && !o.a.mark
	if f.lies {
		return
	}
	was, there := o.a.installed[s.Patch.Product]
	order, orderable := was.Compare(to)
	switch {
	case !there:
		o.broke(6, "%s was not installed, and now is", s.Patch.Name)
	case !orderable || order > 0:
		o.broke(6, "%s goes from %s down to %s", s.Patch.Name, was, to)
	}
}

// offers is a reboot prompt on the screen. When 168 hours have passed since the first, a reboot must have been asked for
// (invariant 5), unless the asset was down or asleep then; in that case it must come as soon as it is back.
func (o *onlooker) offers(id job.OrderID) {
	if o.offer != nil {
		return
	}
	mine := &offer{order: id, at: o.a.w.now}
	o.offer = mine
	const grace = time.Minute // for what a computer does first when it wakes up
	var due func()
	due = func() {
		switch {
		case o.offer != mine || !o.a.up: // a boot comes with the asset
		case o.a.asleep():
			o.a.w.after(o.a.sleep.Sub(o.a.w.now)+grace, due)
		default:
			o.broke(5, "%s was first offered a reboot at %s, and has not rebooted", id, mine.at.Format(time.RFC3339))
		}
	}
	o.a.w.after(reboot.MaxDeferral+grace, due)
}

// reboots looks at a reboot that is asked for (invariant 4).
func (o *onlooker) reboots(id job.OrderID) {
	e := o.of(id)
	boot := o.a.moment().BootID
	if e.reboots++; e.reboots > 1 && e.rebooted != boot {
		o.broke(4, "%s reboots the asset a second time", id)
	}
	e.rebooted = boot
	switch {
	case e.order.Reboot.Suppress:
		o.broke(4, "%s suppresses the reboot, and reboots", id)
	case !e.needs:
		o.broke(4, "%s reboots, and nothing that was deployed needs it", id)
	}
	if o.a.ignored == 0 {
		o.offer = nil
	}
}

// rebooting is the computer going down, whoever caused it (RBT-8).
func (o *onlooker) rebooting() { o.offer = nil }
