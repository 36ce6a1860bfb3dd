package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/agentsim/fleet"
	"github.com/patchpolicy/patchpolicy/job"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"list":  func(cells ...any) []any { return cells },
	"half":  func(n int) int { return (n + 1) / 2 },
	"most":  func(n int) int { return n * 99 / 100 },
	"count": count[int], "rate": count[float64], "share": share, "percent": percent,
	"clock": clock, "micros": micros, "size": size[float64], "bytes": size[uint64],
	"events": events, "reached": reached, "longest": longest, "prevented": prevented, "times": times,
	"propagation": propagation, "firstHours": firstHours, "allDays": allDays, "deferral": deferral,
	"stages": fleet.Stages, "stageText": func(s fleet.Stage) string { return stageText[s] }, "stageTable": stageTable,
}).Parse(pageText))

// write writes the page. It is self-contained and without scripts; the same
// result gives the same bytes.
func write(out io.Writer, r fleet.Result) error { return pageTemplate.Execute(out, r) }

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
	return rollout(r, begin, begin.Add(2*time.Hour), "minutes since the job was enabled", minutes)
}

func allDays(r fleet.Result) template.HTML {
	var days []tick
	for d := range r.Days + 1 {
		days = append(days, tick{float64(24 * d), r.Began.AddDate(0, 0, d).Format("Mon")})
	}
	return rollout(r, r.Began, r.Began.AddDate(0, 0, r.Days), "UTC", days)
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

func short(d time.Duration) string {
	if d < time.Hour {
		return fmt.Sprintf("%g min", d.Minutes())
	}
	return fmt.Sprintf("%g h", d.Hours())
}
