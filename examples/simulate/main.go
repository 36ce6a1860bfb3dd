// Simulate plays scenarios of package agentsim: the production policy code in a virtual world.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/agentsim"
)

func main() {
	if err := command().Execute(); err != nil {
		fmt.Fprintln(os.Stderr, "simulate:", err)
		if errors.Is(err, errFailed) {
			os.Exit(1)
		}
		os.Exit(2)
	}
}

// errFailed is the error of a scenario that did not hold: exit 1; everything else is a wrong call: exit 2.
var errFailed = errors.New("not every scenario held")

func command() *cobra.Command {
	root := &cobra.Command{
		Use:           "simulate",
		Short:         "Play patch policy in a virtual world, without waiting and without assets",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(scenario())
	return root
}

func scenario() *cobra.Command {
	var quiet bool
	c := &cobra.Command{
		Use:   "scenario FILE…",
		Short: "Play scenario files and print what happened, and whether every expectation held",
		Long: `Play scenario files and print what happened, and whether every expectation held.

The language is described in the documentation of package agentsim (go doc ./agentsim).
Exit status: 0 every scenario held, 1 one did not, 2 the call or a file was wrong.`,
		Example: "  simulate scenario agentsim/testdata/faq/*.txt",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, files []string) error {
			held := true
			for _, file := range files {
				ok, err := play(c.OutOrStdout(), file, quiet)
				if err != nil {
					return err
				}
				held = held && ok
			}
			if !held {
				return errFailed
			}
			return nil
		},
	}
	c.Flags().BoolVarP(&quiet, "quiet", "q", false, "print no timeline of scenarios that hold")
	return c
}

// play tells whether a scenario held; an error says that it could not be read.
func play(out io.Writer, file string, quiet bool) (bool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return false, err
	}
	script, err := agentsim.ParseScript(file, string(text))
	if err != nil {
		return false, err
	}
	w, err := script.Play()
	if w != nil && (err != nil || !quiet) {
		fmt.Fprintf(out, "%s\n\n%s\n", file, agentsim.Timeline(w.History(), w.Start()))
	}
	if err != nil {
		fmt.Fprintf(out, "FAILED  %v\n\n", err)
		return false, nil
	}
	fmt.Fprintf(out, "held    %s\n", file)
	if !quiet {
		fmt.Fprintln(out)
	}
	return true, nil
}
