package report

import (
	"fmt"
	"html/template"
	"time"

	"github.com/patchpolicy/patchpolicy/agentsim/fleet"
)

func propagation(c *fleet.Cancel) template.HTML {
	most := 0
	for _, b := range c.Reached {
		most = max(most, b.Assets)
	}
	marks, top := roundMarks(float64(most), thousands)
	end := max(c.Bound.Minutes(), float64(len(c.Reached))) + 1
	p := newChart("Agents by the minutes until the cancel reached them", 0, end, top)
	var minutes []tick
	for m := 0.0; m <= end; m += 5 {
		minutes = append(minutes, tick{m, fmt.Sprintf("%g", m)})
	}
	p.axes("minutes after the cancel", "agents", minutes, marks)
	for _, b := range c.Reached {
		if b.Assets > 0 {
			from := b.From.Minutes()
			p.bar("reached", from, from+1, float64(b.Assets), fmt.Sprintf("minute %g to %g: %s agents", from, from+1, count(b.Assets)))
		}
	}
	p.line("quantile", c.Median.Minutes(), 0, "half: "+clock(c.Median))
	p.line("quantile", c.P99.Minutes(), 1, "99 %: "+clock(c.P99))
	p.line("bound", c.Bound.Minutes(), 0, "bound (MAN-3): "+clock(c.Bound))
	return p.svg()
}

// layers are the stages from the bottom up: ended, under way, to come.
var layers = []fleet.Stage{
	fleet.StageDone, fleet.StageFailed, fleet.StageReboot, fleet.StageDeploy, fleet.StageDownload, fleet.StageQueued, fleet.StageNone, fleet.StageCancelled,
}

var stageText = map[fleet.Stage]string{
	fleet.StageNone: "no order yet", fleet.StageQueued: "waits for its start", fleet.StageDownload: "downloads", fleet.StageDeploy: "installs",
	fleet.StageReboot: "waits for its reboot", fleet.StageDone: "up to date", fleet.StageFailed: "failed", fleet.StageCancelled: "cancelled",
}

// rollout draws the assets by stage between two times, stacked.
func rollout(r fleet.Result, from, to time.Time, nameX string, marksX []tick) template.HTML {
	var at []fleet.Rollout
	for _, x := range r.Rollout {
		if !x.At.Before(from) && !x.At.After(to) {
			at = append(at, x)
		}
	}
	hours := func(t time.Time) float64 { return t.Sub(from).Hours() }
	marks, top := roundMarks(float64(r.Agents), thousands)
	c := newChart("Assets by stage, "+nameX, 0, to.Sub(from).Hours(), min(top, float64(r.Agents)*1.04))
	lower := make([]point, len(at))
	for i, x := range at {
		lower[i].x = hours(x.At)
	}
	for _, stage := range layers {
		upper := make([]point, len(at))
		for i, x := range at {
			upper[i] = point{lower[i].x, lower[i].y + float64(x.Stages[stage-1])}
		}
		c.area("stage "+stage.String(), stageText[stage], upper, lower)
		lower = upper
	}
	if top > c.most {
		marks = marks[:len(marks)-1]
	}
	c.axes(nameX, "assets", marksX, marks)
	if r.Cancel != nil && r.Cancel.At.Before(to) {
		c.line("act", hours(r.Cancel.At), 0, "cancelled")
	}
	return c.svg()
}

// deferral draws how many reboots were still missing by the time since they
// were due.
func deferral(r fleet.Reboots) template.HTML {
	last := 0
	for i, b := range r.Waiting {
		if b.Assets > 0 {
			last = i + 1
		}
	}
	shown := r.Waiting[:min(last+1, len(r.Waiting))]
	hours := shown[len(shown)-1].From.Hours()
	c := newChart("Assets that still wait for their reboot, by the time since it was due", 0, hours, 100)
	var marksX, marksY []tick
	for h := 0.0; h <= hours; h++ {
		marksX = append(marksX, tick{h, fmt.Sprintf("%g", h)})
	}
	for p := 0.0; p <= 100; p += 20 {
		marksY = append(marksY, tick{p, fmt.Sprintf("%g %%", p)})
	}
	var points, base []point
	for _, b := range shown {
		x := b.From.Hours()
		points = append(points, point{x, 100 * float64(b.Assets) / float64(max(r.Assets, 1))})
		base = append(base, point{x, 0})
	}
	c.area("waiting", "still waiting", points, base)
	c.axes("hours since the reboot was due", "of the assets that rebooted", marksX, marksY)
	c.curve("curve", points)
	return c.svg()
}
