// Command server is a patch-management server over the packages of this module:
// SQLite or PostgreSQL, HTTP for agents and for the administrator, feeds, metrics. See --help.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/examples/server/cli"
	"github.com/patchpolicy/patchpolicy/examples/server/serve"
	"github.com/patchpolicy/patchpolicy/manifest"
)

const long = `A patch-management server. It keeps the catalog, makes orders from jobs, hands them to agents in signed manifests, and collects what the agents report.

First steps:

  server init                               # keys and a token, in ./patchpolicy
  server serve --feed-json patches.json     # or --apt-config /etc/apt
  server token create --tag web             # the secret that agents enrol with
  server asset list                         # after "agent enrol" and "agent run"
  server job example daily > daily.json     # edit it
  server job save -f daily.json
  server job preview daily                  # what would happen, and why
  server job enable daily                   # prints the run
  server run show RUN --watch
  server backup FILE                        # do not copy the database instead

Texts cite rules like JOB-3; "server rule JOB-3" explains one.

Exit codes: 0 done, 1 failed, 2 the command line was not understood.`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	code := cli.Run(command(ctx))
	stop()
	os.Exit(code)
}

func command(ctx context.Context) *cobra.Command {
	root := &cobra.Command{Use: "server", Short: "A patch-management server", Long: long}
	root.AddCommand(initCommand(), cli.Serve(), cli.Keys())
	root.AddCommand(cli.Backups()...)
	root.AddCommand(cli.Commands()...)
	root.SetContext(ctx)
	return root
}

func initCommand() *cobra.Command {
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
