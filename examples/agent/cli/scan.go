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
		Short: "Show missing updates, and why each can be deployed or not",
		Long: `Scan reads the package database and the package lists that apt has downloaded,
verifies the lists' signatures and digests, and gives a verdict on every package
with a newer version. On an RPM system it reads rpm's database and what dnf has
downloaded. It needs no root and no network, and changes nothing. Run "apt-get
update" or "dnf makecache" as root first.

Notes name lists that are missing or too old, and repositories whose keys cannot
be used. The results of the other lists are printed all the same, and the exit
code is 1.

Each verdict names its rule. With --json, scan prints one array with an object
per patch: package, architecture, installed, available, deployable, and reasons,
each with code, rule and text.

Exit codes: 0 success, 1 something failed or was left out, 2 wrong usage or bad
input.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if info, err := os.Stat(c.Root); err != nil || !info.IsDir() {
				return misuse("--root: %s is not a folder", c.Root)
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
	cmd.Flags().StringVar(&c.Channel, "channel", "", "channel of the distribution's packages (default: from os-release or the package lists)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON array")
	cmd.Flags().BoolVar(&c.IgnoreValidUntil, "ignore-valid-until", false, "use expired package lists too")
	return cmd
}
