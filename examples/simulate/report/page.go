package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"time"

	"github.com/patchpolicy/patchpolicy/agentsim/fleet"
	"github.com/patchpolicy/patchpolicy/job"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

type page struct {
	Title             string
	Lead              string
	Facts             []fact
	Results           table
	Cancel            *cancelled
	Rollout           []picture
	Legend            []legend
	Stages            table
	Codes             []bar
	Installs, Untried string
	Reboot            *picture
	PutOff            table
	History           string
}

type (
	fact    struct{ Name, Value, Note string }
	legend  struct{ Class, Text string }
	picture struct {
		Caption string
		SVG     template.HTML
	}
	table struct {
		Head []string
		Rows [][]string
	}
	cancelled struct {
		When    string
		Truth   table
		Spread  table
		Picture picture
	}
	bar struct {
		Name, Count string
		Percent     string // of the longest
	}
)

// write writes the page. It is self-contained and without scripts; the same
// result gives the same bytes.
func write(out io.Writer, r fleet.Result) error { return pageTemplate.Execute(out, newPage(r)) }

func newPage(r fleet.Result) page {
	p := page{
		Title: fmt.Sprintf("%s agents, %d days", count(r.Agents), r.Days),
		Lead: fmt.Sprintf("One job over all of them, on %s. Per thousand, %d downloads fail and %d agents are away for some days. Seed %d.",
			r.Began.Format("Monday, 2 January 2006"), r.Failing, r.Offline, r.Seed),
		Installs: count(r.FailedInstalls),
		History:  r.History,
	}
	events := r.Events.Steps + r.Events.CheckIns
	p.Facts = []fact{
		{"events in virtual time", count(events), count(r.Events.CheckIns) + " of them check-ins that the server answered"},
	}
	if c := r.Cost; c != nil {
		p.Facts = append(p.Facts,
			fact{"events per second", count(int(c.EventsPerSecond)), fmt.Sprintf("in %.1f s on %d processors", c.Elapsed.Seconds(), c.Processors)},
			fact{"per agent and day", fmt.Sprintf("%.1f µs", float64(c.AgentDay)/1e3), "of processor time, waiting included"},
			fact{"memory per agent", size(c.BytesPerAgent), size(float64(c.PeakBytes)) + " at the peak"})
	}
	p.Results.Head = []string{"Result", "Assets", "Share"}
	for _, c := range r.Results {
		p.Results.Rows = append(p.Results.Rows, []string{c.Result.String(), count(c.Assets), share(c.Assets, r.Agents)})
	}
	if r.Open > 0 {
		p.Results.Rows = append(p.Results.Rows, []string{"not ended yet", count(r.Open), share(r.Open, r.Agents)})
	}
	if r.Cancel != nil {
		p.Cancel = newCancelled(r.Cancel)
	}
	p.rollout(r)
	p.failures(r)
	if r.Reboots.Assets > 0 {
		p.Reboot = &picture{"Assets that still wait for their reboot", deferral(r.Reboots)}
		p.PutOff.Head = []string{"Put off", "Assets", "Share"}
		for times, n := range r.Reboots.PutOff {
			name := fmt.Sprintf("%d times", times)
			if times < 3 {
				name = []string{"never", "once", "twice"}[times]
			}
			p.PutOff.Rows = append(p.PutOff.Rows, []string{name, count(n), share(n, r.Reboots.Assets)})
		}
	}
	return p
}

// failures draws a bar for each code. An install that a cancel prevented did
// not fail (RPT-1).
func (p *page) failures(r fleet.Result) {
	most := 1
	for _, f := range r.Failures {
		if f.Code != job.CodeCancelled {
			most = max(most, f.Installs)
		}
	}
	p.Untried = "0"
	for _, f := range r.Failures {
		if f.Code == job.CodeCancelled {
			p.Untried = count(f.Installs)
			continue
		}
		p.Codes = append(p.Codes, bar{
			fmt.Sprintf("%d %s", f.Code, f.Name), count(f.Installs), fmt.Sprintf("%.2f", 100*float64(f.Installs)/float64(most)),
		})
	}
}

func newCancelled(c *fleet.Cancel) *cancelled {
	reached := 0
	for _, b := range c.Reached {
		reached += b.Assets
	}
	return &cancelled{
		When: c.At.Format("Monday 15:04"),
		Truth: table{[]string{"What the asset did", "Assets", "Share"}, [][]string{
			{"Cancelled: nothing was installed", count(c.Cancelled), share(c.Cancelled, c.Orders)},
			{"of these at once: never handed out", count(c.AtOnce), share(c.AtOnce, c.Orders)},
			{"TooLate: deploy had begun", count(c.TooLate), share(c.TooLate, c.Orders)},
			{"Ended before, or nothing was missing", count(c.Ended), share(c.Ended, c.Orders)},
			{"Unknown: the asset has not called since", count(c.Unknown), share(c.Unknown, c.Orders)},
			{"orders", count(c.Orders), share(c.Orders, c.Orders)},
		}},
		Spread: table{[]string{"The cancel reached", "Agents", "Time"}, [][]string{
			{"half of the connected agents", count((reached + 1) / 2), clock(c.Median)},
			{"99 % of them", count(reached * 99 / 100), clock(c.P99)},
			{"all of them", count(reached), clock(c.Longest)},
			{"computed bound (MAN-3)", "", clock(c.Bound)},
			{"agents that were away, after their return", count(c.Later), "no bound"},
		}},
		Picture: picture{"Agents by the time until the cancel reached them", propagation(c)},
	}
}

func (p *page) rollout(r fleet.Result) {
	begin := r.Began.Add(fleet.Enabled)
	var minutes, days []tick
	for m := 0.0; m <= 120; m += 15 {
		minutes = append(minutes, tick{m / 60, fmt.Sprintf("%g", m)})
	}
	end := r.Began.AddDate(0, 0, r.Days)
	for d := range r.Days + 1 {
		days = append(days, tick{float64(24 * d), r.Began.AddDate(0, 0, d).Format("Mon")})
	}
	p.Rollout = []picture{
		{"The first two hours after the job was enabled", rollout(r, begin, begin.Add(2*time.Hour), "minutes since the job was enabled", minutes)},
		{"All days", rollout(r, r.Began, end, "UTC", days)},
	}
	p.Stages.Head = []string{"Stage"}
	var at []fleet.Rollout
	for _, after := range []time.Duration{0, 15 * time.Minute, time.Hour, 4 * time.Hour, 12 * time.Hour, 24 * time.Hour} {
		i := int((fleet.Enabled + after) / fleet.RolloutStep)
		if i < len(r.Rollout) {
			at = append(at, r.Rollout[i])
			p.Stages.Head = append(p.Stages.Head, "+"+short(after))
		}
	}
	at = append(at, r.Rollout[len(r.Rollout)-1])
	p.Stages.Head = append(p.Stages.Head, "end")
	for _, stage := range fleet.Stages() {
		row := []string{stageText[stage]}
		for _, x := range at {
			row = append(row, count(x.Stages[stage-1]))
		}
		p.Stages.Rows = append(p.Stages.Rows, row)
		p.Legend = append(p.Legend, legend{stage.String(), stageText[stage]})
	}
}

func short(d time.Duration) string {
	if d < time.Hour {
		return fmt.Sprintf("%g min", d.Minutes())
	}
	return fmt.Sprintf("%g h", d.Hours())
}
