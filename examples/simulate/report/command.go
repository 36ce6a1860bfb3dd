// Package report is simulate's subcommand fleet: it runs a fleet of package
// agentsim/fleet and writes the result as a page and as JSON.
package report

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/agentsim/fleet"
	"github.com/patchpolicy/patchpolicy/job/rollout"
)

// Command returns the subcommand.
func Command() *cobra.Command {
	cfg := fleet.Config{}.WithDefaults()
	var folder string
	var rings bool
	c := &cobra.Command{
		Use:   "fleet",
		Short: "Simulate a fleet for a week: how a cancel spreads, how a rollout goes",
		Long: `Simulate a fleet for a week: how a cancel spreads, how a rollout goes.

One job over all agents is enabled at 10:00 on a Monday and cancelled while it is
handed out. Downloads fail, assets are away, users put reboots off. The agents
are the production ones; for the rest see go doc ./agentsim/fleet.

The command writes fleet.html, a page without scripts that needs no network, and
fleet.json with the same numbers (go doc ./agentsim/fleet Result). The same
settings give the same history on every machine.

Exit status: 0 every invariant held, 1 one broke, 2 an invalid call or a file that
could not be written.`,
		Example: `  simulate fleet --agents 10000 --out /tmp/fleet
  simulate fleet --agents 1000000 --days 7 --out /tmp/fleet
  simulate fleet --agents 10000 --cancel -1s --out /tmp/fleet    # without a cancel
  simulate fleet --agents 10000 --cancel -1s --rings --out /tmp/fleet`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := cfg.Validate(); err != nil {
				return err
			}
			if folder == "" {
				return fmt.Errorf("--out is missing: name the folder for fleet.html and fleet.json")
			}
			if err := os.MkdirAll(folder, 0o755); err != nil {
				return err
			}
			if rings {
				cfg.Rollout = threeRings()
			}
			progress := progress{out: c.ErrOrStderr(), total: cfg.Agents}
			if file, ok := c.ErrOrStderr().(*os.File); ok {
				info, err := file.Stat()
				progress.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
			}
			cfg.Progress = progress.done
			result, err := live(cfg)
			if err != nil {
				return err
			}
			if err := save(folder, result); err != nil {
				return err
			}
			summary(c.OutOrStdout(), folder, result)
			return nil
		},
	}
	f := c.Flags()
	cfg.Agents = 10_000
	f.IntVar(&cfg.Agents, "agents", cfg.Agents, "number of agents")
	f.IntVar(&cfg.Days, "days", cfg.Days, "days of virtual time")
	f.Uint64Var(&cfg.Seed, "seed", 1, "seed of all random numbers")
	f.IntVar(&cfg.Failing, "failing", cfg.Failing, "failing downloads per thousand; negative: none")
	f.IntVar(&cfg.Offline, "offline", cfg.Offline, "agents that are away for some days, per thousand; negative: none")
	f.DurationVar(&cfg.Cancel, "cancel", cfg.Cancel, "time from enabling the job to its cancel; negative: never")
	f.BoolVar(&rings, "rings", false, "hand the job out in three rings on each server of 1,000 assets (ROL-1)")
	f.StringVar(&folder, "out", "", "folder for the report")
	return c
}

// threeRings are 2 percent of each server's assets for six hours, 10 percent for
// a day, and the rest.
func threeRings() *rollout.Policy {
	gate := rollout.Gate{Results: 5, Success: 80}
	return &rollout.Policy{Budget: rollout.Amount{Percent: 30}, Rings: []rollout.RingPolicy{
		{Name: "first", Take: rollout.Amount{Percent: 2}, Soak: 6 * time.Hour, Gate: gate},
		{Name: "early", Take: rollout.Amount{Percent: 10}, Soak: 24 * time.Hour, Gate: gate},
		{Name: "rest", Gate: gate},
	}}
}

// live runs the fleet and measures the cost. Nearly all memory is garbage of
// the current shards, so it is collected less often.
func live(cfg fleet.Config) (fleet.Result, error) {
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	began := time.Now()
	r, err := fleet.Run(context.Background(), cfg)
	if err != nil {
		return r, err
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	elapsed, processors := time.Since(began), runtime.GOMAXPROCS(0)
	r.Cost = &fleet.Cost{
		Elapsed: elapsed, Processors: processors, PeakBytes: memory.Sys,
		EventsPerSecond: float64(events(r)) / elapsed.Seconds(),
		AgentDay:        elapsed * time.Duration(processors) / time.Duration(r.Agents*r.Days),
		BytesPerAgent:   float64(memory.Sys) / float64(r.Agents),
	}
	return r, nil
}

func events(r fleet.Result) int { return r.Events.Steps + r.Events.CheckIns }

func save(folder string, r fleet.Result) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	var page bytes.Buffer
	if err := pageTemplate.Execute(&page, r); err != nil {
		return err
	}
	return errors.Join(os.WriteFile(filepath.Join(folder, "fleet.json"), append(data, '\n'), 0o644),
		os.WriteFile(filepath.Join(folder, "fleet.html"), page.Bytes(), 0o644))
}

func summary(out io.Writer, folder string, r fleet.Result) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(out, "%-12s "+format+"\n", append([]any{name}, args...)...)
	}
	line("fleet", "%s agents, %d days, seed %d", count(r.Agents), r.Days, r.Seed)
	line("events", "%s, %s of them check-ins; %s per second for %v", count(events(r)), count(r.Events.CheckIns),
		count(r.Cost.EventsPerSecond), r.Cost.Elapsed.Round(time.Millisecond))
	line("cost", "%s of processor time per agent and day, %s at the peak, %s per agent", micros(r.Cost.AgentDay),
		size(r.Cost.PeakBytes), size(r.Cost.BytesPerAgent))
	if c := r.Cancel; c != nil {
		line("cancel", "%s cancelled, %s too late, %s had ended, %s unknown", count(c.Cancelled), count(c.TooLate), count(c.Ended), count(c.Unknown))
		line("propagation", "half in %s, 99 %% in %s, all connected agents in %s; the bound is %s", clock(c.Median), clock(c.P99), clock(c.Longest), clock(c.Bound))
	}
	line("failures", "%s failed installs", count(r.FailedInstalls))
	line("reboots", "%s assets", count(r.Reboots.Assets))
	line("exposure", "%s days of all assets together, as if the patches fixed what is exploited", count(r.Exposure.Days))
	line("history", "%s", r.History)
	line("written", "%s, %s", filepath.Join(folder, "fleet.html"), filepath.Join(folder, "fleet.json"))
}

// progress shows how many agents are done: a line for every tenth; on a
// terminal, one line for every percent.
type progress struct {
	out      io.Writer
	terminal bool
	total    int
	shown    int // in percent
}

// done reports the number. One goroutine calls it at a time.
func (p *progress) done(n int) {
	step, end := 10, "\n"
	if p.terminal {
		step, end = 1, "\r"
	}
	if n == p.total {
		end = "\n"
	}
	if percent := n * 100 / p.total; percent >= p.shown+step {
		p.shown = percent - percent%step
		fmt.Fprintf(p.out, "%3d %%  %s of %s agents%s", p.shown, count(n), count(p.total), end)
	}
}

// count formats 1234567 as 1,234,567.
func count[N int | float64](n N) string {
	s := strconv.Itoa(int(n))
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// thousands formats a round number for an axis: 200, 40 k, 1.2 M.
func thousands(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%g M", v/1e6)
	case v >= 1e3:
		return fmt.Sprintf("%g k", v/1e3)
	default:
		return fmt.Sprintf("%g", v)
	}
}

// clock formats a duration in minutes and seconds: 2:45.
func clock(d time.Duration) string {
	s := int(d / time.Second)
	return fmt.Sprintf("%d:%02d min", s/60, s%60)
}

func micros(d time.Duration) string { return fmt.Sprintf("%.1f µs", float64(d)/1e3) }

func percent(part, whole int) float64 { return 100 * float64(part) / float64(whole) }

func share(part, whole int) string {
	if whole == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f %%", percent(part, whole))
}

func size[N uint64 | float64](n N) string {
	switch b := float64(n); {
	case b >= 1<<30:
		return fmt.Sprintf("%.2f GiB", b/(1<<30))
	case b >= 1<<20:
		return fmt.Sprintf("%.0f MiB", b/(1<<20))
	case b >= 1<<10:
		return fmt.Sprintf("%.1f KiB", b/(1<<10))
	default:
		return fmt.Sprintf("%.0f B", b)
	}
}
