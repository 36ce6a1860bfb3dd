package agentsim

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/agentsim/watch"
	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/baseline"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/rollout"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// policies are what the server starts with, and jobs name.
type policies struct {
	calendars []schedule.Calendar
	baselines []baseline.Baseline
}

// add puts a calendar or a baseline in the place of one of the same name.
func add[T any](list []T, one T, same func(T) bool) []T {
	return append(slices.DeleteFunc(slices.Clone(list), same), one)
}

var periods = newGrammar("a clause of a calendar", "", []pattern[*schedule.Calendar]{
	{"in ZONE  of its openings", "", func(c *schedule.Calendar, m *match) { c.Zone = m.zone(0) }},
	{"open daily at HH:MM for D", "", func(c *schedule.Calendar, m *match) {
		c.Openings = append(c.Openings, schedule.Opening{When: schedule.Schedule{Kind: schedule.Daily, Time: m.clock(0)}, Length: m.duration(1)})
	}},
	{"open weekly on DAY… at HH:MM for D", "", func(c *schedule.Calendar, m *match) {
		when := schedule.Schedule{Kind: schedule.Weekly, Weekdays: value(m, 0, weekdays), Time: m.clock(1)}
		c.Openings = append(c.Openings, schedule.Opening{When: when, Length: m.duration(2)})
	}},
	{"closed from TIME to TIME", "", func(c *schedule.Calendar, m *match) {
		name := fmt.Sprintf("freeze %d", len(c.Closed)+1)
		c.Closed = append(c.Closed, schedule.Closed{Name: name, Reason: "a scenario", From: m.time(0), Until: m.time(1)})
	}},
	{"override of freeze N until TIME  closed periods are freeze 1, freeze 2 … (CAL-2)", "", func(c *schedule.Calendar, m *match) {
		c.Overrides = append(c.Overrides, schedule.Override{Closed: "freeze " + m.w[0], By: "the administrator", Reason: "a scenario", Until: m.time(1)})
	}},
})

var baselineRules = newGrammar("a clause of a baseline", "", []pattern[*baseline.Baseline]{
	{"approve PATCH…", "", func(b *baseline.Baseline, m *match) { b.Approved = words[catalog.PatchID](m.w[0]) }},
	{"deny PATCH…", "", func(b *baseline.Baseline, m *match) { b.Denied = words[catalog.PatchID](m.w[0]) }},
	{"no bypass  exploitation and deadlines shorten no delay (APR-3)", "", func(b *baseline.Baseline, _ *match) { b.NoBypass = true }},
	{"everything[ CONDITION][ after N days]  rules: the first that holds decides; CONDITION: class C, severity S, product P or exploited",
		`everything(?: (class|severity|product) ([^ ]+)| (exploited))?(?: after ([0-9]+) days)?`, rule},
	{"newest N days old[ or after N days]  of everything: the newest version itself must be that old (APR-2)", "newest ([0-9]+) days old(?: or after ([0-9]+) days)?",
		func(b *baseline.Baseline, m *match) {
			b.Rules = append(b.Rules, baseline.Rule{MinAge: m.number(0), MaxWait: m.number(1)})
		}},
})

func rule(b *baseline.Baseline, m *match) {
	r := baseline.Rule{When: baseline.Condition{Exploited: m.w[2] != ""}, Delay: m.number(3)}
	switch m.w[0] {
	case "class":
		class, err := catalog.ParseClass(m.w[1])
		r.When.Classes, m.err = []catalog.Class{class}, err
	case "severity":
		r.When.MinSeverity, m.err = catalog.ParseSeverity(m.w[1])
	case "product":
		r.When.Products = []string{m.w[1]}
	}
	b.Rules = append(b.Rules, r)
}

// calendar gives the server a calendar, in place of one of the same name. It
// starts again.
func (p *player) calendar(m *match) {
	c := schedule.Calendar{Name: m.w[0]}
	if m.err = periods.applyAll(p, &c, m.w[1]); m.err == nil {
		s := p.w.server
		s.policies.calendars = add(s.policies.calendars, c, func(o schedule.Calendar) bool { return o.Name == c.Name })
		s.ever.calendars = append(s.ever.calendars, c)
		p.startServer(m)
	}
}

// baseline is calendar for a baseline.
func (p *player) baseline(m *match) {
	b := baseline.Baseline{Name: m.w[0]}
	if m.err = baselineRules.applyAll(p, &b, m.w[1]); m.err == nil {
		s := p.w.server
		s.policies.baselines = add(s.policies.baselines, b, func(o baseline.Baseline) bool { return o.Name == b.Name })
		s.ever.baselines = append(s.ever.baselines, b)
		p.startServer(m)
	}
}

// rolloutOf returns the rollout that a job needs for a clause about it.
func rolloutOf(d *job.Definition) *rollout.Policy {
	var p rollout.Policy
	if d.Rollout != nil {
		p = *d.Rollout
	}
	d.Rollout = &p
	return d.Rollout
}

func amount(text string) (a rollout.Amount, err error) {
	if share, is := strings.CutSuffix(text, "%"); is {
		a.Percent, err = number(share)
	} else {
		a.Count, err = number(text)
	}
	return a, err
}

// ring adds a ring to a job's rollout.
func ring(d *job.Definition, m *match) {
	p := rolloutOf(d)
	r := rollout.RingPolicy{
		Name: m.w[0], Tag: m.w[1], Take: value(m, 2, amount), Soak: m.duration(3), Limit: value(m, 6, amount),
		Gate: rollout.Gate{Results: max(m.number(4), 1), Success: m.number(5)},
	}
	p.Rings = append(slices.Clone(p.Rings), r)
}

// steer is an administrator's act on the rollout of a job's run.
func (p *player) steer(m *match) {
	asks(func(c *controller.Controller, m *match, now time.Time) error {
		run, found := p.w.server.rolledRun(job.ID(m.w[1]))
		if !found {
			return fmt.Errorf("job %s has no rollout", m.w[1])
		}
		ctx := controller.As(background, "the administrator")
		switch m.w[0] {
		case "stop":
			return c.StopRollout(ctx, run, "a scenario", now)
		case "resume":
			return c.ResumeRollout(ctx, run, "a scenario", now)
		case "abandon":
			return c.AbandonRollout(ctx, run, "a scenario", now)
		}
		err := c.ExpediteRollout(ctx, run, m.w[2], "a scenario", now)
		if status, unknown := c.Rollout(ctx, run, now); err == nil && unknown == nil {
			ring := slices.IndexFunc(status.Rings, func(r controller.RingStatus) bool { return r.Name == m.w[2] })
			p.w.server.skipped[run] = max(p.w.server.skipped[run], ring)
		}
		return err
	})(p, m)
}

// rolledRun finds the newest run of a job that has a rollout.
func (s *server) rolledRun(id job.ID) (newest job.RunID, found bool) {
	if _, err := s.c.Job(background, id); err != nil {
		return "", false
	}
	for _, r := range s.runs(id) {
		if r.Rollout {
			newest, found = r.ID, true
		}
	}
	return newest, found
}

// rollout returns where the newest rollout of a job is.
func (p *player) rollout(m *match, of string) (s controller.RolloutStatus) {
	run, found := p.w.server.rolledRun(job.ID(of))
	if !found {
		m.err = fmt.Errorf("job %s has no rollout", of)
		return s
	}
	s, m.err = p.w.server.c.Rollout(background, run, p.w.now)
	return s
}

func (p *player) expectRollout(m *match) { m.compare(1, p.rollout(m, m.w[0]).Phase.String()) }

func (p *player) expectAtRisk(m *match) { m.compare(0, strconv.Itoa(p.rollout(m, m.w[1]).AtRisk)) }

func (p *player) expectGate(m *match) {
	s := p.rollout(m, m.w[0])
	m.contains(1, s.Gate.String()+" "+s.Why.Text)
}

// expectRing compares one count of a ring.
func (p *player) expectRing(m *match) {
	for _, r := range p.rollout(m, m.w[1]).Rings {
		if r.Name == m.w[0] {
			counts := map[string]int{
				"waiting": r.Waiting, "granted": r.Granted, "begun": r.Begun, "silent": r.Silent, "verified": r.Verified,
				"failed": r.Failed, "lost": r.Lost, "accepted": r.Accepted, "left": r.Left,
			}
			m.compare(2, strconv.Itoa(counts[m.w[3]]))
			return
		}
	}
	if m.err == nil {
		m.err = fmt.Errorf("the rollout has no ring %s", m.w[0])
	}
}

// watchRollouts shows every rollout to package watch.
func (s *server) watchRollouts() {
	if !s.up || s.restored { // a restored server forgot grants
		return
	}
	for _, id := range slices.Sorted(maps.Keys(s.saved)) {
		if !slices.ContainsFunc(s.saved[id], func(d job.Definition) bool { return d.Rollout != nil }) {
			continue
		}
		status, err := s.c.Job(background, id)
		if err != nil || status.Definition.Rollout == nil {
			continue
		}
		run, found := s.rolledRun(id)
		if !found {
			continue
		}
		at, err := s.c.Rollout(background, run, s.w.now)
		if err != nil || len(at.Rings) != len(status.Definition.Rollout.Rings) {
			continue // it crashed, or the job was edited since
		}
		now := watch.Rolled{Policy: *status.Definition.Rollout, Budget: at.Budget, Skipped: s.skipped[run], At: s.w.now}
		for _, r := range at.Rings {
			now.Rings = append(now.Rings, r.Ring)
		}
		for _, a := range s.w.sorted() {
			if e := a.observer.orders[job.MakeOrderID(run, a.as)]; e != nil && e.AtRisk() {
				now.AtRisk++
			}
		}
		seen, broken := s.seen[run].See(now)
		if s.seen[run] = seen; broken != nil {
			broken.At, broken.Text = s.w.now, "run "+string(run)+": "+broken.Text
			s.w.broken = append(s.w.broken, broken)
			s.w.log("server", "INVARIANT 14 BROKEN: %s", broken.Text)
		}
	}
}
