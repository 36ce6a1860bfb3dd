package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/examples/server/adminhttp"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

func (r *remote) runs() *cobra.Command {
	return noun("run", "Runs: each is one occurrence of a job", r.runList(), r.runShow(),
		verb("cancel RUN", "Cancel one run; \"server job cancel\" cancels a job's open runs (JOB-3)", r.cancelling("POST runs/{}/cancel")))
}

// runsOf reads the runs of a job, in the order of their starts.
func (r *remote) runsOf(cmd *cobra.Command, id job.ID, after string) ([]controller.RunStatus, error) {
	return every(r, cmd, "GET jobs/"+escaped(id)+"/runs", after, func(s controller.RunStatus) any { return s.ID })
}

func (r *remote) runList() *cobra.Command {
	var since time.Duration
	c := &cobra.Command{
		Use: "list [JOB]", Short: "List the runs of a job, or of all jobs",
		Example: "  server run list\n  server run list daily --since 8760h",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				jobs, err := every(r, cmd, "GET jobs", "", func(j controller.JobStatus) any { return j.ID })
				if err != nil {
					return err
				}
				for _, j := range jobs {
					args = append(args, string(j.ID))
				}
			}
			all, from := []controller.RunStatus{}, time.Now().Add(-since).UTC()
			for _, id := range args {
				runs, err := r.runsOf(cmd, job.ID(id), id+"@"+from.Format("20060102")) // runs are named by their start
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
	return r.table(cmd, "RUN STATE START ASSETS PROGRESS", rowsOf(runs, func(s controller.RunStatus) []any {
		var assets any = s.Assets
		if s.State == ledger.RunPlanned { // its orders are made later
			assets = ""
		}
		return []any{s.ID, runState(s), s.Start, assets, runText(s)}
	}))
}

func (r *remote) runShow() *cobra.Command {
	var watch bool
	var every time.Duration
	c := &cobra.Command{
		Use: "show RUN", Short: "Show what each asset and patch of a run is doing, or how it ended",
		Long: "Show what each asset and patch of a run is doing, or how it ended. With --watch, print what changes, a line per change, until\n" +
			"the run has ended; with --json as well, each line is an object. CANCEL says what is known about a cancel (JOB-3).\n\n" +
			"A run is planned, open, ended, cancelled, withdrawn or missed. WHY is cut; --full prints it all, with the end of what the\n" +
			"installer or the action printed.",
		Example: "  server run show daily@20270131T2200 --full\n  server run show daily@20270131T2200 --watch | tee run.log",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if every < 100*time.Millisecond {
				return usageError{fmt.Errorf("--every %v: want at least 100ms", every)}
			}
			if watch {
				return r.watch(cmd, every)
			}
			run, assets, start, err := r.readRun(cmd)
			switch {
			case err != nil:
				return err
			case r.asJSON:
				return printJSON(cmd, assets)
			}
			if err := r.runTable(cmd, []controller.RunStatus{run}); err != nil {
				return err
			}
			if run.Rollout {
				var s controller.RolloutStatus
				if err := r.send(cmd, "GET runs/{}/rollout", nil, nil, &s); err != nil {
					return err
				}
				_, _ = fmt.Fprintln(cmd.OutOrStdout())
				if err := r.showRollout(cmd, s); err != nil {
					return err
				}
			}
			var rows [][]any
			for _, a := range assets {
				rows = append(rows, runAssetRows(a, start(a))...)
			}
			_, _ = fmt.Fprintln(cmd.OutOrStdout())
			if err := r.table(cmd, "ASSET STATE CANCEL PATCH FROM TO OUTCOME CODE RULE WHY", rows); err != nil {
				return err
			}
			return explainCodes(cmd, assets)
		},
	}
	c.Flags().BoolVar(&watch, "watch", false, "print each change until the run has ended")
	c.Flags().DurationVar(&every, "every", 2*time.Second, "with --watch: how often to look")
	return c
}

// readRun reads the run that the command names. It also returns when an asset's
// order starts, zero if that depends on its time zone.
func (r *remote) readRun(cmd *cobra.Command) (run controller.RunStatus, assets []controller.RunAsset, start func(controller.RunAsset) time.Time, err error) {
	// The run is read first: if it has ended then, its assets show how.
	var j controller.JobStatus
	if err = r.send(cmd, "GET runs/{}", nil, nil, &run); err == nil {
		if err = r.send(cmd, "GET jobs/"+escaped(run.Job), nil, nil, &j); err == nil {
			assets, err = every(r, cmd, "GET runs/{}/assets", "", func(a controller.RunAsset) any { return a.Asset })
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
		rows = append(rows, []any{a.Asset, state, a.Cancel, "action " + x.Name, "", "", fmt.Sprintf("exit %d", x.Exit), "", "JOB-13", printed(x.Text)})
	}
	for _, p := range a.Patches {
		rows = append(rows, []any{a.Asset, state, a.Cancel, p.Patch, p.From, p.To, outcome(p), p.Code, p.Rule, long(p.Text)})
	}
	return rows
}

// explainCodes says what the failure codes of a run mean, each once.
func explainCodes(cmd *cobra.Command, assets []controller.RunAsset) error {
	codes := map[job.Code]bool{}
	for _, a := range assets {
		for _, p := range a.Patches {
			if p.Code != 0 {
				codes[p.Code] = true
			}
		}
	}
	if len(codes) == 0 {
		return nil
	}
	_, _ = fmt.Fprintln(cmd.OutOrStdout())
	for _, c := range slices.Sorted(maps.Keys(codes)) {
		_, _ = fmt.Fprintf(cmd.OutOrStdout(), "%v (code %d): %s\n", c, c, codeTexts[c])
	}
	return say(cmd, "--full prints each text in full.")
}

func (r *remote) watch(cmd *cobra.Command, every time.Duration) error {
	seen := map[string]string{}
	for first := true; ; first = false {
		run, assets, start, err := r.readRun(cmd)
		if _, answered := errors.AsType[*adminhttp.Error](err); err != nil && (first || answered) {
			return err
		} else if err != nil && cmd.Context().Err() == nil {
			_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "%s  the server does not answer, trying again: %v\n", time.Now().UTC().Format(time.TimeOnly), err)
		}
		changed := func(key string, cells []any) bool {
			line := fmt.Sprintf("%+v", cells)
			was, known := seen[key]
			seen[key] = line
			return !known || was != line
		}
		if cells := []any{run.ID, runState(run), runText(run)}; err == nil && changed("", cells) {
			r.change(cmd, "run", run, cells)
		}
		for _, a := range assets {
			printed := false
			for i, cells := range runAssetRows(a, start(a)) {
				if changed(fmt.Sprintf("%s\n%v\n%d", a.Asset, cells[3], i), cells) && !(printed && r.asJSON) {
					r.change(cmd, "asset", a, cells)
					printed = true
				}
			}
		}
		if err == nil && run.Settled {
			return nil // nothing is still to come
		}
		select {
		case <-cmd.Context().Done():
			return errors.New("stopped watching; the run goes on")
		case <-time.After(every):
		}
	}
}

// change prints a change as one line: the cells that are not empty, or as JSON
// the whole value by its name.
func (r *remote) change(cmd *cobra.Command, name string, value any, cells []any) {
	now := time.Now().UTC()
	if r.asJSON {
		if data, err := json.Marshal(map[string]any{"at": now, name: value}); err == nil {
			_, _ = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", job.NameCodes(data))
		}
		return
	}
	words := slices.DeleteFunc(texts(r.full, cells), func(text string) bool { return text == "-" })
	_, _ = fmt.Fprintln(cmd.OutOrStdout(), now.Format(time.TimeOnly)+"  "+strings.Join(words, "  "))
}

// cancelling makes a call that cancels, and shows the result, also if nothing
// could be cancelled.
func (r *remote) cancelling(call string) action {
	return func(cmd *cobra.Command, _ []string) error {
		report, done, err := ask[controller.CancelReport](r, cmd, call, nil)
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
		if report.Spared != "" {
			_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "run %s is planned and stays; to cancel it: server run cancel %s\n", report.Spared, report.Spared)
		}
		if len(report.Assets) == 0 && err == nil {
			return say(cmd, "cancelled before its start: no order was made yet; see server run list")
		}
		rows := rowsOf(report.Assets, func(a controller.AssetCancel) []any { return []any{a.Run, a.Asset, a.State, a.Stage, a.Result} })
		return errors.Join(r.table(cmd, "RUN ASSET CANCEL STAGE RESULT", rows), err)
	}
}
