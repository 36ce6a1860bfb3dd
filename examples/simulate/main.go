// Simulate runs the production policy code in virtual worlds: scenarios
// (agentsim), searches of small worlds (agentsim/explore), random big worlds
// (agentsim/random) and fleets (agentsim/fleet).
package main

import (
	"os"

	"github.com/patchpolicy/patchpolicy/examples/simulate/cli"
)

func main() { os.Exit(cli.Run(os.Args[1:], os.Stdout, os.Stderr)) }
