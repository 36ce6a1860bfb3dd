package cli

import (
	"errors"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/catalog"
)

func (r *remote) customURLs() *cobra.Command {
	noun := &cobra.Command{Use: "url", Short: "Custom URLs: where you supply what a vendor does not offer for download (CAT-5)"}
	set := &cobra.Command{
		Use: "set PATCH ARTIFACT URL", Short: "Say where the file of a Vendor artifact is; orders made from now on have it", Args: cobra.ExactArgs(3),
		Long: "Say where agents fetch the file of a Vendor artifact: an http, https or file URL. It stands over every sync until it is\n" +
			"taken back. The file is checked like any other, against the signer and the digests of the catalog.",
		Example: "  server url set editor-2.0.0 editor.msi https://files.example/editor.msi",
		RunE: func(cmd *cobra.Command, args []string) error {
			u := catalog.CustomURL{Patch: catalog.PatchID(args[0]), Artifact: args[1], URL: args[2]}
			if u.URL == "" {
				return usageError{errors.New(`the URL is empty; "url unset" takes one back`)}
			}
			return act(cmd, r, http.MethodPut, "custom-urls", []catalog.CustomURL{u}, "set")
		},
	}
	unset := &cobra.Command{Use: "unset PATCH ARTIFACT", Short: "Take a custom URL back", Args: cobra.ExactArgs(2), RunE: func(cmd *cobra.Command, args []string) error {
		u := catalog.CustomURL{Patch: catalog.PatchID(args[0]), Artifact: args[1]}
		return act(cmd, r, http.MethodPut, "custom-urls", []catalog.CustomURL{u}, "taken back")
	}}
	list := &cobra.Command{Use: "list", Short: "List the custom URLs", RunE: func(cmd *cobra.Command, _ []string) error {
		urls, done, err := do[[]catalog.CustomURL](cmd, r, http.MethodGet, "custom-urls", nil, nil)
		if err != nil || done {
			return err
		}
		var rows [][]any
		for _, u := range urls {
			rows = append(rows, []any{u.Patch, u.Artifact, u.URL})
		}
		return table(cmd.OutOrStdout(), "PATCH ARTIFACT URL", rows)
	}}
	noun.AddCommand(set, unset, list)
	return noun
}
