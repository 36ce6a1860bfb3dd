package cli

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/examples/server/adminhttp"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
)

func (r *remote) jobs() *cobra.Command {
	noun := &cobra.Command{
		Use: "job", Short: "Jobs: which patches, on which assets, when",
		Example: "  server job example daily > daily.json    # then edit it\n  server job save -f daily.json\n" +
			"  server job preview daily\n  server job enable daily",
	}
	path := func(args []string) string { return "jobs/" + escaped(args[0]) }
	noun.AddCommand(r.jobExample(), r.jobSave(), r.jobList(), r.jobShow(), r.jobExport(), r.jobPreview(), r.jobEnable(), r.jobRetry(), r.jobDelete())
	noun.AddCommand(&cobra.Command{
		Use: "run JOB", Short: "Start a run of an enabled job now and print it", Args: cobra.ExactArgs(1),
		Long: "Start a run of an enabled job now, whatever its schedule says and whatever it runs after. Its other runs start as planned. " +
			"If the schedule has a spread, each asset starts within it.",
		RunE: func(cmd *cobra.Command, args []string) error {
			out, done, err := do[adminhttp.Enabled](cmd, r, http.MethodPost, path(args)+"/run", nil, nil)
			if err != nil || done {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), out.Run)
			return err
		},
	}, &cobra.Command{
		Use: "disable JOB", Short: "Withdraw what has not started; what has started goes on (JOB-5)", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return act(cmd, r, http.MethodPost, path(args)+"/disable", nil, nil, "disabled")
		},
	}, &cobra.Command{
		Use: "cancel JOB", Short: "Cancel what has not begun to deploy (JOB-3)", Args: cobra.ExactArgs(1),
		Long: "Cancel a job's open runs. The job stays enabled; to stop later runs as well, disable it. An asset that has begun to deploy\n" +
			"goes on: its reports decide between Cancelled and TooLate, and until they come it is CancelPending. If nothing can be\n" +
			"cancelled any more, the exit code is 1 and the error names the stage.",
		RunE: func(cmd *cobra.Command, args []string) error { return r.cancel(cmd, path(args)+"/cancel") },
	}, listing(r, cobra.Command{
		Use: "given-up JOB", Short: "List the patches that a job leaves out on an asset because they failed too often (JOB-27)", Args: cobra.ExactArgs(1),
	}, func(args []string) string { return path(args) + "/given-up" }, most, "ASSET PATCH FAILED-RUNS LAST",
		func(g controller.GivenUp) []any { return []any{g.Asset, g.Patch, g.Runs, g.Last} }))
	return noun
}

func (r *remote) jobSave() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use: "save -f FILE", Aliases: []string{"create"}, Short: "Save a job from a file; a new one is disabled, an existing one keeps its state",
		Long: "Save a job from a JSON file. \"server job example\" prints such files, and \"server job export\" those of saved jobs.\n\n" +
			"Saving an enabled job makes its orders that have not started again (MAN-2). A new schedule plans a new run.",
		Example: "  server job save -f daily.json\n  generate-job | server job save -f -",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				return usageError{errors.New("--file is missing: name the job's file, or - for standard input")}
			}
			data, err := readJob(cmd.InOrStdin(), file)
			if err != nil {
				return err
			}
			d, err := adminhttp.ParseDefinition(data)
			if err != nil {
				return fmt.Errorf("job file %s: %w", file, err)
			}
			if err := job.ValidID(string(d.ID)); err != nil {
				return err
			}
			saved, done, err := do[job.Definition](cmd, r, http.MethodPut, "jobs/"+escaped(d.ID), nil, d)
			if err != nil || done {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s revision %d, %v\n", saved.ID, saved.Revision, saved.State)
			return err
		},
	}
	c.Flags().StringVarP(&file, "file", "f", "", "JSON file with the job; - is standard input")
	return c
}

func readJob(stdin io.Reader, file string) ([]byte, error) {
	in := stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, controller.MaxDefinition+1))
	if err == nil && len(data) > controller.MaxDefinition {
		err = fmt.Errorf("job file %s is over %d bytes", file, controller.MaxDefinition)
	}
	return data, err
}

func (r *remote) jobList() *cobra.Command {
	return &cobra.Command{Use: "list", Short: "List the jobs", RunE: func(cmd *cobra.Command, _ []string) error {
		jobs, done, err := everyShown(cmd, r, "jobs", nil, jobStatusID)
		if err != nil || done {
			return err
		}
		var rows [][]any
		for _, j := range jobs {
			rows = append(rows, []any{j.ID, j.State, long(scheduleText(j.Definition)), plain(j.Open), long(j.Name)})
		}
		return r.table(cmd, "JOB STATE SCHEDULE OPEN-RUNS NAME", rows)
	}}
}

func (r *remote) jobShow() *cobra.Command {
	return &cobra.Command{
		Use: "show JOB", Short: "Show a job, its next start, and its runs", Args: cobra.ExactArgs(1),
		Long: "Show a job, its next start, and its runs. With --json, print the job and its open runs.",
		RunE: func(cmd *cobra.Command, args []string) error {
			path := "jobs/" + escaped(args[0])
			j, done, err := do[controller.JobStatus](cmd, r, http.MethodGet, path, nil, nil)
			if err != nil || done {
				return err
			}
			o, _, err := do[controller.Outlook](cmd, r, http.MethodGet, path+"/outlook", nil, nil)
			if err != nil {
				return err
			}
			c, err := r.client()
			if err != nil {
				return err
			}
			runs, err := every(cmd.Context(), c, path+"/runs", nil, "", runID)
			if err != nil {
				return err
			}
			if err := r.table(cmd, "", jobRows(j, o)); err != nil {
				return err
			}
			warn(cmd, o)
			_, _ = fmt.Fprintln(cmd.OutOrStdout())
			return r.runTable(cmd, runs)
		},
	}
}

func jobRows(j controller.JobStatus, o controller.Outlook) [][]any {
	d := j.Definition
	next := startsText(o)
	switch {
	case j.State != job.Enabled:
		next = strings.TrimSuffix("none while it is "+j.State.String()+"; if enabled now: "+next, "; if enabled now: ")
	case j.Waits != nil:
		next = j.Waits.Text
	}
	rows := [][]any{
		{"job", j.ID}, {"name", j.Name}, {"state", fmt.Sprintf("%v, revision %d", j.State, j.Revision)}, {"platform", j.Platform},
		{"assets", assetsText(d.Assets) + ": " + count(o.Assets, "asset") + " now"}, {"patches", patchesText(d.Patches)},
		{"schedule", scheduleText(d)}, {"next start", next}, {"window", windowText(d.Window)}, {"reboot", rebootText(d.Reboot)},
	}
	if d.After != nil {
		rows = append(rows, []any{"chain", afterText(*d.After)})
	}
	for _, a := range d.Pre {
		rows = append(rows, []any{"before", a.Name + ": " + strings.Join(a.Command, " ")})
	}
	for _, a := range d.Post {
		rows = append(rows, []any{"after", a.Name + ": " + strings.Join(a.Command, " ")})
	}
	for _, option := range []struct {
		set  bool
		text string
	}{
		{d.RebootPending, "reboots also for a reboot that was pending before (RBT-11)"},
		{d.LateJoiners, "takes assets that enrol or get the tag later (JOB-26)"},
		{d.GiveUp > 0, fmt.Sprintf("gives a patch up on an asset after %d failed runs (JOB-27)", d.GiveUp)},
		{d.InstallLimit > 0, "ends an installer after " + adminhttp.ShortDuration(d.InstallLimit) + " (JOB-25)"},
		{d.StuckAfter > 0, "is listed as stuck after " + adminhttp.ShortDuration(d.StuckAfter) + " in one stage (JOB-25)"},
		{d.Early, "may download before the start (JOB-23)"},
		{d.NoLastCall, "starts and deploys without asking the server first (MAN-7)"},
		{d.AllowLegacy, "accepts SHA-1 and MD5 (INT-7)"},
		{d.StrictLines, "is blocked by an installed version line past its end of life (CAT-11)"},
		{d.KnownLines, "is blocked by a version on no known line (CAT-11)"},
	} {
		if option.set {
			rows = append(rows, []any{"option", option.text})
		}
	}
	return rows
}

// warn prints the warnings of an outlook for people, beside the output.
func warn(cmd *cobra.Command, o controller.Outlook) {
	for _, text := range o.Warnings {
		_, _ = fmt.Fprintln(cmd.ErrOrStderr(), "warning:", show(text))
	}
}

func (r *remote) jobExport() *cobra.Command {
	return &cobra.Command{
		Use: "export JOB", Short: "Print a job as a file that \"server job save\" takes", Args: cobra.ExactArgs(1),
		Example: "  server job export daily > daily.json",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			var j controller.JobStatus
			if err := c.Do(cmd.Context(), http.MethodGet, "jobs/"+escaped(args[0]), nil, nil, &j); err != nil {
				return err
			}
			data, err := adminhttp.FormatDefinition(j.Definition)
			if err == nil {
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", data)
			}
			return err
		},
	}
}

func (r *remote) jobEnable() *cobra.Command {
	return &cobra.Command{
		Use: "enable JOB", Short: "Enable a job and print its run, with warnings about what may surprise", Args: cobra.ExactArgs(1),
		Long: "Enable a job and print its run. Agents get their orders 3 h before the start, or if that is sooner, at their next call (MAN-1).\n" +
			"How many assets start when, and warnings, go to standard error. \"server job preview\" says what would happen.",
		RunE: func(cmd *cobra.Command, args []string) error {
			out, done, err := do[adminhttp.Enabled](cmd, r, http.MethodPost, "jobs/"+escaped(args[0])+"/enable", nil, nil)
			if err != nil || done {
				return err
			}
			errs := cmd.ErrOrStderr()
			if out.Run == "" {
				_, _ = fmt.Fprintf(errs, "no run is planned: the job was enabled before, or runs after another one; see server job show %s\n", args[0])
			} else if _, err := fmt.Fprintln(cmd.OutOrStdout(), out.Run); err != nil {
				return err
			}
			if out.Outlook == nil {
				return nil
			}
			if starts := startsText(*out.Outlook); starts != "" {
				_, _ = fmt.Fprintf(errs, "next start: %s\n", starts)
			} else {
				_, _ = fmt.Fprintln(errs, count(out.Outlook.Assets, "asset"))
			}
			warn(cmd, *out.Outlook)
			return nil
		},
	}
}

func (r *remote) jobRetry() *cobra.Command {
	var asset, patch string
	c := &cobra.Command{
		Use: "retry JOB --asset ASSET --patch PATCH", Short: "Try a patch again that a job gave up on an asset (JOB-27)", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if asset == "" || patch == "" {
				return usageError{errors.New("--asset or --patch is missing: see server job given-up JOB")}
			}
			query := url.Values{"asset": {asset}, "patch": {patch}}
			return act(cmd, r, http.MethodPost, "jobs/"+escaped(args[0])+"/retry", query, nil, "the next run tries it")
		},
	}
	c.Flags().StringVar(&asset, "asset", "", "the asset")
	c.Flags().StringVar(&patch, "patch", "", "the patch")
	return c
}

func (r *remote) jobDelete() *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use: "delete JOB", Short: "Like disable, for ever; the history stays (JOB-6)", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var query url.Values
			if force {
				query = url.Values{"force": {"true"}}
			}
			return act(cmd, r, http.MethodDelete, "jobs/"+escaped(args[0]), query, nil, "deleted")
		},
	}
	c.Flags().BoolVar(&force, "force", false, "even if enabled jobs run after it; they then wait (JOB-19)")
	return c
}
