// Package search is the subcommand explore of program simulate: it searches the small worlds of package agentsim/explore.
package search

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/agentsim/explore"
)

// ErrBroken is the error of a world in which an invariant did not hold.
var ErrBroken = errors.New("an invariant broke")

// Command returns the subcommand.
func Command() *cobra.Command {
	var world, replay string
	var bounds explore.Bounds
	c := &cobra.Command{
		Use:   "explore",
		Short: "Try everything that can go wrong in a small world, and say whether an invariant breaks",
		Long: `Try everything that can go wrong in a small world, and say whether an invariant breaks.

A world is one asset with the production agent and one order. Ordinarily effects are carried out and messages arrive; the search
tries, at every point, to do something else: the job is edited, cancelled or withdrawn, a message is lost or comes twice, the
agent crashes before or behind a commit, a file is bad, a user comes or goes. Histories with the fewest such choices come first.
A violation is shrunk and told as a history, with the words for --replay.

The worlds:
` + worlds() + `
What they consist of, and when two states count as the same, is described in the documentation: go doc ./agentsim/explore.

Exit status: 0 no invariant broke, 1 one did, 2 the call was wrong.`,
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
				return explored(c.OutOrStdout(), w, bounds)
			}
		},
	}
	c.Flags().StringVar(&world, "world", "cancel", "which world")
	c.Flags().IntVar(&bounds.Depth, "depth", explore.DefaultDepth, "choices out of the ordinary in one history; zero: the default")
	c.Flags().IntVar(&bounds.States, "states", explore.DefaultStates, "distinct states; zero: the default; a million takes about 1 GiB")
	c.Flags().StringVar(&replay, "replay", "", "play this history instead, and tell it")
	return c
}

func worlds() string {
	text := ""
	for _, w := range explore.Worlds() {
		text += fmt.Sprintf("  %-8s %s\n", w.Name, w.Text)
	}
	return text
}

func explored(out io.Writer, w explore.World, b explore.Bounds) error {
	began := time.Now()
	r, err := explore.Search(w, b)
	if err != nil {
		return err
	}
	took := time.Since(began)
	fmt.Fprintf(out, "world         %s: %s\n", w.Name, w.Text)
	fmt.Fprintf(out, "states        %d, of which %d are ends\n", r.States, r.Final)
	fmt.Fprintf(out, "transitions   %d\n", r.Transitions)
	fmt.Fprintf(out, "rate          %.0f states/s, %v in all\n", float64(r.States)/took.Seconds(), took.Round(time.Millisecond))
	fmt.Fprintf(out, "deepest       %d choices out of the ordinary: %s\n", r.Depth, r.Deepest)
	fmt.Fprintf(out, "longest       %d steps\n", r.Steps)
	if r.Broken != nil {
		fmt.Fprintf(out, "\nBROKEN        %v", r.Broken)
		return fmt.Errorf("%w: the search ended there", ErrBroken)
	}
	if r.Complete() {
		fmt.Fprintln(out, "not explored  nothing: this is the whole world")
	} else {
		fmt.Fprintf(out, "not explored  what may go wrong in %d states; %d further states were met and not kept\n", r.Unexplored, r.Refused)
	}
	fmt.Fprintln(out, "invariants    held in every state, and from every state the ordinary way leads to an end")
	return nil
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
		return fmt.Errorf("%w: %v", ErrBroken, broken)
	}
	fmt.Fprintln(out, "held")
	return nil
}
