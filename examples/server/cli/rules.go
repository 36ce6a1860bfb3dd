package cli

import (
	_ "embed"
	"fmt"
	"strings"
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
			"  MAN  what agents hold and when         RPT  reports",
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
