package rollout

import (
	"cmp"
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// Policy says in which order the assets of a run get their orders, and what
// stops it. It belongs to a job. The zero Policy is not valid.
type Policy struct {
	Rings   []RingPolicy  `json:"rings"`             // in order; the last one takes the rest
	Budget  Amount        `json:"budget"`            // assets that may be at risk at once (ROL-3)
	Silence time.Duration `json:"silence,omitempty"` // after which an asset that has not called counts as silent, 1 h to 30 days; zero: 72 h
}

// RingPolicy is one ring. An asset is in the first ring that takes it: by Tag,
// by Take, or as the rest if both are zero (ROL-1).
type RingPolicy struct {
	Name  string        `json:"name"`
	Tag   string        `json:"tag,omitempty"`  // takes the assets that have it
	Take  Amount        `json:"take,omitzero"`  // takes so many of those that are left, chosen by a hash of release and asset
	Limit Amount        `json:"limit,omitzero"` // assets of this ring that may be at risk at once; zero: the budget is the only limit
	Soak  time.Duration `json:"soak,omitempty"` // how long the gate must have had its results, at most 90 days
	Gate  Gate          `json:"gate"`
}

// Gate says when the next ring may start, and after the last ring, when the
// rollout is done (ROL-2).
type Gate struct {
	Results int `json:"results"`           // conclusive results that it wants at least, from 1
	Success int `json:"success,omitempty"` // percent of the granted assets that must have succeeded, 1 to 100; zero: 100
}

// Amount is a number of assets: a count or a share. The zero Amount is none.
type Amount struct {
	Count   int `json:"count,omitempty"`
	Percent int `json:"percent,omitempty"` // of the assets that are selected when the run is made, rounded down, at least one
}

// of returns the number. It is zero only for the zero Amount.
func (a Amount) of(selected int) int {
	if a.Percent > 0 {
		return max(1, selected*a.Percent/100)
	}
	return a.Count
}

// WithDefaults returns the policy with its zero settings replaced by the
// defaults.
func (p Policy) WithDefaults() Policy {
	p.Silence = cmp.Or(p.Silence, defSilence)
	rings := make([]RingPolicy, len(p.Rings))
	for i, r := range p.Rings {
		r.Gate.Success = cmp.Or(r.Gate.Success, 100)
		rings[i] = r
	}
	p.Rings = rings
	return p
}

// silence and bounded move values of a policy that nobody validated into their
// bounds.
func (p Policy) silence() time.Duration {
	return min(max(cmp.Or(p.Silence, defSilence), MinSilence), MaxSilence)
}

func (g Gate) bounded() Gate {
	return Gate{Results: max(g.Results, 1), Success: min(max(cmp.Or(g.Success, 100), 1), 100)}
}

// Validate says everything that is wrong with the policy, after its defaults
// are filled in. The error is an *[Invalid].
func (p Policy) Validate() error {
	p = p.WithDefaults()
	var bad problem.List
	if len(p.Rings) == 0 || len(p.Rings) > MaxRings {
		bad.Add("rings", fmt.Sprint(len(p.Rings)), "must be 1 to %d (ROL-1)", MaxRings)
	}
	if p.Budget == (Amount{}) {
		bad.Add("budget", "", "is missing; give a count or a percent (ROL-3)")
	}
	p.Budget.check(&bad, "budget")
	if p.Silence < MinSilence || p.Silence > MaxSilence {
		bad.Add("silence", p.Silence.String(), "must be %v to %v, or zero for %v (ROL-3)", MinSilence, MaxSilence, defSilence)
	}
	names, tags, percent := map[string]bool{}, map[string]bool{}, 0
	for i, r := range p.Rings {
		at := fmt.Sprintf("rings[%d]", i)
		r.check(&bad, at, i == len(p.Rings)-1)
		if names[r.Name] {
			bad.Add(at+".name", r.Name, "is the name of an earlier ring; choose another")
		}
		if r.Tag != "" && tags[r.Tag] {
			bad.Add(at+".tag", r.Tag, "is the tag of an earlier ring, which takes all these assets; remove one of the two")
		}
		names[r.Name], tags[r.Tag] = true, true
		if percent += r.Take.Percent; r.Take.Percent > 0 && percent >= 100 {
			bad.Add(at+".take.percent", fmt.Sprint(r.Take.Percent), "makes the shares %d percent together, so the last ring gets no asset; use less", percent)
		}
	}
	return bad.Err("rollout")
}

func (r RingPolicy) check(bad *problem.List, at string, last bool) {
	bad.Text(at+".name", r.Name, MaxText)
	bad.Text(at+".tag", r.Tag, MaxText)
	if r.Name == "" {
		bad.Add(at+".name", "", "is missing")
	}
	r.Take.check(bad, at+".take")
	r.Limit.check(bad, at+".limit")
	switch rest := r.rest(); {
	case r.Tag != "" && r.Take != (Amount{}):
		bad.Add(at+".take", "", "cannot be combined with a tag; make two rings of it (ROL-1)")
	case rest && !last:
		bad.Add(at, r.Name, "takes all assets that are left, so the rings after it get none; give it a tag or an amount, or move it to the end (ROL-1)")
	case !rest && last:
		bad.Add(at, r.Name, "is the last ring and must take the rest: remove its tag and its amount, or add a ring after it (ROL-1)")
	}
	if r.Soak < 0 || r.Soak > MaxSoak {
		bad.Add(at+".soak", r.Soak.String(), "must be 0 to %d days", MaxSoak/(24*time.Hour))
	}
	if r.Gate.Results < 1 || r.Gate.Results > MaxCount {
		bad.Add(at+".gate.results", fmt.Sprint(r.Gate.Results), "must be 1 to %d: a gate without results proves nothing (ROL-2)", MaxCount)
	}
	if r.Gate.Success < 1 || r.Gate.Success > 100 {
		bad.Add(at+".gate.success", fmt.Sprint(r.Gate.Success), "must be 1 to 100 percent, or zero for 100 (ROL-2)")
	}
}

func (a Amount) check(bad *problem.List, at string) {
	switch {
	case a.Count != 0 && a.Percent != 0:
		bad.Add(at, "", "has a count and a percent; give one of them (ROL-3)")
	case a.Count < 0 || a.Count > MaxCount:
		bad.Add(at+".count", fmt.Sprint(a.Count), "must be 1 to %d (ROL-3)", MaxCount)
	case a.Percent < 0 || a.Percent > 100:
		bad.Add(at+".percent", fmt.Sprint(a.Percent), "must be 1 to 100 (ROL-3)")
	}
}
