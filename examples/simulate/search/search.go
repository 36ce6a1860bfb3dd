// Package search is the subcommand explore of program simulate: it searches the small worlds of package agentsim/explore.
package search

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/agentsim/explore"
)

// ErrBroken is the error of a world in which an invariant did not hold.
var ErrBroken = errors.New("an invariant broke")

// Command returns the subcommand.
func Command() *cobra.Command {
	var world, replay, out string
	var bounds explore.Bounds
	c := &cobra.Command{
		Use:   "explore",
		Short: "Try everything that can go wrong in a small world, and say whether an invariant breaks",
		Long: `Try everything that can go wrong in a small world, and say whether an invariant breaks.

A world is one or two assets with the production agent, one or two jobs, and a server, in some worlds the production one.
Ordinarily effects are carried out and messages arrive; the search tries, at every point, to do something else: a job is edited,
cancelled or withdrawn, a message is lost or comes twice, an agent or the server crashes before or behind a commit, a file is
bad, a vendor withdraws a patch, a user comes or goes. Histories with the fewest such choices come first. A violation is shrunk
and told as a history, with the words for --replay, and, where it can be said as a scenario, written to a file that

  simulate scenario FILE

plays again.

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
				return explored(c.OutOrStdout(), w, bounds, out)
			}
		},
	}
	c.Flags().StringVar(&world, "world", "cancel", "which world")
	c.Flags().IntVar(&bounds.Depth, "depth", explore.DefaultDepth, "choices out of the ordinary in one history; zero: the default")
	c.Flags().IntVar(&bounds.States, "states", explore.DefaultStates, "distinct states; zero: the default; a million takes about 1 GiB")
	c.Flags().StringVar(&replay, "replay", "", "play this history instead, and tell it")
	c.Flags().StringVar(&out, "out", "broken.txt", "file for the scenario of a violation; it must not be there yet")
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
	fmt.Fprintf(to, "rate          %.0f states/s, %v in all\n", float64(r.States)/took.Seconds(), took.Round(time.Millisecond))
	fmt.Fprintf(to, "deepest       %d choices out of the ordinary: %s\n", r.Depth, r.Deepest)
	fmt.Fprintf(to, "longest       %d steps\n", r.Steps)
	if r.Broken != nil {
		return Tell(to, r.Broken, out)
	}
	if r.Complete() {
		fmt.Fprintln(to, "not explored  nothing: this is the whole world")
	} else {
		fmt.Fprintf(to, "not explored  what may go wrong in %d states; %d further states were met and not kept\n", r.Unexplored, r.Refused)
	}
	fmt.Fprintln(to, "invariants    held in every state, and from every state the ordinary way leads to an end")
	return nil
}

// Tell tells a violation, and writes its scenario, if it has one, to a new file. The error is ErrBroken, joined with that of the
// file.
func Tell(to io.Writer, v *explore.Violation, file string) error {
	fmt.Fprintf(to, "\nBROKEN        %v", v)
	fmt.Fprintf(to, "  again: go run ./examples/simulate explore --world %s --replay %q\n", v.World, v.Trace)
	if v.Scenario == "" {
		fmt.Fprintln(to, "  It has no scenario file: none was found that breaks so. Where the order of steps makes the difference, the replay above is all there is.")
		return ErrBroken
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err == nil {
		_, err = f.WriteString(v.Scenario)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		fmt.Fprintf(to, "  as a scenario:\n\n%s", v.Scenario)
		return errors.Join(ErrBroken, err)
	}
	fmt.Fprintf(to, "  as a scenario: go run ./examples/simulate scenario %s\n", file)
	return ErrBroken
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
