package agentsim

import (
	"fmt"
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/execution"
)

// trap crashes an agent at a step, once: just before the step is committed, so that the event is lost, or just after, so
// that nothing the step wants is carried out.
type trap struct {
	after bool   // the commit
	step  string // in lower case: a progress step, a result, or what is to be carried out
	job   job.ID // empty: of any job
	power bool   // the whole computer goes down, and boots again
}

// trapSteps are the words for what is to be carried out; progress steps and results have their own names.
var trapSteps = []string{"inventory", "download", "preflight", "install", "action", "prompt", "reboot"}

// trap sets one: before|after STEP[ of JOB].
func (a *asset) trap(m *match, power bool) {
	_, progress := job.ParseProgress(m.w[1])
	_, result := job.ParseResult(m.w[1])
	if progress != nil && result != nil && !slices.Contains(trapSteps, m.w[1]) {
		m.err = fmt.Errorf("%q is no step; a step is a progress step or a result such as Deploying or Completed, or one of %s", m.w[1], strings.Join(trapSteps, ", "))
		return
	}
	a.traps = append(slices.Clip(a.traps), trap{after: m.w[0] == "after", step: strings.ToLower(m.w[1]), job: job.ID(m.w[2]), power: power})
}

// trapped springs the first trap that the step is in, and reports whether one did.
func (a *asset) trapped(committed bool, before, after agent.State, out agent.Out) bool {
	if len(a.traps) == 0 {
		return false
	}
	for i, t := range a.traps {
		if t.after != committed || !t.in(before, after, out) {
			continue
		}
		a.traps = slices.Delete(slices.Clone(a.traps), i, i+1)
		when := map[bool]string{false: "before", true: "after"}[committed]
		if t.power {
			a.log("loses power just %s the commit of %s", when, t.step)
			a.boot(a.took["boot"])
		} else {
			a.log("agent crashes just %s the commit of %s", when, t.step)
			a.crash()
		}
		return true
	}
	return false
}

func (t trap) in(before, after agent.State, out agent.Out) bool {
	is := func(of job.OrderID, step string) bool {
		return strings.ToLower(step) == t.step && (t.job == "" || t.job == of.Run().Job())
	}
	for _, r := range after.Reports {
		if r.Sequence > before.Sequence && (r.Progress != 0 && is(r.Order, r.Progress.String()) || r.Result != 0 && is(r.Order, r.Result.String())) {
			return true
		}
	}
	return slices.ContainsFunc(out.Effects, func(e agent.Effect) bool {
		switch e := e.(type) {
		case agent.DownloadEarly:
			return is(e.Order, "download")
		case agent.Execute:
			return is(e.Order, effectWord(e.Effect))
		}
		return false
	})
}

func effectWord(e execution.Effect) string {
	switch e.(type) {
	case execution.TakeInventory:
		return "inventory"
	case execution.Download:
		return "download"
	case execution.Preflight:
		return "preflight"
	case execution.Install:
		return "install"
	case execution.RunAction:
		return "action"
	case execution.Prompt:
		return "prompt"
	case execution.Reboot:
		return "reboot"
	}
	return ""
}
