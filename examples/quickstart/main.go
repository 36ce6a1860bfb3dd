// Command quickstart shows the whole path of a patch on one machine: a vendor,
// a server, and nine assets with the real agent. See --help.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/examples/quickstart/scenario"
	"github.com/patchpolicy/patchpolicy/examples/quickstart/show"
	"github.com/patchpolicy/patchpolicy/internal/release"
)

const (
	begin = `Quickstart: a vendor, a server and %d assets with the real agent, all on this
machine. It takes about 5 s. You see each asset download, check and install its
patches, and two cancels. Then a table shows the result of each patch, the
reason, and the rule that decided it.

`
	legend = `
✓ the result is what the rules say   ✗ it is not
RESULT is the result of the job on the asset. Failed and NotApplicable can be
what the rules say: a patch that was tampered with must fail.
`
	next = `
Try next:
  go run ./examples/server rule INT-1   what rule INT-1 says
  go run ./examples/simulate explore    cancels and crashes at every moment
  go run ./examples/server --help       a server for real machines
`
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr, scenario.Cases()))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer, cases []scenario.Case) (exit int) {
	var timeout time.Duration
	exit = 2
	command := &cobra.Command{
		Use:   "quickstart",
		Short: "Patch nine assets on this machine, and see every result explained",
		Long: `Quickstart starts a vendor that serves signed and unsigned patch files, the
example server on SQLite in a temporary folder, and nine assets, each with the
real agent and a folder as its disk. It creates a job for all of them, cancels a
second job in time and a third one too late, and ends with a table: the result
of each patch, why, and by which rule.

It needs no root and no network beyond the loopback, and leaves nothing on the
disk. Set NO_COLOR to turn the colours off.
Exit codes: 0 every result is as expected, 1 one is not or something failed,
2 the command line is wrong.`,
		Version: release.Version(), Args: cobra.NoArgs, SilenceErrors: true, SilenceUsage: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if timeout <= 0 {
				return fmt.Errorf("--timeout is %v: give a positive duration", timeout)
			}
			exit = 1
			ctx, cancel := context.WithTimeoutCause(cmd.Context(), timeout, fmt.Errorf("not over after %v (--timeout)", timeout))
			defer cancel()
			screen := show.ScreenOf(stdout)
			logger := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
			asExpected, err := play(ctx, stdout, screen, logger, cases)
			if asExpected && err == nil {
				exit = 0
			}
			return err
		},
	}
	command.Flags().DurationVar(&timeout, "timeout", 2*time.Minute, "give up after this time")
	command.SetArgs(args)
	command.SetOut(stdout)
	command.SetErr(stderr)
	if err := command.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(stderr, "quickstart:", err)
	} else if exit == 2 { // only the help was asked for
		exit = 0
	}
	return exit
}

func play(ctx context.Context, stdout io.Writer, screen show.Screen, logger *slog.Logger, cases []scenario.Case) (asExpected bool, err error) {
	var names []string
	for _, c := range cases {
		names = append(names, string(c.Asset))
	}
	show.Text(stdout, screen, begin, len(cases))
	dir, err := os.MkdirTemp("", "patchpolicy-quickstart-")
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	progress := show.NewProgress(stdout, screen, names)
	begun := time.Now()
	rows, err := (&scenario.Play{Dir: dir, Cases: cases, Cancels: scenario.Cancels(), Progress: progress, Logger: logger}).Run(ctx)
	progress.Close()
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		err = errors.Join(cause, err)
	}
	if err != nil {
		return false, err
	}
	fmt.Fprintln(stdout)
	if err := show.Table(stdout, screen, rows); err != nil {
		return false, err
	}
	var unlike []string
	for _, r := range rows {
		if r.Unlike != "" {
			unlike = append(unlike, r.Asset+" "+r.Patch)
		}
	}
	end, took := fmt.Sprintf("All %d as expected", len(rows)), time.Since(begun).Seconds()
	if len(unlike) > 0 {
		end = fmt.Sprintf("%d of %d not as expected: %s", len(unlike), len(rows), strings.Join(unlike, ", "))
	}
	show.Text(stdout, screen, legend+"\n%s (%.1f s).\n"+next, end, took)
	return len(unlike) == 0, nil
}
