package agentsim

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/execution"
)

// crashPoint crashes an agent once at a step: just before the commit, so that
// the event is lost, or just after, so that no effect is carried out.
type crashPoint struct {
	after bool   // the commit
	step  string // in lower case: a progress step, a result or one of crashEffects
	job   job.ID // empty: any job
	power bool   // the whole computer goes down, and boots again
}

// crashEffects are the effects at which an agent can crash. Progress steps and
// results have names of their own.
var crashEffects = []struct {
	word   string
	effect execution.Effect
}{
	{"inventory", execution.TakeInventory{}}, {"download", execution.Download{}}, {"preflight", execution.Preflight{}}, {"install", execution.Install{}},
	{"action", execution.RunAction{}}, {"prompt", execution.Prompt{}}, {"reboot", execution.Reboot{}},
}

// addCrash adds a crash point: before|after STEP[ of JOB].
func (a *asset) addCrash(m *match, power bool) {
	_, progress := job.ParseProgress(m.w[1])
	_, result := job.ParseResult(m.w[1])
	var words []string
	for _, e := range crashEffects {
		words = append(words, e.word)
	}
	if progress != nil && result != nil && !slices.Contains(words, m.w[1]) {
		m.err = fmt.Errorf("%q is not a step; a step is a progress step or a result such as Deploying or Completed, or one of %s", m.w[1], strings.Join(words, ", "))
		return
	}
	a.crashes = append(slices.Clip(a.crashes), crashPoint{after: m.w[0] == "after", step: strings.ToLower(m.w[1]), job: job.ID(m.w[2]), power: power})
}

// crashesAt crashes the agent if the step is at one of its crash points, and
// reports whether it did.
func (a *asset) crashesAt(committed bool, before, after agent.State, out agent.Out) bool {
	i := slices.IndexFunc(a.crashes, func(c crashPoint) bool { return c.after == committed && c.at(before, after, out) })
	if i < 0 {
		return false
	}
	c, when := a.crashes[i], map[bool]string{false: "before", true: "after"}[committed]
	a.crashes = slices.Delete(slices.Clone(a.crashes), i, i+1)
	if c.power {
		a.log("loses power just %s the commit of %s", when, c.step)
		a.boot(a.took["boot"])
	} else {
		a.log("agent crashes just %s the commit of %s", when, c.step)
		a.crash()
	}
	return true
}

func (c crashPoint) at(before, after agent.State, out agent.Out) bool {
	is := func(of job.OrderID, step string) bool {
		return strings.ToLower(step) == c.step && (c.job == "" || c.job == of.Run().Job())
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
			for _, x := range crashEffects {
				if reflect.TypeOf(e.Effect) == reflect.TypeOf(x.effect) {
					return is(e.Order, x.word)
				}
			}
		}
		return false
	})
}
