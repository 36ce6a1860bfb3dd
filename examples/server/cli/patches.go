package cli

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/jsonfeed"
	"github.com/patchpolicy/patchpolicy/internal/problem"
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
	}, verb("schema", "Print the JSON Schema of a patch document", func(cmd *cobra.Command, _ []string) error {
		_, err := fmt.Fprint(cmd.OutOrStdout(), jsonfeed.Schema())
		return err
	}), r.patchCheck())
}

// checked is what a sync would make of a patch document.
type checked struct {
	Products int                `json:"products"` // taken into the catalog
	Patches  int                `json:"patches"`
	Rejected []catalog.Rejected `json:"rejected"` // with every reason
}

// checkDocument reads a patch document and syncs an empty catalog with it.
func checkDocument(ctx context.Context, location string, now time.Time) (c checked, err error) {
	const id = "document"
	feed, err := jsonfeed.New(id, location, jsonfeed.Options{})
	if err != nil {
		return c, usageError{err}
	}
	b, err := feed.Fetch(ctx)
	if err != nil {
		return c, err
	}
	snapshot, changes := catalog.Sync(nil, []catalog.Batch{b}, now)
	if health := snapshot.Feeds()[0]; !health.Healthy {
		return c, errors.New(health.Err)
	}
	c.Rejected = append([]catalog.Rejected{}, changes.Rejected...)
	for range snapshot.Products() {
		c.Products++
	}
	for range snapshot.Patches() {
		c.Patches++
	}
	return c, nil
}

func (r *remote) patchCheck() *cobra.Command {
	return &cobra.Command{
		Use: "check DOCUMENT", Short: "Check a patch document: say which records a sync would reject, and why",
		Long: "Check a patch document, by its URL or path, without a server. It prints every record that a sync would reject, with every reason. The document is " +
			"checked alone: a patch of a product that only another feed lists is rejected here. The exit code is 1 if a record is rejected.",
		Example: "  server patch check patches.json",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := checkDocument(cmd.Context(), args[0], time.Now())
			if err != nil {
				return err
			}
			if r.asJSON {
				err = printJSON(cmd, c)
			} else {
				for _, rejected := range c.Rejected {
					err = cmp.Or(err, say(cmd, rejected.Record+"\n  "+problem.Lines(strings.Join(rejected.Reasons, "\n"), "  ")))
				}
				err = cmp.Or(err, say(cmd, fmt.Sprintf("good records: %d of products, %d of patches", c.Products, c.Patches)))
			}
			if err == nil && len(c.Rejected) > 0 {
				err = errors.New("a sync rejects the records above")
			}
			return err
		},
	}
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
