package fleet

import (
	"time"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/reboot"
)

func (a *asset) carryOut(order job.OrderID, e execution.Effect) {
	reply := func(after time.Duration, ev func() execution.Event) {
		a.after(after, func() { a.step(agent.ForOrder{Order: order, Event: ev()}) })
	}
	switch e := e.(type) {
	case execution.TakeInventory:
		reply(time.Second, func() execution.Event {
			return execution.InventoryTaken{ID: e.ID, Inventory: a.s.inventories[a.has], Sessions: a.sessions()}
		})
	case execution.Download:
		took := a.rng.between(a.speed/2, a.speed+a.speed/2)
		reply(took, func() execution.Event { return a.download(e) })
	case execution.Preflight:
		reply(time.Second, func() execution.Event { return execution.PreflightDone{ID: e.ID} })
	case execution.Install:
		a.watch.deploys(a, e)
		took := time.Duration(0)
		for range e.Patches {
			took += a.rng.between(30*time.Second, 3*time.Minute)
		}
		reply(took, func() execution.Event { return a.install(e) })
	case execution.Prompt:
		a.prompt(order, e)
	case execution.Reboot:
		a.watch.reboots(a, order)
		a.shutDown()
		life := a.life
		a.at(a.s.now+a.rng.between(40*time.Second, 3*time.Minute), func() {
			if a.life == life {
				a.boot()
			}
		})
	case execution.Discard:
		if e.Index < 0 {
			a.staged = 0
		} else {
			a.staged &^= 1 << a.product(order, e.Index)
		}
	}
}

// product returns the product of an order's patch; 0 for an unknown order.
func (a *asset) product(order job.OrderID, patch int) int {
	for _, x := range a.state.Executions {
		if x.Order.ID == order && patch < len(x.Order.Patches) {
			return a.s.product(x.Order.Patches[patch].Product)
		}
	}
	return 0
}

// download ends a download.
func (a *asset) download(e execution.Download) execution.Event {
	n := a.s.product(e.Patch.Product)
	p := a.s.products[n]
	found := execution.Evidence{Size: 80 << 20, Digests: p.digests, Signature: integrity.Signature{Status: integrity.Absent}}
	if p.signer != "" {
		found.Signature = integrity.Signature{Status: integrity.Valid, Format: integrity.OpenPGP, Signer: p.signer}
	}
	good := true
	switch failing := a.rng.share(a.s.cfg.Failing); {
	case a.away.at(a.s.now):
		return execution.Downloaded{ID: e.ID, Code: job.FileDownloadFailed, Text: "The network is down."}
	case !failing:
	case a.rng.share(700):
		return execution.Downloaded{ID: e.ID, Code: job.FileDownloadFailed, Text: "The connection was closed in the middle."}
	default:
		if p.signer != "" {
			found.Signature = integrity.Signature{Status: integrity.Bad, Format: integrity.OpenPGP, Detail: "the bytes were changed"}
		}
		found.Digests, good = p.damaged, false
	}
	if good {
		a.staged |= 1 << n
	}
	return execution.Downloaded{ID: e.ID, Files: []execution.Evidence{found}}
}

func (a *asset) install(e execution.Install) execution.Event {
	results := make([]execution.InstallResult, len(e.Patches))
	for i, p := range e.Patches {
		results[i].Index = p.Index
		n := a.s.product(p.Patch.Product)
		a.has |= 1 << n
		a.watch.Needs = a.watch.Needs || a.s.products[n].reboot
	}
	return execution.Installed{ID: e.ID, Results: results}
}

// prompt shows a prompt. Half of the users put the reboot off, a third agree.
func (a *asset) prompt(order job.OrderID, e execution.Prompt) {
	if _, ok := e.Kind.(reboot.ShowPrompt); !ok {
		return
	}
	a.watch.Offered(since(a.s.now))
	if a.sessions() != reboot.Active {
		return
	}
	answer := a.rng.n(100)
	if answer >= 80 {
		return
	}
	a.after(a.rng.between(5*time.Second, 4*time.Minute), func() {
		if a.sessions() == reboot.Active {
			a.step(agent.ForOrder{Order: order, Event: execution.PromptAnswered{Later: answer < 50}})
		}
	})
}
