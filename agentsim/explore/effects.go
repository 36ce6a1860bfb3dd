package explore

import (
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/agentsim/watch"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/execution"
)

type file uint8

// The files that a vendor serves.
const (
	none    file = iota
	good         // as ordered, or newer with a valid signature
	damaged      // its signature is bad
	old          // older than the installed version, with a valid signature
)

// staged is a downloaded file and the version that it contains.
type staged struct {
	file  file
	level level
}

const vendor = "Vendor"

func digest(f file, l level) integrity.Digest { // of a file's bytes
	return integrity.Digest{Algorithm: integrity.SHA256, Sum: strings.Repeat(string("0123"[f])+string("0123"[l]), 32)}
}

func (f staged) evidence() []execution.Evidence {
	signature := integrity.Signature{Status: integrity.Valid, Signer: vendor}
	if f.file == damaged {
		signature = integrity.Signature{Status: integrity.Bad, Detail: "the bytes were changed"}
	}
	return []execution.Evidence{{Digests: []integrity.Digest{digest(f.file, f.level)}, Signature: signature}}
}

// upgradeOf returns a patch of a job by its number.
func upgradeOf(j, patch int) upgrade { return upgrades[j*maxPatches+patch] }

// at returns what is staged of a job's patch, by its index in the order.
func (h *host) at(j, index int) *staged { return &h.staged[max(j, 0)][index%maxPatches] }

// effect carries out the first effect: as ordered, or as Fail, Damage, Age, CutOff
// or CrashBefore says.
func (s *scene) effect(st *state, h *host, how Choice) {
	t := h.todo[0]
	h.todo = h.todo[1:]
	j := max(s.job(t.order), 0)
	reply := func(ev execution.Event) {
		s.step(st, h, agent.ForOrder{Order: t.order, Event: ev}, how == CrashBefore)
	}
	switch e := t.effect.(type) {
	case execution.TakeInventory:
		reply(execution.InventoryTaken{ID: e.ID, Inventory: *s.inventory(h), Sessions: h.sessions})
	case execution.Download:
		if t.early {
			reply = func(execution.Event) {
				s.step(st, h, agent.DownloadedEarly{Order: t.order, Index: e.Index}, how == CrashBefore)
			}
		}
		s.download(st, h, j, e, how, reply)
	case execution.Preflight:
		var results []execution.PreflightResult
		for _, p := range e.Patches {
			results = append(results, execution.PreflightResult{Index: p.Index, Version: s.versions[h.at(j, p.Index).level]})
		}
		reply(execution.PreflightDone{ID: e.ID, Results: results})
	case execution.RunAction:
		st.note(h.watch.orders[j].Touches("runs an action"))
		if how == CutOff {
			s.restart(st, h)
			return
		}
		reply(execution.ActionDone{ID: e.ID, Exit: map[bool]int{true: 1}[how == Fail]})
	case execution.Install:
		s.deploy(st, h, j, e, how, reply)
	case execution.Reboot:
		policy, pending := s.reboots(j)
		order := &h.watch.orders[j]
		order.Needs = order.Needs || pending && h.watch.orders[0].Result == job.PendingReboot
		st.note(order.Reboots(h.boot, policy.Suppress))
		if how != Fail {
			s.reboot(st, h)
		}
	case execution.Discard:
		for i := range maxPatches {
			if e.Index < 0 || e.Index == i {
				*h.at(j, i) = staged{}
			}
		}
	}
}

// download downloads a patch's file, unless it is staged already (JOB-17).
func (s *scene) download(st *state, h *host, j int, e execution.Download, how Choice, reply func(execution.Event)) {
	f := h.at(j, e.Index)
	patch := s.tasks[j].number(e.Patch.Patch)
	switch {
	case f.file != none:
	case how == Fail:
		reply(execution.Downloaded{ID: e.ID, Code: job.FileDownloadFailed, Text: "The download failed."})
		return
	default:
		u := upgradeOf(j, patch)
		switch *f = (staged{good, u.level}); {
		case how == Damage:
			f.file = damaged
		case how == Age:
			*f = staged{old, 0}
		case st.server != nil && st.server.feed.did(MoveOn) && e.Patch.LatestOnly:
			f.level = level(len(levels) - 1)
		}
		st.note(h.watch.orders[j].patches[patch].Downloaded(u.id, f.file == good))
	}
	reply(execution.Downloaded{ID: e.ID, Files: f.evidence()})
}

func (s *scene) deploy(st *state, h *host, j int, e execution.Install, how Choice, reply func(execution.Event)) {
	var results []execution.InstallResult
	order := &h.watch.orders[j]
	for _, p := range e.Patches {
		patch, f := s.tasks[j].number(p.Patch.Patch), *h.at(j, p.Index)
		st.note(order.Deploys(&order.patches[patch], watch.Install{Patch: p.Patch.Patch, Held: order.ran&(1<<patch) != 0,
			Passes: f.file == good || f.file == old && p.Patch.LatestOnly, Same: slices.Contains(p.Digests, digest(f.file, f.level))}))
		result := execution.InstallResult{Index: p.Index}
		switch how {
		case CutOff:
		case Fail:
			result.Code, result.Text = job.InstallerFailed, "The installer failed."
		default:
			u := upgradeOf(j, patch)
			order.Needs = order.Needs || s.needsReboot(u)
			st.note(watch.Installs(string(product(u.product)), s.versions[h.installed[u.product]], s.versions[f.level]))
			h.installed[u.product] = f.level
		}
		results = append(results, result)
	}
	if how == CutOff {
		s.restart(st, h)
		return
	}
	reply(execution.Installed{ID: e.ID, Results: results})
}
