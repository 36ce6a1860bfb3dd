package cli

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/examples/server/adminhttp"
	"github.com/patchpolicy/patchpolicy/job/controller"
)

func (r *remote) reports() *cobra.Command {
	noun := &cobra.Command{Use: "report", Short: "Reports: what failed, what is missing, who waits"}
	open := func(o controller.Open) []any { return []any{o.Asset, o.Run} }
	reboots := func(o controller.Open) []any { return []any{o.Asset, o.Run, o.Since} }
	noun.AddCommand(r.reportFailed(), r.reportFailures(), r.reportMissing(), r.reportFeeds(),
		listing(r, cobra.Command{Use: "reboots", Short: "Assets that need a reboot, and for which run; without a run, for a cause outside of jobs"}, at("reports/reboots"), most, "ASSET RUN SINCE", reboots),
		listing(r, cobra.Command{Use: "cancels", Short: "Cancels whose outcome is not known yet"}, at("reports/cancels"), most, "ASSET RUN", open),
		listing(r, cobra.Command{Use: "stuck", Short: "Executions whose stage lasts longer than their job expects (JOB-25)"}, at("reports/stuck"), most, "ASSET RUN STAGE SINCE EXPECTED",
			func(s controller.StuckOrder) []any {
				return []any{s.Asset, s.Run, s.Stage, s.Since, adminhttp.ShortDuration(s.After)}
			}),
		listing(r, cobra.Command{Use: "cloned", Short: "Assets that two computers call as: nothing starts on them until that is settled (MAN-9)"}, at("reports/cloned"), most, "ASSET LAST-CALL WHAT-TO-DO",
			func(a controller.AssetStatus) []any { return []any{a.ID, a.LastSeen, a.Cloned.Text} }),
		listing(r, cobra.Command{Use: "events", Short: "What administrators did, and which assets enrolled, newest first"}, at("reports/events"), most, "AT WHO WHAT ON MORE",
			func(e controller.Event) []any { return []any{e.At, e.Actor, e.Action, e.Subject, long(e.Text)} }),
		listing(r, cobra.Command{Use: "silent", Short: "Assets that have not called for half an hour"}, at("reports/silent"), most, assetHead, assetRow),
		listing(r, cobra.Command{Use: "unreachable", Short: "URLs of patches near their end of life that cannot be reached; new orders leave those patches out (CAT-10)"}, at("reports/unreachable"), nil, "URL SINCE WHY",
			func(u controller.Unreachable) []any { return []any{u.URL, u.Since, long(u.Err)} }))
	return noun
}

func (r *remote) reportMissing() *cobra.Command {
	return &cobra.Command{
		Use: "missing [ASSET]", Short: "What is missing on an asset, or counted over all, deployable or not, with the reasons", Args: cobra.MaximumNArgs(1),
		Example: "  server report missing\n  server report missing web-1 --full",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				m, done, err := do[controller.FleetMissing](cmd, r, http.MethodGet, "reports/missing", nil, nil)
				if err != nil || done {
					return err
				}
				return r.showMissing(cmd, m)
			}
			list, done, err := do[[]catalog.Verdict](cmd, r, http.MethodGet, "reports/missing", url.Values{"asset": {args[0]}}, nil)
			if err != nil || done {
				return err
			}
			var rows [][]any
			for _, v := range list {
				var rules, texts []string
				for _, reason := range v.Reasons {
					rules, texts = append(rules, reason.Rule), append(texts, reason.Text)
				}
				rows = append(rows, []any{v.Patch, v.From, v.To, v.Deployable, rules, long(strings.Join(texts, " "))})
			}
			return r.table(cmd, "PATCH FROM TO DEPLOYABLE RULES WHY", rows)
		},
	}
}

func (r *remote) showMissing(cmd *cobra.Command, m controller.FleetMissing) error {
	_, _ = fmt.Fprintf(cmd.OutOrStdout(), "missing patches: %d, on %s with an inventory; %d without\n", len(m.Patches), count(m.Assets-m.NoInventory, "asset"), m.NoInventory)
	if len(m.Patches) == 0 {
		return nil
	}
	_, _ = fmt.Fprintln(cmd.OutOrStdout())
	var rows [][]any
	for _, p := range m.Patches {
		row := []any{p.Patch, p.Product, p.Version, p.Assets, p.Deployable, "", ""}
		for i, x := range p.Reasons {
			if i > 0 && !r.full {
				break
			}
			row[5], row[6] = x.Rule, long(fmt.Sprintf("%s (on %d)", x.Text, x.Assets))
			rows = append(rows, row)
			row = []any{"", "", "", "", "", "", ""}
		}
		if len(p.Reasons) == 0 {
			rows = append(rows, row)
		}
	}
	return r.table(cmd, "PATCH PRODUCT VERSION ASSETS DEPLOYABLE RULE WHY-NOT", rows)
}

func (r *remote) reportFeeds() *cobra.Command {
	return &cobra.Command{
		Use: "feeds", Short: "The state of each feed, and what it claims that belongs to another (CAT-2, CAT-17)",
		Long: "The state of each feed. Stale: no good fetch for 24 h, or its data is over its maximum age (CAT-2); its patches are still served.\n" +
			"REJECTED counts records that are not valid, OUTSIDE those about another authority's products (CAT-17). If a feed is refused\n" +
			"because its data is older than before: server sync --accept-older FEED.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, done, err := do[[]controller.FeedStatus](cmd, r, http.MethodGet, "reports/feeds", nil, nil)
			if err != nil || done {
				return err
			}
			var rows, claims [][]any
			for _, f := range list {
				state := "healthy"
				if !f.Healthy {
					state = "failing"
				}
				if f.Stale {
					state += ", stale"
				}
				rows = append(rows, []any{f.Feed, f.Authority, state, f.LastGood, f.Dated, f.Patches, f.Rejected, f.Outside, long(f.Err)})
				for _, c := range f.Conflicts {
					claims = append(claims, []any{f.Feed, c.Record, c.Owner, strings.Join(c.Reasons, " ")})
				}
				if more := f.Outside - len(f.Conflicts); more > 0 {
					claims = append(claims, []any{f.Feed, fmt.Sprintf("and %d more", more), "", ""})
				}
			}
			err = r.table(cmd, "FEED AUTHORITY STATE LAST-GOOD DATED PATCHES REJECTED OUTSIDE WHY", rows)
			if err != nil || len(claims) == 0 {
				return err
			}
			_, _ = fmt.Fprintln(cmd.OutOrStdout(), "\nOutside their authority. To let a feed speak about it: server serve --grant 'FEED product ID' (or vendor, patch)")
			return r.table(cmd, "FEED CLAIMS OF WHY", claims)
		},
	}
}

func (r *remote) reportFailed() *cobra.Command {
	return &cobra.Command{Use: "failed", Short: "Failed patch installs: one number, over the whole account (RPT-1)", RunE: func(cmd *cobra.Command, _ []string) error {
		n, done, err := do[adminhttp.FailedInstalls](cmd, r, http.MethodGet, "reports/failed-installs", nil, nil)
		if err != nil || done {
			return err
		}
		_, err = fmt.Fprintln(cmd.OutOrStdout(), n.FailedInstalls)
		return err
	}}
}

func (r *remote) reportFailures() *cobra.Command {
	var from, to, asset, patch, code, page string
	var limit int
	c := &cobra.Command{
		Use: "failures", Short: "The failed installs as a list, newest first (RPT-2)",
		Example: "  server report failures --from 2027-01-01 --code FileSignatureFailed\n  server report failures --asset web-1 --limit 20 --full",
		RunE: func(cmd *cobra.Command, _ []string) error {
			query := url.Values{"limit": {fmt.Sprint(limit)}}
			for name, value := range map[string]string{"asset": asset, "patch": patch, "code": code, "page": page} {
				if value != "" {
					query.Set(name, value)
				}
			}
			for name, value := range map[string]string{"from": from, "to": to} {
				if value == "" {
					continue
				}
				at, err := date(value)
				if err != nil {
					return usageError{fmt.Errorf("--%s: %w", name, err)}
				}
				query.Set(name, at.Format(time.RFC3339))
			}
			got, done, err := do[controller.FailurePage](cmd, r, http.MethodGet, "reports/failures", query, nil)
			if err != nil || done {
				return err
			}
			var rows [][]any
			for _, f := range got.Failures {
				rows = append(rows, []any{f.At, f.Asset, f.Patch, f.From, f.To, f.Code, f.Rule, f.Run, long(f.Text)})
			}
			err = r.table(cmd, "AT ASSET PATCH FROM TO CODE RULE RUN WHY", rows)
			if got.Next != "" {
				_, _ = fmt.Fprintf(cmd.OutOrStdout(), "more: --page %s\n", got.Next)
			}
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&from, "from", "", "at or after this day or instant (UTC)")
	f.StringVar(&to, "to", "", "before this day or instant (UTC)")
	f.StringVar(&asset, "asset", "", "on this asset")
	f.StringVar(&patch, "patch", "", "of this patch")
	f.StringVar(&code, "code", "", "with this failure code, by name or number")
	f.IntVar(&limit, "limit", 100, "rows per page, 1 to 1000")
	f.StringVar(&page, "page", "", "the page to print, as the page before named it")
	return c
}

func date(s string) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(layout, s); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is neither a day like 2027-01-31 nor an instant like 2027-01-31T22:00:00Z", s)
}
