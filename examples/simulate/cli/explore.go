package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/agentsim/explore"
)

var errBroken = failed{errors.New("an invariant broke")}

func exploration() *cobra.Command {
	var world, replay, out string
	var bounds explore.Bounds
	c := &cobra.Command{
		Use:   "explore",
		Short: "Try everything that can go wrong in a small world",
		Long: `Try everything that can go wrong in a small world, and check every invariant.

A world is one to three assets with the production agent, one or two jobs, and a
server. By default messages arrive and effects are carried out. At every point
the search also tries the deviations: a job is edited, cancelled or disabled, a
message is lost or arrives twice, an agent or the server crashes before or after
a commit, a file is bad, a vendor withdraws a patch, a user logs in or out.
Histories with the fewest deviations come first.

A violation is shrunk and printed as a history with the words for --replay. If it
can be written as a scenario, it is saved for "simulate scenario FILE".

The worlds:
` + worlds() + `
Details, and when two states count as the same: go doc ./agentsim/explore.

Exit status: 0 no invariant broke, 1 one broke, 2 an invalid call.`,
		Example: `  simulate explore --world cancel --states 1000000
  simulate explore --world reboot --depth 2
  simulate explore --world cancel --replay "go 14, cancel, go 1, time"`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if bounds.Depth < 0 || bounds.States < 0 {
				return fmt.Errorf("--depth and --states must not be negative")
			}
			w, err := explore.FindWorld(world)
			switch {
			case err != nil:
				return err
			case c.Flags().Changed("replay"):
				return replayed(c.OutOrStdout(), w, replay)
			default:
				return explored(c.OutOrStdout(), w, bounds, out)
			}
		},
	}
	c.Flags().StringVar(&world, "world", "cancel", "world to search")
	c.Flags().IntVar(&bounds.Depth, "depth", explore.DefaultDepth, "most deviations in one history; zero: the default")
	c.Flags().IntVar(&bounds.States, "states", explore.DefaultStates, "most distinct states; zero: the default; a million needs about 1 GiB")
	c.Flags().StringVar(&replay, "replay", "", "print this history instead of searching")
	c.Flags().StringVar(&out, "out", "broken.txt", "new file for the scenario of a violation")
	return c
}

func worlds() string {
	text := ""
	for _, w := range explore.Worlds() {
		text += fmt.Sprintf("  %-8s %s\n", w.Name, w.Text)
	}
	return text
}

func explored(to io.Writer, w explore.World, b explore.Bounds, out string) error {
	began := time.Now()
	r, err := explore.Search(w, b)
	if err != nil {
		return err
	}
	took := time.Since(began)
	fmt.Fprintf(to, "world         %s: %s\n", w.Name, w.Text)
	fmt.Fprintf(to, "states        %d, of which %d are ends\n", r.States, r.Final)
	fmt.Fprintf(to, "transitions   %d\n", r.Transitions)
	fmt.Fprintf(to, "rate          %.0f states/s, %v in total\n", float64(r.States)/took.Seconds(), took.Round(time.Millisecond))
	fmt.Fprintf(to, "deepest       %d deviations: %s\n", r.Depth, r.Deepest)
	fmt.Fprintf(to, "longest       %d steps\n", r.Steps)
	if r.Broken != nil {
		return show(to, r.Broken, out)
	}
	if r.Complete() {
		fmt.Fprintln(to, "not explored  nothing: this is the whole world")
	} else {
		fmt.Fprintf(to, "not explored  the deviations of %d states; %d more states were found and dropped\n", r.Unexplored, r.Refused)
	}
	fmt.Fprintln(to, "invariants    held in every state, and default steps lead from each to an end")
	return nil
}

// show prints a violation and writes its scenario to a new file. The error is
// errBroken, joined with that of the file.
func show(to io.Writer, v *explore.Violation, file string) error {
	fmt.Fprintf(to, "\nBROKEN        %v", v)
	fmt.Fprintf(to, "  again: go run ./examples/simulate explore --world %s --replay %q\n", v.World, v.Trace)
	if v.Scenario == "" {
		fmt.Fprintln(to, "  No scenario file breaks in the same way. Use the replay above.")
		return errBroken
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err == nil {
		_, err = f.WriteString(v.Scenario)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		fmt.Fprintf(to, "  as a scenario:\n\n%s", v.Scenario)
		return errors.Join(errBroken, err)
	}
	fmt.Fprintf(to, "  as a scenario: go run ./examples/simulate scenario %s\n", file)
	return errBroken
}

func replayed(out io.Writer, w explore.World, text string) error {
	trace, err := explore.ParseTrace(text)
	if err != nil {
		return err
	}
	broken, story, err := explore.Play(w, trace)
	fmt.Fprint(out, story)
	if err != nil {
		return err
	}
	if broken != nil {
		return fmt.Errorf("%w: %v", errBroken, broken)
	}
	fmt.Fprintln(out, "held")
	return nil
}
