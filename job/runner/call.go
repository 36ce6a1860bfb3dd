package runner

import (
	"context"
	"errors"

	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// call checks in on its own goroutine. It cancels an older check-in that still
// runs: the machine waits for the newest only.
func (l *loop) call(ctx context.Context, c agent.Call) {
	if l.cutCall != nil {
		l.cutCall()
	}
	callCtx, cancel := context.WithTimeout(ctx, callTimeout)
	l.cutCall = cancel
	l.helpers.Go(func() {
		defer cancel()
		l.cfg.Trace("call:before")
		answer, err := l.checkIn(callCtx, c.Request)
		l.cfg.Trace("call:after")
		switch {
		case err == nil:
			l.send(agent.CallDone{ID: c.ID, Answer: answer})
		case ctx.Err() == nil && errors.Is(err, manifest.ErrRefused):
			l.cfg.Logger.Warn("the server refuses this agent's calls; nothing starts until it answers again", "error", err)
			l.send(agent.CallRefused{ID: c.ID, Err: problem.Clip(err.Error(), job.MaxText)})
		case ctx.Err() == nil: // otherwise the agent is stopping, which is not a failure of the server
			l.cfg.Logger.Warn("the server did not answer", "error", err)
			l.send(agent.CallFailed{ID: c.ID, Err: problem.Clip(err.Error(), job.MaxText)})
		}
	})
}

// checkIn calls the server, and calls again with the inventory if the server
// wants it. If the second call fails, the first answer counts, except that a
// refusal counts.
func (l *loop) checkIn(ctx context.Context, in manifest.CheckIn) (manifest.Answer, error) {
	in.Zone = l.cfg.Zone()
	if status, err := l.askStatus(ctx); err == nil { // otherwise the next call reports it
		if status.RebootRequired {
			in.Reboot, in.RebootSince = true, status.RebootSince.UTC()
		}
	}
	inv := l.presentInventory(false)
	if inv != nil {
		in.Digest = inv.Digest()
	}
	answer, err := l.ask(ctx, in)
	if err != nil || !answer.WantInventory {
		return answer, err
	}
	if inv == nil {
		if inv = l.presentInventory(true); inv == nil {
			l.cfg.Logger.Warn("the server wants the inventory, but the platform is busy or could not list it; the next check-in tries again")
			return answer, nil
		}
	}
	in.Inventory, in.Digest = inv, inv.Digest()
	second, err := l.ask(ctx, in)
	if errors.Is(err, manifest.ErrRefused) {
		return answer, err
	}
	if err != nil {
		l.cfg.Logger.Warn("the inventory could not be delivered", "error", err)
		return answer, nil
	}
	return second, nil
}

// ask calls the server once. An answer in a later format than this release
// knows is an error (MAN-11).
func (l *loop) ask(ctx context.Context, in manifest.CheckIn) (manifest.Answer, error) {
	answer, err := l.cfg.Server.CheckIn(ctx, in)
	if err == nil {
		err = manifest.CheckFormat("the server's answer", answer.Format, manifest.Format)
	}
	return answer, err
}
