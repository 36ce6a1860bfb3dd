// Command agent is Patchpolicy's agent for Debian and Ubuntu. It enrols with a
// server and patches its machine as the server's signed manifests order.
// Without a server it shows which updates are missing, and who signed a file.
// See --help.
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
