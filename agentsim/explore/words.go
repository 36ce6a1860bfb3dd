package explore

import (
	"fmt"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/agentsim"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/execution"
)

// world says, in the words of package agentsim, what there is.
func (w *scribe) world() string {
	var b strings.Builder
	// a server takes no longer time between check-ins (MAN-3)
	fmt.Fprintf(&b, "clock %s, check-in every %s\n", epoch.Format(time.RFC3339), agentsim.FormatDuration(min(w.Every, 20*time.Minute)))
	for i, u := range upgrades {
		if i < maxPatches || w.Jobs > 1 {
			b.WriteString(w.patch(u) + "\n")
		}
	}
	for _, name := range assetNames[:w.Assets] {
		fmt.Fprintf(&b, "asset %s has a %s, b %s\n", name, levels[1], levels[1])
		if w.Users {
			fmt.Fprintf(&b, "%s logs in\n", name)
		}
		if w.Parked {
			fmt.Fprintf(&b, "%s waits for reboots by hand\n", name)
		}
	}
	for _, t := range w.tasks {
		fmt.Fprintf(&b, "job %s: %s, assets", t.id, t.list(len(t.patches)))
		for _, name := range assetNames[:w.Assets] {
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
			{w.Policy.Suppress, "suppress reboot"},
			{w.Policy.Deferrals > 0, fmt.Sprintf("defer %d times for %s", w.Policy.Deferrals, agentsim.FormatDuration(w.Policy.Interval))},
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

// list names the first patches of a job.
func (t task) list(n int) string {
	text := "patches"
	for _, u := range t.patches[:n] {
		text += " " + string(u.id)
	}
	return text
}

// trapped are the steps at which an agent can be made to crash before its commit, likelier ones first.
var trapped = []string{"download", "preflight", "Downloaded", "install", "action", "inventory", "Completed", "CompletedWithFailures", "Failed", "reboot"}

// say says a choice in the words of package agentsim; several ways, where one of them will do; none, where there are no words.
func (s *scene) say(st *state, m move) []string {
	first := upgrades[0].id
	switch m.choice {
	case Halt:
		return []string{"server crashes before commit 1"}
	case HaltBehind:
		return []string{"server crashes after commit 1"}
	case HaltSecond:
		return []string{"server crashes after commit 2"}
	case Publish:
		return []string{s.patch(upgrades[maxPatches])}
	case End:
		return []string{fmt.Sprintf("vendor marks %s end of life at +%s", first, agentsim.FormatDuration(st.now.Sub(epoch)))}
	case Unlist:
		return []string{fmt.Sprintf("vendor withdraws %s", first)}
	case MoveOn:
		return []string{fmt.Sprintf("vendor serves %s for %s", levels[len(levels)-1], first)}
	case Sync:
		return []string{"sync"}
	}
	if m.choice.target() == aJob {
		t := s.tasks[m.of]
		if m.choice == Edit {
			return []string{fmt.Sprintf("try edit %s: %s", t.id, t.list(len(t.patches)-1))}
		}
		verb := map[Choice]string{Cancel: "cancel", Withdraw: "disable", Enable: "enable", Delete: "delete"}[m.choice]
		return []string{fmt.Sprintf("try %s %s", verb, t.id)}
	}
	var list []string
	for _, deed := range s.deeds(st, st.hosts[m.of], m.choice) {
		if !strings.HasPrefix(deed, "vendor ") {
			deed = string(assetNames[m.of]) + " " + deed
		}
		list = append(list, deed)
	}
	return list
}

// deeds are what an asset does, or a vendor to what it fetches.
func (s *scene) deeds(st *state, h *host, c Choice) []string {
	switch c {
	case Lose:
		if len(h.net) > 0 && h.net[0].answer {
			return []string{"loses the next 1 answers"}
		}
		return []string{"loses the next 1 calls"}
	case CrashBefore:
		var list []string
		for _, step := range trapped {
			list = append(list, "crashes before "+step)
		}
		return list
	case Sleep:
		return []string{"sleeps for " + agentsim.FormatDuration(s.windowEnd(st.now).Sub(st.now))}
	case CutOff, Fail, Damage, Age:
		return spoilt(h.next(), c)
	}
	deed := map[Choice]string{
		GiveUp: "next 1 calls arrive 1m late", Repeat: "next 1 calls arrive twice", Replay: "is sent a old manifest", Crash: "crashes", Boot: "reboots",
		Login: "logs in", Lock: "locks", Logout: "logs out", Later: "user says later", Now: "user says now",
	}[c]
	if deed == "" {
		return nil
	}
	return []string{deed}
}

// spoilt says how an effect fails.
func spoilt(e execution.Effect, c Choice) []string {
	switch e := e.(type) {
	case execution.Download:
		switch c {
		case Fail:
			return []string{fmt.Sprintf("download of %s fails with %s", e.Patch.Product, job.FileDownloadFailed)}
		case Damage:
			return []string{fmt.Sprintf("vendor damages %s", e.Patch.Patch)}
		case Age:
			return []string{fmt.Sprintf("vendor serves %s for %s", levels[0], e.Patch.Patch)}
		}
	case execution.Install:
		if c == Fail {
			return []string{fmt.Sprintf("installer of %s fails 1 times", e.Patches[0].Patch.Product)}
		}
		return []string{fmt.Sprintf("installer of %s crashes the agent 1 times", e.Patches[0].Patch.Product)}
	case execution.RunAction:
		if c == Fail {
			return []string{fmt.Sprintf("action %s exits 1", e.Action.Name)}
		}
		return []string{"crashes"}
	case execution.Reboot:
		return []string{"ignores 1 reboots"}
	}
	return nil
}
