package job

import (
	"fmt"
	"slices"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// The capabilities: what an agent can do that another one cannot, or is told not to. An order names those that it needs
// (Order.Needs), and an agent in each call those that it has; one that names none of either is taken to be of the first
// format and to have them all. A later release that orders something new gives it a name here (MAN-11).
const (
	CanRunActions = "actions" // pre- and post-actions
)

// Capabilities lists what an agent of this release can do if nothing keeps it from it, sorted.
func Capabilities() []string { return []string{CanRunActions} }

// needs lists the capabilities that an order needs, whoever made it, sorted.
func (o Order) needs() []string {
	needs := slices.Clone(o.Needs)
	if len(o.Pre)+len(o.Post) > 0 {
		needs = append(needs, CanRunActions)
	}
	slices.Sort(needs)
	return slices.Compact(needs)
}

// Lacks names the first capability that the order needs and that is not in can; empty: there is none.
func (o Order) Lacks(can []string) string {
	for _, need := range o.needs() {
		if !slices.Contains(can, need) {
			return need
		}
	}
	return ""
}

// Refuse is the final report of an agent, or what a server says in its place, on an order that is not started, since
// something in it is not known or cannot be done (MAN-11). Why is one sentence.
func (o Order) Refuse(why string) Report {
	r := Report{Order: o.ID, Result: Failed, Text: problem.Clip(why, MaxText)}
	for _, p := range o.Patches {
		r.Patches = append(r.Patches, PatchOutcome{
			Patch: p.Patch, Name: p.Name, Status: PatchFailed, To: p.Version, Code: UnspecifiedAgentError, Rule: "MAN-11", Text: problem.Clip(why, maxRefusal),
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
