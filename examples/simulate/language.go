package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/agentsim"
)

func language() *cobra.Command {
	return &cobra.Command{
		Use:   "language",
		Short: "Print every line that a scenario can have",
		Args:  cobra.NoArgs,
		Run:   func(c *cobra.Command, _ []string) { fmt.Fprint(c.OutOrStdout(), agentsim.Language()) },
	}
}
