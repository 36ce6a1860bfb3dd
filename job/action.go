package job

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// The capabilities say what an agent can and may do. An order names those that
// it needs ([Order.Needs]). In each call, an agent names those that it has. A
// later release that orders something new adds a name here (MAN-11).
const (
	CanRunActions = "actions"      // pre- and post-actions, whatever they run
	CanAskForSlot = "reboot-slots" // a reboot only with a slot (ROL-7)

	// runsAllowed, followed by the SHA-256 of the agent's signer policy:
	// only the actions that this policy allows (INT-10).
	runsAllowed = "actions-of-policy-"
)

// Capabilities lists everything that an agent of this release can do, sorted.
func Capabilities() []string { return []string{CanRunActions, CanAskForSlot} }

// CapabilitiesUnder lists what an agent of this release may do under a signer
// policy, sorted; the zero policy is none (INT-10).
func CapabilitiesUnder(policy integrity.Excerpt) []string {
	switch {
	case policy.IsZero():
		return Capabilities()
	case len(policy.Commands) == 0:
		return []string{CanAskForSlot}
	}
	return []string{runsAllowed + policy.Digest.Sum, CanAskForSlot}
}

// AlwaysCan adds to what an agent may do what every agent of this release can.
func AlwaysCan(can []string) []string {
	if slices.Contains(can, CanAskForSlot) {
		return can
	}
	return append(slices.Clip(can), CanAskForSlot)
}

// Obstacle is the reason why an agent does not begin an order. The zero
// Obstacle is none.
type Obstacle struct {
	Rule string `json:"rule,omitempty"`
	Text string `json:"text,omitempty"` // one sentence
	Code Code   `json:"code,omitempty"` // of the order's patches

	// Unsure says that only the agent can decide: a server hands the order
	// out, an agent does not begin it.
	Unsure bool `json:"unsure,omitempty"`
}

// Stops reports whether a server must not hand the order out.
func (x Obstacle) Stops() bool { return x.Text != "" && !x.Unsure }

// NotBegun returns the obstacle of an order that this release cannot carry out;
// why is one sentence (MAN-11).
func NotBegun(why string) Obstacle {
	return Obstacle{Rule: "MAN-11", Text: why, Code: UnspecifiedAgentError}
}

// Obstacle says why an agent with these capabilities does not begin the order.
// Policy is the signer policy of the caller: the agent's own, or on a server
// the server's, which the agent may not have (MAN-11, INT-10).
func (o Order) Obstacle(can []string, policy integrity.Excerpt) (x Obstacle) {
	for _, need := range o.Needs {
		if need != CanRunActions && !slices.Contains(can, need) {
			return NotBegun(fmt.Sprintf("The order needs the capability %q, which the agent does not have or may not use.", need))
		}
	}
	for _, a := range slices.Concat(o.Pre, o.Post) {
		if x = a.Obstacle(can, policy); x.Text != "" {
			return x
		}
	}
	return x
}

// Obstacle says why an agent does not run the action, as [Order.Obstacle] does
// for a whole order (INT-10).
func (a Action) Obstacle(can []string, policy integrity.Excerpt) Obstacle {
	x := Obstacle{Rule: "INT-10", Code: PatchInstallationSkipped}
	name, own := problem.Clip(a.Name, maxShown), policy.Digest.Sum
	switch at := slices.IndexFunc(can, func(c string) bool { return strings.HasPrefix(c, runsAllowed) }); {
	case slices.Contains(can, CanRunActions):
		return Obstacle{}
	case at < 0:
		x.Text = fmt.Sprintf("The action %q may not run: the agent runs no actions, because of its settings or its signer policy.", name)
	case own == "" || can[at] != runsAllowed+own:
		x.Unsure = true
		x.Text = fmt.Sprintf("The agent decides whether the action %q may run, by its signer policy sha256:%s, which is not known here.", name, can[at][len(runsAllowed):])
	case !policy.Allows(a.Command):
		x.Text = fmt.Sprintf("The action %q may not run: no command of signer policy sha256:%s allows %q.", name, own, problem.Clip(strings.Join(a.Command, " "), maxShown))
	default:
		return Obstacle{}
	}
	return x
}

// maxShown is how many bytes of an action's name or command a sentence repeats.
const maxShown = 80

// Refuse returns the final report on an order that is not begun. An agent makes
// it, or a server in its place (MAN-11, INT-10).
func (o Order) Refuse(x Obstacle) Report {
	r := Report{Order: o.ID, Result: Failed, Text: problem.Clip(x.Text, MaxText)}
	for _, p := range o.Patches {
		r.Patches = append(r.Patches, PatchOutcome{
			Patch: p.Patch, Name: p.Name, Status: PatchFailed, To: p.Version, Code: x.Code, Rule: x.Rule, Text: problem.Clip(x.Text, maxRefusal),
		})
	}
	return r
}

// maxRefusal is how many bytes of the reason each patch carries: a report has
// room for 2,000 of them.
const maxRefusal = 200

// ValidCapabilities says everything that is wrong with a list of capabilities.
// Unknown ones are allowed. The error is an *Invalid.
func ValidCapabilities(names []string) error {
	var l problem.List
	checkIDs(&l, "", names, MaxCapabilities)
	return l.Err("capabilities")
}

// Action is a command run before or after the patches (JOB-13).
type Action struct {
	Name    string        `json:"name"`
	Command []string      `json:"command"`           // program and arguments: no shell
	Timeout time.Duration `json:"timeout,omitempty"` // zero: 10 min
}

func checkActions(l *problem.List, field string, list []Action) {
	if len(list) > MaxActions {
		l.Add(field, fmt.Sprint(len(list)), "actions are too many; use at most %d", MaxActions)
	}
	for i, a := range list {
		at := fmt.Sprintf("%s[%d]", field, i)
		checkText(l, at+".name", a.Name)
		switch {
		case len(a.Command) == 0 || a.Command[0] == "":
			l.Add(at+".command", "", "is empty; name the program to run")
		case len(a.Command) > MaxArguments:
			l.Add(at+".command", fmt.Sprint(len(a.Command)), "are too many words; use at most %d", MaxArguments)
		}
		for j, word := range a.Command {
			if len(word) > MaxText {
				l.Add(fmt.Sprintf("%s.command[%d]", at, j), word, "is longer than %d bytes", MaxText)
			}
		}
		if a.Timeout < 0 || a.Timeout > MaxActionTime {
			l.Add(at+".timeout", a.Timeout.String(), "is not between zero (%v) and %v", DefaultActionTime, MaxActionTime)
		}
	}
}
