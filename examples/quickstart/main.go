// Command quickstart shows the whole path of a patch on one machine: a vendor, a server, and nine assets with the real agent.
//
// It needs no root and no network beyond the loopback, and leaves nothing behind. It exits with 0 if everything came out as
// the rules say, with 1 if something did not or went wrong, and with 2 if it was called wrongly.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/examples/quickstart/scenario"
	"github.com/patchpolicy/patchpolicy/examples/quickstart/show"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr, scenario.Cases()))
}

// options are what the flags set.
type options struct {
	plain   bool
	timeout time.Duration
}

// run is the program; cases are the assets and what is expected of them.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, cases []scenario.Case) (exit int) {
	var o options
	command := &cobra.Command{
		Use:   "quickstart",
		Short: "Patch nine assets on this machine, and see every outcome explained",
		Long: `Quickstart starts a vendor that serves signed and unsigned patch files, a server on SQLite in a temporary folder,
and nine assets, each with the real agent and a folder as its disk. It creates a job, cancels another one in
time and a third one too late, and ends in a table: what became of each patch, why, and by which rule.

It needs no root and no network beyond the loopback, and leaves nothing behind.
Exit codes: 0 all came out as the rules say, 1 something did not or went wrong, 2 wrong usage.`,
		Args: cobra.NoArgs, SilenceErrors: true, SilenceUsage: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.timeout <= 0 {
				return fmt.Errorf("--timeout is %v: give a positive duration", o.timeout)
			}
			exit = 1
			alike, err := play(cmd.Context(), stdout, o, cases)
			if alike && err == nil {
				exit = 0
			}
			return err
		},
	}
	command.Flags().BoolVar(&o.plain, "plain", false, "print lines instead of bars on a terminal")
	command.Flags().DurationVar(&o.timeout, "timeout", time.Minute, "give up after this long")
	command.SetArgs(args)
	command.SetOut(stdout)
	command.SetErr(stderr)
	err := command.ExecuteContext(ctx)
	if err != nil {
		fmt.Fprintln(stderr, "quickstart:", err)
		if exit == 0 { // it did not come so far as to begin
			return 2
		}
	}
	return exit
}

// play plays the story in a temporary folder and reports whether all came out as the rules say.
func play(ctx context.Context, stdout io.Writer, o options, cases []scenario.Case) (alike bool, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, o.timeout, fmt.Errorf("not over after %v (--timeout)", o.timeout))
	defer cancel()
	dir, err := os.MkdirTemp("", "patchpolicy-quickstart-")
	if err != nil {
		return false, err
	}
	defer func() {
		if e := os.RemoveAll(dir); e != nil && err == nil {
			err = e
		}
	}()
	var names []string
	for _, c := range cases {
		names = append(names, string(c.Asset))
	}
	file, isFile := stdout.(*os.File)
	progress := show.NewProgress(stdout, isFile && show.Terminal(file) && !o.plain, names)
	begun := time.Now()
	rows, err := (&scenario.Play{Dir: dir, Cases: cases, Cancels: scenario.Cancels(), Progress: progress}).Run(ctx)
	progress.Close()
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		err = errors.Join(cause, err)
	}
	if err != nil {
		return false, err
	}
	fmt.Fprintln(stdout)
	if err := show.Table(stdout, rows); err != nil {
		return false, err
	}
	unlike := 0
	for _, r := range rows {
		if r.Unlike != "" {
			unlike++
		}
	}
	fmt.Fprintf(stdout, "\n%d outcomes in %.1f s, %d of them unlike the rules\n", len(rows), time.Since(begun).Seconds(), unlike)
	return unlike == 0, nil
}
