package cli

import (
	_ "embed"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

//go:embed examples.txt
var exampleText string

// example is a job that can be saved as it is.
type example struct {
	Kind  string `json:"kind"`
	Short string `json:"short"`
	Job   string `json:"-"`
}

// examples reads examples.txt. In it TOMORROW is the day after now.
func examples(now time.Time) (list []example) {
	text := strings.ReplaceAll(exampleText, "TOMORROW", now.UTC().AddDate(0, 0, 1).Format(time.DateOnly))
	for part := range strings.SplitSeq(strings.TrimPrefix(text, "== "), "\n== ") {
		head, job, _ := strings.Cut(part, "\n")
		kind, short, _ := strings.Cut(head, ": ")
		list = append(list, example{kind, short, strings.TrimSpace(job) + "\n"})
	}
	return list
}

func (r *remote) jobExample() *cobra.Command {
	return &cobra.Command{
		Use: "example [KIND]", Short: "Print an example of a job file; without a kind, list the kinds",
		Long: "Print an example of a job file, to edit and save. Without a kind, list the kinds.\n\n" +
			"A duration is written like \"90m\" or \"1h30m\". The zone \"asset\" is each asset's own; other zones have names like Europe/Berlin.\n" +
			"\"server rule JOB-8\" explains queries, \"server rule JOB-9\" schedules.",
		Example: "  server job example daily > daily.json\n  server job example daily | server job save -f -",
		RunE: func(cmd *cobra.Command, args []string) error {
			list := examples(time.Now())
			for _, e := range list {
				if len(args) == 1 && args[0] == e.Kind {
					_, err := fmt.Fprint(cmd.OutOrStdout(), e.Job)
					return err
				}
			}
			if len(args) == 1 {
				return usageError{fmt.Errorf("there is no example %q; \"server job example\" lists them", args[0])}
			}
			if r.asJSON {
				return printJSON(cmd, list)
			}
			return table(cmd.OutOrStdout(), true, "KIND WHAT", rowsOf(list, func(e example) []any { return []any{e.Kind, e.Short} }))
		},
	}
}
