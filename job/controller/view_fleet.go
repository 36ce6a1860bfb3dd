package controller

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
)

// Bounds of what a view over the fleet lists. The counts beside it are of all.
const (
	maxReasons  = 1000 // reasons of a view, the most frequent
	maxExamples = 3    // assets named per reason
)

// FleetPreview is what a job would do on all its assets now, and why (JOB-22).
type FleetPreview struct {
	Outlook
	Acts    int           `json:"acts"`              // assets on which it would do something
	Idle    int           `json:"idle"`              // on which it would do nothing
	Stopped int           `json:"stopped,omitempty"` // whose agents cannot carry it out, or whose zone cannot be used
	Reboots int           `json:"reboots,omitempty"` // that it would reboot for a reboot that is pending (RBT-11)
	Dropped int           `json:"dropped,omitempty"` // patches beyond the cap of JOB-8, over all assets
	Patches []PatchCount  `json:"patches"`           // it would install, on most assets first
	Reasons []ReasonCount `json:"reasons"`           // for what it would leave out, of most assets first
	More    int           `json:"more,omitempty"`    // reasons that are not listed
}

// PatchCount counts the assets on which a patch would be installed.
type PatchCount struct {
	Patch   catalog.PatchID `json:"patch"`
	Name    string          `json:"name"` // the product's
	Version string          `json:"version"`
	Assets  int             `json:"assets"`
}

// ReasonCount counts the assets to which one reason applies.
type ReasonCount struct {
	Patch    catalog.PatchID `json:"patch,omitempty"` // empty: the whole order
	Rule     string          `json:"rule,omitempty"`
	Text     string          `json:"text"`
	Assets   int             `json:"assets"`
	Examples []job.AssetID   `json:"examples"` // the first few by id
}

// reasons counts by patch, rule and text.
type reasons map[[3]string]*ReasonCount

func (m reasons) add(asset job.AssetID, patch catalog.PatchID, rule, text string) {
	k := [3]string{string(patch), rule, text}
	if m[k] == nil {
		m[k] = &ReasonCount{Patch: patch, Rule: rule, Text: text, Examples: []job.AssetID{}}
	}
	m[k].Assets++
	if len(m[k].Examples) < maxExamples {
		m[k].Examples = append(m[k].Examples, asset)
	}
}

// ranked lists the values of a map in an order.
func ranked[K comparable, V any](m map[K]*V, compare func(a, b V) int) []V {
	list := []V{}
	for _, v := range m {
		list = append(list, *v)
	}
	slices.SortFunc(list, compare)
	return list
}

// list returns the most frequent reasons, and how many more there are.
func (m reasons) list() (list []ReasonCount, more int) {
	list = ranked(m, func(a, b ReasonCount) int {
		return cmp.Or(cmp.Compare(b.Assets, a.Assets), cmp.Compare(a.Patch, b.Patch), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Text, b.Text))
	})
	if more = len(list) - maxReasons; more <= 0 {
		return list, 0
	}
	return list[:maxReasons], more
}

// PreviewFleet counts what [Controller.Preview] returns for every asset that a
// saved job selects. Each asset is read by itself, so a change meanwhile shows
// on some assets only. The error is a *NotFoundError for an unknown job.
func (c *Controller) PreviewFleet(ctx context.Context, id job.ID, now time.Time) (p FleetPreview, err error) {
	status, err := c.Job(ctx, id)
	if err != nil {
		return p, err
	}
	outlook, selected, err := c.outlook(ctx, status, now)
	if err != nil {
		return p, err
	}
	p.Outlook = outlook
	patches, why := map[catalog.PatchID]*PatchCount{}, reasons{}
	for _, id := range selected {
		plan, _, err := c.Preview(ctx, status.Definition, id, now)
		if invalid, is := errors.AsType[*job.Invalid](err); is && len(invalid.Problems) > 0 { // its zone, or the schedule
			p.Stopped++
			why.add(id, "", "JOB-9", invalid.Problems[0].Text)
			continue
		}
		if _, is := errors.AsType[*NotFoundError](err); is { // no inventory yet: the outlook counts it
			continue
		}
		if err != nil {
			return p, err
		}
		switch x := plan.Obstacle; {
		case x.Stops():
			p.Stopped++
			why.add(id, "", x.Rule, x.Text)
			plan = job.Plan{LeftOut: plan.LeftOut} // nothing else of it is carried out
		case plan.Empty():
			p.Idle++
		default:
			p.Acts++
		}
		if plan.Reboots {
			p.Reboots++
		}
		p.Dropped += plan.Dropped
		for _, x := range plan.Order.Patches {
			if patches[x.Patch] == nil {
				patches[x.Patch] = &PatchCount{Patch: x.Patch, Name: x.Name, Version: x.Version.String()}
			}
			patches[x.Patch].Assets++
		}
		for _, x := range plan.LeftOut {
			why.add(id, x.Patch, x.Rule, x.Text)
		}
	}
	p.Patches = ranked(patches, func(a, b PatchCount) int {
		return cmp.Or(cmp.Compare(b.Assets, a.Assets), cmp.Compare(a.Patch, b.Patch))
	})
	p.Reasons, p.More = why.list()
	return p, nil
}
