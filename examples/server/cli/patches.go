package cli

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/catalog"
)

func (r *remote) patches() *cobra.Command {
	noun := &cobra.Command{Use: "patch", Short: "Patches: what the catalog knows"}
	var product string
	list := &cobra.Command{
		Use: "list", Short: "List the patches of the catalog",
		Example: "  server patch list --product openssl\n  server report missing            # those that your assets miss",
		RunE: func(cmd *cobra.Command, _ []string) error {
			query := url.Values{}
			if product != "" {
				query.Set("product", product)
			}
			patches, done, err := everyShown(cmd, r, "patches", query, func(p catalog.Patch) string { return string(p.ID) })
			if err != nil || done {
				return err
			}
			var rows [][]any
			for _, p := range patches {
				rows = append(rows, []any{p.ID, p.Product, p.Version, p.Severity, p.Class, p.Reboot, p.Published, long(p.Title)})
			}
			return r.table(cmd, "PATCH PRODUCT VERSION SEVERITY CLASS REBOOT PUBLISHED TITLE", rows)
		},
	}
	list.Flags().StringVar(&product, "product", "", "only patches of this product, by its id")
	noun.AddCommand(list)
	return noun
}

func (r *remote) sync() *cobra.Command {
	var acceptOlder string
	c := &cobra.Command{Use: "sync", Short: "Fetch every feed now and update the catalog", RunE: func(cmd *cobra.Command, _ []string) error {
		query := url.Values{}
		if acceptOlder != "" {
			query.Set("accept-older", acceptOlder)
		}
		c, done, err := do[catalog.Changes](cmd, r, http.MethodPost, "sync", query, nil)
		if err != nil || done {
			return err
		}
		text := notes("%d added", len(c.Added), "%d changed", len(c.Changed), "%d removed", len(c.Removed), "%d deprecated", len(c.Deprecated),
			"%d no longer the newest", len(c.NoLongerNewest), "%d records rejected", len(c.Rejected), "%d feeds failed", len(c.Failed))
		if text == "" {
			text = "nothing new"
		}
		if len(c.Rejected)+len(c.Failed) > 0 {
			text += "; see server report feeds"
		}
		_, err = fmt.Fprintln(cmd.OutOrStdout(), text)
		return err
	}}
	c.Flags().StringVar(&acceptOlder, "accept-older", "", "feed whose data is accepted even if it is older than what was accepted before (CAT-2)")
	return c
}
