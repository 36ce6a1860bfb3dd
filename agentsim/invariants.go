package agentsim

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// Broken is an invariant that did not hold. The numbers are those of the doc of package job/agent.
type Broken struct {
	Invariant int
	At        time.Time
	Asset     job.AssetID
	Text      string
}

func (b *Broken) Error() string {
	return fmt.Sprintf("invariant %d broken at %s on %s: %s", b.Invariant, b.At.Format(time.RFC3339), b.Asset, b.Text)
}

func (a *asset) broke(invariant int, format string, args ...any) {
	b := &Broken{Invariant: invariant, At: a.w.now, Asset: a.id, Text: fmt.Sprintf(format, args...)}
	a.w.broken = append(a.w.broken, b)
	a.w.log(string(a.id), "INVARIANT %d BROKEN: %s", invariant, b.Text)
}

// execution is what an onlooker remembers of one order on one asset, without asking the machine.
type execution struct {
	order     job.Order
	received  bool
	started   bool
	deploying bool
	cancelled bool
	withdrawn bool
	final     job.Result
	needs     bool // something that deployed successfully asked for a reboot
	verified  map[int]bool
	begun     map[int]int
	installed map[int]bool
	reboots   int
	boots     map[string]bool
}

func (a *asset) known(id job.OrderID) *execution {
	e, ok := a.told[id]
	if !ok {
		e = &execution{verified: map[int]bool{}, begun: map[int]int{}, installed: map[int]bool{}, boots: map[string]bool{}}
		a.told[id] = e
	}
	for _, x := range a.state.Executions {
		if x.Order.ID == id {
			e.order = x.Order
		}
	}
	return e
}

// checkReport looks at each report as it is committed (invariants 2 and 3, JOB-3, JOB-5).
func (a *asset) checkReport(r job.Report) {
	if r.Order == "" {
		return
	}
	e := a.known(r.Order)
	switch {
	case r.Progress == job.Received:
		if e.withdrawn { // taken back, and handed out once more
			delete(a.told, r.Order)
			e = a.known(r.Order)
		}
		e.received = true
	case r.Progress == job.Started:
		if e.withdrawn {
			a.broke(3, "%s was withdrawn before it started, and starts", r.Order)
		}
		e.started = true
	case r.Progress == job.Deploying:
		e.deploying = true
	case r.Result == job.Cancelled:
		if e.deploying {
			a.broke(2, "%s is reported as cancelled after its deploy stage began", r.Order)
		}
		e.cancelled = true
	case r.Result == job.Withdrawn:
		if e.started {
			a.broke(3, "%s is reported as withdrawn after it started", r.Order)
		}
		e.withdrawn = true
	}
	if final(r.Result) {
		if e.final != 0 && !e.withdrawn {
			a.broke(8, "%s ends twice: %s, then %s", r.Order, e.final, r.Result)
		}
		e.final = r.Result
	}
}

// final reports whether a result is the last word on an order.
func final(r job.Result) bool {
	return r != 0 && r != job.PendingReboot && r != job.PendingVerification
}

// checkState compares two commits (invariants 8 and 9).
func (a *asset) checkState(before agent.State) {
	if a.state.Revision < before.Revision {
		a.broke(9, "the manifest revision falls from %d to %d", before.Revision, a.state.Revision)
	}
	for _, x := range a.state.Executions {
		e := a.known(x.Order.ID)
		for i, p := range x.Patches {
			if p.Status != job.Pending && p.Status != job.PatchFailed && p.Status != job.Inapplicable {
				e.verified[i] = true
			}
		}
	}
	want := job.Sequence(1)
	for i, r := range a.journal {
		if i >= len(a.journal)-4 { // the earlier ones were looked at before
			want = job.Sequence(i + 1)
			if r.Sequence != want {
				a.broke(8, "report %d stands where %d should: one was lost", r.Sequence, want)
			}
		}
	}
}

// checkDownload: nothing verified is fetched again (invariant 8).
func (a *asset) checkDownload(d job.Download) {
	if a.known(d.Order).verified[d.Index] {
		a.broke(8, "%s of %s was verified, and is downloaded again", d.Patch.Patch, d.Order)
	}
}

// checkDeploy looks at what is handed to the installer, by a reading of the integrity rules of its own (invariants 1, 2, 3, 8).
func (a *asset) checkDeploy(id job.OrderID, s job.Staged) {
	e := a.known(id)
	if e.cancelled {
		a.broke(2, "%s was reported as cancelled, and %s is deployed", id, s.Patch.Patch)
	}
	if e.withdrawn {
		a.broke(3, "%s was withdrawn, and %s is deployed", id, s.Patch.Patch)
	}
	if e.begun[s.Index]++; e.begun[s.Index] > job.MaxAttempts {
		a.broke(8, "the install of %s is begun for the %dth time", s.Patch.Patch, e.begun[s.Index])
	}
	if e.reboots > 0 {
		a.broke(4, "%s is installed after the reboot of %s", s.Patch.Patch, id)
	}
	file := a.staged[stagedKey{id, s.Index}]
	if len(file.evidence.Digests) == 0 || !slices.Equal(s.Digests, file.evidence.Digests) {
		a.broke(1, "%s is installed from other bytes than were verified", s.Patch.Patch)
	}
	for _, f := range s.Patch.Files {
		if !passes(f.Expect, file.evidence) {
			a.broke(1, "%s is installed although its signature and checksum do not allow it", s.Patch.Patch)
		}
	}
}

// passes is INT-1 to INT-5 read once more, slowly.
func passes(e integrity.Expectation, found job.Evidence) bool {
	matched := false
	for _, want := range e.Digests {
		for _, have := range found.Digests {
			matched = matched || want == have
		}
	}
	signed := found.Signature.Status == integrity.Valid && (e.Signer == "" || e.Signer == found.Signature.Signer)
	switch {
	case found.Signature.Status != integrity.Absent && !signed, e.Signer != "" && !signed:
		return false
	case e.Strict:
		return signed && matched
	default:
		return signed || matched
	}
}

// checkInstall: versions only rise, and nothing new appears (invariant 6).
func (a *asset) checkInstall(id job.OrderID, s job.Staged, to version.Version) {
	e := a.known(id)
	was, there := a.installed[s.Patch.Product]
	order, orderable := was.Compare(to)
	switch {
	case !there:
		a.broke(6, "%s was not installed, and now is", s.Patch.Name)
	case !orderable || order > 0:
		a.broke(6, "%s goes from %s down to %s", s.Patch.Name, was, to)
	}
	e.installed[s.Index] = true
	f := a.faults[s.Patch.Product]
	e.needs = e.needs || s.Patch.Reboot || f.reboot || f.marks && !a.mark
}

// checkAct: an action changes the asset, so nothing of a cancelled order may run (invariant 2).
func (a *asset) checkAct(act job.Act) {
	e := a.known(act.Order)
	if e.cancelled {
		a.broke(2, "%s was reported as cancelled, and its action %s runs", act.Order, act.Action.Name)
	}
	if exit := a.exits[act.Action.Name]; exit == 10 || exit == 11 {
		e.needs = true
	}
	if e.reboots > 0 {
		a.broke(4, "action %s runs after the reboot of %s", act.Action.Name, act.Order)
	}
}

// checkReboot looks at a reboot that is asked for (invariants 4 and 5).
func (a *asset) checkReboot(id job.OrderID) {
	e := a.known(id)
	e.reboots++
	boot := a.moment().Boot
	if len(e.boots) > 0 && !e.boots[boot] {
		a.broke(4, "%s reboots the asset a second time", id)
	}
	e.boots[boot] = true
	if e.order.Reboot.Suppress {
		a.broke(4, "%s suppresses the reboot, and reboots", id)
	}
	if !e.needs {
		a.broke(4, "%s reboots, and nothing that was deployed needs it", id)
	}
	if !a.offered.IsZero() && a.w.now.Sub(a.offered) > reboot.MaxDeferral {
		a.broke(5, "%s reboots %v after the first offer", id, a.w.now.Sub(a.offered))
	}
	a.offered = time.Time{}
}

// Settle checks what must hold once the agents have called and nothing is under way: every order that was received came to
// a final result, and what the server shows is what the agents' journals say (invariants 10 and 12). Orders that
// wait for a reboot by hand may wait.
func (w *World) Settle() error {
	failed := 0
	for _, a := range w.sorted() {
		patches := map[job.OrderID]map[catalog.PatchID]bool{}
		for _, r := range a.journal {
			for _, p := range r.Patches {
				if final(r.Result) && p.Status == job.PatchFailed && p.Code != job.CodeCancelled {
					if patches[r.Order] == nil {
						patches[r.Order] = map[catalog.PatchID]bool{}
					}
					if !patches[r.Order][p.Patch] {
						patches[r.Order][p.Patch] = true
						failed++
					}
				}
			}
		}
		if len(a.state.Reports) > 0 {
			a.broke(10, "%d reports are not acknowledged", len(a.state.Reports))
		}
		for _, x := range a.state.Executions {
			if !x.Parked() {
				a.broke(10, "%s is still at %s", x.Order.ID, x.Step)
			}
		}
		last := map[job.ID]job.Result{}
		for _, r := range a.journal {
			if r.Result != 0 {
				last[jobOf(r.Order)] = r.Result
			}
		}
		for id, want := range last {
			if row, ok := w.server.row(a.id, id); ok && row.Result != 0 && row.Result != want {
				a.broke(12, "the server shows %s %s; the asset's journal says %s", id, row.Result, want)
			}
		}
	}
	n, err := w.server.c.FailedInstalls(context.Background())
	if err != nil {
		return err
	}
	if n != failed {
		w.broken = append(w.broken, &Broken{Invariant: 12, At: w.now, Text: fmt.Sprintf("the server counts %d failed installs; the journals add up to %d", n, failed)})
	}
	return w.trouble()
}
