package job

import (
	"fmt"
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// The capabilities: what an agent can do that another one cannot, or is told not to. An order names those that it needs
// (Order.Needs), and an agent in each call those that it has; one that names none of either is taken to be of the first
// format and to have them all. A later release that orders something new gives it a name here (MAN-11).
const (
	CanRunActions = "actions" // pre- and post-actions, whatever they run

	// runsAllowed and the SHA-256 of the agent's signer policy: those actions alone that this
	// policy allows (INT-10).
	runsAllowed = "actions-of-policy-"
)

// Capabilities lists what an agent of this release can do if nothing keeps it from it, sorted.
func Capabilities() []string { return []string{CanRunActions} }

// CapabilitiesUnder lists what an agent of this release can do that is held to a signer policy, or
// to none (zero), sorted (INT-10).
func CapabilitiesUnder(policy integrity.Excerpt) []string {
	switch {
	case policy.IsZero():
		return Capabilities()
	case len(policy.Commands) == 0:
		return []string{}
	}
	return []string{runsAllowed + policy.Digest.Sum}
}

// needs lists the capabilities that an order needs, whoever made it, sorted.
func (o Order) needs() []string {
	needs := slices.Clone(o.Needs)
	if len(o.Pre)+len(o.Post) > 0 {
		needs = append(needs, CanRunActions)
	}
	slices.Sort(needs)
	return slices.Compact(needs)
}

// Obstacle is why an agent does not begin an order. The zero Obstacle is none.
type Obstacle struct {
	Rule string `json:"rule,omitempty"`
	Text string `json:"text,omitempty"` // one sentence
	Code Code   `json:"code,omitempty"` // of the order's patches

	// Unsure says that only the agent knows whether there is one: a server lets it decide, an
	// agent does not begin the order.
	Unsure bool `json:"unsure,omitempty"`
}

// Stops reports whether a server does not hand the order out.
func (x Obstacle) Stops() bool { return x.Text != "" && !x.Unsure }

// NotBegun is the obstacle of an order that is not begun for a reason of MAN-11.
func NotBegun(why string) Obstacle {
	return Obstacle{Rule: "MAN-11", Text: why, Code: UnspecifiedAgentError}
}

// Obstacle says why an agent with these capabilities does not begin the order (MAN-11, INT-10).
// Policy is the agent's own signer policy, or on a server the server's, which it need not be.
func (o Order) Obstacle(can []string, policy integrity.Excerpt) (x Obstacle) {
	for _, need := range o.needs() {
		if need != CanRunActions && !slices.Contains(can, need) {
			return NotBegun(LackText(need))
		}
	}
	for _, a := range slices.Concat(o.Pre, o.Post) {
		if x = a.Obstacle(can, policy); x.Text != "" {
			return x
		}
	}
	return x
}

// Obstacle says why an agent does not run the action, as Order.Obstacle does of a whole order
// (INT-10).
func (a Action) Obstacle(can []string, policy integrity.Excerpt) Obstacle {
	x := Obstacle{Rule: "INT-10", Code: PatchInstallationSkipped}
	name, own := problem.Clip(a.Name, maxShown), policy.Digest.Sum
	switch at := slices.IndexFunc(can, func(c string) bool { return strings.HasPrefix(c, runsAllowed) }); {
	case slices.Contains(can, CanRunActions):
		return Obstacle{}
	case at < 0:
		x.Text = fmt.Sprintf("The action %q may not run: the agent runs no actions, as it is told or as its signer policy says.", name)
	case own == "" || can[at] != runsAllowed+own:
		x.Unsure = true
		x.Text = fmt.Sprintf("Whether the action %q may run, the agent decides by its signer policy sha256:%s, which is not known here.", name, can[at][len(runsAllowed):])
	case !policy.Allows(a.Command):
		x.Text = fmt.Sprintf("The action %q may not run: no command of signer policy sha256:%s allows %q.", name, own, problem.Clip(strings.Join(a.Command, " "), maxShown))
	default:
		return Obstacle{}
	}
	return x
}

// maxShown is how many bytes of an action's name and of its command a sentence repeats.
const maxShown = 80

// Refuse is the final report of an agent, or what a server says in its place, on an order that is
// not begun (MAN-11, INT-10).
func (o Order) Refuse(x Obstacle) Report {
	r := Report{Order: o.ID, Result: Failed, Text: problem.Clip(x.Text, MaxText)}
	for _, p := range o.Patches {
		r.Patches = append(r.Patches, PatchOutcome{
			Patch: p.Patch, Name: p.Name, Status: PatchFailed, To: p.Version, Code: x.Code, Rule: x.Rule, Text: problem.Clip(x.Text, maxRefusal),
		})
	}
	return r
}

// maxRefusal is how many bytes of a refusal's reason stand beside each patch: 2,000 of them fit into a report.
const maxRefusal = 200

// LackText says that an agent lacks a capability that an order needs.
func LackText(capability string) string {
	return fmt.Sprintf("The order needs the capability %q, which the agent does not have or is told not to use.", capability)
}

// checkNames checks a list of capabilities.
func checkNames(l *problem.List, field string, names []string) {
	if len(names) > MaxCapabilities {
		l.Add(field, fmt.Sprint(len(names)), "are more than %d", MaxCapabilities)
		return
	}
	for i, name := range names {
		checkID(l, fmt.Sprintf("%s[%d]", field, i), name)
	}
}

// ValidCapabilities says what is wrong with a list of capabilities, known or not. The error is an *Invalid.
func ValidCapabilities(names []string) error {
	var l problem.List
	checkNames(&l, "", names)
	return l.Err("capabilities")
}
