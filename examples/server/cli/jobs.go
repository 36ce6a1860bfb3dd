package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/examples/server/adminhttp"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
)

func (r *remote) jobs() *cobra.Command {
	c := noun("job", "Jobs: which patches, on which assets, when",
		r.jobExample(), r.jobSave(), r.jobCheck(), r.jobShow(), r.jobExport(), r.jobPreview(), r.jobEnable(), r.jobRetry(),
		verb("list", "List the jobs", paging(r, "GET jobs", "JOB STATE SCHEDULE OPEN-RUNS NAME", func(j controller.JobStatus) []any {
			return []any{j.ID, j.State, long(scheduleText(j.Definition)), plain(j.Open), long(j.Name)}
		})),
		&cobra.Command{
			Use: "run JOB", Short: "Start a run of an enabled job now and print it",
			Long: "Start a run of an enabled job now, whatever its schedule says and whatever it runs after. Its other runs start as planned. " +
				"If the schedule has a spread, each asset starts within it.",
			RunE: showing(r, "POST jobs/{}/run", func(cmd *cobra.Command, out adminhttp.Enabled) error {
				return say(cmd, out.Run)
			}),
		},
		verb("disable JOB", "Withdraw what has not started; what has started goes on (JOB-5)",
			r.acting("POST jobs/{}/disable", "disabled")),
		&cobra.Command{
			Use: "cancel JOB", Short: "Cancel what has not begun to deploy (JOB-3)",
			Long: "Cancel a job's open runs. The job stays enabled; to stop later runs as well, disable it. An asset that has begun to deploy\n" +
				"goes on, and is TooLate. Until an asset reports which it is, Cancelled or TooLate, it is CancelPending. If nothing can be\n" +
				"cancelled any more, the exit code is 1 and the error names the stage.",
			RunE: r.cancelling("POST jobs/{}/cancel"),
		},
		verb("given-up JOB", "List the patches that a job leaves out on an asset because they failed too often (JOB-27)",
			listing(r, "GET jobs/{}/given-up?limit=1000", "ASSET PATCH FAILED-RUNS LAST", func(g controller.GivenUp) []any {
				return []any{g.Asset, g.Patch, g.Runs, g.Last}
			})),
		verb("slots JOB", "List the assets that have a reboot slot of a job (ROL-7)",
			listing(r, "GET jobs/{}/slots", "ASSET DOWN-UNTIL LAST-SEEN", func(s controller.Slot) []any { return []any{s.Asset, s.Until, s.LastSeen} })),
		r.freeSlot())
	c.Example = "  server job example daily > daily.json    # then edit it\n  server job save -f daily.json\n" +
		"  server job preview daily\n  server job enable daily"
	remove := verb("delete JOB", "Like disable, for ever; the history stays (JOB-6)", r.acting("DELETE jobs/{}?force", "deleted"))
	remove.Flags().Bool("force", false, "even if enabled jobs run after it; they then wait (JOB-19)")
	c.AddCommand(remove)
	return c
}

func (r *remote) jobSave() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use: "save -f FILE", Aliases: []string{"create"}, Short: "Save a job from a file; a new one is disabled, an existing one keeps its state",
		Long: "Save a job from a JSON file. \"server job example\" prints such files, and \"server job export\" those of saved jobs.\n\n" +
			"Saving an enabled job replaces its orders that have not started (MAN-2). A new schedule plans a new run.",
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
			saved, done, err := ask[job.Definition](r, cmd, "PUT jobs/"+escaped(d.ID), d)
			if err != nil || done {
				return err
			}
			return say(cmd, fmt.Sprintf("%s revision %d, %v", saved.ID, saved.Revision, saved.State))
		},
	}
	c.Flags().StringVarP(&file, "file", "f", "", "JSON file with the job; - is standard input")
	return c
}

func readJob(stdin io.Reader, file string) ([]byte, error) {
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }()
		stdin = f
	}
	data, err := io.ReadAll(io.LimitReader(stdin, controller.MaxDefinition+1))
	if err == nil && len(data) > controller.MaxDefinition {
		err = fmt.Errorf("job file %s is over %d bytes", file, controller.MaxDefinition)
	}
	return data, err
}

func (r *remote) jobShow() *cobra.Command {
	return &cobra.Command{
		Use: "show JOB", Short: "Show a job, its next start, and its runs",
		Long: "Show a job, its next start, and its runs. With --json, print the job and its open runs.",
		RunE: showing(r, "GET jobs/{}", func(cmd *cobra.Command, j controller.JobStatus) error {
			var o controller.Outlook
			if err := r.send(cmd, "GET jobs/{}/outlook", nil, nil, &o); err != nil {
				return err
			}
			runs, err := r.runsOf(cmd, j.ID, "")
			if err != nil {
				return err
			}
			if err := r.table(cmd, "", jobRows(j, o)); err != nil {
				return err
			}
			o.Rollout = "" // it is in the table
			warn(cmd, o)
			_, _ = fmt.Fprintln(cmd.OutOrStdout())
			return r.runTable(cmd, runs)
		}),
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
	for _, named := range [][2]string{{"baseline", d.Baseline}, {"calendar", d.Calendar}, {"reboot hours", d.RebootHours}} {
		if named[1] != "" {
			rows = append(rows, []any{named[0], named[1]})
		}
	}
	if s := d.RebootSlots; s != nil {
		rows = append(rows, []any{"reboot slots", fmt.Sprintf("%d of the assets tagged %s may be down at once", s.Slots, s.Tag)})
	}
	if d.After != nil {
		rows = append(rows, []any{"chain", afterText(*d.After)})
	}
	if d.Rollout != nil {
		rows = append(rows, []any{"rollout", o.Rollout})
	}
	for _, a := range d.Pre {
		rows = append(rows, []any{"before", a.Name + ": " + strings.Join(a.Command, " ")})
	}
	for _, a := range d.Post {
		rows = append(rows, []any{"after", a.Name + ": " + strings.Join(a.Command, " ")})
	}
	for _, option := range holding(
		"reboots also for a reboot that was pending before (RBT-11)", d.RebootPending,
		"takes assets that enrol or get the tag later (JOB-26)", d.LateJoiners,
		"gives up on a patch, on each asset, after %d failed runs (JOB-27)", d.GiveUp,
		"ends an installer after "+adminhttp.ShortDuration(d.InstallLimit)+" (JOB-25)", d.InstallLimit > 0,
		"is listed as stuck after "+adminhttp.ShortDuration(d.StuckAfter)+" in one stage (JOB-25)", d.StuckAfter > 0,
		"holds what wants evidence until "+adminhttp.ShortDuration(d.TriageHold)+" before its deadline (DUE-1)", d.TriageHold > 0,
		"may download before the start (JOB-23)", d.Early,
		"starts and deploys without asking the server first (MAN-7)", d.NoLastCall,
		"accepts SHA-1 and MD5 (INT-7)", d.AllowLegacy,
		"is blocked by an installed version line past its end of life (CAT-11)", d.StrictLines,
		"is blocked by a version on no known line (CAT-11)", d.KnownLines,
	) {
		rows = append(rows, []any{"option", option})
	}
	return rows
}

// warn prints the warnings of an outlook for people, beside the output.
func warn(cmd *cobra.Command, o controller.Outlook) {
	if o.Rollout != "" {
		_, _ = fmt.Fprintln(cmd.ErrOrStderr(), "rollout:", o.Rollout)
	}
	for _, text := range o.Warnings {
		_, _ = fmt.Fprintln(cmd.ErrOrStderr(), "warning:", show(text))
	}
}

func (r *remote) jobExport() *cobra.Command {
	return &cobra.Command{
		Use: "export JOB", Short: "Print a job as a file that \"server job save\" takes",
		Example: "  server job export daily > daily.json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			var j controller.JobStatus
			if err := r.send(cmd, "GET jobs/{}", nil, nil, &j); err != nil {
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
		Use: "enable JOB", Short: "Enable a job and print its run, with warnings about what may surprise",
		Long: "Enable a job and print its run. Agents get their orders 3 h before the start. If the start is nearer than that, they get them at their next call (MAN-1).\n" +
			"How many assets start when, and warnings, go to standard error. \"server job preview\" says what would happen.",
		RunE: showing(r, "POST jobs/{}/enable", func(cmd *cobra.Command, out adminhttp.Enabled) error {
			errs := cmd.ErrOrStderr()
			if out.Run == "" {
				_, _ = fmt.Fprintf(errs, "no run is planned: the job was enabled before, or runs after another one; see server job show %s\n", cmd.Flags().Arg(0))
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
		}),
	}
}

func (r *remote) jobRetry() *cobra.Command {
	c := &cobra.Command{
		Use: "retry JOB --asset ASSET --patch PATCH", Short: "Retry a patch that a job gave up on, on one asset (JOB-27)",
		PreRunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flag("asset").Value.String() == "" || cmd.Flag("patch").Value.String() == "" {
				return usageError{errors.New("--asset or --patch is missing: see server job given-up JOB")}
			}
			return nil
		},
		RunE: r.acting("POST jobs/{}/retry?asset&patch", "the next run tries it"),
	}
	c.Flags().String("asset", "", "the asset")
	c.Flags().String("patch", "", "the patch")
	return c
}

func (r *remote) jobPreview() *cobra.Command {
	const call = "GET jobs/{}/preview?asset"
	fleet, one := showing(r, call, r.showFleet), showing(r, call, r.showPreview)
	c := &cobra.Command{
		Use: "preview JOB [--asset ASSET]", Short: "Say what a job would do, and why; nothing changes (JOB-22)",
		Long: "Say what a job would do on all its assets, counted, with the reasons for what it would leave out. With --asset, say it of one\n" +
			"asset, patch by patch. The job need not be enabled. Nothing changes (JOB-22).",
		Example: "  server job preview daily\n  server job preview daily --asset web-1 --full",
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flag("asset").Value.String() == "" {
				return fleet(cmd, args)
			}
			return one(cmd, args)
		},
	}
	c.Flags().String("asset", "", "look at this asset alone")
	return c
}

func (r *remote) showPreview(cmd *cobra.Command, p adminhttp.Preview) error {
	if !p.Selected {
		_, _ = fmt.Fprintf(cmd.OutOrStdout(), "The job does not select asset %s (JOB-7). If it did:\n", show(cmd.Flag("asset").Value))
	}
	var rows [][]any
	for _, x := range p.Order.Patches {
		rows = append(rows, []any{x.Patch, x.Name, x.Version, "install", "", ""})
	}
	if x := p.Obstacle; x.Stops() {
		rows = append(rows, []any{"", "", "", "not run", x.Rule, long(x.Text)})
	} else if x.Unsure {
		rows = append(rows, []any{"", "", "", "let the agent decide", x.Rule, long(x.Text)})
	}
	if p.Reboots {
		rows = append(rows, []any{"", "", "", "reboot", "RBT-11", "A reboot is pending, and the job reboots for it."})
	}
	for _, x := range p.LeftOut {
		rows = append(rows, []any{x.Patch, x.Name, x.To, "leave out", x.Rule, long(x.Text)})
	}
	if p.Dropped > 0 {
		rows = append(rows, []any{fmt.Sprintf("(%d more)", p.Dropped), "", "", "leave out", "JOB-8", "They are over the cap of one run."})
	}
	if len(rows) == 0 {
		return say(cmd, "Nothing: no missing patch of this asset fits the job.")
	}
	return r.table(cmd, "PATCH PRODUCT VERSION WOULD RULE WHY", rows)
}

func (r *remote) showFleet(cmd *cobra.Command, p controller.FleetPreview) error {
	out := cmd.OutOrStdout()
	_, _ = fmt.Fprintf(out, "%s: %s\n", count(p.Assets, "asset"), notes("%d with something to do", p.Acts, "%d with nothing to do", p.Idle, "%d that cannot run it", p.Stopped,
		"%d without an inventory", p.NoInventory, "%d reboots that are pending", p.Reboots, "%d patches over the cap", p.Dropped))
	if starts := startsText(p.Outlook); starts != "" {
		_, _ = fmt.Fprintln(out, "next start:", starts)
	}
	warn(cmd, p.Outlook)
	if len(p.Patches) > 0 {
		_, _ = fmt.Fprintln(out, "\nIt would install:")
		rows := rowsOf(p.Patches, func(x controller.PatchCount) []any { return []any{x.Patch, x.Name, x.Version, x.Assets} })
		if err := r.table(cmd, "PATCH PRODUCT VERSION ASSETS", rows); err != nil {
			return err
		}
	}
	if len(p.Reasons) == 0 {
		return nil
	}
	rows := rowsOf(p.Reasons, func(x controller.ReasonCount) []any {
		return []any{x.Patch, x.Assets, plain(x.Examples), x.Rule, long(x.Text)}
	})
	if p.More > 0 {
		rows = append(rows, []any{fmt.Sprintf("(%d more reasons)", p.More), "", "", "", ""})
	}
	_, _ = fmt.Fprintln(out, "\nIt would leave out:")
	return r.table(cmd, "PATCH ASSETS FOR-EXAMPLE RULE WHY", rows)
}
