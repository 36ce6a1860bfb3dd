package runner

import (
	"context"
	"errors"
	"fmt"

	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/job/runner/internal/staging"
)

// carryOut hands an effect to the goroutine that carries it out.
func (l *loop) carryOut(ctx context.Context, e agent.Effect) {
	switch e := e.(type) {
	case agent.Call:
		l.call(ctx, e)
	case agent.DownloadEarly:
		l.download(e.Order, e.Index, e.Patch, func(execution.Downloaded) { l.send(agent.DownloadedEarly{Order: e.Order, Index: e.Index}) })
	case agent.Execute:
		l.execute(e.Order, e.Effect)
	default:
		l.cfg.Logger.Error("this runner does not know an effect of the agent and skipped it", "kind", fmt.Sprintf("%T", e))
	}
}

func (l *loop) execute(order job.OrderID, e execution.Effect) {
	reply := func(ev execution.Event) { l.send(agent.ForOrder{Order: order, Event: ev}) }
	switch e := e.(type) {
	case execution.TakeInventory:
		l.work.add(task{name: "inventory", run: func(ctx context.Context) { l.takeInventory(ctx, e, reply) }})
	case execution.Download:
		l.download(order, e.Index, e.Patch, func(d execution.Downloaded) { d.ID = e.ID; reply(d) })
	case execution.Preflight:
		l.work.add(task{name: "preflight", run: func(ctx context.Context) { l.preflight(ctx, order, e, reply) }})
	case execution.Install:
		l.work.add(task{name: "install", run: func(ctx context.Context) { l.install(ctx, order, e, reply) }})
	case execution.RunAction:
		l.work.add(task{name: "action", run: func(ctx context.Context) { l.runAction(ctx, e, reply) }})
	case execution.Prompt:
		l.prompt.add(task{name: "prompt", run: func(ctx context.Context) { l.show(ctx, order, e) }})
	case execution.Reboot:
		l.work.add(task{name: "reboot", run: l.reboot})
	case execution.Discard:
		key := staging.Key{Order: order, Index: e.Index}
		fetch := l.fetching(order)
		fetch.cutOff(key)
		fetch.add(task{name: "discard", run: func(context.Context) { l.discard(key) }})
	default:
		l.cfg.Logger.Error("this runner does not know an effect of the execution and skipped it", "kind", fmt.Sprintf("%T", e))
	}
}

func (l *loop) takeInventory(ctx context.Context, e execution.TakeInventory, reply func(execution.Event)) {
	l.platform.Lock()
	bounded, cancel := context.WithTimeout(ctx, inventoryTime)
	defer cancel()
	inv, err := l.askInventory(bounded)
	l.platform.Unlock()
	var status Status
	if err == nil {
		status, err = l.askStatus(ctx)
	}
	l.cfg.Trace("inventory:after")
	switch {
	case err == nil:
		reply(execution.InventoryTaken{ID: e.ID, Inventory: inv, RebootRequired: status.RebootRequired, Sessions: status.Sessions})
	case ctx.Err() == nil:
		reply(execution.InventoryTaken{ID: e.ID, Err: problem.Clip(err.Error(), job.MaxText)})
	}
}

func (l *loop) download(order job.OrderID, index int, p job.OrderPatch, reply func(execution.Downloaded)) {
	key := staging.Key{Order: order, Index: index}
	l.fetching(order).add(task{name: "download", key: key, run: func(ctx context.Context) {
		files, failure := l.stage.Fetch(ctx, key, p)
		l.cfg.Trace("download:after")
		switch {
		case failure == nil:
			reply(execution.Downloaded{Files: files})
		case ctx.Err() == nil:
			text := problem.Printable(failure.Text) // parts of it come from a vendor's server
			l.cfg.Logger.Warn("a download failed", "order", order, "patch", p.Patch, "error", text)
			reply(execution.Downloaded{Files: files, Code: failure.Code, Text: problem.Clip(text, job.MaxText)})
		}
	}})
}

// opened is the result of opening the staged files of an effect's patches
// (INT-6).
type opened struct {
	good []Staged
	bad  []execution.InstallResult // for patches whose files are not the verified ones
}

// open opens the staged files and computes their digests again. The caller
// closes the result.
func (l *loop) open(order job.OrderID, patches []execution.Staged) opened {
	var o opened
	for _, p := range patches {
		files, failure := l.stage.Open(staging.Key{Order: order, Index: p.Index}, p)
		if failure != nil {
			o.bad = append(o.bad, execution.InstallResult{Index: p.Index, Code: failure.Code, Text: problem.Clip(failure.Text, job.MaxText)})
			continue
		}
		o.good = append(o.good, Staged{Index: p.Index, Patch: p.Patch, Files: files})
	}
	return o
}

func (o opened) close() {
	for _, s := range o.good {
		for _, f := range s.Files {
			_ = f.Close() // opened for reading only
		}
	}
}

// preflight returns no result for patches whose files changed: the install that
// follows gives them their code.
func (l *loop) preflight(ctx context.Context, order job.OrderID, e execution.Preflight, reply func(execution.Event)) {
	o := l.open(order, e.Patches)
	defer o.close()
	var results []execution.PreflightResult
	var err error
	if len(o.good) > 0 {
		l.platform.Lock()
		results, err = l.cfg.Platform.Preflight(ctx, o.good)
		l.platform.Unlock()
	}
	l.cfg.Trace("preflight:after")
	if err != nil {
		if ctx.Err() != nil {
			return
		}
		results = nil
		for _, s := range o.good {
			results = append(results, execution.PreflightResult{Index: s.Index, Refused: problem.Clip("the platform could not check whether this patch would install: "+err.Error(), job.MaxText)})
		}
	}
	for i := range results {
		results[i].Refused = problem.Clip(results[i].Refused, job.MaxText)
	}
	status, err := l.askStatus(ctx)
	if err != nil && ctx.Err() == nil {
		l.cfg.Logger.Warn("the platform did not report its status before the deploy stage", "error", err)
	}
	reply(execution.PreflightDone{ID: e.ID, Results: results, RebootRequired: status.RebootRequired})
}

func (l *loop) install(ctx context.Context, order job.OrderID, e execution.Install, reply func(execution.Event)) {
	o := l.open(order, e.Patches)
	defer o.close()
	var results []execution.InstallResult
	if len(o.good) > 0 {
		l.platform.Lock()
		if ctx.Err() != nil { // stopped before anything changed
			l.platform.Unlock()
			return
		}
		got, err := l.cfg.Platform.Install(ctx, o.good, e.Limit)
		l.inventory.Store(nil)
		l.platform.Unlock()
		if err != nil && ctx.Err() != nil {
			l.cfg.Trace("install:after")
			return
		}
		results = settle(o.good, got, err)
	}
	l.cfg.Trace("install:after")
	reply(execution.Installed{ID: e.ID, Results: append(results, o.bad...)})
}

// settle returns exactly one result per patch, in order, whatever the platform
// returned.
func settle(patches []Staged, got []execution.InstallResult, err error) []execution.InstallResult {
	out := make([]execution.InstallResult, 0, len(patches))
	for _, p := range patches {
		r := execution.InstallResult{Index: p.Index, Code: job.UnspecifiedAgentError, Text: "the platform returned no result for this patch; the next inventory decides"}
		if err != nil {
			r.Code, r.Text = job.InstallerFailed, "the installer could not be run: "+err.Error()
		}
		for _, g := range got {
			if g.Index == p.Index {
				r = g
				break
			}
		}
		r.Text = problem.Clip(r.Text, job.MaxText)
		out = append(out, r)
	}
	return out
}

func (l *loop) runAction(ctx context.Context, e execution.RunAction, reply func(execution.Event)) {
	l.platform.Lock()
	exit, output, err := l.cfg.Platform.RunAction(ctx, e.Action)
	l.inventory.Store(nil)
	l.platform.Unlock()
	l.cfg.Trace("action:after")
	switch {
	case err == nil:
		reply(execution.ActionDone{ID: e.ID, Exit: exit, Output: output})
	case ctx.Err() == nil:
		reply(execution.ActionDone{ID: e.ID, Exit: 1, Output: output, Err: problem.Clip(err.Error(), job.MaxText)})
	}
}

// show calls Platform.Prompt. The answer may come at any time until Run ends.
func (l *loop) show(ctx context.Context, order job.OrderID, e execution.Prompt) {
	err := l.cfg.Platform.Prompt(l.life, e, func(later bool) {
		select {
		case l.events <- agent.ForOrder{Order: order, Event: execution.PromptAnswered{Later: later}}:
		case <-l.life.Done():
		}
	})
	l.cfg.Trace("prompt:after")
	if err != nil && ctx.Err() == nil {
		l.cfg.Logger.Warn("the reboot prompt could not be shown; it counts as unanswered (RBT-5)", "order", order, "error", err)
	}
}

func (l *loop) reboot(ctx context.Context) {
	l.platform.Lock()
	err := l.cfg.Platform.Reboot(ctx)
	l.platform.Unlock()
	l.cfg.Trace("reboot:after")
	switch {
	case errors.Is(err, ErrRebootNotAllowed):
		l.cfg.Logger.Warn("this asset needs a reboot", "error", err)
	case err != nil && ctx.Err() == nil:
		l.cfg.Logger.Error("the reboot could not be requested; the agent tries again", "error", err)
	}
}

func (l *loop) discard(key staging.Key) {
	err := l.stage.Discard(key)
	l.cfg.Trace("discard:after")
	if err != nil {
		l.cfg.Logger.Error("staged files could not be deleted", "order", key.Order, "error", err)
	}
}
