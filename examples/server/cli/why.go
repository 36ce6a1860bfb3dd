package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/job/controller"
)

func (r *remote) why() *cobra.Command {
	return &cobra.Command{
		Use: "why ASSET CVE|PATCH", Short: "Why a patch is not installed on an asset yet, and when it can be",
		Long: "Why a patch, or the patch that fixes a vulnerability, is not installed on an asset yet: the decisions from the catalog to the\n" +
			"last report, each with its rule. Nothing installs the patch while a line holds that is marked \"stops\"; if such a line names a\n" +
			"job, only that job does not.",
		Example: "  server why web-1 CVE-2026-1234\n  server why web-1 editor-2",
		RunE:    showing(r, "GET assets/{}/why/{}", r.showWhy),
	}
}

func (r *remote) showWhy(cmd *cobra.Command, w controller.Why) error {
	state := "it can be installed: not as things stand"
	switch {
	case w.Installed:
		state = "it is installed"
	case !w.Earliest.IsZero():
		state = "it can be installed: from " + show(w.Earliest)
	}
	about := string(w.Patch)
	if w.CVE != "" {
		about = w.CVE
		if w.Patch != "" {
			about += ": " + string(w.Patch)
		}
	}
	_, _ = fmt.Fprintf(cmd.OutOrStdout(), "%s on %s; %s\n\n", about, w.Asset, state)
	return r.table(cmd, "AT JOB RULE STOPS WHY", rowsOf(w.Steps, func(s controller.WhyStep) []any {
		stops := ""
		if s.Stops {
			stops = "stops"
		}
		return []any{s.At, s.Job, s.Rule, stops, long(s.Text)}
	}))
}
