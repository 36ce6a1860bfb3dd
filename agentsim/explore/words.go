package explore

import (
	"fmt"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/agentsim"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/execution"
)

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
