package runner

import (
	"cmp"
	"context"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// look asks the platform for its status if an execution is under way. If it is asked already, and does not answer in time,
// nobody knows who is there.
func (l *loop) look() {
	now := l.cfg.Clock().Up
	switch {
	case len(l.state.Executions) == 0:
		return
	case l.looking:
		if now-l.asked > statusTime {
			l.seeNobodyKnows()
		}
		return
	}
	l.looking, l.asked = true, now
	l.helpers.Go(func() {
		s, err := l.askStatus(l.life)
		if err != nil {
			if l.life.Err() == nil {
				l.cfg.Logger.Warn("the platform cannot tell its status; it counts as in use (RBT-9)", "error", err)
			}
			s = Status{Sessions: reboot.Unknown}
		}
		select {
		case l.seen <- s:
		case <-l.life.Done():
		}
	})
}

// askStatus asks the platform for its status, for a bounded time. What comes later may not be true any more.
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

// seeNobodyKnows notes that the platform cannot say who is logged in (RBT-9). What else it said last still counts.
func (l *loop) seeNobodyKnows() {
	if l.fresh && l.status.Sessions == reboot.Unknown {
		return
	}
	l.cfg.Logger.Warn("the platform does not tell its status; it counts as in use (RBT-9)", "for", statusTime)
	l.status.Sessions, l.fresh = reboot.Unknown, true
}

// attend notes after each step what each execution knows: a new one knows the boot identity from the step that began it, and those that
// ended are forgotten. The platform is looked at as soon as there is one.
func (l *loop) attend() {
	under := map[job.OrderID]Status{}
	for _, e := range l.state.Executions {
		s, known := l.told[e.Order.ID]
		if !known {
			s = Status{BootID: l.status.BootID}
		}
		under[e.Order.ID] = s
	}
	if (len(under) > 0) != (len(l.told) > 0) {
		l.fresh = false
		l.look()
	}
	l.told = under
}

// looked notes a status. A platform that cannot say the boot identity leaves it as it was.
func (l *loop) looked(s Status) {
	s.BootID = cmp.Or(s.BootID, l.status.BootID)
	if s.BootID != l.status.BootID {
		l.cfg.Logger.Info("a new boot identity was seen", "boot", s.BootID)
	}
	l.status, l.fresh, l.looking = s, true, false
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
