package cli

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/examples/server/adminhttp"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
)

const jobExample = `  {
    "id": "nightly", "name": "Nightly security patches", "platform": "linux",
    "assets": {"includeTags": ["web"], "excludeTags": ["frozen"]},
    "patches": {"query": {"minSeverity": "high", "exclude": {"products": ["java"], "classes": ["driver"]}}},
    "schedule": {"kind": "once", "at": "2027-01-31T22:00:00Z"},
    "window": "4h",
    "reboot": {"deferrals": 3, "interval": "1h"}
  }`

func (r *remote) jobs() *cobra.Command {
	noun := &cobra.Command{Use: "job", Short: "Jobs: which patches, on which assets, when"}
	noun.AddCommand(r.jobGivenUp(), r.jobRetry(), r.jobCreate(), r.jobList(), r.jobShow(), r.jobPreview(), r.jobCancel())
	noun.AddCommand(&cobra.Command{
		Use: "disable JOB", Short: "Withdraw what has not started; what has goes on (JOB-5)", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return act(cmd, r, http.MethodPost, "jobs/"+escaped(args[0])+"/disable", nil, "disabled")
		},
	}, r.jobDelete())
	noun.AddCommand(&cobra.Command{
		Use: "enable JOB", Short: "Enable a job and print its run", Args: cobra.ExactArgs(1),
		Long: "Enable a job. Its orders are handed out 3 h before the start; if that is sooner, at each asset's next check-in (MAN-1).",
		RunE: func(cmd *cobra.Command, args []string) error {
			out, done, err := do[adminhttp.Enabled](cmd, r, http.MethodPost, "jobs/"+escaped(args[0])+"/enable", nil, nil)
			if err != nil || done {
				return err
			}
			if out.Run == "" {
				out.Run = "(no run is planned: it was enabled already, or runs after another job)"
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), out.Run)
			return err
		},
	}, &cobra.Command{
		Use: "run JOB", Short: "Start a run of an enabled job now and print it", Args: cobra.ExactArgs(1),
		Long: "Start a run of an enabled job now, whatever its schedule says and whatever it runs after. Its other runs come as planned.",
		RunE: func(cmd *cobra.Command, args []string) error {
			out, done, err := do[adminhttp.Enabled](cmd, r, http.MethodPost, "jobs/"+escaped(args[0])+"/run", nil, nil)
			if err != nil || done {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), out.Run)
			return err
		},
	})
	return noun
}

func (r *remote) jobGivenUp() *cobra.Command {
	return &cobra.Command{
		Use: "given-up JOB", Short: "The patches that a job leaves out on an asset because they failed too often (JOB-27)", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			list, done, err := do[[]controller.GivenUp](cmd, r, http.MethodGet, "jobs/"+escaped(args[0])+"/given-up", url.Values{"limit": {"1000"}}, nil)
			if err != nil || done {
				return err
			}
			var rows [][]any
			for _, g := range list {
				rows = append(rows, []any{g.Asset, g.Patch, g.Runs, g.Last})
			}
			return table(cmd.OutOrStdout(), "ASSET PATCH FAILED-RUNS LAST", rows)
		},
	}
}

func (r *remote) jobRetry() *cobra.Command {
	var asset, patch string
	c := &cobra.Command{
		Use: "retry JOB --asset ASSET --patch PATCH", Short: "Have a job try a patch again that it gave up on an asset (JOB-27)", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if asset == "" || patch == "" {
				return usageError{errors.New("--asset or --patch is missing: see server job given-up JOB")}
			}
			path := "jobs/" + escaped(args[0]) + "/retry?" + url.Values{"asset": {asset}, "patch": {patch}}.Encode()
			return act(cmd, r, http.MethodPost, path, nil, "the next run tries it")
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
			path := "jobs/" + escaped(args[0])
			if force {
				path += "?force=true"
			}
			return act(cmd, r, http.MethodDelete, path, nil, "deleted")
		},
	}
	c.Flags().BoolVar(&force, "force", false, "though enabled jobs run after it; they wait then, and say so (JOB-19)")
	return c
}

func (r *remote) jobCreate() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use: "create -f FILE", Short: "Save a job; a new one is disabled, one that exists keeps its state",
		Long: "Save a job from a JSON file. Saving an enabled job again makes those of its orders again that have not started (MAN-2).\n\nA job file:\n\n" + jobExample +
			"\n\nA query takes the missing patches that meet all it sets and nothing that its \"exclude\" sets; {} takes all. Both take products, vendors,\n" +
			"channels, classes (security, bugfix, feature, driver, definition) and cves, each a list; anyCve, exploited and reboot, which are true or\n" +
			"left out; and minSeverity (JOB-8). Instead of a query, patches may be a list: {\"list\": [\"PATCH-ID\"]}.\n\n" +
			"A schedule is {\"kind\": \"on demand\"}, which starts when the job is enabled or run by name, once as above, or recurs:\n\n" +
			"  {\"kind\": \"daily\", \"time\": \"22:00\", \"zone\": \"Europe/Berlin\", \"spread\": \"30m\"}\n" +
			"  {\"kind\": \"weekly\", \"time\": \"22:00\", \"zone\": \"asset\", \"weekdays\": [\"saturday\"]}\n" +
			"  {\"kind\": \"patch tuesday\", \"time\": \"02:30\", \"zone\": \"UTC\", \"offset\": 4}\n\n" +
			"A job that runs after another has \"after\": {\"job\": \"nightly\", \"share\": 80, \"delay\": \"24h\"}, or {\"job\": \"nightly\", \"perAsset\": true}, and\n" +
			"is on demand or recurs; \"lateJoiners\": true takes assets that enrol or get the tag later; \"giveUp\": 3 leaves a patch out on an\nasset after three failed runs; \"rebootPending\": true reboots for a\nreboot that is pending already, also if it installs nothing (RBT-11).\n\n" +
			"The zone \"asset\" is each asset's own. \"go doc ./job/schedule.Kind\" lists them all.",
		Example: "  server job create -f nightly.json && server job preview nightly --asset web-1 && server job enable nightly\n  generate-job | server job create -f -",
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
		jobs, done, err := every(cmd, r, "jobs", func(j controller.JobStatus) string { return string(j.ID) })
		if err != nil || done {
			return err
		}
		var rows [][]any
		for _, j := range jobs {
			rows = append(rows, []any{j.ID, j.State, j.Revision, j.Schedule.Kind, j.Schedule.At, len(j.Open), j.Name})
		}
		return table(cmd.OutOrStdout(), "JOB STATE REVISION SCHEDULE AT OPEN-RUNS NAME", rows)
	}}
}

func (r *remote) jobShow() *cobra.Command {
	return &cobra.Command{Use: "show JOB", Short: "Show a job and its runs", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		j, done, err := do[controller.JobStatus](cmd, r, http.MethodGet, "jobs/"+escaped(args[0]), nil, nil)
		if err != nil || done {
			return err
		}
		runs, _, err := every(cmd, r, "jobs/"+escaped(args[0])+"/runs", func(s controller.RunStatus) string { return string(s.ID) })
		if err != nil {
			return err
		}
		if err := table(cmd.OutOrStdout(), "JOB STATE REVISION SCHEDULE AT NAME", [][]any{{j.ID, j.State, j.Revision, j.Schedule.Kind, j.Schedule.At, j.Name}}); err != nil {
			return err
		}
		if j.Waits != nil {
			_, _ = fmt.Fprintf(cmd.OutOrStdout(), "\nIt has not started: %s\n", show(j.Waits.Text))
		}
		_, _ = fmt.Fprintln(cmd.OutOrStdout())
		return runTable(cmd, runs)
	}}
}

func (r *remote) jobPreview() *cobra.Command {
	var asset string
	c := &cobra.Command{
		Use: "preview JOB --asset ASSET", Short: "Say what a job would do on an asset now, and why; nothing changes (JOB-22)", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if asset == "" {
				return usageError{errors.New("--asset is missing: name the asset to look at")}
			}
			p, done, err := do[adminhttp.Preview](cmd, r, http.MethodGet, "jobs/"+escaped(args[0])+"/preview", url.Values{"asset": {asset}}, nil)
			if err != nil || done {
				return err
			}
			if !p.Selected {
				_, _ = fmt.Fprintf(cmd.OutOrStdout(), "The job does not select asset %s (JOB-7). If it did:\n", asset)
			}
			var rows [][]any
			for _, x := range p.Order.Patches {
				rows = append(rows, []any{x.Patch, x.Name, x.Version, "install", "", ""})
			}
			if x := p.Obstacle; x.Stops() {
				rows = append(rows, []any{"", "", "", "not run", x.Rule, x.Text})
			} else if x.Unsure {
				rows = append(rows, []any{"", "", "", "ask the agent", x.Rule, x.Text})
			}
			if p.Reboots {
				rows = append(rows, []any{"", "", "", "reboot", "RBT-11", "A reboot is pending, and the job reboots for it."})
			}
			for _, x := range p.LeftOut {
				rows = append(rows, []any{x.Patch, x.Name, x.To, "leave out", x.Rule, x.Text})
			}
			if p.Dropped > 0 {
				rows = append(rows, []any{fmt.Sprintf("(%d more)", p.Dropped), "", "", "leave out", "JOB-8", "Over the cap of one run."})
			}
			return table(cmd.OutOrStdout(), "PATCH PRODUCT VERSION WOULD RULE WHY", rows)
		},
	}
	c.Flags().StringVar(&asset, "asset", "", "asset to look at")
	return c
}

func (r *remote) jobCancel() *cobra.Command {
	return &cobra.Command{
		Use: "cancel JOB", Short: "Cancel what has not begun to deploy (JOB-3)", Args: cobra.ExactArgs(1),
		Long: "Cancel a job's open runs. An asset that has begun to deploy goes on; what each asset did, its reports tell: Cancelled, or TooLate.\n" +
			"If nothing can be cancelled any more, the exit code is 1 and the stage is named.",
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.cancel(cmd, "jobs/"+escaped(args[0])+"/cancel")
		},
	}
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
	var rows [][]any
	for _, a := range report.Assets {
		rows = append(rows, []any{a.Run, a.Asset, a.State, a.Stage, a.Result})
	}
	return errors.Join(table(cmd.OutOrStdout(), "RUN ASSET CANCEL STAGE RESULT", rows), err)
}
