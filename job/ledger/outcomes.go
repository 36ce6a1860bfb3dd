package ledger

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
)

// Outcomes says how the patches and actions of one order ended. It is stored
// apart from the [Entry], because it can be long.
type Outcomes struct {
	LeftOut  []job.PatchOutcome  `json:"leftOut,omitempty"`  // by the server: never ordered, or taken out of the order
	Reported []job.PatchOutcome  `json:"reported,omitempty"` // as the asset last reported them
	Actions  []job.ActionOutcome `json:"actions,omitempty"`  // as the asset last reported them (JOB-13)
	Failed   []Failed            `json:"failed,omitempty"`   // of Reported, sorted by patch: the failed installs (RPT-1)
}

// Failed is a patch whose install failed, and when that was first reported.
type Failed struct {
	Patch catalog.PatchID `json:"patch"`
	At    time.Time       `json:"at"`
}

// Failure is one failed install of one patch (RPT-2).
type Failure struct {
	At    time.Time       `json:"at"` // by the asset's corrected clock, never later than the report's arrival
	Asset job.AssetID     `json:"asset"`
	Job   job.ID          `json:"job"`
	Run   job.RunID       `json:"run"`
	Patch catalog.PatchID `json:"patch"`
	Name  string          `json:"name,omitempty"` // the product's
	From  version.Version `json:"from,omitzero"`
	To    version.Version `json:"to,omitzero"`
	Code  job.Code        `json:"code"`
	Rule  string          `json:"rule,omitempty"`
	Text  string          `json:"text,omitempty"`
}

// Tried reports whether the failure counts toward the number after which a job
// gives up on a patch (JOB-27). It does not count if the install never began,
// or if the agent does not know, or could not verify, what the install did
// (JOB-18).
func (f Failure) Tried() bool {
	unverified := f.Code == job.DeployerProcessCrashed && f.Rule == "JOB-18"
	return f.Code != job.PatchInstallationSkipped && f.Code != job.UnspecifiedAgentError && !unverified
}

// LeaveOut replaces what the server left out of the order, at most
// job.MaxPatches outcomes.
func (o Outcomes) LeaveOut(left []job.PatchOutcome) Outcomes {
	o.LeftOut = clipped(o.unreported(left[:min(len(left), job.MaxPatches)]))
	return o
}

// unreported returns the outcomes of patches that the asset did not report on.
// A patch can be taken out of an order that has begun; then the asset's report
// counts.
func (o Outcomes) unreported(list []job.PatchOutcome) []job.PatchOutcome {
	return slices.DeleteFunc(slices.Clone(list), func(l job.PatchOutcome) bool {
		return slices.ContainsFunc(o.Reported, func(p job.PatchOutcome) bool { return p.Patch == l.Patch })
	})
}

// Report replaces what the asset reported. A patch counts as failed once,
// however often it is reported, and no longer if a later report says otherwise
// (RPT-1).
func (o Outcomes) Report(patches []job.PatchOutcome, at time.Time) Outcomes {
	o.Reported = clipped(patches)
	o.LeftOut = o.unreported(o.LeftOut)
	before := o.Failed
	o.Failed = nil
	for _, p := range o.Reported {
		if !p.FailedInstall() {
			continue
		}
		f := Failed{p.Patch, at}
		if i, had := slices.BinarySearchFunc(before, f, byPatch); had {
			f = before[i]
		}
		o.Failed = append(o.Failed, f)
	}
	slices.SortFunc(o.Failed, byPatch)
	return o
}

// Ran replaces what the asset reported about its actions, cut to the bounds of
// an order.
func (o Outcomes) Ran(actions []job.ActionOutcome) Outcomes {
	o.Actions = slices.Clone(actions[:min(len(actions), 2*job.MaxActions)])
	for i := range o.Actions {
		a := &o.Actions[i]
		a.Name, a.Text = problem.Clip(a.Name, MaxName), problem.Tail(a.Text, job.MaxOutput)
	}
	return o
}

func byPatch(a, b Failed) int { return cmp.Compare(a.Patch, b.Patch) }

// Index returns the failed installs of the order: the rows of the account's
// list, whose length is the number of RPT-1. They depend on the outcomes only,
// and nothing else may write them.
func (o Outcomes) Index(run job.RunID, asset job.AssetID) []Failure {
	rows := make([]Failure, 0, len(o.Failed))
	for _, p := range o.Reported {
		if i, is := slices.BinarySearchFunc(o.Failed, Failed{Patch: p.Patch}, byPatch); is {
			rows = append(rows, Failure{
				At: o.Failed[i].At, Asset: asset, Job: run.Job(), Run: run, Patch: p.Patch, Name: p.Name,
				From: p.From, To: p.To, Code: p.Code, Rule: p.Rule, Text: p.Text,
			})
		}
	}
	return rows
}

// badOutcome says what makes no sense in the patches of a report; empty:
// nothing.
func badOutcome(patches []job.PatchOutcome) string {
	seen := make(map[catalog.PatchID]bool, len(patches))
	for _, p := range patches {
		if p.Patch == "" || seen[p.Patch] || p.Status == 0 || !known(p.Status) {
			return fmt.Sprintf("it names patch %q twice, or says something unknown of it", problem.Clip(string(p.Patch), MaxName))
		}
		seen[p.Patch] = true
	}
	return ""
}

// clipped cuts the texts of outcomes so that all fit into one record: the
// longest first, and each to MaxText at most.
func clipped(list []job.PatchOutcome) []job.PatchOutcome {
	const maxRule, least = 32, 8
	out := slices.Clone(list)
	for i := range out {
		p := &out[i]
		p.Rule = problem.Clip(p.Rule, maxRule)
		if p.Check != nil {
			check := *p.Check
			check.Rule = problem.Clip(check.Rule, maxRule)
			p.Check = &check
		}
	}
	for most, size := MaxText, maxOutcomes+1; size > maxOutcomes && most >= least; most /= 2 {
		size = 0
		for i := range out {
			p := &out[i]
			texts := []*string{&p.Name, &p.Text}
			if c := p.Check; c != nil {
				texts = append(texts, &c.Text, &c.Clause, &c.Signature.Signer, &c.Signature.Detail)
			}
			for _, text := range texts {
				*text = problem.Clip(*text, most)
				size += len(*text)
			}
		}
	}
	return out
}
