package explore

import (
	"github.com/patchpolicy/patchpolicy/internal/enum"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// Choice is what happens next in a world.
type Choice uint8

// The choices. Which of them a state has depends on what is under way, and on
// the rest of the budget.
const (
	Go          Choice = 1 + iota // the default step
	Time                          // time advances to the next wake-up, although something is under way
	Arrive                        // an asset's first message arrives, although it is another asset's turn
	Work                          // an asset's first effect is carried out, although something else comes first
	SecondFirst                   // the second message overtakes the first
	Lose                          // the first message is lost, and the agent notices
	GiveUp                        // the agent gives up its call, which arrives all the same
	Repeat                        // the first message arrives twice
	Replay                        // the first call is answered with the manifest before the newest
	Crash                         // the agent crashes right after its last commit
	CrashBefore                   // the effect is carried out, and the agent crashes before it commits the result
	CutOff                        // the agent crashes in the middle of an installation or an action
	Boot                          // a person reboots the computer
	Sleep                         // the computer sleeps past the end of a window
	Fail                          // the effect fails: a download, an installer, an action, a reboot that does not come
	Damage                        // the vendor serves a file whose signature is bad
	Age                           // the vendor serves an older version with a valid signature
	Edit                          // a job loses its last patch
	Cancel                        // a job is cancelled
	Withdraw                      // a job is disabled
	Enable                        // a job is enabled again
	Delete                        // a job is deleted
	Login                         // a user logs in or unlocks
	Lock                          // the user locks the screen
	Logout                        // the user logs out
	Later                         // the user puts the reboot off
	Now                           // the user reboots now
	Halt                          // the server crashes just before its next commit
	HaltAfter                     // the server crashes right after its next commit, and does not answer
	HaltSecond                    // the server crashes right after its second commit from now
	Publish                       // the vendor publishes a newer version of the first job's first patch
	End                           // the vendor marks that patch as past its end of life
	Unlist                        // the vendor withdraws that patch
	MoveOn                        // the vendor serves a newer version from that patch's address
	Sync                          // the server syncs the vendor's changes now, instead of half an hour later
	Reinstall                     // the agent is reinstalled: its state and files are gone
	Restore                       // the server is restored from a backup of when the jobs were enabled
	Remove                        // the administrator removes an asset
	Enrol                         // a computer enrols under the removed asset's name, with a new key
	Clone                         // the first asset's disk is copied to another computer, which starts
	Settle                        // the administrator decides that one computer alone is the asset
)

var choices = enum.Of[Choice]("choice", "go", "time", "arrive", "work", "second first", "lose", "give up", "repeat", "replay", "crash",
	"crash before commit", "cut off", "boot", "sleep", "fail", "damage", "age", "edit", "cancel", "withdraw", "enable", "delete",
	"login", "lock", "logout", "later", "now", "halt", "halt after commit", "halt after second commit",
	"publish", "end of life", "unlist", "move on", "sync", "reinstall", "restore", "remove", "enrol", "clone", "settle")

// String returns the choice's name.
func (c Choice) String() string { return choices.String(c) }

type target uint8

const (
	world target = iota
	anAsset
	aJob
)

func (c Choice) target() target {
	switch c {
	case Go, Time, Halt, HaltAfter, HaltSecond, Publish, End, Unlist, MoveOn, Sync, Restore, Clone, Settle:
		return world
	case Edit, Cancel, Withdraw, Enable, Delete:
		return aJob
	default:
		return anAsset
	}
}

// move is a choice about an asset or job; of is zero if it is about neither.
type move struct {
	choice Choice
	of     uint8
}

var byDefault = move{choice: Go}

// moves lists what can happen in a state, the default step first.
func (s *scene) moves(st *state) []move {
	list := []move{byDefault}
	for c := Go + 1; choices.Valid(c); c++ {
		n := 1
		switch c.target() {
		case anAsset:
			n = s.Assets
		case aJob:
			n = s.Jobs
		}
		for of := range n {
			if m := (move{c, uint8(of)}); s.possible(st, m) {
				list = append(list, m)
			}
		}
	}
	return list
}

func (s *scene) possible(st *state, m move) bool {
	if b := st.left.of(m.choice); b != nil && *b == 0 {
		return false
	}
	switch m.choice.target() {
	case anAsset:
		return int(m.of) < s.Assets && s.onAsset(st, st.hosts[m.of], m.choice)
	case aJob:
		switch {
		case int(m.of) >= s.Jobs:
			return false
		case st.server != nil:
			return st.server.jobs[m.of].changes(s.tasks[m.of], m.choice)
		}
		return st.model.changes(s, int(m.of), m.choice)
	}
	if m.of > 0 {
		return false
	}
	switch m.choice {
	case Go, Restore:
		return true
	case Time:
		return st.turn(s) >= 0
	case Halt, HaltAfter, HaltSecond:
		return st.server != nil && st.server.fuse == 0
	case Publish, End, Unlist, MoveOn:
		return st.server != nil && !st.server.feed.did(m.choice) && (m.choice != Publish || s.Jobs == 1) && (m.choice != MoveOn || s.Latest)
	case Sync:
		return st.server != nil && !st.server.sync.IsZero()
	case Clone:
		return s.Copy && st.hosts[1].absent
	case Settle:
		return s.Copy && !st.hosts[1].absent
	}
	return false
}

func (s *scene) onAsset(st *state, h *host, c Choice) bool {
	if h.absent {
		return false
	}
	switch c {
	case Remove:
		return st.server != nil && !h.removed
	case Enrol:
		return h.removed
	case Arrive:
		return len(h.net) > 0 && st.turn(s) != h.asset
	case Work: // otherwise it is the default step
		return len(h.todo) > 0 && (len(h.net) > 0 || st.turn(s) != h.asset)
	case SecondFirst:
		return len(h.net) > 1
	case Lose, Repeat:
		return len(h.net) > 0
	case GiveUp:
		return len(h.net) > 0 && !h.net[0].answer && h.net[0].id == h.agent.Calls.Out
	case Replay:
		return len(h.net) > 0 && !h.net[0].answer && h.watch.before.revision > 0
	case Crash, Boot, Reinstall:
		return true
	case CrashBefore: // where no trace is left, it is the same as Crash
		_, boots := h.next().(execution.Reboot)
		return leavesTrace(h.next()) || s.driver.early && !boots
	case CutOff:
		_, downloads := h.next().(execution.Download)
		return leavesTrace(h.next()) && !downloads
	case Sleep:
		return !s.windowEnd(st.now).IsZero()
	case Fail, Damage, Age:
		switch e := h.next().(type) {
		case execution.Download:
			return h.at(s.job(h.todo[0].order), e.Index).file == none
		case execution.Install, execution.RunAction, execution.Reboot:
			return c == Fail
		}
	case Login:
		return h.sessions != reboot.Active
	case Lock:
		return h.sessions == reboot.Active
	case Logout:
		return h.sessions != reboot.Nobody
	case Later, Now:
		return h.prompt && h.sessions == reboot.Active
	}
	return false
}

// leavesTrace reports whether an effect changes the asset.
func leavesTrace(e execution.Effect) bool {
	switch e.(type) {
	case execution.Download, execution.Install, execution.RunAction:
		return true
	}
	return false
}
