package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
)

func (r *remote) reportDue() *cobra.Command {
	const call = "GET reports/due?asset={}"
	one := listing(r, call, "DUE STATE CAUSE CVE PATCH TABLE WHY", func(d controller.DueOn) []any {
		return []any{d.Due, d.State, d.Cause, d.CVE, d.Patch, d.Table, long(d.Text)}
	})
	all := showing(r, call, r.showDue)
	return &cobra.Command{
		Use: "due [ASSET]", Short: "By when vulnerabilities must be gone, and why the overdue ones are not (DUE-5)",
		Long: "By when vulnerabilities must be gone from an asset, or counted over all assets, by the tables of \"server serve --deadlines\".\n" +
			"Each overdue one has one cause, so the causes add up; \"server why ASSET CVE\" shows every decision. The causes:\n\n" +
			"  notReached     the agent has not called\n" +
			"  noPatch        no patch that fixes it can be deployed\n" +
			"  pendingReboot  the fix is installed and waits for a reboot\n" +
			"  failed         its install failed\n" +
			"  cancelled      its order was cancelled or withdrawn, or its job is disabled\n" +
			"  heldBack       a hold, a pin, an unmet requirement, its turn in a rollout, missing evidence, or two computers that call as one\n" +
			"  noWindow       a job installs it, too late\n" +
			"  noJob          no job installs it\n\n" +
			"What is installed and confirmed is not listed. A vulnerability that no patch in the catalog fixes is not known here.",
		Example: "  server report due\n  server report due web-1",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return one(cmd, args)
			}
			return all(cmd, args)
		},
	}
}

func (r *remote) showDue(cmd *cobra.Command, f controller.FleetDue) error {
	_, _ = fmt.Fprintf(cmd.OutOrStdout(), "vulnerabilities on %s with an inventory (%d without): %d overdue, %d due within %d days, %d open, %d excepted\n",
		count(f.Assets-f.NoInventory, "asset"), f.NoInventory, f.Overdue, f.DueSoon, controller.SoonDue/(24*time.Hour), f.Open, f.Excepted)
	if f.Overdue == 0 {
		return nil
	}
	_, _ = fmt.Fprintln(cmd.OutOrStdout())
	err := r.table(cmd, "CAUSE OVERDUE", rowsOf(f.Causes, func(c controller.CauseCount) []any { return []any{c.Cause, c.Count} }))
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintln(cmd.OutOrStdout())
	err = r.table(cmd, "CVE DUE ASSETS", rowsOf(f.CVEs, func(x controller.OverdueCVE) []any { return []any{x.CVE, x.Due, x.Assets} }))
	if f.More > 0 {
		_, _ = fmt.Fprintf(cmd.OutOrStdout(), "and %d more on fewer assets\n", f.More)
	}
	return err
}

func (r *remote) exceptions() *cobra.Command {
	var e controller.Excepted
	var lasts time.Duration
	var asset string
	add := &cobra.Command{
		Use: "add CVE", Short: "Allow a vulnerability to stay past its deadline for a time",
		Example: "  server exception add CVE-2026-1234 --owner alice --reason 'the fix breaks printing' --for 336h --until-patch\n" +
			"  server exception add CVE-2026-1234 --asset web-1 --owner alice --reason 'not reachable' --for 720h --until-exposure-changes",
		RunE: func(cmd *cobra.Command, args []string) error {
			e.CVE, e.Asset, e.Until = args[0], job.AssetID(asset), time.Now().Add(lasts).Truncate(time.Second)
			if lasts <= 0 {
				return usageError{fmt.Errorf("--for %v: want how long it lasts, as 336h", lasts)}
			}
			return r.act(cmd, "PUT exceptions", e, "excepted until "+show(e.Until))
		},
	}
	f := add.Flags()
	f.StringVar(&asset, "asset", "", "on this asset only (default: on every asset without an exception of its own)")
	f.StringVar(&e.Owner, "owner", "", "who answers for it")
	f.StringVar(&e.Reason, "reason", "", "why it is allowed")
	f.DurationVar(&lasts, "for", 0, "how long it lasts")
	f.BoolVar(&e.PatchAppears, "until-patch", false, "it also ends when a deployable patch appears")
	f.BoolVar(&e.Exploitation, "until-exploited", false, "it also ends when exploitation becomes known")
	f.BoolVar(&e.ExposureChanges, "until-exposure-changes", false, "it also ends when the asset's exposure changes")
	end := verb("end CVE", "End an exception now", r.acting("DELETE exceptions/{}?asset", "ended"))
	end.Flags().String("asset", "", "the exception of this asset (default: the one of every asset)")
	return noun("exception", "Exceptions to deadlines: each has an owner, a reason and an end (DUE-6)", add, end,
		verb("list", "List the exceptions, those that have ended included", listing(r, "GET exceptions?limit=1000", "CVE ASSET UNTIL OWNER REASON", func(e controller.Excepted) []any {
			return []any{e.CVE, e.Asset, e.Until, e.Owner, long(e.Reason)}
		})))
}

func (r *remote) evidence() *cobra.Command {
	var e controller.Evidence
	c := &cobra.Command{
		Use: "evidence ASSET CVE", Short: "Mark the evidence that a deadline wants before the fix is installed (DUE-1)",
		Long: "Mark the evidence about a vulnerability on an asset as collected, or with --waive as not needed. A job with a \"triageHold\" holds the\n" +
			"patch until then, and until so long before its deadline at most.",
		Example: "  server evidence web-1 CVE-2026-1234 --owner alice\n  server evidence web-1 CVE-2026-1234 --owner alice --waive --reason 'a fresh image'",
		RunE: func(cmd *cobra.Command, args []string) error {
			e.Asset, e.CVE = job.AssetID(args[0]), args[1]
			return r.act(cmd, "PUT evidence", e, "marked")
		},
	}
	f := c.Flags()
	f.StringVar(&e.Owner, "owner", "", "who answers for it")
	f.BoolVar(&e.Waived, "waive", false, "no evidence is needed")
	f.StringVar(&e.Reason, "reason", "", "why; needed with --waive")
	return c
}
