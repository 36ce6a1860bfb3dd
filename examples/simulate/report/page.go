package report

import (
	_ "embed"
	"fmt"
	"html"
	"html/template"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/agentsim/fleet"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/deadline"
)

//go:embed page.html
var pageText string

// pageTemplate writes a page that is self-contained and without scripts. The same
// result gives the same bytes.
var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"list":  func(cells ...any) []any { return cells },
	"half":  func(n int) int { return (n + 1) / 2 },
	"most":  func(n int) int { return n * 99 / 100 },
	"count": count[int], "rate": count[float64], "share": share, "percent": percent,
	"clock": clock, "micros": micros, "size": size[float64], "bytes": size[uint64],
	"events": events, "reached": reached, "longest": longest, "prevented": prevented, "times": times,
	"propagation": propagation, "firstHours": firstHours, "allDays": allDays, "deferral": deferral,
	"stages": fleet.Stages, "causeText": func(c deadline.Cause) string { return causeText[c] }, "stageText": func(s fleet.RolloutStage) string { return stageText[s] }, "stageTable": stageTable,
	"ringTable": ringTable,
}).Parse(pageText))

// causeText are the causes that an overdue asset of a fleet can have (DUE-5).
var causeText = map[deadline.Cause]string{
	deadline.NotReached: "no order has reached it", deadline.PendingReboot: "its reboot is pending", deadline.Failed: "an install failed",
	deadline.HeldBack: "its turn in the rollout has not come", deadline.Cancelled: "the job was cancelled", deadline.NoWindow: "it has not run yet",
}

// reached counts the connected agents that the cancel reached.
func reached(c *fleet.Cancel) (n int) {
	for _, b := range c.Reached {
		n += b.Assets
	}
	return n
}

// longest returns how many installs failed with the most frequent code; zero: none
// failed. An install that a cancel prevented did not fail (RPT-1).
func longest(list []fleet.Failure) (most int) {
	for _, f := range list {
		if f.Code != job.CodeCancelled {
			most = max(most, f.Installs)
		}
	}
	return most
}

// prevented counts the installs that a cancel prevented.
func prevented(list []fleet.Failure) int {
	if i := slices.IndexFunc(list, func(f fleet.Failure) bool { return f.Code == job.CodeCancelled }); i >= 0 {
		return list[i].Installs
	}
	return 0
}

func times(n int) string {
	if n < 3 {
		return []string{"never", "once", "twice"}[n]
	}
	return fmt.Sprintf("%d times", n)
}

func firstHours(r fleet.Result) template.HTML {
	var minutes []tick
	for m := 0.0; m <= 120; m += 15 {
		minutes = append(minutes, tick{m / 60, fmt.Sprintf("%g", m)})
	}
	begin := r.Began.Add(fleet.Enabled)
	return byStage(r, begin, begin.Add(2*time.Hour), "minutes since the job was enabled", minutes)
}

func allDays(r fleet.Result) template.HTML {
	var days []tick
	for d := range r.Days + 1 {
		days = append(days, tick{float64(24 * d), r.Began.AddDate(0, 0, d).Format("Mon")})
	}
	return byStage(r, r.Began, r.Began.AddDate(0, 0, r.Days), "UTC", days)
}

// stageTable counts the assets by stage. Its first row names the times.
func stageTable(r fleet.Result) [][]string {
	head := []string{"Stage"}
	var at []fleet.Rollout
	for _, after := range []time.Duration{0, 15 * time.Minute, time.Hour, 4 * time.Hour, 12 * time.Hour, 24 * time.Hour} {
		i := int((fleet.Enabled + after) / fleet.RolloutStep)
		if i < len(r.Rollout) {
			at = append(at, r.Rollout[i])
			head = append(head, "+"+short(after))
		}
	}
	at = append(at, r.Rollout[len(r.Rollout)-1])
	rows := [][]string{append(head, "end")}
	for _, stage := range fleet.Stages() {
		row := []string{stageText[stage]}
		for _, x := range at {
			row = append(row, count(x.Stages[stage-1]))
		}
		rows = append(rows, row)
	}
	return rows
}

// ringTable shows how many of each ring's assets are up to date and at risk.
// Its first row names the times.
func ringTable(rings []fleet.Ring) [][]string {
	head := []string{"Ring", "First start"}
	var at []int // indices of counts
	for _, after := range []time.Duration{0, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 36 * time.Hour, 48 * time.Hour, 72 * time.Hour, 7 * 24 * time.Hour} {
		if i := int(after / fleet.RingStep); i < len(rings[0].Counts) {
			at, head = append(at, i), append(head, "+"+short(after))
		}
	}
	at, head = append(at, len(rings[0].Counts)-1), append(head, "end")
	rows := [][]string{head}
	for i, r := range rings {
		started := "+" + short(r.First)
		if i > 0 && r.First == 0 {
			started = "never"
		}
		row := []string{r.Name, started}
		for _, n := range at {
			row = append(row, fmt.Sprintf("%s of %s, %s at risk", count(r.Counts[n].Verified), count(r.Counts[n].Waiting+r.Counts[n].AtRisk+r.Counts[n].Verified), count(r.Counts[n].AtRisk)))
		}
		rows = append(rows, row)
	}
	return rows
}

func short(d time.Duration) string {
	if d < time.Hour {
		return fmt.Sprintf("%g min", d.Minutes())
	}
	return fmt.Sprintf("%g h", d.Hours())
}

// Sizes of a chart in its own units. A browser scales them to the page.
const (
	width, height = 760.0, 300.0
	left, right   = 64.0, 16.0
	top, bottom   = 16.0, 46.0
)

// chart is an SVG picture while it is drawn. The vertical axis begins at zero.
type chart struct {
	b            strings.Builder
	low, high    float64 // of the horizontal axis
	most         float64 // of the vertical axis
	plotW, plotH float64
}

func newChart(label string, low, high, most float64) *chart {
	c := &chart{low: low, high: max(high, low+1), most: max(most, 1), plotW: width - left - right, plotH: height - top - bottom}
	fmt.Fprintf(&c.b, `<svg viewBox="0 0 %g %g" role="img" aria-label="%s">`, width, height, html.EscapeString(label))
	return c
}

func (c *chart) x(v float64) float64 { return left + (v-c.low)/(c.high-c.low)*c.plotW }

func (c *chart) y(v float64) float64 { return top + c.plotH - v/c.most*c.plotH }

type tick struct {
	at   float64
	text string
}

func (c *chart) axes(nameX, nameY string, marksX, marksY []tick) {
	for _, t := range marksY {
		y := c.y(t.at)
		fmt.Fprintf(&c.b, `<line class="grid" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`, left, y, width-right, y)
		fmt.Fprintf(&c.b, `<text class="mark" x="%.1f" y="%.1f" text-anchor="end">%s</text>`, left-8, y+4, html.EscapeString(t.text))
	}
	base := c.y(0)
	fmt.Fprintf(&c.b, `<line class="axis" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`, left, base, width-right, base)
	for _, t := range marksX {
		x := c.x(t.at)
		fmt.Fprintf(&c.b, `<line class="axis" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`, x, base, x, base+5)
		fmt.Fprintf(&c.b, `<text class="mark" x="%.1f" y="%.1f" text-anchor="middle">%s</text>`, x, base+19, html.EscapeString(t.text))
	}
	fmt.Fprintf(&c.b, `<text class="name" x="%.1f" y="%.1f" text-anchor="middle">%s</text>`, left+c.plotW/2, height-6, html.EscapeString(nameX))
	fmt.Fprintf(&c.b, `<text class="name" transform="translate(13 %.1f) rotate(-90)" text-anchor="middle">%s</text>`, top+c.plotH/2, html.EscapeString(nameY))
}

// bar draws a vertical bar between two values of the horizontal axis.
func (c *chart) bar(class string, from, to, value float64, title string) {
	x, gap := c.x(from), 1.0
	fmt.Fprintf(&c.b, `<rect class="%s" x="%.2f" y="%.2f" width="%.2f" height="%.2f"><title>%s</title></rect>`,
		class, x+gap/2, c.y(value), max(c.x(to)-x-gap, 0.5), c.y(0)-c.y(value), html.EscapeString(title))
}

// line draws a vertical line with a text in the given row.
func (c *chart) line(class string, at float64, row int, text string) {
	x, y := c.x(at), top+12+float64(row)*16
	anchor, dx := "start", 5.0
	if x > left+c.plotW*0.7 {
		anchor, dx = "end", -5.0
	}
	fmt.Fprintf(&c.b, `<line class="%s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`, class, x, top, x, c.y(0))
	fmt.Fprintf(&c.b, `<text class="note" x="%.1f" y="%.1f" text-anchor="%s">%s</text>`, x+dx, y, anchor, html.EscapeString(text))
}

type point struct{ x, y float64 }

// path is a line through points as SVG path data.
func (c *chart) path(points []point) string {
	var parts []string
	for _, p := range points {
		parts = append(parts, fmt.Sprintf("%.2f %.2f", c.x(p.x), c.y(p.y)))
	}
	return "M" + strings.Join(parts, "L")
}

// area fills the space between two lines.
func (c *chart) area(class, title string, upper, lower []point) {
	outline := slices.Clone(lower)
	slices.Reverse(outline)
	fmt.Fprintf(&c.b, `<path class="%s" d="%sZ"><title>%s</title></path>`, class, c.path(append(slices.Clip(upper), outline...)), html.EscapeString(title))
}

func (c *chart) svg() template.HTML {
	c.b.WriteString("</svg>")
	return template.HTML(c.b.String()) // every text was escaped when it was written
}

// roundMarks returns four to ten marks at round numbers from zero, and the end
// of the axis.
func roundMarks(most float64, text func(float64) string) (marks []tick, end float64) {
	step := 1.0
	for i := 0; most/step > 8; i++ {
		step *= []float64{2, 2.5, 2}[i%3] // 1, 2, 5, 10 …
	}
	for at := 0.0; ; at += step {
		marks = append(marks, tick{at, text(at)})
		if at >= most {
			return marks, at
		}
	}
}

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
var layers = []fleet.RolloutStage{
	fleet.StageDone, fleet.StageFailed, fleet.StageReboot, fleet.StageDeploy, fleet.StageDownload, fleet.StageQueued, fleet.StageNone, fleet.StageCancelled,
}

var stageText = map[fleet.RolloutStage]string{
	fleet.StageNone: "no order yet", fleet.StageQueued: "waits for its start", fleet.StageDownload: "downloads", fleet.StageDeploy: "installs",
	fleet.StageReboot: "waits for its reboot", fleet.StageDone: "up to date", fleet.StageFailed: "failed", fleet.StageCancelled: "cancelled",
}

// byStage draws the assets by stage between two times, stacked.
func byStage(r fleet.Result, from, to time.Time, nameX string, marksX []tick) template.HTML {
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
	fmt.Fprintf(&c.b, `<path class="curve" d="%s"/>`, c.path(points))
	return c.svg()
}
