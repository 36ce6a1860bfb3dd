package cli

import (
	_ "embed"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// The rules of the package documentation, one per line, as "JOB-5. Text.". A
// test compares them, and with -rewrite writes the file.
//
//go:embed rules.txt
var ruleText string

type rule struct {
	ID   string `json:"rule"`
	Text string `json:"text"`
}

// rulesOf returns the rules that an id names, or all of a cluster, or with an
// empty id all there are.
func rulesOf(id string) (list []rule) {
	for line := range strings.Lines(ruleText) {
		var x rule
		x.ID, x.Text, _ = strings.Cut(strings.TrimSpace(line), ". ")
		cluster, _, _ := strings.Cut(x.ID, "-")
		if id == "" || strings.EqualFold(id, x.ID) || strings.EqualFold(id, cluster) {
			list = append(list, x)
		}
	}
	return list
}

func rules() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "rule [ID…]", Short: "Explain the rules that texts and tables cite, like JOB-22; without an id, list them",
		Long: "Print the text of rules by their ids. An id without a number stands for all its rules. Without an id, list the rules.\n\n" +
			"  CAT  catalog, versions, end of life    INT  integrity of files\n" +
			"  JOB  jobs, runs, cancels, chains       RBT  reboots\n" +
			"  MAN  what agents hold and when         RPT  reports\n" +
			"  APR  baselines, and their delays       CAL  calendars\n" +
			"  DUE  deadlines and exceptions          ROL  rollouts",
		Example: "  server rule JOB-22 CAT-3\n  server rule rbt",
		RunE: func(cmd *cobra.Command, args []string) error {
			var found []rule
			for _, arg := range args {
				list := rulesOf(arg)
				if len(list) == 0 {
					return fmt.Errorf("there is no rule %q; \"server rule\" lists them", arg)
				}
				found = append(found, list...)
			}
			if len(args) == 0 {
				found = rulesOf("")
			}
			switch {
			case asJSON:
				return printJSON(cmd, found)
			case len(args) == 0:
				return table(cmd.OutOrStdout(), false, "RULE TEXT", rowsOf(found, func(x rule) []any { return []any{x.ID, long(x.Text)} }))
			}
			for _, x := range found {
				_, _ = fmt.Fprintln(cmd.OutOrStdout(), wrap(x.ID+". "+x.Text, 80, "  "))
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON instead of text")
	return c
}

// wrap breaks a text into lines of a width. Lines after the first begin with
// the indent.
func wrap(text string, width int, indent string) string {
	var lines []string
	line, space := "", ""
	for word := range strings.FieldsSeq(text) {
		if longer := line + space + word; space == "" || utf8.RuneCountInString(longer) <= width {
			line = longer
		} else {
			lines, line = append(lines, line), indent+word
		}
		space = " "
	}
	return strings.Join(append(lines, line), "\n")
}

// fill wraps the paragraphs of a help text, but not those that are indented.
func fill(text string) string {
	paragraphs := strings.Split(text, "\n\n")
	for i, p := range paragraphs {
		if !strings.HasPrefix(p, " ") {
			paragraphs[i] = wrap(p, 80, "")
		}
	}
	return strings.Join(paragraphs, "\n\n")
}

// policyText shows the files of a calendar, a baseline and a table of deadlines.
const policyText = `Jobs name a calendar as "calendar" or "rebootHours", and a baseline as "baseline". Days of a baseline count from the oldest fix. The files look like this:

  {"name": "nights", "zone": "Europe/Berlin",
   "openings": [{"when": {"kind": "weekly", "weekdays": ["saturday"], "time": "22:00"}, "length": "8h"}],
   "closed": [{"name": "year end", "reason": "the books are closed", "first": "2026-12-20", "last": "2027-01-02"}]}

  {"name": "careful", "denied": ["editor-2"],
   "rules": [{"when": {"minSeverity": "high"}, "delay": 1}, {"when": {"classes": ["security"]}, "delay": 7}]}

  {"name": "ours", "anchor": "published",
   "rows": [{"when": {"exploited": "yes"}, "days": 3}, {"when": {"severity": "high", "tag": "web"}, "days": 14}, {"days": 60}]}`

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
			"\"server rule JOB-8\" explains queries, \"server rule JOB-9\" schedules, and \"server serve --help\" calendars and baselines.",
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
