// Command agent is Patchpolicy's agent for Debian and Ubuntu: it enrols with a server, patches its machine as the server's
// signed manifests say, and, without a server, says what is missing, and of any file who signed it.
//
// It exits with 0 if all went well, with 1 if something failed, and with 2 if it was called wrongly or given bad input.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/patchpolicy/patchpolicy/examples/agent/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(cli.Run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}
