// Package cli is the agent's command line.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/internal/release"
)

// The exit codes.
const (
	OK     = 0
	Failed = 1
	Usage  = 2 // wrong usage or bad input
)

// misused is a caller's error: a flag, or a file that a flag names.
type misused struct{ error }

func misuse(format string, args ...any) error { return misused{fmt.Errorf(format, args...)} }

type program struct {
	out, err io.Writer
	verbose  bool
}

func (p *program) logger() *slog.Logger {
	level := slog.LevelInfo
	if p.verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(p.err, &slog.HandlerOptions{Level: level}))
}

// Run runs the command line and returns the exit code.
func Run(ctx context.Context, args []string, out, err io.Writer) int {
	out, err = problem.Writer(out), problem.Writer(err) // much of it comes from servers, orders, files and signers
	p := &program{out: out, err: err}
	begun := false
	root := &cobra.Command{
		Use:   "agent",
		Short: "Patch this machine as a Patchpolicy server orders, or show what is missing",
		Long: `Agent patches a Debian or Ubuntu machine as the signed manifests of a
Patchpolicy server order.

Without a server and without root, it shows which updates are missing and why
each can be deployed or not. It also shows who signed a file, and whether to
trust it:
  agent scan
  agent verify FILE…

With a server, enrol once with an enrolment token from the administrator. Then
let the agent run, for example under systemd. Set KillMode=process in the unit,
so that stopping the agent never kills a dpkg at work:
  agent enrol --server https://patch.example:8443 --token-file token
  agent run --allow-reboot
  agent status

Exit codes: 0 success, 1 something failed, 2 wrong usage or bad input.`,
		Version: release.Version(), Args: none, SilenceErrors: true, SilenceUsage: true,
		RunE:             func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRun: func(*cobra.Command, []string) { begun = true },
	}
	root.PersistentFlags().BoolVarP(&p.verbose, "verbose", "v", false, "log more")
	root.AddCommand(p.scan(), p.verify(), p.enrol(), p.leave(), p.run(), p.status())
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(err)
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), ".FlagUsages", ".FlagUsagesWrapped 80"))
	failure := root.ExecuteContext(ctx)
	if failure == nil {
		return OK
	}
	fmt.Fprintln(err, "agent:", problem.Lines(failure.Error(), "  "))
	if _, is := errors.AsType[misused](failure); is || !begun {
		return Usage
	}
	return Failed
}

// none refuses arguments, for a command that takes none.
func none(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if !cmd.HasParent() {
		return fmt.Errorf("unknown command %q; \"%s --help\" lists them", args[0], cmd.CommandPath())
	}
	return fmt.Errorf("%s takes no argument, and %q is given; see \"%s --help\"", cmd.CommandPath(), args[0], cmd.CommandPath())
}

func state(cmd *cobra.Command, h *string) {
	cmd.Flags().StringVar(h, "state", "/var/lib/patchpolicy", "the agent's state folder")
}
