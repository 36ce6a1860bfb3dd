package cli

import (
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/examples/server/adminhttp"
	"github.com/patchpolicy/patchpolicy/job/controller"
)

func (r *remote) tokens() *cobra.Command {
	noun := &cobra.Command{Use: "token", Short: "Enrolment tokens: what lets an agent become an asset"}
	var in adminhttp.NewToken
	var lasts time.Duration
	create := &cobra.Command{
		Use: "create", Short: "Make a token and print its secret, this once",
		Example: "  server token create                                  # one agent, within a day\n  server token create --uses 50 --tag lab --names 'lab-*' --expires-in 2h",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if lasts < 0 {
				return usageError{fmt.Errorf("--expires-in %v: want zero (never) or more", lasts)}
			}
			if lasts > 0 {
				in.Expires = time.Now().Add(lasts)
			}
			made, done, err := do[adminhttp.MadeToken](cmd, r, http.MethodPost, "tokens", nil, in)
			if err != nil || done {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), made.Secret)
			return err
		},
	}
	create.Flags().StringVar(&in.Name, "name", "", "for people")
	create.Flags().IntVar(&in.Uses, "uses", 1, "how many agents may enrol with it")
	create.Flags().StringSliceVar(&in.Tags, "tag", nil, "tag given to every asset that enrols with it (repeatable)")
	create.Flags().StringVar(&in.Names, "names", "", "pattern that the names of assets that enrol with it must fit, as 'lab-*' (default: any name)")
	create.Flags().DurationVar(&lasts, "expires-in", 24*time.Hour, "how long it is good for; 0: for ever")
	list := &cobra.Command{Use: "list", Short: "List the tokens", RunE: func(cmd *cobra.Command, _ []string) error {
		tokens, done, err := do[[]controller.Token](cmd, r, http.MethodGet, "tokens", nil, nil)
		if err != nil || done {
			return err
		}
		var rows [][]any
		for _, t := range tokens {
			rows = append(rows, []any{t.ID, t.Name, t.Uses, t.Expires, t.Tags, t.Names})
		}
		return table(cmd.OutOrStdout(), "ID NAME USES-LEFT EXPIRES TAGS NAMES", rows)
	}}
	remove := &cobra.Command{Use: "delete ID", Short: "Make a token worthless", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		return act(cmd, r, http.MethodDelete, "tokens/"+escaped(args[0]), nil, "deleted")
	}}
	noun.AddCommand(create, list, remove)
	return noun
}

func (r *remote) assets() *cobra.Command {
	noun := &cobra.Command{Use: "asset", Short: "Assets: the computers with an agent"}
	list := &cobra.Command{
		Use: "list", Short: "List the assets, with what they last said",
		Long: "List the assets. BEHIND: a change has not reached the asset yet (MAN-2). SILENT: it has not called for half an hour,\n" +
			"so there is no bound on when it will (MAN-3). CLOCK: how far its clock is off; over 5 minutes is marked (MAN-8).",
		RunE: func(cmd *cobra.Command, _ []string) error {
			assets, done, err := every(cmd, r, "assets", func(a controller.AssetStatus) string { return string(a.ID) })
			if err != nil || done {
				return err
			}
			return assetTable(cmd, assets)
		},
	}
	tag := &cobra.Command{
		Use: "tag ASSET [TAG…]", Short: "Replace an asset's tags; none: take them away", Args: cobra.MinimumNArgs(1),
		Example: "  server asset tag web-1 web production",
		RunE: func(cmd *cobra.Command, args []string) error {
			return act(cmd, r, http.MethodPut, "assets/"+escaped(args[0])+"/tags", append([]string{}, args[1:]...), "tagged")
		},
	}
	remove := &cobra.Command{Use: "remove ASSET", Short: "Turn an asset away from now on; its history stays", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		return act(cmd, r, http.MethodDelete, "assets/"+escaped(args[0]), nil, "removed")
	}}
	settle := &cobra.Command{
		Use: "settle ASSET", Short: "Take an asset that several computers called as for one computer again", Args: cobra.ExactArgs(1),
		Long: "Take an asset that several computers called as (see \"server report cloned\") for one computer again. Enrol each copy anew first, on the\n" +
			"copy: agent enrol --again --name NAME …",
		RunE: func(cmd *cobra.Command, args []string) error {
			return act(cmd, r, http.MethodPost, "assets/"+escaped(args[0])+"/settle", nil, "settled")
		},
	}
	noun.AddCommand(list, tag, remove, settle)
	return noun
}

func assetTable(cmd *cobra.Command, assets []controller.AssetStatus) error {
	var rows [][]any
	for _, a := range assets {
		clock := a.Offset.Round(time.Millisecond).String()
		if a.OffsetTooFar {
			clock += "!"
		}
		rows = append(rows, []any{a.ID, a.Platform, a.Tags, a.LastSeen, a.Silent, clock, fmt.Sprintf("%d/%d", a.Held, a.Newest), a.Behind, a.NeedsReboot, a.AnomalyCount})
	}
	return table(cmd.OutOrStdout(), "ASSET PLATFORM TAGS LAST-SEEN SILENT CLOCK MANIFEST BEHIND NEEDS-REBOOT ANOMALIES", rows)
}
