package explore

import (
	"strings"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/execution"
)

// file is what is staged of a patch.
type file uint8

// The files a vendor serves.
const (
	none    file = iota
	good         // as ordered, or rightly signed and newer
	damaged      // its signature does not hold
	old          // rightly signed, of a version before the installed one
)

// staged is a fetched file, and the version it really contains.
type staged struct {
	file  file
	level level
}

const vendor = "Vendor"

// digest is that of the bytes of a file.
func digest(f file, l level) integrity.Digest {
	return integrity.Digest{Algorithm: integrity.SHA256, Sum: strings.Repeat(string("0123"[f])+string("0123"[l]), 32)}
}

func (f staged) evidence() []execution.Evidence {
	signature := integrity.Signature{Status: integrity.Valid, Signer: vendor}
	if f.file == damaged {
		signature = integrity.Signature{Status: integrity.Bad, Detail: "the bytes were changed"}
	}
	return []execution.Evidence{{Digests: []integrity.Digest{digest(f.file, f.level)}, Signature: signature}}
}

// upgradeOf is a patch of a job by its number.
func upgradeOf(j, patch int) upgrade { return upgrades[j*maxPatches+patch] }

// at is what is staged of a job's patch, by its index in the order.
func (h *host) at(j, index int) *staged { return &h.staged[max(j, 0)][index%maxPatches] }

// result is how carrying an effect out goes.
type result uint8

const (
	asOrdered result = iota
	fails            // with a failure code; a reboot does not come
	spoils           // the file is damaged
	ages             // the file is an old one
	breaks           // the agent crashes in the middle, and nothing was done
	outlives         // it is done, and the agent crashes before it can commit that
)

// effect carries out the first effect of the lane.
func (s *scene) effect(st *state, h *host, how result) {
	t := h.lane[0]
	h.lane = h.lane[1:]
	j := max(s.job(t.order), 0)
	reply := func(ev execution.Event) {
		s.step(st, h, agent.ForOrder{Order: t.order, Event: ev}, how == outlives)
	}
	switch e := t.effect.(type) {
	case execution.TakeInventory:
		reply(execution.InventoryTaken{ID: e.ID, Inventory: s.inventories[h.installed], Sessions: h.sessions})
	case execution.Download:
		if t.early {
			reply = func(execution.Event) {
				s.step(st, h, agent.DownloadedEarly{Order: t.order, Index: e.Index}, how == outlives)
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
		if how == breaks {
			s.restart(st, h)
			return
		}
		reply(execution.ActionDone{ID: e.ID, Exit: map[bool]int{true: 1}[how == fails]})
	case execution.Install:
		s.deploy(st, h, j, e, how, reply)
	case execution.Reboot:
		policy, pending := s.reboots(j)
		order := &h.watch.orders[j]
		order.Needs = order.Needs || pending && h.watch.orders[0].Result == job.PendingReboot
		st.note(order.Reboots(h.boot, policy.Suppress))
		if how != fails {
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

// download fetches a patch's file, unless it is staged already (JOB-17).
func (s *scene) download(st *state, h *host, j int, e execution.Download, how result, reply func(execution.Event)) {
	f := h.at(j, e.Index)
	patch := s.tasks[j].number(e.Patch.Patch)
	switch {
	case f.file != none:
	case how == fails:
		reply(execution.Downloaded{ID: e.ID, Code: job.FileDownloadFailed, Text: "The download failed."})
		return
	case how == spoils:
		*f = staged{damaged, upgradeOf(j, patch).level}
		h.downloaded(st, j, patch, *f)
	case how == ages:
		*f = staged{old, 0}
		h.downloaded(st, j, patch, *f)
	default:
		*f = staged{good, upgradeOf(j, patch).level}
		if st.server != nil && st.server.feed.moved && e.Patch.LatestOnly {
			f.level = level(len(levels) - 1)
		}
		h.downloaded(st, j, patch, *f)
	}
	reply(execution.Downloaded{ID: e.ID, Files: f.evidence()})
}

func (s *scene) deploy(st *state, h *host, j int, e execution.Install, how result, reply func(execution.Event)) {
	var results []execution.InstallResult
	for _, p := range e.Patches {
		patch, f := s.tasks[j].number(p.Patch.Patch), *h.at(j, p.Index)
		h.deploys(st, j, patch, p, f)
		result := execution.InstallResult{Index: p.Index}
		switch how {
		case breaks:
		case fails:
			result.Code, result.Text = job.InstallerFailed, "The installer failed."
		default:
			h.deployed(s, st, j, patch, f.level)
			h.installed[upgradeOf(j, patch).product] = f.level
		}
		results = append(results, result)
	}
	if how == breaks {
		s.restart(st, h)
		return
	}
	reply(execution.Installed{ID: e.ID, Results: results})
}
