// Simulate plays scenarios of package agentsim, searches the small worlds of package agentsim/explore, draws big ones of package
// agentsim/random, and lets fleets of package agentsim/fleet live: the production policy code in a virtual world.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/agentsim"
	"github.com/patchpolicy/patchpolicy/examples/simulate/draw"
	"github.com/patchpolicy/patchpolicy/examples/simulate/report"
	"github.com/patchpolicy/patchpolicy/examples/simulate/search"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run returns the exit status: 0 every scenario and invariant held, 1 one did not, 2 the call or a file was wrong.
func run(args []string, stdout, stderr io.Writer) int {
	c := command()
	c.SetOut(stdout)
	c.SetErr(stderr)
	c.SetArgs(args)
	err := c.Execute()
	if err == nil {
		return 0
	}
	fmt.Fprintln(stderr, "simulate:", err)
	if _, broken := errors.AsType[*agentsim.Broken](err); broken || errors.Is(err, errFailed) || errors.Is(err, search.ErrBroken) || errors.Is(err, draw.ErrFailed) {
		return 1
	}
	return 2
}

// errFailed is the error of scenarios that did not hold.
var errFailed = errors.New("not every scenario held")

func command() *cobra.Command {
	root := &cobra.Command{
		Use:           "simulate",
		Short:         "Play patch policy in a virtual world, without waiting and without assets",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(&cobra.Command{Use: "language", Short: "Print every line that a scenario can have", Args: cobra.NoArgs,
		Run: func(c *cobra.Command, _ []string) { fmt.Fprint(c.OutOrStdout(), agentsim.Language()) }})
	root.AddCommand(scenario(), search.Command(), draw.Command(), report.Command())
	return root
}

func scenario() *cobra.Command {
	var quiet, rewrite bool
	c := &cobra.Command{
		Use:   "scenario FILE…",
		Short: "Play scenario files, print what happened, and say whether every expectation held",
		Long: `Play scenario files, print what happened, and say whether every expectation held.

A scenario is a text file: what there is, what people and machines do at which time, and what is to be expected of it.
For example:

  # A job disabled while it waits in an agent's queue leaves it with the next check-in.
  clock 2026-03-02T00:00:00Z, check-in every 15m
  patch chrome-121: chrome 121.0.6167.85, pinned, signed by Google
  asset web-1 has chrome 120.0.6099.71
  job nightly: patches chrome-121, assets web-1, once at +6h
  enable nightly
  +3h16m   expect web-1 nightly Received
  +5h40m   disable nightly
  +6h10m   expect web-1 nightly Withdrawn

The whole language is described in the documentation of package agentsim: go doc ./agentsim. A line that is not understood is
answered with what could be written. A failure shows the comment above the line, which says what it was to show.

Exit status: 0 every scenario held, 1 one did not, 2 the call or a file was wrong.`,
		Example: `  simulate scenario agentsim/testdata/faq/*.txt
  simulate scenario --quiet agentsim/testdata/*/*.txt
  simulate scenario --rewrite mine.txt     # expect what happens; read the difference before you keep it`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, files []string) error {
			failed := 0
			for _, file := range files {
				held, err := play(c.OutOrStdout(), file, quiet, rewrite)
				if err != nil {
					return err
				}
				if !held {
					failed++
				}
			}
			if failed > 0 {
				return fmt.Errorf("%w: %d of %d did not", errFailed, failed, len(files))
			}
			return nil
		},
	}
	c.Flags().BoolVarP(&quiet, "quiet", "q", false, "print no timeline of scenarios that hold")
	c.Flags().BoolVar(&rewrite, "rewrite", false, "replace, in the files, expectations that do not hold by what was found")
	return c
}

// play tells whether a scenario held; an error says that it could not be read or written.
func play(out io.Writer, file string, quiet, rewrite bool) (held bool, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return false, err
	}
	script, err := agentsim.ParseScript(file, string(text))
	if err != nil {
		return false, err
	}
	if rewrite {
		return rewritten(out, file, string(text), script)
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

// rewritten writes the file anew if that makes it hold.
func rewritten(out io.Writer, file, text string, script *agentsim.Script) (held bool, err error) {
	now, err := script.Rewrite()
	if err != nil {
		fmt.Fprintf(out, "FAILED  %v\n\n", err)
		return false, nil
	}
	if now == text {
		fmt.Fprintf(out, "held    %s\n", file)
		return true, nil
	}
	fmt.Fprintf(out, "changed %s\n", file)
	return true, os.WriteFile(file, []byte(now), 0o644)
}
