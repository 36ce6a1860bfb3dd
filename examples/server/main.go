// Command server is a patch-management server over the packages of this module:
// SQLite or PostgreSQL, HTTP for agents and for the administrator, feeds, metrics. See --help.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/examples/server/cli"
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
	root.AddCommand(cli.Init(), cli.Serve(), cli.Keys())
	root.AddCommand(cli.Backups()...)
	root.AddCommand(cli.Commands()...)
	root.SetContext(ctx)
	return root
}
