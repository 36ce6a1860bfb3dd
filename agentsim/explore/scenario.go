package explore

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/agentsim"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
)

// scenarioWriter writes a history as a scenario of package agentsim, in which
// calls and effects take time. Each deviation becomes a line. Its time is searched
// around that of the history until the scenario breaks the same invariant.
type scenarioWriter struct {
	*scene
	invariant int
	plays     int // left to try
	points    []point
}

// point is a deviation that a scenario has words for.
type point struct {
	words []string // alternatives
	asset job.AssetID
	steps int // of that asset's agent, before the deviation
}

type said struct {
	at    time.Duration
	words string
}

// scenario returns a scenario that breaks the same invariant with the driver's
// agent and holds with the production agent; empty: none was found.
func (s *scene) scenario(t Trace, broken *Broken) string {
	if s.driver.early || s.driver.ack || s.driver.store != nil { // then the fault is not in the agent
		return ""
	}
	w := &scenarioWriter{scene: s, invariant: broken.Invariant, plays: maxPlays, points: s.points(t)}
	for _, width := range []int{3, 9, 1 << 10} {
		if lines, ok := w.search(0, nil, width); ok {
			return fmt.Sprintf("# Invariant %d breaks: %s.\n# The history is %q of world %s, searched by package agentsim/explore.\n",
				broken.Invariant, strings.TrimSuffix(broken.Text, "."), t, w.Name) + w.world() + w.history(lines)
		}
	}
	return ""
}

// points plays a trace and returns its deviations in words. Turns have no words.
func (s *scene) points(t Trace) (list []point) {
	taken := map[job.AssetID]int{}
	c, err := newScene(s.World, s.driver.counting(func(of job.AssetID, _ time.Time) { taken[of]++ }))
	if err != nil { // it cannot be: the scene exists
		return nil
	}
	st := c.start()
	for _, step := range t {
		for range step.After {
			st = c.apply(st, byDefault)
		}
		m := step.move()
		of := assetNames[0]
		if m.choice.target() == anAsset {
			of = assetNames[m.of]
		}
		if words := c.say(st, m); len(words) > 0 {
			list = append(list, point{words, of, taken[of]})
		}
		st = c.apply(st, m)
	}
	return list
}

// counting returns the driver with a function to call at each step of an agent.
func (d driver) counting(count func(of job.AssetID, at time.Time)) driver {
	do := d.agent()
	d.step = func(c agent.Config, s agent.State, ev agent.Event, at agent.Moment) (agent.State, agent.Out) {
		count(c.Asset, at.Wall)
		return do(c, s, ev, at)
	}
	return d
}

// search places the points from i on, and reports whether the scenario breaks.
func (w *scenarioWriter) search(i int, lines []said, width int) ([]said, bool) {
	if i == len(w.points) {
		return lines, w.breaks(lines)
	}
	at := w.instants(w.points[i], lines)
	for _, words := range w.points[i].words {
		for _, d := range at[:min(width, len(at))] {
			if w.plays <= 0 {
				return nil, false
			}
			if found, ok := w.search(i+1, append(slices.Clip(lines), said{d, words}), width); ok {
				return found, true
			}
		}
	}
	return nil, false
}

// instants lists times for a point: while a call of its agent is under way, while
// the answer is, and while an effect runs. The likeliest come first.
func (w *scenarioWriter) instants(p point, lines []said) []time.Duration {
	var steps []time.Duration
	w.play(lines, w.driver.counting(func(of job.AssetID, at time.Time) {
		if of == p.asset {
			steps = append(steps, at.Sub(epoch))
		}
	}))
	type candidate struct {
		at  time.Duration
		far int
	}
	all := []candidate{{0, p.steps}}
	for i, at := range steps {
		far := max(p.steps-i-1, i+1-p.steps)
		gap := time.Minute
		if i+1 < len(steps) {
			gap = steps[i+1] - at
		}
		for _, d := range []time.Duration{50 * time.Millisecond, 150 * time.Millisecond, min(gap/2, 5*time.Second).Truncate(time.Millisecond)} {
			if d < gap {
				all = append(all, candidate{at + d, far})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b candidate) int { return cmp.Compare(a.far, b.far) })
	var list []time.Duration
	for _, c := range all {
		if !slices.Contains(list, c.at) {
			list = append(list, c.at)
		}
	}
	return list
}

// breaks reports whether a scenario breaks with the driver's agent alone.
func (w *scenarioWriter) breaks(lines []said) bool {
	w.plays--
	broken, ok := errors.AsType[*agentsim.Broken](w.play(lines, w.driver))
	if !ok || broken.Invariant != w.invariant {
		return false
	}
	return w.driver.step == nil || w.play(lines, driver{}) == nil
}

func (w *scenarioWriter) play(lines []said, d driver) error {
	script, err := agentsim.ParseScript("history", w.world()+w.history(lines))
	if err == nil {
		_, err = script.Play(agentsim.Config{Step: d.agent()})
	}
	return err
}

// history returns the lines in order. Every order must end.
func (w *scenarioWriter) history(lines []said) string {
	lines = slices.Clone(lines)
	slices.SortStableFunc(lines, func(a, b said) int { return cmp.Compare(a.at, b.at) })
	end := lead + w.Delay + w.Window + 3*time.Hour
	if w.Reboot {
		end += 9 * 24 * time.Hour
	}
	var b strings.Builder
	for _, l := range lines {
		fmt.Fprintf(&b, "+%-10s %s\n", agentsim.FormatDuration(l.at), l.words)
	}
	fmt.Fprintf(&b, "+%-10s expect settled\n", agentsim.FormatDuration(end))
	return b.String()
}
