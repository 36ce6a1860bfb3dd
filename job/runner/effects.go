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

func (l *loop) carryOut(ctx context.Context, e agent.Effect) {
	switch e := e.(type) {
	case agent.Call:
		l.call(ctx, e)
	case agent.DownloadEarly:
		l.download(e.Order, e.Index, e.Patch, func(execution.Downloaded) agent.Event { return agent.DownloadedEarly{Order: e.Order, Index: e.Index} })
	case agent.Execute:
		l.execute(e.Order, e.Effect)
	default:
		l.cfg.Logger.Error("this runner does not know an effect of the agent and skipped it", "kind", fmt.Sprintf("%T", e))
	}
}

func (l *loop) execute(order job.OrderID, e execution.Effect) {
	work := func(name string, run func(ctx context.Context) execution.Event) {
		l.work.add(task{name: name, run: func(ctx context.Context) agent.Event {
			l.platform.Lock()
			defer l.platform.Unlock()
			if ev := run(ctx); ev != nil {
				return agent.ForOrder{Order: order, Event: ev}
			}
			return nil
		}})
	}
	switch e := e.(type) {
	case execution.TakeInventory:
		work("inventory", func(ctx context.Context) execution.Event { return l.takeInventory(ctx, e) })
	case execution.Download:
		l.download(order, e.Index, e.Patch, func(d execution.Downloaded) agent.Event {
			d.ID = e.ID
			return agent.ForOrder{Order: order, Event: d}
		})
	case execution.Preflight:
		work("preflight", func(ctx context.Context) execution.Event { return l.preflight(ctx, order, e) })
	case execution.Install:
		work("install", func(ctx context.Context) execution.Event { return l.install(ctx, order, e) })
	case execution.RunAction:
		work("action", func(ctx context.Context) execution.Event { return l.runAction(ctx, e) })
	case execution.Prompt:
		l.prompt.add(task{name: "prompt", run: func(ctx context.Context) agent.Event { return l.show(ctx, order, e) }})
	case execution.Reboot:
		work("reboot", l.reboot)
	case execution.Discard:
		key := staging.Key{Order: order, Index: e.Index}
		fetch := l.fetching(order)
		fetch.cutOff(key)
		fetch.add(task{name: "discard", run: func(context.Context) agent.Event {
			if err := l.stage.Discard(key); err != nil {
				l.cfg.Logger.Error("staged files could not be deleted", "order", order, "error", err)
			}
			return nil
		}})
	default:
		l.cfg.Logger.Error("this runner does not know an effect of the execution and skipped it", "kind", fmt.Sprintf("%T", e))
	}
}

func (l *loop) takeInventory(ctx context.Context, e execution.TakeInventory) execution.Event {
	bounded, cancel := context.WithTimeout(ctx, inventoryTime)
	defer cancel()
	inv, err := l.askInventory(bounded)
	var status Status
	if err == nil {
		status, err = l.askStatus(ctx)
	}
	switch {
	case err == nil:
		l.see(status)
		return execution.InventoryTaken{ID: e.ID, Inventory: inv, RebootRequired: status.RebootRequired, Sessions: status.Sessions}
	case ctx.Err() == nil:
		return execution.InventoryTaken{ID: e.ID, Err: problem.Clip(err.Error(), job.MaxText)}
	}
	return nil
}

func (l *loop) download(order job.OrderID, index int, p job.OrderPatch, result func(execution.Downloaded) agent.Event) {
	key := staging.Key{Order: order, Index: index}
	l.fetching(order).add(task{name: "download", key: key, run: func(ctx context.Context) agent.Event {
		files, failure := l.stage.Fetch(ctx, key, p)
		switch {
		case failure == nil:
			return result(execution.Downloaded{Files: files})
		case ctx.Err() == nil:
			text := problem.Printable(failure.Text) // parts of it come from a vendor's server
			l.cfg.Logger.Warn("a download failed", "order", order, "patch", p.Patch, "error", text)
			return result(execution.Downloaded{Files: files, Code: failure.Code, Text: problem.Clip(text, job.MaxText)})
		}
		return nil
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
			o.bad = append(o.bad, execution.InstallResult{Index: p.Index, Code: failure.Code, Text: failure.Text})
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
func (l *loop) preflight(ctx context.Context, order job.OrderID, e execution.Preflight) execution.Event {
	o := l.open(order, e.Patches)
	defer o.close()
	var results []execution.PreflightResult
	if len(o.good) > 0 {
		var err error
		if results, err = l.cfg.Platform.Preflight(ctx, o.good); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			results = nil
			for _, s := range o.good {
				results = append(results, execution.PreflightResult{Index: s.Index, Refused: "the platform could not check whether this patch would install: " + err.Error()})
			}
		}
	}
	for i := range results {
		results[i].Refused = problem.Clip(results[i].Refused, job.MaxText)
	}
	status, err := l.askStatus(ctx)
	if err != nil && ctx.Err() == nil {
		l.cfg.Logger.Warn("the platform did not report its status before the deploy stage", "error", err)
	}
	return execution.PreflightDone{ID: e.ID, Results: results, RebootRequired: status.RebootRequired}
}

func (l *loop) install(ctx context.Context, order job.OrderID, e execution.Install) execution.Event {
	o := l.open(order, e.Patches)
	defer o.close()
	results := o.bad
	if len(o.good) > 0 {
		if ctx.Err() != nil { // stopped before anything changed
			return nil
		}
		got, err := l.cfg.Platform.Install(ctx, o.good, e.Limit)
		l.inventory.Store(nil)
		if err != nil && ctx.Err() != nil {
			return nil
		}
		results = append(results, got...)
		for _, s := range o.good {
			if err != nil { // of several results for a patch, the first counts
				results = append(results, execution.InstallResult{Index: s.Index, Code: job.InstallerFailed, Text: "the installer could not be run: " + err.Error()})
			}
		}
	}
	for i := range results {
		results[i].Text = problem.Clip(results[i].Text, job.MaxText)
	}
	return execution.Installed{ID: e.ID, Results: results}
}

func (l *loop) runAction(ctx context.Context, e execution.RunAction) execution.Event {
	exit, output, err := l.cfg.Platform.RunAction(ctx, e.Action)
	l.inventory.Store(nil)
	switch {
	case err == nil:
		return execution.ActionDone{ID: e.ID, Exit: exit, Output: output}
	case ctx.Err() == nil:
		return execution.ActionDone{ID: e.ID, Exit: 1, Output: output, Err: problem.Clip(err.Error(), job.MaxText)}
	}
	return nil
}

// show calls Platform.Prompt. The answer may come at any time until Run ends.
func (l *loop) show(ctx context.Context, order job.OrderID, e execution.Prompt) agent.Event {
	err := l.cfg.Platform.Prompt(l.life, e, func(answer execution.PromptAnswered) {
		select {
		case l.events <- agent.ForOrder{Order: order, Event: answer}:
		case <-l.life.Done():
		}
	})
	if err != nil && ctx.Err() == nil {
		l.cfg.Logger.Warn("the reboot prompt could not be shown; it counts as unanswered (RBT-5)", "order", order, "error", err)
	}
	return nil
}

func (l *loop) reboot(ctx context.Context) execution.Event {
	err := l.cfg.Platform.Reboot(ctx)
	switch {
	case errors.Is(err, ErrRebootNotAllowed):
		l.cfg.Logger.Warn("this asset needs a reboot", "error", err)
	case err != nil && ctx.Err() == nil:
		l.cfg.Logger.Error("the reboot could not be requested; the agent tries again", "error", err)
	}
	return nil
}
