package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/examples/server/adminhttp"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
)

func (r *remote) jobCheck() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use: "check [JOB]", Short: "Say which deadlines a job can miss, and by what chain (DUE-7)",
		Long: "Say which deadlines of \"server serve --deadlines\" a job can miss on an asset that is on and can be reached, and how long a fix takes at\n" +
			"worst: delay, wait for the next run, lead, closed time, window and reboot. It also says what calendars, baselines and rollouts make\n" +
			"impossible. Name a saved job, or a file with --file.",
		Example: "  server job check daily\n  server job check -f daily.json --full",
		RunE: func(cmd *cobra.Command, args []string) error {
			var d job.Definition
			switch {
			case (file == "") == (len(args) == 0):
				return usageError{errors.New("name a saved job or a file, one of the two")}
			case file != "":
				data, err := readJob(cmd.InOrStdin(), file)
				if err != nil {
					return err
				}
				if d, err = adminhttp.ParseDefinition(data); err != nil {
					return fmt.Errorf("job file %s: %w", file, err)
				}
			default:
				var j controller.JobStatus
				if err := r.send(cmd, "GET jobs/{}", nil, nil, &j); err != nil {
					return err
				}
				d = j.Definition
			}
			d.State, d.Revision = 0, 0
			findings, done, err := ask[[]job.Finding](r, cmd, "POST check", d)
			if err != nil || done {
				return err
			}
			return r.table(cmd, "FINDING TABLE ROW HOURS CAN-MISS WHY", rowsOf(findings, func(f job.Finding) []any {
				row, worst := "", ""
				if f.Table != "" {
					row = fmt.Sprint(f.Row + 1)
				}
				if f.Kind == job.WorstCase {
					worst = fmt.Sprint(int(f.Worst.Total().Hours() + 0.999))
				}
				return []any{f.Kind, f.Table, row, worst, f.Missed, long(f.Text)}
			}))
		},
	}
	c.Flags().StringVarP(&file, "file", "f", "", "JSON file with the job; - is standard input")
	return c
}
