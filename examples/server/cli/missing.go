package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job/controller"
)

func (r *remote) reportMissing() *cobra.Command {
	const call = "GET reports/missing?asset={}&patch&cve&severity&exploited"
	one := listing(r, call, "PATCH FROM TO SEVERITY CVES EXPLOITED DEPLOYABLE RULES WHY", func(m controller.MissingOn) []any {
		var rules, texts []string
		for _, reason := range m.Reasons {
			rules, texts = append(rules, reason.Rule), append(texts, reason.Text)
		}
		return []any{m.Patch, m.From, m.To, m.Severity, r.cves(m.CVEs), m.Exploited, m.Deployable, rules, long(strings.Join(texts, " "))}
	})
	byPatch, byCVE := showing(r, call, r.showMissing), showing(r, call, r.showMissingCVEs)
	by := "patch"
	c := &cobra.Command{
		Use: "missing [ASSET]", Short: "What is missing on an asset, or counted over all, deployable or not, with the reasons",
		Long: "What is missing on an asset by its last inventory, or counted over all assets, deployable or not, with the reasons. A dash in SEVERITY or EXPLOITED " +
			"means not known, which is not \"no\" (CAT-18).",
		Example: "  server report missing\n  server report missing --by cve --exploited\n  server report missing web-1 --severity high --full",
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case by != "patch" && by != "cve":
				return usageError{fmt.Errorf("--by %q: want patch or cve", by)}
			case len(args) == 1 && by == "cve":
				return usageError{fmt.Errorf("--by cve counts over all assets; leave out %q", args[0])}
			case len(args) == 1:
				return one(cmd, args)
			case by == "cve":
				return byCVE(cmd, args)
			}
			return byPatch(cmd, args)
		},
	}
	severity := ""
	c.PreRunE = func(*cobra.Command, []string) error {
		if severity == "" {
			return nil
		}
		if _, err := catalog.ParseSeverity(severity); err != nil {
			return usageError{fmt.Errorf("--severity: %w", err)}
		}
		return nil
	}
	f := c.Flags()
	f.StringVar(&by, "by", by, "without an asset: count by patch or by cve")
	f.String("patch", "", "only this patch")
	f.String("cve", "", "only what fixes this vulnerability, like CVE-2026-1234")
	f.StringVar(&severity, "severity", "", "only this severity or a higher one: low, medium, high, critical")
	f.Bool("exploited", false, "only what fixes a vulnerability that is known to be exploited")
	return c
}

// cves is how many there are and the first, or all with --full.
func (r *remote) cves(ids []string) string {
	switch {
	case len(ids) == 0:
		return ""
	case r.full || len(ids) == 1:
		return strings.Join(ids, ",")
	}
	return fmt.Sprintf("%d, like %s", len(ids), ids[0])
}

func missingHead(cmd *cobra.Command, n int, what string, m controller.FleetMissing) {
	_, _ = fmt.Fprintf(cmd.OutOrStdout(), "%s: %d, on %s with an inventory; %d without\n", what, n, count(m.Assets-m.NoInventory, "asset"), m.NoInventory)
	if n > 0 {
		_, _ = fmt.Fprintln(cmd.OutOrStdout())
	}
}

func (r *remote) showMissing(cmd *cobra.Command, m controller.FleetMissing) error {
	missingHead(cmd, len(m.Patches), "missing patches", m)
	if len(m.Patches) == 0 {
		return nil
	}
	var rows [][]any
	for _, p := range m.Patches {
		row := []any{p.Patch, p.Product, p.Version, p.Severity, r.cves(p.CVEs), p.Exploited, p.Assets, p.Deployable, "", ""}
		for i, x := range p.Reasons {
			if i > 0 && !r.full {
				break
			}
			row[8], row[9] = x.Rule, long(fmt.Sprintf("%s (on %d)", x.Text, x.Assets))
			rows = append(rows, row)
			row = []any{"", "", "", "", "", "", "", "", "", ""}
		}
		if len(p.Reasons) == 0 {
			rows = append(rows, row)
		}
	}
	return r.table(cmd, "PATCH PRODUCT VERSION SEVERITY CVES EXPLOITED ASSETS DEPLOYABLE RULE WHY-NOT", rows)
}

func (r *remote) showMissingCVEs(cmd *cobra.Command, m controller.FleetMissing) error {
	missingHead(cmd, len(m.CVEs)+m.More, "vulnerabilities that missing patches fix", m)
	if len(m.CVEs) == 0 {
		return nil
	}
	err := r.table(cmd, "CVE SEVERITY EXPLOITED ASSETS DEPLOYABLE-ON", rowsOf(m.CVEs, func(v controller.MissingCVE) []any {
		return []any{v.ID, v.Severity, v.Exploited, v.Assets, v.Deployable}
	}))
	if m.More > 0 {
		_, _ = fmt.Fprintf(cmd.OutOrStdout(), "and %d more on fewer assets\n", m.More)
	}
	return err
}
