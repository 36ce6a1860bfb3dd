package execution

import (
	"fmt"
	"slices"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
)

// apply leaves out the patches that do not upgrade what is installed (CAT-3).
func (m *machine) apply(inv catalog.Inventory) {
	for i := range m.Patches {
		p, ordered := &m.Patches[i], m.Order.Patches[i]
		switch p.Status {
		case job.Pending:
			p.Code = 0 // a download that did not reach its source is tried again
		case job.Verified:
		default:
			continue
		}
		from, why := inv.Upgrade(ordered.Product, ordered.Name, ordered.Version)
		p.From, p.Now = from, from
		if why.Code.Blocks() {
			if p.Status == job.Verified { // somebody installed it meanwhile
				m.do(Discard{Index: i})
			}
			p.leave(why.Rule, why.Text)
		}
	}
	if m.nothingApplies() {
		m.end(job.NotApplicable)
		if m.Order.RebootPending {
			m.out.Reports[len(m.out.Reports)-1].Text = "No reboot is pending any more, and there is nothing else to do (RBT-11)."
		}
		return
	}
	if m.count(job.Pending) > 0 && m.Missed.IsZero() && !m.windowOver() {
		m.progress(job.Downloading)
	}
	m.downloadNext()
}

// nothingApplies reports whether the order has nothing to do here: no patch
// applies, it has no action, and it reboots for nothing (JOB-2, RBT-11).
func (m *machine) nothingApplies() bool {
	return m.count(job.Inapplicable) == len(m.Patches) && len(m.Order.Pre)+len(m.Order.Post) == 0 && !m.Pending
}

func (m *machine) downloadNext() {
	for i := range m.Patches {
		p, ordered := &m.Patches[i], m.Order.Patches[i]
		switch {
		case p.Status != job.Pending:
		case m.windowOver():
			text := "The patch window ended before its download was complete."
			if p.Tries > 0 {
				text += fmt.Sprintf(" It failed %d times: %s", p.Tries, p.Text)
			}
			p.fail(job.PatchInstallationSkipped, "JOB-10", text)
		case p.Code != 0: // tried, and its source was not reached
		case len(ordered.Files) == 0:
			p.fail(job.PatchURLMissing, "JOB-2", "The order names no file to download.")
		default:
			m.do(Download{ID: m.wait(PhaseDownload), Index: i, Patch: ordered})
			return
		}
	}
	m.preflight()
}

// step judges a patch whose download ended (JOB-2, INT-8).
func (ev Downloaded) step(m *machine) {
	if !m.awaited(ev.ID, PhaseDownload) {
		return
	}
	i := m.downloading()
	p, ordered := &m.Patches[i], m.Order.Patches[i]
	p.Check, p.Digests = nil, nil
	switch {
	case ev.Code == job.FileDownloadFailed: // the patch stays pending until another one is ready to deploy or the time is over
		p.Code, p.Text = job.FileDownloadFailed, ev.Text
		p.Tries++
		if m.Missed.IsZero() {
			m.Missed = m.now.Steady
		}
	case ev.Code != 0:
		p.fail(ev.Code, "JOB-2", ev.Text)
	case len(ev.Files) != len(ordered.Files):
		p.fail(job.UnspecifiedAgentError, "JOB-2", fmt.Sprintf("%d of %d files were downloaded, and no reason was given for the rest.", len(ev.Files), len(ordered.Files)))
	default:
		m.judge(p, ordered, ev)
	}
	if p.Status == job.PatchFailed {
		m.do(Discard{Index: i})
	}
	m.downloadNext()
}

// retry waits to try the failed downloads again: within the window, or without
// one for a day. Not ok: there are none, or the day is over (JOB-27).
func (m *machine) retry() (ok bool) {
	i := slices.IndexFunc(m.Patches, func(p PatchState) bool { return p.Status == job.Pending })
	if i < 0 {
		return false
	}
	p := &m.Patches[i]
	pause := min(downloadPause<<min(p.Tries-1, 6), downloadMaxPause)
	if m.Order.End.IsZero() {
		left := maxMissed - m.now.Steady.Sub(m.Missed)
		if left <= 0 {
			m.giveUp("JOB-27")
			return false
		}
		pause = min(pause, left)
	}
	m.Phase, m.Waiting, m.Until = PhaseDownload, 0, m.now.Steady.Add(pause)
	m.waits()
	return true
}

// waits reports that the execution is retrying, and why.
func (m *machine) waits() {
	for _, p := range m.Patches {
		if p.Status == job.Pending {
			m.report(job.Report{
				At: m.now.UTC, Order: m.Order.ID, Progress: job.Downloading,
				Text: problem.Clip(fmt.Sprintf("waits to try again (failed tries: %d): %s", p.Tries, p.Text), job.MaxOutput),
			})
			return
		}
	}
}

func (m *machine) giveUp(rule string) {
	for i := range m.Patches {
		p := &m.Patches[i]
		if p.Status != job.Pending {
			continue
		}
		text := p.Text
		if p.Tries > 1 {
			text = fmt.Sprintf("It could not be downloaded in %d tries: %s", p.Tries, text)
		}
		p.fail(job.FileDownloadFailed, rule, text)
		m.do(Discard{Index: i})
	}
}

func (m *machine) judge(p *PatchState, ordered job.OrderPatch, ev Downloaded) {
	terms := integrity.Terms{Feed: string(ordered.Feed), Vendor: ordered.Vendor, Product: string(ordered.Product), Order: m.Order.SignerPolicy, Own: m.c.Policy}
	for i, f := range ev.Files {
		terms.Expect = ordered.Files[i].Expect
		verdict := terms.Judge(f.Signature, f.Digests)
		p.Check = &verdict
		if !verdict.Passed {
			p.fail(job.Code(verdict.Code), verdict.Rule, fmt.Sprintf("%s: %s", ordered.Files[i].Name, verdict.Text))
			return
		}
		at := slices.IndexFunc(f.Digests, func(d integrity.Digest) bool { return d.Algorithm == integrity.SHA256 })
		if at < 0 {
			p.fail(job.UnspecifiedAgentError, "INT-6", fmt.Sprintf("%s: the agent computed no SHA-256, which the install needs to check the file again.", ordered.Files[i].Name))
			return
		}
		p.Digests = append(p.Digests, f.Digests[at])
	}
	p.Status, p.Rule, p.Text = job.Verified, p.Check.Rule, p.Check.Text
}

func (m *machine) preflight() {
	if m.nothingLeft() {
		return
	}
	if staged := m.staged(func(int) bool { return true }); len(staged) > 0 {
		m.do(Preflight{ID: m.wait(PhasePreflight), Patches: staged})
		return
	}
	m.ready()
}

// step fails the patches that the platform refuses, and those that
// would install another version than ordered (CAT-3, CAT-7).
func (ev PreflightDone) step(m *machine) {
	if !m.awaited(ev.ID, PhasePreflight) {
		return
	}
	m.RebootRequired = m.RebootRequired || ev.RebootRequired // the downloads may have taken hours
	for _, r := range ev.Results {
		if r.Index < 0 || r.Index >= len(m.Patches) || m.Patches[r.Index].Status != job.Verified {
			continue
		}
		p, ordered := &m.Patches[r.Index], m.Order.Patches[r.Index]
		order, orderable := r.Version.Compare(ordered.Version)
		switch {
		case r.Refused != "":
			p.fail(job.PatchInstallationSkipped, "CAT-5", r.Refused)
		case r.Version.IsZero():
		case !orderable || order < 0 || order > 0 && !ordered.LatestOnly:
			p.fail(job.FileValidationFailed, "CAT-7", fmt.Sprintf("The file contains version %s, and %s was ordered.", r.Version, ordered.Version))
		}
		if p.Status == job.PatchFailed {
			m.do(Discard{Index: r.Index})
		}
	}
	m.ready()
}

// ready decides whether there is anything to deploy, and makes the last call
// (MAN-7).
func (m *machine) ready() {
	if m.nothingLeft() {
		return
	}
	m.giveUp("JOB-2") // the rest goes on
	m.Missed = 0
	if m.count(job.Verified) > 0 {
		m.progress(job.Downloaded)
	}
	if m.Order.NoLastCall {
		m.deploy()
		return
	}
	m.do(LastCall{ID: m.wait(PhaseLastCall)})
}

const windowEnded = "The patch window ended before its installation began."

// nothingLeft ends the execution if failures or the window's end left nothing
// to deploy: no deploy, and no reboot (JOB-2) unless the job reboots for a
// pending one (RBT-2). Before that, failed downloads are retried (JOB-27).
func (m *machine) nothingLeft() bool {
	if m.windowOver() {
		m.skip("JOB-10", windowEnded)
	}
	switch {
	case m.deployable():
		return false
	case m.retry():
		return true
	}
	for i := range m.Patches { // what they need failed
		if p := &m.Patches[i]; p.Status == job.Verified {
			p.fail(job.PatchInstallationSkipped, "JOB-14", fmt.Sprintf("It needs %s, which failed.", m.lacks(i).Patch))
		}
	}
	if m.Pending {
		return false
	}
	m.end(job.Failed)
	return true
}

// deployable reports whether a patch is left to deploy, or none ever applied.
func (m *machine) deployable() bool {
	for i, p := range m.Patches {
		if p.Status == job.Verified && m.lacks(i) == (job.Requirement{}) {
			return true
		}
	}
	return len(m.Patches) == m.count(job.Inapplicable)
}

func (m *machine) count(s job.PatchStatus) int {
	n := 0
	for i := range m.Patches {
		if m.Patches[i].Status == s {
			n++
		}
	}
	return n
}

// staged lists the verified patches for which take is true.
func (m *machine) staged(take func(i int) bool) []Staged {
	var list []Staged
	for i, p := range m.Patches {
		if p.Status == job.Verified && take(i) {
			list = append(list, Staged{Index: i, Patch: m.Order.Patches[i], Digests: p.Digests})
		}
	}
	return list
}
