package runner

import (
	"context"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// watch is what the loop and the goroutine that asks for the status share.
type watch struct {
	wanted chan bool   // whether an execution is under way; the newest value counts
	seen   chan Status // unbuffered
}

// look asks the platform for its status every so often, and at once when an execution comes up.
func (l *loop) look(ctx context.Context) {
	ticker := time.NewTicker(l.cfg.Poll)
	defer ticker.Stop()
	wanted := false
	for {
		select {
		case <-ctx.Done():
			return
		case wanted = <-l.watch.wanted:
		case <-ticker.C:
		}
		if !wanted {
			continue
		}
		s, err := l.cfg.Platform.Status(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return
			}
			l.cfg.Logger.Warn("the platform cannot tell its status; it counts as in use (RBT-9)", "error", err)
			s = Status{Sessions: reboot.Unknown}
		}
		select {
		case <-ctx.Done():
			return
		case l.watch.seen <- s:
		}
	}
}

// attend notes after each step what each execution knows: a new one knows the boot identity from the step that began it, and those that
// ended are forgotten.
func (l *loop) attend() {
	under := map[job.OrderID]Status{}
	for _, e := range l.state.Executions {
		s, known := l.told[e.Order.ID]
		if !known {
			s = Status{BootID: l.status.BootID}
		}
		under[e.Order.ID] = s
	}
	l.told = under
	if wanted := len(under) > 0; wanted != l.wanted {
		l.wanted, l.fresh = wanted, false
		select { // the newest value counts
		case <-l.watch.wanted:
		default:
		}
		l.watch.wanted <- wanted
	}
}

// looked notes a status. A platform that cannot say the boot identity leaves it as it was.
func (l *loop) looked(s Status) {
	if s.BootID == "" {
		s.BootID = l.status.BootID
	}
	if s.BootID != l.status.BootID {
		l.cfg.Logger.Info("a new boot identity was seen", "boot", s.BootID)
	}
	l.status, l.fresh = s, true
}

// unsaid returns the news that an execution does not know yet; nil if there is none.
func (l *loop) unsaid() agent.Event {
	for _, e := range l.state.Executions {
		id := e.Order.ID
		told := l.told[id]
		switch {
		case told.BootID != l.status.BootID:
			told.BootID = l.status.BootID
			l.told[id] = told
			return agent.ForOrder{Order: id, Event: execution.Restarted{BootID: l.status.BootID}}
		case l.fresh && told.Sessions != l.status.Sessions:
			told.Sessions = l.status.Sessions
			l.told[id] = told
			return agent.ForOrder{Order: id, Event: execution.SessionsChanged{Sessions: l.status.Sessions}}
		}
	}
	return nil
}
