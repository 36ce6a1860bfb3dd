package cli

import (
	"cmp"
	_ "embed"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/catalog"
)

//go:embed patch.json
var patchExample string

func (r *remote) patches() *cobra.Command {
	list := &cobra.Command{
		Use: "list", Short: "List the patches of the catalog",
		Example: "  server patch list --product openssl\n  server report missing            # those that your assets miss",
		RunE: paging(r, "GET patches?product", "PATCH PRODUCT VERSION SEVERITY CLASS REBOOT PUBLISHED TITLE", func(p catalog.Patch) []any {
			return []any{p.ID, p.Product, p.Version, p.Severity, p.Class, p.Reboot, p.Published, long(p.Title)}
		}),
	}
	list.Flags().String("product", "", "only patches of this product, by its id")
	return noun("patch", "Patches: what the catalog knows", list, &cobra.Command{
		Use: "example", Short: "Print an example of a patch document, for server serve --feed-json",
		Long: "Print an example of a patch document, for \"server serve --feed-json\". A product's id is the one that agents report (\"server asset inventory\"). " +
			"Availability is Pinned (a URL for this version), LatestOnly (one URL for all versions), Repository, or Vendor (you supply the file: \"server url set\"). " +
			"A file needs a signer or a digest; \"server rule INT\" explains which one decides.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(cmd.OutOrStdout(), patchExample)
			return err
		},
	})
}

func (r *remote) sync() *cobra.Command {
	c := verb("sync", "Fetch every feed now and update the catalog", showing(r, "POST sync?accept-older", func(cmd *cobra.Command, c catalog.Changes) error {
		text := notes("%d added", len(c.Added), "%d changed", len(c.Changed), "%d removed", len(c.Removed), "%d deprecated", len(c.Deprecated),
			"%d no longer the newest", len(c.NoLongerNewest), "%d records rejected", len(c.Rejected), "%d feeds failed", len(c.Failed))
		if len(c.Rejected)+len(c.Failed) > 0 {
			text += "; see server report feeds"
		}
		return say(cmd, cmp.Or(text, "nothing new"))
	}))
	c.Flags().String("accept-older", "", "feed whose data is accepted even if it is older than what was accepted before (CAT-2)")
	return c
}

func (r *remote) customURLs() *cobra.Command {
	put := func(cmd *cobra.Command, args []string, url, done string) error {
		u := catalog.CustomURL{Patch: catalog.PatchID(args[0]), Artifact: args[1], URL: url}
		return r.act(cmd, "PUT custom-urls", []catalog.CustomURL{u}, done)
	}
	return noun("url", "Custom URLs: where you supply files that a vendor does not offer for download (CAT-5)",
		&cobra.Command{
			Use: "set PATCH ARTIFACT URL", Short: "Set where the file of a Vendor artifact is, for orders made from now on",
			Long: "Set where agents fetch the file of a Vendor artifact: an http, https or file URL. It stays through every sync until you\n" +
				"unset it. Agents check the file like any other, against the signer and the digests of the catalog.",
			Example: "  server url set editor-2.0.0 editor.msi https://files.example/editor.msi",
			RunE: func(cmd *cobra.Command, args []string) error {
				if args[2] == "" {
					return usageError{errors.New(`the URL is empty; to remove one, use "server url unset"`)}
				}
				return put(cmd, args, args[2], "set")
			},
		},
		verb("unset PATCH ARTIFACT", "Remove a custom URL",
			func(cmd *cobra.Command, args []string) error { return put(cmd, args, "", "removed") }),
		verb("list", "List the custom URLs",
			listing(r, "GET custom-urls", "PATCH ARTIFACT URL", func(u catalog.CustomURL) []any { return []any{u.Patch, u.Artifact, u.URL} })))
}
