package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/agentsim"
	"github.com/patchpolicy/patchpolicy/agentsim/random"
)

type request struct {
	random.Options
	troubles string
	runs     int
	tries    int
	out      string
	config   agentsim.Config // tests set a faulty agent
}

func randomWorlds(r *request) *cobra.Command {
	c := &cobra.Command{
		Use:   "random",
		Short: "Play big random worlds in which much goes wrong",
		Long: `Play big random worlds in which much goes wrong, and shrink those that break a rule.

A world is a scenario of assets, vendors and jobs over weeks of virtual time. The
same seed, assets and weeks give the same world and the same history on every
machine. Each world has some kinds of trouble, by default chosen by the seed. When
the trouble has ended, every order must end too. A world that fails is shrunk to a
short scenario in a file for "simulate scenario".

Kinds of trouble: ` + strings.ReplaceAll(strings.Trim(fmt.Sprint(random.Troubles()), "[]"), " ", ", ") + `.

Exit status: 0 all worlds held, 1 one failed, 2 an invalid call.`,
		Example: `  simulate random --seed 1 --runs 10
  simulate random --seed 7 --assets 300 --weeks 6
  simulate random --runs 100 --troubles network,server,store --out found`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if r.runs < 1 || r.tries < 1 {
				return errors.New("--runs and --tries must be positive")
			}
			if c.Flags().Changed("troubles") {
				if err := r.parse(); err != nil {
					return err
				}
			}
			return r.run(c.OutOrStdout())
		},
	}
	f := c.Flags()
	f.Uint64Var(&r.Seed, "seed", 1, "seed of the first world; the others count up")
	f.IntVar(&r.Assets, "assets", random.DefaultAssets, "assets in each world")
	f.IntVar(&r.Weeks, "weeks", random.DefaultWeeks, "weeks of trouble")
	f.IntVar(&r.runs, "runs", 1, "number of worlds")
	f.StringVar(&r.troubles, "troubles", "", "kinds of trouble, separated by commas; default: the seed chooses; empty: none")
	f.IntVar(&r.tries, "tries", random.DefaultTries, "most scenarios to play while shrinking")
	f.StringVar(&r.out, "out", "", "folder for the scenarios of worlds that fail; default: a temporary one")
	return c
}

func (r *request) parse() error {
	r.Troubles = []random.Trouble{}
	for name := range strings.SplitSeq(r.troubles, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		t, err := random.ParseTrouble(name)
		if err != nil {
			return err
		}
		r.Troubles = append(r.Troubles, t)
	}
	return nil
}

func (r *request) run(out io.Writer) error {
	fmt.Fprintf(out, "%-8s %10s %8s %10s  %-16s %s\n", "seed", "events", "lines", "events/s", "history", "troubles")
	began, events, broken := time.Now(), uint64(0), 0
	for i := range r.runs {
		o := r.Options
		o.Seed += uint64(i)
		at := time.Now()
		result, err := random.Search(o, r.config)
		if err != nil {
			return err
		}
		took := time.Since(at)
		events += result.Events
		fmt.Fprintf(out, "%-8d %10d %8d %10.0f  %-16.16s %v\n", o.Seed, result.Events, result.Lines, rate(result.Events, took), result.Hash, result.Options.Troubles)
		if result.Failure != nil {
			broken++
			if err := r.shrink(out, o.Seed, result.Failure); err != nil {
				return err
			}
		}
	}
	took := time.Since(began)
	fmt.Fprintf(out, "\n%d worlds, %d events in %v, %.0f events/s: %d failed\n", r.runs, events, took.Round(time.Millisecond), rate(events, took), broken)
	if broken > 0 {
		return failed{fmt.Errorf("not all worlds held: %d of %d failed", broken, r.runs)}
	}
	return nil
}

func rate(events uint64, took time.Duration) float64 {
	return float64(events) / max(took.Seconds(), 1e-9)
}

// shrink writes the shortest scenario found that fails in the same way.
func (r *request) shrink(out io.Writer, seed uint64, f *random.Failure) (err error) {
	fmt.Fprintf(out, "FAILED   %v\n", f)
	short := random.Shrink(f, r.config, r.tries)
	if r.out == "" {
		r.out, err = os.MkdirTemp("", "patchpolicy-random-")
	} else {
		err = os.MkdirAll(r.out, 0o755)
	}
	if err != nil {
		return err
	}
	name := filepath.Join(r.out, fmt.Sprintf("seed-%d.txt", seed))
	if err := os.WriteFile(name, []byte(short.File(name)), 0o644); err != nil {
		return err
	}
	fmt.Fprintf(out, "shrunk   to %d lines, %d of them acts: %s\n", strings.Count(short.Script, "\n"), random.Actions(short.Script), name)
	fmt.Fprintf(out, "replay   go run ./examples/simulate scenario %s\n", name)
	return nil
}
