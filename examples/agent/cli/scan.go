package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/examples/agent/scan"
	"github.com/patchpolicy/patchpolicy/internal/problem"
)

func (p *program) scan() *cobra.Command {
	var c scan.Config
	asJSON := false
	cmd := &cobra.Command{
		Use:   "scan",
		Short: "Tell what is missing on this system, and why each patch can be deployed or not",
		Long: `Scan reads the package database and the package lists that apt has downloaded, verifies the lists' signatures and
digests, and gives a verdict on every package of which a newer version is listed. It needs no root and no network,
and changes nothing. Lists that are missing or too old, and repositories whose keys cannot be used, are said so; what
else was found is printed all the same, and the exit status is 1. Run "apt-get update", as root, before.

Each verdict names the rule it comes from. With --json it prints one array with an object a patch: package,
architecture, installed, available, deployable, and reasons, each with code, rule and text.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if info, err := os.Stat(c.Root); err != nil || !info.IsDir() {
				return misuse("--root: %s is no folder", c.Root)
			}
			if p.verbose {
				c.Logger = p.logger()
			}
			report, err := scan.Run(cmd.Context(), c)
			if err != nil {
				return err
			}
			for _, note := range report.Notes {
				fmt.Fprintln(p.err, "agent: note:", problem.Lines(note, "  "))
			}
			show := report.Table
			if asJSON {
				show = report.JSON
			}
			if err := show(p.out); err != nil {
				return err
			}
			return report.Complete()
		},
	}
	cmd.Flags().StringVar(&c.Root, "root", "/", "folder of the system to scan")
	cmd.Flags().StringVar(&c.Channel, "channel", "", "channel of the distribution's packages (default: what os-release or the package lists say)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON array")
	cmd.Flags().BoolVar(&c.IgnoreValidUntil, "ignore-valid-until", false, "take package lists that have expired too")
	return cmd
}
