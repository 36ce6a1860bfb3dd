package cli

import (
	"errors"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/catalog"
)

func (r *remote) customURLs() *cobra.Command {
	noun := &cobra.Command{Use: "url", Short: "Custom URLs: where you supply files that a vendor does not offer for download (CAT-5)"}
	put := func(cmd *cobra.Command, args []string, url, done string) error {
		u := catalog.CustomURL{Patch: catalog.PatchID(args[0]), Artifact: args[1], URL: url}
		return act(cmd, r, http.MethodPut, "custom-urls", nil, []catalog.CustomURL{u}, done)
	}
	set := &cobra.Command{
		Use: "set PATCH ARTIFACT URL", Short: "Set where the file of a Vendor artifact is, for orders made from now on", Args: cobra.ExactArgs(3),
		Long: "Set where agents fetch the file of a Vendor artifact: an http, https or file URL. It stays through every sync until you\n" +
			"unset it. Agents check the file like any other, against the signer and the digests of the catalog.",
		Example: "  server url set editor-2.0.0 editor.msi https://files.example/editor.msi",
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[2] == "" {
				return usageError{errors.New(`the URL is empty; to remove one, use "server url unset"`)}
			}
			return put(cmd, args, args[2], "set")
		},
	}
	unset := &cobra.Command{Use: "unset PATCH ARTIFACT", Short: "Remove a custom URL", Args: cobra.ExactArgs(2), RunE: func(cmd *cobra.Command, args []string) error {
		return put(cmd, args, "", "removed")
	}}
	noun.AddCommand(set, unset, listing(r, cobra.Command{Use: "list", Short: "List the custom URLs"}, at("custom-urls"), nil, "PATCH ARTIFACT URL",
		func(u catalog.CustomURL) []any { return []any{u.Patch, u.Artifact, u.URL} }))
	return noun
}
