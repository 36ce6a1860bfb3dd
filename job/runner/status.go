package runner

import (
	"cmp"
	"context"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// look asks the platform for its status if an execution is under way. If an
// earlier call does not answer in time, the sessions are Unknown.
func (l *loop) look() {
	now := l.cfg.Clock().Up
	switch {
	case len(l.state.Executions) == 0:
		return
	case l.looking:
		if now-l.asked > statusTime {
			l.sessionsUnknown()
		}
		return
	}
	l.looking, l.asked = true, now
	l.helpers.Go(func() {
		s, err := l.askStatus(l.life)
		if err != nil {
			if l.life.Err() == nil {
				l.cfg.Logger.Warn("the platform could not report its status; the agent assumes that somebody is logged in (RBT-9)", "error", err)
			}
			s = Status{Sessions: reboot.Unknown}
		}
		select {
		case l.seen <- s:
		case <-l.life.Done():
		}
	})
}

// askStatus asks the platform for its status, for a bounded time. A later
// answer may no longer be true and is dropped.
func (l *loop) askStatus(ctx context.Context) (Status, error) {
	bounded, cancel := context.WithTimeout(ctx, statusTime)
	defer cancel()
	s, err := l.cfg.Platform.Status(bounded)
	if err == nil {
		err = bounded.Err()
	}
	if err != nil {
		return Status{}, err
	}
	s.Sessions = s.Sessions.Known()
	return s, nil
}

// sessionsUnknown notes that the platform cannot say who is logged in (RBT-9).
// The rest of its last status still counts.
func (l *loop) sessionsUnknown() {
	if l.fresh && l.status.Sessions == reboot.Unknown {
		return
	}
	l.cfg.Logger.Warn("the platform did not report its status in time; the agent assumes that somebody is logged in (RBT-9)", "for", statusTime)
	l.status.Sessions, l.fresh = reboot.Unknown, true
}

// attend updates, after each step, what each execution knows. A new execution
// knows the boot identity from the step that began it. The platform is asked as
// soon as there is an execution.
func (l *loop) attend() {
	under := map[job.OrderID]Status{}
	for _, e := range l.state.Executions {
		s, known := l.known[e.Order.ID]
		if !known {
			s = Status{BootID: l.status.BootID}
		}
		under[e.Order.ID] = s
	}
	if (len(under) > 0) != (len(l.known) > 0) {
		l.fresh = false
		l.look()
	}
	l.known = under
}

// looked notes a status. A platform that cannot report the boot identity leaves
// it as it was.
func (l *loop) looked(s Status) {
	s.BootID = cmp.Or(s.BootID, l.status.BootID)
	if s.BootID != l.status.BootID {
		l.cfg.Logger.Info("a new boot identity was seen", "boot", s.BootID)
	}
	l.status, l.fresh, l.looking = s, true, false
}

// news returns an event that an execution does not know yet, or nil.
func (l *loop) news() agent.Event {
	for _, e := range l.state.Executions {
		id := e.Order.ID
		known := l.known[id]
		switch {
		case known.BootID != l.status.BootID:
			known.BootID = l.status.BootID
			l.known[id] = known
			return agent.ForOrder{Order: id, Event: execution.Restarted{BootID: l.status.BootID}}
		case l.fresh && known.Sessions != l.status.Sessions:
			known.Sessions = l.status.Sessions
			l.known[id] = known
			return agent.ForOrder{Order: id, Event: execution.SessionsChanged{Sessions: l.status.Sessions}}
		}
	}
	return nil
}
