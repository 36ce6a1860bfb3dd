package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/examples/agent/home"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/policyverify"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/runner"
	"github.com/patchpolicy/patchpolicy/job/runner/dpkg"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

const minEvery = 100 * time.Millisecond // of --check-in-every: tests use it, and servers can take it

type running struct {
	state, policy, actions, zone, rebootCommand string
	untilIdle                                   bool
	platform                                    dpkg.Config
	runner                                      runner.Config
}

func (p *program) run() *cobra.Command {
	var o running
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Patch this machine as the server orders, until stopped",
		Long: `Run checks in with the server, carries out the orders of its signed manifests,
and reports the results. Installing needs root.

SIGTERM or Ctrl-C stops it cleanly: it waits for a running dpkg, and stops
downloads, which resume at the next start. If it is killed, the next start
continues where it was.

It never reboots without --allow-reboot: the execution then stays PendingReboot
until somebody reboots the machine by hand.

A signer policy says whose signatures to trust: the policy kept by "agent
enrol", or the one given with --policy. Without a policy no signer is trusted.
An agent with a policy refuses orders that were made under another one.

Jobs have pre- and post-actions: commands that the server chooses. --actions
says which may run: none, only those that the signer policy lists under
"commands" (policy), or all, as root. The default is policy for an agent with a
signer policy, otherwise all. An order with an action that may not run does not
begin: it ends as Failed and names the action.

Exit codes: 0 stopped by a signal, 1 something failed, 2 bad input.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.runNow(cmd.Context(), o) },
	}
	state(cmd, &o.state)
	f := cmd.Flags()
	f.StringVar(&o.platform.Root, "root", "/", "folder of the system to patch")
	f.BoolVar(&o.platform.AllowReboot, "allow-reboot", false, "reboot when a job needs it and its reboot policy allows it")
	f.StringVar(&o.rebootCommand, "reboot-command", "", "program and arguments that reboot the system (default: the host's own; none for another --root)")
	f.StringVar(&o.policy, "policy", "", "file with the signer policy that the server's orders must pass (default: the one kept by enrol)")
	f.StringVar(&o.actions, "actions", "", "pre- and post-actions that may run: none, policy or all (default: policy with a signer policy, otherwise all)")
	f.DurationVar(&o.runner.Agent.Every, "check-in-every", 0, "check-in interval (default: the server's)")
	f.StringVar(&o.zone, "zone", "", "time zone for jobs that run in each asset's own, such as Europe/Berlin (default: the system's)")
	f.StringVar(&o.runner.LocalFiles, "local-files", "", "folder of this machine that orders may take files from; / allows all (default: none)")
	f.Int64Var(&o.runner.MinRate, "min-rate", 0, "lowest rate of a download in bytes per second; a slower one fails (default: 4096)")
	f.DurationVar(&o.runner.DownloadTime, "download-time", 0, "longest time for downloading one file (default: 24h)")
	f.BoolVar(&o.untilIdle, "until-idle", false, "exit when the server has nothing new and nothing is left to do or report")
	return cmd
}

func (p *program) runNow(ctx context.Context, o running) error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if info, err := os.Stat(o.platform.Root); err != nil || !info.IsDir() {
		bad("--root: %s is not a folder", o.platform.Root)
	}
	if !slices.Contains([]string{"", "none", "policy", "all"}, o.actions) {
		bad("--actions: %q is not one of none, policy and all", o.actions)
	}
	if every := o.runner.Agent.Every; every != 0 && every < minEvery {
		bad("--check-in-every: %v is shorter than %v", every, minEvery)
	}
	if o.runner.MinRate < 0 {
		bad("--min-rate: %d is negative; give bytes per second", o.runner.MinRate)
	}
	if limit := o.runner.DownloadTime; limit != 0 && limit < time.Minute {
		bad("--download-time: %v is shorter than a minute", limit)
	}
	files := o.runner.LocalFiles
	if info, err := os.Stat(files); files != "" && (err != nil || !info.IsDir() || !filepath.IsAbs(files)) {
		bad("--local-files: %s is not a folder with an absolute path", files)
	}
	if o.rebootCommand != "" && !o.platform.AllowReboot {
		bad("--reboot-command has no effect without --allow-reboot")
	}
	if o.zone != "" {
		if err := schedule.ValidZone(o.zone); err != nil {
			bad("--zone: %w", err)
		}
	}
	policy, err := readPolicy(o.policy)
	if err != nil {
		bad("--policy: %w", err)
	}
	if err := errors.Join(errs...); err != nil {
		return misused{err}
	}
	h := home.Home(o.state)
	id, key, err := h.Load()
	if err != nil {
		return misused{err}
	}
	if policy == nil {
		if policy, err = h.Policy(); err != nil {
			return misused{err}
		}
	}
	if o.actions == "policy" && policy == nil {
		return misuse("--actions policy: this agent has no signer policy; give one with --policy, or choose none or all")
	}
	c := o.runner
	c.Logger, c.Verifier = p.logger(), integrity.Chain() // trusts no signer
	if policy != nil {
		c.Agent.Policy = policy.Excerpt()
		if c.Verifier, err = policyverify.New(*policy); err != nil {
			return err
		}
	}
	c.Agent.Can = map[string][]string{"none": {}, "all": job.Capabilities()}[o.actions]
	c.Zone = func() string { return cmp.Or(o.zone, systemZone(o.platform.Root)) } // asked each time: a machine may travel
	o.platform.RebootCommand, o.platform.Logger = strings.Fields(o.rebootCommand), c.Logger
	return drive(ctx, h, id, key, o.platform, c, o.untilIdle)
}
