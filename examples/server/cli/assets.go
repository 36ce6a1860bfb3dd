package cli

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/examples/server/adminhttp"
	"github.com/patchpolicy/patchpolicy/job/controller"
)

func (r *remote) tokens() *cobra.Command {
	noun := &cobra.Command{Use: "token", Short: "Enrolment tokens: with one, an agent becomes an asset"}
	var in adminhttp.NewToken
	var lasts time.Duration
	create := &cobra.Command{
		Use: "create", Short: "Make a token and print its secret; it is not shown again",
		Example: "  server token create > token         # one agent, within a day: agent enrol --token-file token …\n  server token create --uses 50 --tag lab --names 'lab-*' --expires-in 2h",
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
	create.Flags().StringVar(&in.Name, "name", "", "a name for people")
	create.Flags().IntVar(&in.Uses, "uses", 1, "how many agents may enrol with it")
	create.Flags().StringSliceVar(&in.Tags, "tag", nil, "tag for every asset that enrols with it (repeatable)")
	create.Flags().StringVar(&in.Names, "names", "", "pattern that the names of those assets must match, like 'lab-*' (default: any name)")
	create.Flags().DurationVar(&lasts, "expires-in", 24*time.Hour, "how long it is valid; 0: for ever")
	remove := &cobra.Command{Use: "delete ID", Short: "Delete a token; assets that enrolled with it stay", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		return act(cmd, r, http.MethodDelete, "tokens/"+escaped(args[0]), nil, nil, "deleted")
	}}
	noun.AddCommand(create, remove, listing(r, cobra.Command{Use: "list", Short: "List the tokens"}, at("tokens"), nil, "ID NAME USES-LEFT EXPIRES TAGS NAMES",
		func(t controller.Token) []any { return []any{t.ID, t.Name, t.Uses, t.Expires, t.Tags, t.Names} }))
	return noun
}

func (r *remote) assets() *cobra.Command {
	noun := &cobra.Command{Use: "asset", Short: "Assets: the computers with an agent"}
	list := &cobra.Command{
		Use: "list", Short: "List the assets, with what they last reported",
		Long: "List the assets. The notes say what to look at:\n\n" +
			"  silent          it has not called for half an hour, so nobody knows when changes reach it (MAN-3)\n" +
			"  change pending  a change has not reached it yet (MAN-2)\n" +
			"  clock           its clock is over 5 minutes off (MAN-8)\n" +
			"  cloned          two computers call as this asset (MAN-9); see server report cloned",
		RunE: func(cmd *cobra.Command, _ []string) error {
			assets, done, err := everyShown(cmd, r, "assets", nil, func(a controller.AssetStatus) string { return string(a.ID) })
			if err != nil || done {
				return err
			}
			var rows [][]any
			for _, a := range assets {
				rows = append(rows, assetRow(a))
			}
			return r.table(cmd, assetHead, rows)
		},
	}
	show := &cobra.Command{
		Use: "show ASSET", Short: "Show what is known about an asset", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, done, err := do[controller.AssetStatus](cmd, r, http.MethodGet, "assets/"+escaped(args[0]), nil, nil)
			if err != nil || done {
				return err
			}
			rows := [][]any{
				{"asset", a.ID}, {"host", a.Hostname}, {"platform", fmt.Sprintf("%v %s", a.Platform, a.Architecture)}, {"tags", a.Tags},
				{"agent", a.Version}, {"enrolled", a.Enrolled}, {"last call", a.LastSeen}, {"time zone", a.Zone}, {"inventory", a.InventoryAt},
				{"manifest", fmt.Sprintf("holds revision %d, newest is %d", a.Held, a.Newest)}, {"notes", assetNotes(a)},
			}
			if a.Refused != nil {
				rows = append(rows, []any{"refused", a.Refused.At.UTC().Format(time.RFC3339) + " " + a.Refused.Text})
			}
			for _, x := range a.LastAnomalies {
				rows = append(rows, []any{"anomaly", x.At.UTC().Format(time.RFC3339) + " " + x.Text})
			}
			return r.table(cmd, "", rows)
		},
	}
	inventory := &cobra.Command{
		Use: "inventory ASSET", Short: "List the software that an asset last reported, by the ids of its products", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			i, done, err := do[catalog.Inventory](cmd, r, http.MethodGet, "assets/"+escaped(args[0])+"/inventory", nil, nil)
			if err != nil || done {
				return err
			}
			var rows [][]any
			for x := range i.Installed() {
				rows = append(rows, []any{x.Product, x.Version})
			}
			return r.table(cmd, "PRODUCT VERSION", rows)
		},
	}
	tag := &cobra.Command{
		Use: "tag ASSET [TAG…]", Short: "Replace an asset's tags; without a tag, remove them all", Args: cobra.MinimumNArgs(1),
		Example: "  server asset tag web-1 web production",
		RunE: func(cmd *cobra.Command, args []string) error {
			return act(cmd, r, http.MethodPut, "assets/"+escaped(args[0])+"/tags", nil, append([]string{}, args[1:]...), "tagged")
		},
	}
	remove := &cobra.Command{Use: "remove ASSET", Short: "Remove an asset: its open orders end, its history stays", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		return act(cmd, r, http.MethodDelete, "assets/"+escaped(args[0]), nil, nil, "removed")
	}}
	settle := &cobra.Command{
		Use: "settle ASSET", Short: "Confirm that one computer alone calls as this asset again (MAN-9)", Args: cobra.ExactArgs(1),
		Long: "Confirm that one computer alone calls as this asset again (see \"server report cloned\"). First enrol each copy under its\n" +
			"own name, on the copy: agent enrol --again --name NAME …",
		RunE: func(cmd *cobra.Command, args []string) error {
			return act(cmd, r, http.MethodPost, "assets/"+escaped(args[0])+"/settle", nil, nil, "settled")
		},
	}
	noun.AddCommand(list, show, inventory, tag, remove, settle)
	return noun
}

const assetHead = "ASSET PLATFORM TAGS ZONE LAST-CALL NOTES"

func assetRow(a controller.AssetStatus) []any {
	return []any{a.ID, a.Platform, a.Tags, a.Zone, a.LastSeen, assetNotes(a)}
}

func assetNotes(a controller.AssetStatus) string {
	var list []string
	for _, n := range []struct {
		holds bool
		text  string
	}{
		{a.Silent, "silent"},
		{a.InventoryAt.IsZero(), "no inventory yet"},
		{a.Behind, fmt.Sprintf("change pending (%d of %d)", a.Held, a.Newest)},
		{a.OffsetTooFar, fmt.Sprintf("clock %v off", a.Offset.Round(time.Second))},
		{a.NeedsReboot, "needs a reboot"},
		{a.Cloned != nil, "cloned"},
		{a.Refused != nil, "refused a manifest"},
		{a.AnomalyCount > 0, fmt.Sprintf("%d anomalies", a.AnomalyCount)},
	} {
		if n.holds {
			list = append(list, n.text)
		}
	}
	return strings.Join(list, ", ")
}
