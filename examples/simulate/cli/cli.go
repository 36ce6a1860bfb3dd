// Package cli is simulate's command line.
package cli

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/agentsim"
	"github.com/patchpolicy/patchpolicy/examples/simulate/load"
	"github.com/patchpolicy/patchpolicy/examples/simulate/report"
	"github.com/patchpolicy/patchpolicy/internal/release"
)

// Run runs the command line and returns the exit status: 0 everything held, 1 something failed, 2 an
// invalid call or file.
func Run(args []string, stdout, stderr io.Writer) int {
	c := command()
	c.SetOut(stdout)
	c.SetErr(stderr)
	c.SetArgs(args)
	err := c.Execute()
	if err == nil {
		return 0
	}
	fmt.Fprintln(stderr, "simulate:", err)
	_, broken := errors.AsType[*agentsim.Broken](err)
	if _, is := errors.AsType[failed](err); is || broken {
		return 1
	}
	return 2
}

// failed is the error of a call that found what does not hold.
type failed struct{ error }

func command() *cobra.Command {
	root := &cobra.Command{
		Use:           "simulate",
		Short:         "Run patch policy in a virtual world: no waiting, no real computers",
		Version:       release.Version(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(&cobra.Command{Use: "language", Short: "Print every line that a scenario can have", Args: cobra.NoArgs,
		Run: func(c *cobra.Command, _ []string) { fmt.Fprint(c.OutOrStdout(), agentsim.Language()) }})
	root.AddCommand(scenario(), exploration(), randomWorlds(&request{}), report.Command(), load.Command())
	return root
}

func scenario() *cobra.Command {
	var quiet, rewrite bool
	c := &cobra.Command{
		Use:   "scenario FILE…",
		Short: "Play scenario files and check their expectations",
		Long: `Play scenario files, print what happens, and check their expectations.

A scenario is a text file. It says what exists, what people and machines do
when, and what is expected. For example:

  # A job disabled while it waits in an agent's queue leaves it with the next check-in.
  clock 2026-03-02T00:00:00Z, check-in every 15m
  patch chrome-121: chrome 121.0.6167.85, pinned, signed by Google
  asset web-1 has chrome 120.0.6099.71
  job nightly: patches chrome-121, assets web-1, once at +6h
  enable nightly
  +3h16m   expect web-1 nightly Received
  +5h40m   disable nightly
  +6h10m   expect web-1 nightly Withdrawn

The language is documented in package agentsim: go doc ./agentsim. An error in a
line says what you can write there. A failed expectation is printed with the
comment above it.

Exit status: 0 all scenarios held, 1 one failed, 2 an invalid call or file.`,
		Example: `  simulate scenario agentsim/testdata/faq/*.txt
  simulate scenario --quiet agentsim/testdata/*/*.txt
  simulate scenario --rewrite mine.txt     # expect what happens; review the diff`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, files []string) error {
			broken := 0
			for _, file := range files {
				held, err := play(c.OutOrStdout(), file, quiet, rewrite)
				if err != nil {
					return err
				}
				if !held {
					broken++
				}
			}
			if broken > 0 {
				return failed{fmt.Errorf("not all scenarios held: %d of %d failed", broken, len(files))}
			}
			return nil
		},
	}
	c.Flags().BoolVarP(&quiet, "quiet", "q", false, "print timelines only of scenarios that fail")
	c.Flags().BoolVar(&rewrite, "rewrite", false, "replace failed expectations in the files by what happened")
	return c
}

// play plays or rewrites a scenario, and reports whether it held. The error is of
// the file.
func play(out io.Writer, file string, quiet, rewrite bool) (held bool, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return false, err
	}
	script, err := agentsim.ParseScript(file, string(text))
	if err != nil {
		return false, err
	}
	var failure error
	if rewrite {
		now, err := script.Rewrite()
		if err == nil && now != string(text) {
			fmt.Fprintf(out, "changed %s\n", file)
			return true, os.WriteFile(file, []byte(now), 0o644)
		}
		quiet, failure = true, err
	} else {
		w, err := script.Play(agentsim.Config{})
		if w != nil && (err != nil || !quiet) {
			fmt.Fprintf(out, "%s\n\n%s\n", file, agentsim.Timeline(w.History(), w.Start()))
		}
		failure = err
	}
	if failure != nil {
		fmt.Fprintf(out, "FAILED  %v\n\n", failure)
		return false, nil
	}
	fmt.Fprintf(out, "held    %s\n", file)
	if !quiet {
		fmt.Fprintln(out)
	}
	return true, nil
}
