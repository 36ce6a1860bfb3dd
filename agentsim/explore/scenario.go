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
	"github.com/patchpolicy/patchpolicy/job/execution"
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
	for _, deviation := range t {
		for range deviation.After {
			st = c.apply(st, byDefault)
		}
		m := deviation.move()
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

// world describes the world in the words of package agentsim.
func (w *scenarioWriter) world() string {
	var b strings.Builder
	// a server allows no longer time between check-ins (MAN-3)
	fmt.Fprintf(&b, "clock %s, check-in every %s\n", epoch.Format(time.RFC3339), agentsim.FormatDuration(min(w.Every, 20*time.Minute)))
	for i, u := range upgrades {
		if i < maxPatches || w.Jobs > 1 {
			b.WriteString(w.patch(u) + "\n")
		}
	}
	for _, name := range assetNames[:w.identities()] {
		fmt.Fprintf(&b, "asset %s has a %s, b %s\n", name, levels[1], levels[1])
		if w.Users {
			fmt.Fprintf(&b, "%s logs in\n", name)
		}
		if w.Parked {
			fmt.Fprintf(&b, "%s waits for reboots by hand\n", name)
		}
	}
	for j, t := range w.tasks {
		policy, pending := w.reboots(j)
		fmt.Fprintf(&b, "job %s: %s, assets", t.id, t.list(len(t.patches)))
		for _, name := range assetNames[:w.identities()] {
			fmt.Fprintf(&b, " %s", name)
		}
		fmt.Fprintf(&b, ", once at +%s", agentsim.FormatDuration(t.start.Sub(epoch)))
		for _, c := range []struct {
			is   bool
			text string
		}{
			{w.Window > 0, "window " + agentsim.FormatDuration(w.Window)},
			{w.Action, "first stop"},
			{w.Early, "early download"},
			{policy.Suppress, "suppress reboot"},
			{pending, "reboots for a pending reboot"},
			{policy.Deferrals > 0, fmt.Sprintf("defer %d times for %s", policy.Deferrals, agentsim.FormatDuration(policy.Interval))},
		} {
			if c.is {
				fmt.Fprintf(&b, ", %s", c.text)
			}
		}
		b.WriteByte('\n')
	}
	for _, t := range w.tasks {
		fmt.Fprintf(&b, "enable %s\n", t.id)
	}
	return b.String()
}

func (s *scene) patch(u upgrade) string {
	how := "pinned"
	if s.Latest && u.product == 0 {
		how = "latest only"
	}
	text := fmt.Sprintf("patch %s: %s %s, %s, signed by %s", u.id, product(u.product), levels[u.level], how, vendor)
	if s.needsReboot(u) {
		text += ", needs reboot"
	}
	return text
}

func (t task) list(n int) string {
	text := "patches"
	for _, u := range t.patches[:n] {
		text += " " + string(u.id)
	}
	return text
}

// trapped are the steps before whose commit an agent can crash, likelier first.
var trapped = []string{"download", "preflight", "Downloaded", "install", "action", "inventory", "Completed", "CompletedWithFailures", "Failed", "reboot"}

// sayings are the fixed words of package agentsim for a choice, without a name.
var sayings = map[Choice]string{
	Lose: "loses the next 1 calls", GiveUp: "next 1 calls arrive 1m late", Repeat: "next 1 calls arrive twice", Replay: "is sent a old manifest",
	Crash: "crashes", CrashBefore: "crashes before ", CutOff: "crashes", Boot: "reboots", Fail: "ignores 1 reboots",
	Cancel: "try cancel", Withdraw: "try disable", Enable: "try enable", Delete: "try delete",
	Login: "logs in", Lock: "locks", Logout: "logs out", Later: "user says later", Now: "user says now",
	Halt: "server crashes before commit 1", HaltAfter: "server crashes after commit 1", HaltSecond: "server crashes after commit 2", Sync: "sync",
	Reinstall: "is reinstalled", Restore: "server is put back to +1s",
	Enrol: "is reinstalled", Clone: fmt.Sprintf("%s is cloned as %s", assetNames[0], assetNames[1]), Settle: "try settle " + string(assetNames[0]),
	Unlist: fmt.Sprintf("vendor withdraws %s", upgrades[0].id),
	MoveOn: fmt.Sprintf("vendor serves %s for %s", levels[len(levels)-1], upgrades[0].id),
}

// say returns words of package agentsim for a choice: none, or some to try.
func (s *scene) say(st *state, m move) []string {
	text := sayings[m.choice]
	switch m.choice {
	case Publish:
		text = s.patch(upgrades[maxPatches])
	case End:
		text = fmt.Sprintf("vendor marks %s end of life at +%s", upgrades[0].id, agentsim.FormatDuration(st.now.Sub(epoch)))
	case Edit:
		t := s.tasks[m.of]
		text = fmt.Sprintf("try edit %s: %s", t.id, t.list(len(t.patches)-1))
	case Damage:
		text = fmt.Sprintf("vendor damages %s", st.hosts[m.of].next().(execution.Download).Patch.Patch)
	case Age:
		text = fmt.Sprintf("vendor serves %s for %s", levels[0], st.hosts[m.of].next().(execution.Download).Patch.Patch)
	case Remove:
		return []string{"try remove " + string(s.as(int(m.of)))}
	case Cancel, Withdraw, Enable, Delete:
		text += " " + string(s.tasks[m.of].id)
	case Sleep:
		text = "sleeps for " + agentsim.FormatDuration(s.windowEnd(st.now).Sub(st.now))
	case Lose:
		if st.hosts[m.of].net[0].answer {
			text = "loses the next 1 answers"
		}
	case CutOff, Fail:
		switch e := st.hosts[m.of].next().(type) {
		case execution.Download:
			text = fmt.Sprintf("download of %s fails with %s", e.Patch.Product, job.FileDownloadFailed)
		case execution.Install:
			how := map[Choice]string{CutOff: "crashes the agent", Fail: "fails"}[m.choice]
			text = fmt.Sprintf("installer of %s %s 1 times", e.Patches[0].Patch.Product, how)
		case execution.RunAction:
			if m.choice == Fail {
				text = fmt.Sprintf("action %s exits 1", e.Action.Name)
			}
		}
	}
	if text == "" {
		return nil
	}
	if m.choice.target() == anAsset && !strings.HasPrefix(text, "vendor ") {
		text = string(assetNames[m.of]) + " " + text
	}
	if m.choice != CrashBefore {
		return []string{text}
	}
	var list []string
	for _, step := range trapped {
		list = append(list, text+step)
	}
	return list
}
