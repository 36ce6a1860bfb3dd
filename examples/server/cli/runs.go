package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/examples/server/adminhttp"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

func (r *remote) runs() *cobra.Command {
	noun := &cobra.Command{Use: "run", Short: "Runs: each is one occurrence of a job"}
	cancel := &cobra.Command{
		Use: "cancel RUN", Short: "Cancel one run; \"server job cancel\" cancels a job's open runs (JOB-3)", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.cancel(cmd, "runs/"+escaped(args[0])+"/cancel")
		},
	}
	noun.AddCommand(r.runList(), r.runShow(), cancel)
	return noun
}

func runID(s controller.RunStatus) string       { return string(s.ID) }
func runAssetID(a controller.RunAsset) string   { return string(a.Asset) }
func jobStatusID(j controller.JobStatus) string { return string(j.ID) }

func (r *remote) runList() *cobra.Command {
	var since time.Duration
	c := &cobra.Command{
		Use: "list [JOB]", Short: "List the runs of a job, or of all jobs", Args: cobra.MaximumNArgs(1),
		Example: "  server run list\n  server run list daily --since 8760h",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			if len(args) == 0 {
				jobs, err := every(cmd.Context(), c, "jobs", nil, "", jobStatusID)
				if err != nil {
					return err
				}
				for _, j := range jobs {
					args = append(args, string(j.ID))
				}
			}
			all, from := []controller.RunStatus{}, time.Now().Add(-since).UTC()
			for _, id := range args {
				after := id + "@" + from.Format("20060102") // runs are named and listed by their start
				runs, err := every(cmd.Context(), c, "jobs/"+escaped(id)+"/runs", nil, after, runID)
				if err != nil {
					return err
				}
				all = append(all, runs...)
			}
			if r.asJSON {
				return printJSON(cmd, all)
			}
			return r.runTable(cmd, all)
		},
	}
	c.Flags().DurationVar(&since, "since", 30*24*time.Hour, "how far back the starts of the runs may be")
	return c
}

func (r *remote) runTable(cmd *cobra.Command, runs []controller.RunStatus) error {
	var rows [][]any
	for _, s := range runs {
		rows = append(rows, []any{s.ID, s.State, s.Start, s.Assets, runText(s)})
	}
	return r.table(cmd, "RUN STATE START ASSETS PROGRESS", rows)
}

func (r *remote) runShow() *cobra.Command {
	var watch bool
	var every time.Duration
	c := &cobra.Command{
		Use: "show RUN", Short: "Show what each asset and patch of a run is doing, or how it ended", Args: cobra.ExactArgs(1),
		Long: "Show what each asset and patch of a run is doing, or how it ended. With --watch, print what changes, a line per change, until\n" +
			"the run has ended; with --json as well, each line is an object. CANCEL says what is known about a cancel (JOB-3).",
		Example: "  server run show daily@20270131T2200 --full\n  server run show daily@20270131T2200 --watch | tee run.log",
		RunE: func(cmd *cobra.Command, args []string) error {
			if every < 100*time.Millisecond {
				return usageError{fmt.Errorf("--every %v: want at least 100ms", every)}
			}
			c, err := r.client()
			if err != nil {
				return err
			}
			if watch {
				return r.watch(cmd, c, "runs/"+escaped(args[0]), every)
			}
			run, assets, start, err := readRun(cmd.Context(), c, "runs/"+escaped(args[0]))
			switch {
			case err != nil:
				return err
			case r.asJSON:
				return printJSON(cmd, assets)
			}
			if err := r.runTable(cmd, []controller.RunStatus{run}); err != nil {
				return err
			}
			var rows [][]any
			for _, a := range assets {
				rows = append(rows, runAssetRows(a, start(a))...)
			}
			_, _ = fmt.Fprintln(cmd.OutOrStdout())
			return r.table(cmd, "ASSET STATE CANCEL PATCH FROM TO OUTCOME CODE RULE WHY", rows)
		},
	}
	c.Flags().BoolVar(&watch, "watch", false, "print each change until the run has ended")
	c.Flags().DurationVar(&every, "every", 2*time.Second, "with --watch: how often to look")
	return c
}

// readRun also returns when an asset's order starts, zero if that depends on its
// time zone.
func readRun(ctx context.Context, c adminhttp.Client, path string) (run controller.RunStatus, assets []controller.RunAsset, start func(controller.RunAsset) time.Time, err error) {
	// The run is read first: if it has ended then, its assets show how.
	var j controller.JobStatus
	if err = c.Do(ctx, http.MethodGet, path, nil, nil, &run); err == nil {
		if err = c.Do(ctx, http.MethodGet, "jobs/"+escaped(run.Job), nil, nil, &j); err == nil {
			assets, err = every(ctx, c, path+"/assets", nil, "", runAssetID)
		}
	}
	return run, assets, func(a controller.RunAsset) time.Time {
		if j.Schedule.Zone == schedule.AssetZone {
			return time.Time{}
		}
		return run.Start.Add(j.Schedule.Delay(string(a.Order)))
	}, err
}

// runAssetRows are the rows of an asset: one for the order, if it has a text or
// no patch, one per action, and one per patch.
func runAssetRows(a controller.RunAsset, start time.Time) (rows [][]any) {
	state := assetText(a, start)
	if len(a.Patches) == 0 || a.Text != "" {
		rows = append(rows, []any{a.Asset, state, a.Cancel, "", "", "", "", "", "", long(a.Text)})
	}
	for _, x := range a.Actions {
		rows = append(rows, []any{a.Asset, state, a.Cancel, "action " + x.Name, "", "", fmt.Sprintf("exit %d", x.Exit), "", "JOB-13", long(x.Text)})
	}
	for _, p := range a.Patches {
		rows = append(rows, []any{a.Asset, state, a.Cancel, p.Patch, p.From, p.To, p.Status, p.Code, p.Rule, long(p.Text)})
	}
	return rows
}

// watch prints the rows that changed, until the run has ended.
func (r *remote) watch(cmd *cobra.Command, c adminhttp.Client, path string, every time.Duration) error {
	seen := map[string]string{}
	for {
		run, assets, start, err := readRun(cmd.Context(), c, path)
		if err != nil {
			return err
		}
		changed := func(key string, cells []any) bool {
			line := fmt.Sprintf("%+v", cells)
			was, known := seen[key]
			seen[key] = line
			return !known || was != line
		}
		now := time.Now().UTC()
		if cells := []any{run.ID, run.State, runText(run)}; changed("", cells) {
			r.change(cmd, now, run, cells)
		}
		for _, a := range assets {
			printed := false
			for i, cells := range runAssetRows(a, start(a)) {
				if changed(fmt.Sprintf("%s\n%v\n%d", a.Asset, cells[3], i), cells) && !(printed && r.asJSON) {
					r.change(cmd, now, a, cells)
					printed = true
				}
			}
		}
		if ended(run) {
			return nil
		}
		select {
		case <-cmd.Context().Done():
			return errors.New("stopped watching; the run goes on")
		case <-time.After(every):
		}
	}
}

// change prints a change as one line: the cells that are not empty, or as JSON
// the whole value.
func (r *remote) change(cmd *cobra.Command, at time.Time, value any, cells []any) {
	if r.asJSON {
		name := "run"
		if _, is := value.(controller.RunAsset); is {
			name = "asset"
		}
		printLine(cmd, map[string]any{"at": at, name: value})
		return
	}
	words := []string{at.Format(time.TimeOnly)}
	for _, cell := range cells {
		text := show(cell)
		if _, is := cell.(long); is && !r.full {
			text = short(text)
		}
		if text != "-" {
			words = append(words, text)
		}
	}
	_, _ = fmt.Fprintln(cmd.OutOrStdout(), strings.Join(words, "  "))
}

// ended reports whether nothing of a run is still to come.
func ended(s controller.RunStatus) bool {
	return (s.State.Over() || s.State == ledger.RunMade) && s.Waiting+s.NotBegun+s.Executing+s.PendingReboots+s.PendingCancels == 0
}

func (r *remote) cancel(cmd *cobra.Command, path string) error {
	report, done, err := do[controller.CancelReport](cmd, r, http.MethodPost, path, nil, nil)
	if done {
		return err
	}
	if refused, ok := errors.AsType[*adminhttp.Error](err); ok && refused.Report != nil {
		report = *refused.Report
	} else if err != nil {
		return err
	}
	if r.asJSON {
		return errors.Join(printJSON(cmd, report), err)
	}
	var rows [][]any
	for _, a := range report.Assets {
		rows = append(rows, []any{a.Run, a.Asset, a.State, a.Stage, a.Result})
	}
	if report.Spared != "" {
		_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "run %s is planned and stays; to cancel it: server run cancel %s\n", report.Spared, report.Spared)
	}
	if len(rows) == 0 && err == nil {
		_, err = fmt.Fprintln(cmd.OutOrStdout(), "cancelled before its start: no order was made yet; see server run list")
		return err
	}
	return errors.Join(r.table(cmd, "RUN ASSET CANCEL STAGE RESULT", rows), err)
}
