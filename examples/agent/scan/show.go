package scan

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// JSON writes one array with one object per row.
func (r Report) JSON(w io.Writer) error {
	rows := r.Rows
	if rows == nil {
		rows = []Row{}
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(rows)
}

// Table writes the rows for people, and a last line with the totals.
func (r Report) Table(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	deployable := 0
	if len(r.Rows) > 0 {
		fmt.Fprintln(t, "PACKAGE\tINSTALLED\tAVAILABLE\tDEPLOYABLE\tRULE\tWHY")
	}
	for _, row := range r.Rows {
		answer := "no"
		if row.Deployable {
			deployable++
			answer = "yes"
		}
		var rules, why []string
		for _, reason := range row.Reasons {
			rules = append(rules, reason.Rule)
			why = append(why, reason.Text)
		}
		fmt.Fprintf(t, "%s:%s\t%s\t%s\t%s\t%s\t%s\n", problem.Printable(row.Package), problem.Printable(row.Architecture), problem.Printable(row.Installed),
			problem.Printable(row.Available), answer, strings.Join(rules, ","), problem.Printable(strings.Join(why, " ")))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%d missing, of these %d deployable; catalog snapshot %d of %d feeds.\n", len(r.Rows), deployable, r.Snapshot, len(r.Feeds))
	return err
}
