package runner

import (
	"cmp"
	"context"

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
		l.see(s)
	})
}

// see hands a status to the loop, unless Run's helpers must stop.
func (l *loop) see(s Status) {
	select {
	case l.seen <- s:
	case <-l.life.Done():
	}
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
		switch {
		case l.life.Err() != nil: // the agent stops
		case e.BootID != l.status.BootID:
			return agent.ForOrder{Order: e.Order.ID, Event: execution.Restarted{BootID: l.status.BootID}}
		case l.fresh && e.Sessions != l.status.Sessions:
			return agent.ForOrder{Order: e.Order.ID, Event: execution.SessionsChanged{Sessions: l.status.Sessions}}
		}
	}
	return nil
}
