package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/examples/server/adminhttp"
	"github.com/patchpolicy/patchpolicy/job/controller"
)

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
