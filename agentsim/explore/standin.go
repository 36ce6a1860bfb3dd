package explore

import (
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// standIn is a server reduced to what an agent can see of it: it takes each report once and in order, publishes what the
// administrator's choices say, and takes an order out of the manifest when it has its result.
type standIn struct {
	jobs    [maxJobs]wanted
	ledgers [maxAssets]ledger
}

// wanted is how a job stands.
type wanted struct {
	content   content
	cancelled bool // the run is not enabled again
	deleted   bool // nor is the job
}

// ledger is what the server has of an asset.
type ledger struct {
	revision manifest.Revision
	contents contents
	accepted job.Sequence
	known    [maxJobs]job.Result // zero: nothing final
}

// open enables the jobs, by whatever server the world has.
func (s *scene) open(st *state) {
	if s.Server {
		s.openServer(st)
		return
	}
	for j, t := range s.tasks {
		st.standIn.jobs[j].content = t.all()
		for i := range s.Assets {
			st.standIn.ledgers[i].contents[j] = t.all()
		}
	}
	for i := range s.Assets {
		st.standIn.ledgers[i].revision = 1
	}
}

// changes says whether a change of a job is possible: for an asset that has not ended it, at least.
func (v *standIn) changes(s *scene, j int, c Choice) bool {
	w := v.jobs[j]
	open, again := false, false
	for i := range s.Assets {
		open = open || v.ledgers[i].contents[j].present
		again = again || v.ledgers[i].known[j] == 0 || v.ledgers[i].known[j] == job.Withdrawn
	}
	switch c {
	case Edit:
		return open && w.content == s.tasks[j].all() && len(s.tasks[j].patches) > 1
	case Cancel:
		return open && !w.content.marked
	case Withdraw, Delete:
		return open
	case Enable:
		return again && !w.content.present && !w.cancelled && !w.deleted
	}
	return false
}

func (v *standIn) change(s *scene, j int, c Choice) {
	w := &v.jobs[j]
	switch c {
	case Edit:
		w.content.patches = 1
	case Cancel:
		w.content.marked, w.cancelled = true, true
	case Withdraw, Delete:
		w.content, w.deleted = content{}, c == Delete
	case Enable:
		w.content = s.tasks[j].all()
	}
	for i := range s.Assets {
		l := &v.ledgers[i]
		if c == Enable && l.known[j] == job.Withdrawn {
			l.known[j] = 0
		}
		if ended := l.known[j] != 0 && l.known[j] != job.Withdrawn; !ended && l.contents[j] != w.content {
			l.contents[j] = w.content
			l.revision++
		}
	}
}

// checkIn takes the reports, and sends the manifest if the agent holds a lower one.
func (v *standIn) checkIn(s *scene, st *state, h *host, m message) (answer message, ok bool) {
	l := &v.ledgers[h.asset]
	for _, r := range m.request.Reports {
		switch {
		case r.Sequence <= l.accepted:
			continue
		case r.Sequence > l.accepted+1:
			st.broke(8, "the agent sends report %d; the server has them up to %d", r.Sequence, l.accepted)
			return answer, false
		}
		l.accepted = r.Sequence
		j := s.job(r.Order)
		if !final(r.Result) || j < 0 {
			continue
		}
		l.known[j] = r.Result
		if l.contents[j].present && r.Result != job.Withdrawn {
			l.contents[j] = content{}
			l.revision++
		}
	}
	answer = message{id: m.id, answer: true, ack: l.accepted}
	if m.request.Held < l.revision {
		answer.released = released{l.revision, l.contents}
		sealed, err := s.seal(h.asset, answer.released)
		if err != nil {
			st.broke(9, "the server cannot seal its manifest: %v", err)
			return answer, false
		}
		answer.manifest = sealed
	}
	return answer, true
}

func (v *standIn) settled(s *scene, st *state) bool {
	for i, h := range st.hosts[:s.Assets] {
		l := &v.ledgers[i]
		if h.agent.Revision != l.revision {
			return false
		}
		for j := range s.Jobs {
			if w := &h.watch.orders[j]; w.received && (w.final == 0 && !s.parked(h) || l.known[j] != w.final) {
				return false
			}
		}
	}
	return true
}
