package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/examples/server/adminhttp"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

func (r *remote) reports() *cobra.Command {
	return noun("report", "Reports: what failed, what is missing, who waits", r.reportFailures(), r.reportMissing(), r.reportDue(),
		verb("failed", "Failed patch installs: one number for all assets (RPT-1)",
			showing(r, "GET reports/failed-installs", func(cmd *cobra.Command, n adminhttp.FailedInstalls) error {
				return say(cmd, n.FailedInstalls)
			})),
		&cobra.Command{
			Use: "feeds", Short: "The state of each feed, and its claims about other feeds' products (CAT-2, CAT-17)",
			Long: "The state of each feed. Stale: no good fetch for 24 h, or its data is over its maximum age (CAT-2); its patches are still served.\n" +
				"FACTS counts vulnerabilities and advisories, REJECTED records that are not valid, OUTSIDE those about another authority's\n" +
				"products (CAT-17). If a feed is refused because its data is older than before: server catalog sync --accept-older FEED.",
			RunE: showing(r, "GET reports/feeds", r.showFeeds),
		},
		verb("reboots", "Assets that need a reboot, and for which run; without a run, for a cause outside of jobs",
			listing(r, "GET reports/reboots?limit=1000", "ASSET RUN SINCE", func(o controller.Open) []any { return []any{o.Asset, o.Run, o.Since} })),
		verb("cancels", "Cancels whose outcome is not known yet",
			listing(r, "GET reports/cancels?limit=1000", "ASSET RUN", func(o controller.Open) []any { return []any{o.Asset, o.Run} })),
		verb("stuck", "Executions whose stage lasts longer than their job expects (JOB-25)",
			listing(r, "GET reports/stuck?limit=1000", "ASSET RUN STAGE SINCE EXPECTED", func(s controller.StuckOrder) []any {
				return []any{s.Asset, s.Run, s.Stage, s.Since, adminhttp.ShortDuration(s.After)}
			})),
		verb("cloned", "Assets that two computers call as: nothing starts on them until that is settled (MAN-9)",
			listing(r, "GET reports/cloned?limit=1000", "ASSET LAST-CALL WHAT-TO-DO", func(a controller.AssetStatus) []any {
				return []any{a.ID, a.LastSeen, a.Cloned.Text}
			})),
		verb("events", "What administrators did, and which assets enrolled, newest first",
			listing(r, "GET reports/events?limit=1000", "AT WHO WHAT ON MORE", func(e controller.Event) []any {
				return []any{e.At, e.Actor, e.Action, e.Subject, long(e.Text)}
			})),
		verb("silent", "Assets that have not called for half an hour",
			listing(r, "GET reports/silent?limit=1000", assetHead, assetRow)),
		verb("unreachable", "URLs of patches near their end of life that cannot be reached; new orders leave those patches out (CAT-10)",
			listing(r, "GET reports/unreachable", "URL SINCE WHY", func(u controller.Unreachable) []any { return []any{u.URL, u.Since, long(u.Err)} })))
}

func (r *remote) showFeeds(cmd *cobra.Command, list []controller.FeedStatus) error {
	var rows, claims [][]any
	for _, f := range list {
		state := "healthy"
		if !f.Healthy {
			state = "failing"
		}
		if f.Stale {
			state += ", stale"
		}
		rows = append(rows, []any{f.Feed, f.Authority, state, f.LastGood, f.Dated, f.Patches, f.Known + f.Advisories, f.Rejected, f.Outside, long(f.Err)})
		for _, c := range f.Conflicts {
			claims = append(claims, []any{f.Feed, c.Record, c.Owner, strings.Join(c.Reasons, " ")})
		}
		if more := f.Outside - len(f.Conflicts); more > 0 {
			claims = append(claims, []any{f.Feed, fmt.Sprintf("and %d more", more), "", ""})
		}
	}
	err := r.table(cmd, "FEED AUTHORITY STATE LAST-GOOD DATED PATCHES FACTS REJECTED OUTSIDE WHY", rows)
	if err != nil || len(claims) == 0 {
		return err
	}
	_, _ = fmt.Fprintln(cmd.OutOrStdout(), "\nOutside their authority. To let a feed speak about it: server serve --grant 'FEED product ID' (or vendor, patch)")
	return r.table(cmd, "FEED CLAIMS OF WHY", claims)
}

func (r *remote) reportFailures() *cobra.Command {
	c := &cobra.Command{
		Use: "failures", Short: "The failed installs as a list, newest first (RPT-2)",
		Example: "  server report failures --from 2027-01-01 --code FileSignatureFailed\n  server report failures --asset web-1 --limit 20 --full",
		PreRunE: func(cmd *cobra.Command, _ []string) error {
			for _, name := range []string{"from", "to"} {
				value := cmd.Flag(name).Value
				if value.String() == "" {
					continue
				}
				at, err := date(value.String())
				if err != nil {
					return usageError{fmt.Errorf("--%s: %w", name, err)}
				}
				_ = value.Set(at.Format(time.RFC3339)) // a text is always set
			}
			return nil
		},
		RunE: showing(r, "GET reports/failures?from&to&asset&patch&code&limit&page", func(cmd *cobra.Command, got controller.FailurePage) error {
			err := r.table(cmd, "AT ASSET PATCH FROM TO CODE RULE RUN WHY", rowsOf(got.Failures, func(f ledger.Failure) []any {
				return []any{f.At, f.Asset, f.Patch, f.From, f.To, f.Code, f.Rule, f.Run, long(f.Text)}
			}))
			if got.Next != "" {
				_, _ = fmt.Fprintf(cmd.OutOrStdout(), "more: --page %s\n", got.Next)
			}
			return err
		}),
	}
	f := c.Flags()
	f.String("from", "", "at or after this day or instant (UTC)")
	f.String("to", "", "before this day or instant (UTC)")
	f.String("asset", "", "on this asset")
	f.String("patch", "", "of this patch")
	f.String("code", "", "with this failure code, by name or number")
	f.Int("limit", 100, "rows per page, 1 to 1000")
	f.String("page", "", "the page to print, as the page before named it")
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
