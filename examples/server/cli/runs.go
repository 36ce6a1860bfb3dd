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

func (r *remote) runs() *cobra.Command {
	noun := &cobra.Command{Use: "run", Short: "Runs: one occurrence of a job each"}
	show := &cobra.Command{
		Use: "show RUN", Short: "Show what became of every asset and patch of a run", Args: cobra.ExactArgs(1),
		Example: "  server run show nightly@20270131T220000Z",
		RunE: func(cmd *cobra.Command, args []string) error {
			path := "runs/" + escaped(args[0])
			assets, done, err := every(cmd, r, path+"/assets", func(a controller.RunAsset) string { return string(a.Asset) })
			if err != nil || done {
				return err
			}
			run, _, err := do[controller.RunStatus](cmd, r, http.MethodGet, path, nil, nil)
			if err != nil {
				return err
			}
			if err := runTable(cmd, []controller.RunStatus{run}); err != nil {
				return err
			}
			_, _ = fmt.Fprintln(cmd.OutOrStdout())
			return runAssetTable(cmd, assets)
		},
	}
	cancel := &cobra.Command{Use: "cancel RUN", Short: "Cancel one run (JOB-3)", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		return r.cancel(cmd, "runs/"+escaped(args[0])+"/cancel")
	}}
	noun.AddCommand(show, cancel)
	return noun
}

func runTable(cmd *cobra.Command, runs []controller.RunStatus) error {
	var rows [][]any
	for _, s := range runs {
		var results []string
		for _, x := range s.Results {
			results = append(results, fmt.Sprintf("%v %d", x.Result, x.Assets))
		}
		rows = append(rows, []any{s.ID, s.State, s.Start, s.Assets, s.Waiting, s.NotBegun, s.Executing, s.PendingReboots, s.PendingCancels, s.Dropped, strings.Join(results, ", ")})
	}
	return table(cmd.OutOrStdout(), "RUN STATE START ASSETS WAITING NOT-BEGUN EXECUTING REBOOTS-DUE CANCELS-PENDING DROPPED RESULTS", rows)
}

func runAssetTable(cmd *cobra.Command, assets []controller.RunAsset) error {
	var rows [][]any
	for _, a := range assets {
		state := show(a.Result)
		switch {
		case a.Waiting && a.Text == "":
			state = "waits for its inventory"
		case a.Waiting:
			state = "waits"
		case a.Result == 0 && a.Withdrawn:
			state = "withdrawal sent"
		case a.Result == 0 && a.Progress != 0:
			state = a.Progress.String()
		case a.Result == 0 && !a.HandedOut:
			state = "not handed out"
		case a.Result == 0:
			state = "handed out"
		}
		if len(a.Patches) == 0 {
			rows = append(rows, []any{a.Asset, state, a.Cancel, "", "", "", "", "", "", a.Text})
		}
		for _, p := range a.Patches {
			rows = append(rows, []any{a.Asset, state, a.Cancel, p.Patch, p.From, p.To, p.Status, p.Code, p.Rule, p.Text})
		}
	}
	return table(cmd.OutOrStdout(), "ASSET STATE CANCEL PATCH FROM TO OUTCOME CODE RULE WHY", rows)
}

func (r *remote) reports() *cobra.Command {
	noun := &cobra.Command{Use: "report", Short: "Reports: what failed, what is missing, who waits"}
	noun.AddCommand(r.reportFailed(), r.reportFailures())
	noun.AddCommand(&cobra.Command{Use: "missing ASSET", Short: "What is missing on an asset, deployable or not, with the reasons", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
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
			rows = append(rows, []any{v.Patch, v.From, v.To, v.Deployable, rules, strings.Join(texts, " ")})
		}
		return table(cmd.OutOrStdout(), "PATCH FROM TO DEPLOYABLE RULES WHY", rows)
	}})
	for _, v := range []struct{ use, short string }{
		{"reboots", "Who needs a reboot, and for which run"},
		{"cancels", "Cancels whose outcome is not known yet"},
	} {
		noun.AddCommand(&cobra.Command{Use: v.use, Short: v.short, RunE: func(cmd *cobra.Command, _ []string) error {
			list, done, err := do[[]controller.Open](cmd, r, http.MethodGet, "reports/"+v.use, url.Values{"limit": {"1000"}}, nil)
			if err != nil || done {
				return err
			}
			var rows [][]any
			for _, o := range list {
				rows = append(rows, []any{o.Asset, o.Run})
			}
			return table(cmd.OutOrStdout(), "ASSET RUN", rows)
		}})
	}
	noun.AddCommand(&cobra.Command{Use: "cloned", Short: "Assets that several computers call as: nothing starts on them until it is settled", RunE: func(cmd *cobra.Command, _ []string) error {
		list, done, err := do[[]controller.AssetStatus](cmd, r, http.MethodGet, "reports/cloned", url.Values{"limit": {"1000"}}, nil)
		if err != nil || done {
			return err
		}
		var rows [][]any
		for _, a := range list {
			rows = append(rows, []any{a.ID, a.LastSeen, a.Cloned.Text})
		}
		return table(cmd.OutOrStdout(), "ASSET LAST-SEEN WHAT-TO-DO", rows)
	}})
	noun.AddCommand(&cobra.Command{Use: "silent", Short: "Agents that have not called for half an hour", RunE: func(cmd *cobra.Command, _ []string) error {
		list, done, err := do[[]controller.AssetStatus](cmd, r, http.MethodGet, "reports/silent", url.Values{"limit": {"1000"}}, nil)
		if err != nil || done {
			return err
		}
		return assetTable(cmd, list)
	}})
	noun.AddCommand(&cobra.Command{Use: "unreachable", Short: "URLs of patches at their end of life that cannot be reached; new orders leave them out (CAT-10)", RunE: func(cmd *cobra.Command, _ []string) error {
		list, done, err := do[[]controller.Unreachable](cmd, r, http.MethodGet, "reports/unreachable", nil, nil)
		if err != nil || done {
			return err
		}
		var rows [][]any
		for _, u := range list {
			rows = append(rows, []any{u.URL, u.Since, u.Err})
		}
		return table(cmd.OutOrStdout(), "URL SINCE WHY", rows)
	}})
	noun.AddCommand(&cobra.Command{Use: "feeds", Short: "How each feed fares, and what it claims of others; stale: no good fetch for 24 h, or data over its maximum age; see also sync --accept-older (CAT-2, CAT-17)", RunE: func(cmd *cobra.Command, _ []string) error {
		list, done, err := do[[]controller.FeedStatus](cmd, r, http.MethodGet, "reports/feeds", nil, nil)
		if err != nil || done {
			return err
		}
		var rows [][]any
		for _, f := range list {
			rows = append(rows, []any{f.Feed, f.Authority, f.Healthy, f.Stale, f.LastGood, f.Dated, f.Patches, f.Rejected, f.Outside, f.Err})
		}
		if err := table(cmd.OutOrStdout(), "FEED AUTHORITY HEALTHY STALE LAST-GOOD DATED PATCHES REJECTED OUTSIDE WHY", rows); err != nil {
			return err
		}
		return conflictTable(cmd, list)
	}})
	return noun
}

// conflictTable shows who claims what of whom (CAT-17).
func conflictTable(cmd *cobra.Command, list []controller.FeedStatus) error {
	var rows [][]any
	for _, f := range list {
		for _, c := range f.Conflicts {
			rows = append(rows, []any{f.Feed, c.Record, c.Owner, strings.Join(c.Reasons, " ")})
		}
		if more := f.Outside - len(f.Conflicts); more > 0 {
			rows = append(rows, []any{f.Feed, fmt.Sprintf("and %d more", more), "", ""})
		}
	}
	if len(rows) == 0 {
		return nil
	}
	_, _ = fmt.Fprintln(cmd.OutOrStdout(), "\nOutside their authority; to let a feed speak about it: server serve --grant 'FEED product ID' (or vendor, patch)")
	return table(cmd.OutOrStdout(), "FEED CLAIMS OF WHY", rows)
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
		Example: "  server report failures --from 2027-01-01 --code FileSignatureFailed\n  server report failures --asset web-1 --limit 20",
		RunE: func(cmd *cobra.Command, _ []string) error {
			query := url.Values{"limit": {fmt.Sprint(limit)}}
			for name, value := range map[string]string{"asset": asset, "patch": patch, "code": code, "page": page} {
				if value != "" {
					query.Set(name, value)
				}
			}
			for name, value := range map[string]string{"from": from, "to": to} {
				at, err := date(value)
				if err != nil {
					return usageError{fmt.Errorf("--%s: %w", name, err)}
				}
				if !at.IsZero() {
					query.Set(name, at.Format(time.RFC3339))
				}
			}
			got, done, err := do[controller.FailurePage](cmd, r, http.MethodGet, "reports/failures", query, nil)
			if err != nil || done {
				return err
			}
			var rows [][]any
			for _, f := range got.Failures {
				rows = append(rows, []any{f.At, f.Asset, f.Patch, f.From, f.To, f.Code, f.Rule, f.Run, f.Text})
			}
			err = table(cmd.OutOrStdout(), "AT ASSET PATCH FROM TO CODE RULE RUN WHY", rows)
			if got.Next != "" {
				_, _ = fmt.Fprintf(cmd.OutOrStdout(), "more: --page %s\n", got.Next)
			}
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&from, "from", "", "at or after this day or instant (UTC)")
	f.StringVar(&to, "to", "", "before this day or instant (UTC)")
	f.StringVar(&asset, "asset", "", "of this asset")
	f.StringVar(&patch, "patch", "", "of this patch")
	f.StringVar(&code, "code", "", "with this failure code, by name or number")
	f.IntVar(&limit, "limit", 100, "rows of a page, 1 to 1000")
	f.StringVar(&page, "page", "", "go on where the last page ended")
	return c
}

func date(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(layout, s); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is neither a day as 2027-01-31 nor an instant as 2027-01-31T22:00:00Z", s)
}

func (r *remote) sync() *cobra.Command {
	var acceptOlder string
	c := &cobra.Command{Use: "sync", Short: "Fetch every feed now and bring the catalog up to date", RunE: func(cmd *cobra.Command, _ []string) error {
		query := url.Values{}
		if acceptOlder != "" {
			query.Set("accept-older", acceptOlder)
		}
		c, done, err := do[catalog.Changes](cmd, r, http.MethodPost, "sync", query, nil)
		if err != nil || done {
			return err
		}
		return table(cmd.OutOrStdout(), "ADDED CHANGED REMOVED DEPRECATED NO-LONGER-NEWEST REJECTED FAILED-FEEDS", [][]any{
			{len(c.Added), len(c.Changed), len(c.Removed), len(c.Deprecated), len(c.NoLongerNewest), len(c.Rejected), len(c.Failed)}})
	}}
	c.Flags().StringVar(&acceptOlder, "accept-older", "", "feed whose data is taken even if it is older than what was accepted before (CAT-2)")
	return c
}
