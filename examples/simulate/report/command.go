package report

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/agentsim/fleet"
)

// Command returns the subcommand.
func Command() *cobra.Command {
	cfg := fleet.Config{}.WithDefaults()
	var folder string
	c := &cobra.Command{
		Use:   "fleet",
		Short: "Let a whole fleet live through a week, and show how a cancel spreads and a rollout goes",
		Long: `Let a whole fleet live through a week, and show how a cancel spreads and a rollout goes.

One job over all agents is enabled at 10:00 on a Monday and cancelled while it is handed out. Downloads fail, assets are away,
users put reboots off. The agents are the production ones; what stands for the rest is described in the documentation:
go doc ./agentsim/fleet.

Two files are written: fleet.html, a page that needs no network and no script, and fleet.json, the same numbers (go doc
./agentsim/fleet Result). The same settings give the same history, whatever the machine.

Exit status: 0 every invariant held, 1 one did not, 2 the call was wrong or a file could not be written.`,
		Example: `  simulate fleet --agents 10000 --out /tmp/fleet
  simulate fleet --agents 1000000 --days 7 --out /tmp/fleet
  simulate fleet --agents 10000 --cancel -1s --out /tmp/fleet    # without a cancel`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := cfg.Validate(); err != nil {
				return err
			}
			if folder == "" {
				return fmt.Errorf("--out is missing: the folder to write fleet.html and fleet.json to")
			}
			if err := os.MkdirAll(folder, 0o755); err != nil {
				return err
			}
			progress := newProgress(c.ErrOrStderr(), terminal(c.ErrOrStderr()), cfg.Agents)
			result, err := live(context.Background(), cfg, progress.done)
			progress.end()
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
	f.IntVar(&cfg.Agents, "agents", cfg.Agents, "how many")
	f.IntVar(&cfg.Days, "days", cfg.Days, "of virtual time")
	f.Uint64Var(&cfg.Seed, "seed", 1, "of every draw")
	f.IntVar(&cfg.Failing, "failing", cfg.Failing, "of a thousand downloads, how many fail; negative: none")
	f.IntVar(&cfg.Offline, "offline", cfg.Offline, "of a thousand agents, how many are away for some days; negative: none")
	f.DurationVar(&cfg.Cancel, "cancel", cfg.Cancel, "how long after the job was enabled it is cancelled; negative: never")
	f.StringVar(&folder, "out", "", "folder to write to")
	return c
}

func terminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// live runs the fleet and measures what that takes. Nearly all memory in use is garbage of the shard under way, so it is
// collected less often than usual.
func live(ctx context.Context, cfg fleet.Config, done func(int)) (fleet.Result, error) {
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	cfg.Progress = done
	began := time.Now()
	r, err := fleet.Run(ctx, cfg)
	if err != nil {
		return r, err
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	r.Cost = fleet.NewCost(r, time.Since(began), cfg.Workers, memory.Sys)
	return r, nil
}

func save(folder string, r fleet.Result) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "fleet.json"), append(data, '\n'), 0o644); err != nil {
		return err
	}
	page, err := os.Create(filepath.Join(folder, "fleet.html"))
	if err != nil {
		return err
	}
	if err := write(page, r); err != nil {
		_ = page.Close()
		return err
	}
	return page.Close()
}

// summary prints the figures.
func summary(out io.Writer, folder string, r fleet.Result) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(out, "%-12s "+format+"\n", append([]any{name}, args...)...)
	}
	line("fleet", "%s agents, %d days, seed %d", count(r.Agents), r.Days, r.Seed)
	line("events", "%s, %s of them check-ins; %s a second in %v", count(r.Events.Steps+r.Events.CheckIns), count(r.Events.CheckIns),
		count(int(r.Cost.EventsPerSecond)), r.Cost.Elapsed.Round(time.Millisecond))
	line("cost", "%.1f µs of processor time for an agent's day, %s at the peak, %s an agent", float64(r.Cost.AgentDay)/1e3,
		size(float64(r.Cost.PeakBytes)), size(r.Cost.BytesPerAgent))
	if c := r.Cancel; c != nil {
		line("cancel", "%s cancelled, %s too late, %s ended before, %s not known", count(c.Cancelled), count(c.TooLate), count(c.Ended), count(c.Unknown))
		line("propagation", "half in %s, 99 in 100 in %s, all connected in %s; the bound is %s", clock(c.Median), clock(c.P99), clock(c.Longest), clock(c.Bound))
	}
	line("failures", "%s failed installs", count(r.FailedInstalls))
	line("reboots", "%s assets", count(r.Reboots.Assets))
	line("history", "%s", r.History)
	line("written", "%s, %s", filepath.Join(folder, "fleet.html"), filepath.Join(folder, "fleet.json"))
}
