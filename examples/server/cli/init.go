package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/examples/server/serve"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// Init returns the command that makes a server's folder.
func Init() *cobra.Command {
	var dir string
	var roots, threshold int
	c := &cobra.Command{
		Use: "init", Short: "Make the server's keys and the administrator's token",
		Long: "Make the server's folder, readable by you alone:\n\n" +
			"  manifest.key  signs every order\n" +
			"  exchange.key  authenticates the calls of agents and the answers to them\n" +
			"  root-1.key …  sign the trust document, which names the keys that agents believe. Keep them offline, and a copy:\n" +
			"                with fewer than the threshold left, no key can change unless every agent enrols again\n" +
			"  trust.json    the trust document; not secret\n" +
			"  admin.token   the administrator's token, for the commands that talk to a running server\n\n" +
			"Existing files are never replaced.",
		Example: "  server init --dir /var/lib/patchpolicy\n  server init --root-keys 3 --root-threshold 2",
		RunE: func(cmd *cobra.Command, _ []string) error {
			files, chain, err := serve.Init(dir, roots, threshold)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "manifest key: %s\nroot key:     %s … (keep them offline)\nfingerprint:  %s\nadmin token:  %s\n",
				files.Key, files.Root(1), manifest.TrustFingerprint(chain[0]), files.AdminToken)
			return err
		},
	}
	c.Flags().StringVar(&dir, "dir", "patchpolicy", "folder of the server's files")
	c.Flags().IntVar(&roots, "root-keys", 1, "how many root keys to make")
	c.Flags().IntVar(&threshold, "root-threshold", 1, "how many of them must sign a new version of the trust document")
	return c
}
