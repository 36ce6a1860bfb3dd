package cli

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/catalog"
)

const patchExample = `{
  "format": 1,
  "products": [
    {"id": "deb/bookworm/amd64/editor", "name": "editor", "vendor": "Example", "platform": "linux", "scheme": "debian"}
  ],
  "patches": [
    {
      "id": "editor-2.0.0", "product": "deb/bookworm/amd64/editor", "version": "debian:2.0.0",
      "title": "Editor 2", "published": "2026-11-01T00:00:00Z",
      "class": "security", "severity": "high", "cves": ["CVE-2026-0001"], "reboot": false,
      "artifacts": [
        {
          "name": "editor_2.0.0_amd64.deb", "availability": "Pinned", "size": 12,
          "url": "https://files.example/editor_2.0.0_amd64.deb",
          "digests": ["sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"]
        }
      ]
    }
  ]
}
`

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
	noun.AddCommand(list, &cobra.Command{
		Use: "example", Short: "Print an example of a patch document, for server serve --feed-json",
		Long: "Print an example of a patch document, for \"server serve --feed-json\". A product's id is the one that agents report (\"server asset inventory\"). " +
			"Availability is Pinned (a URL for this version), LatestOnly (one URL for all versions), Repository, or Vendor (you supply the file: \"server url set\"). " +
			"A file needs a signer or a digest; \"server rule INT\" explains which one decides.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(cmd.OutOrStdout(), patchExample)
			return err
		},
	})
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
