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

	"github.com/patchpolicy/patchpolicy/examples/agent/drive"
	"github.com/patchpolicy/patchpolicy/examples/agent/home"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/sigstoreverify"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/runner/dpkg"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// minEvery is the shortest interval of --check-in-every. Tests use it, and
// servers can take it.
const minEvery = 100 * time.Millisecond

type running struct {
	state, root   string
	allowReboot   bool
	rebootCommand string
	signers       []string
	policy        string
	actions       string
	every         time.Duration
	untilIdle     bool
	zone          string
	files         string
	minRate       int64
	downloadTime  time.Duration
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
enrol", or the one given with --policy. Without a policy, give the signers'
public keys with --signer-key vendor=vendor.pem, once per key. An agent with a
policy refuses orders that were made under another one.

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
	f.StringVar(&o.root, "root", "/", "folder of the system to patch")
	f.BoolVar(&o.allowReboot, "allow-reboot", false, "reboot when a job needs it and its reboot policy allows it")
	f.StringVar(&o.rebootCommand, "reboot-command", "", "program and arguments that reboot the system (default: the host's own; none for another --root)")
	f.StringArrayVar(&o.signers, "signer-key", nil, "NAME=FILE: a signer's public key in PEM; can be repeated")
	f.StringVar(&o.policy, "policy", "", "file with the signer policy that the server's orders must pass (default: the one kept by enrol)")
	f.StringVar(&o.actions, "actions", "", "pre- and post-actions that may run: none, policy or all (default: policy with a signer policy, otherwise all)")
	f.DurationVar(&o.every, "check-in-every", 0, "check-in interval (default: the server's)")
	f.StringVar(&o.zone, "zone", "", "time zone for jobs that run in each asset's own, such as Europe/Berlin (default: the system's)")
	f.StringVar(&o.files, "local-files", "", "folder of this machine that orders may take files from; / allows all (default: none)")
	f.Int64Var(&o.minRate, "min-rate", 0, "lowest rate of a download in bytes per second; a slower one fails (default: 4096)")
	f.DurationVar(&o.downloadTime, "download-time", 0, "longest time for downloading one file (default: 24h)")
	f.BoolVar(&o.untilIdle, "until-idle", false, "exit when the server has nothing new and nothing is left to do or report")
	return cmd
}

func (p *program) runNow(ctx context.Context, o running) error {
	keys, policy, err := o.check()
	if err != nil {
		return err
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
		if policy != nil && len(keys) > 0 {
			return misuse("this agent has a signer policy, which says whom to trust: put the keys into the policy instead of --signer-key")
		}
	}
	can := map[string][]string{"none": {}, "all": job.Capabilities()}[o.actions]
	if o.actions == "policy" && policy == nil {
		return misuse("--actions policy: this agent has no signer policy; give one with --policy, or choose none or all")
	}
	logger := p.logger()
	zone := func() string { return cmp.Or(o.zone, drive.Zone(o.root)) } // asked each time: a machine may travel
	return drive.Run(ctx, drive.Config{
		Home: h, Identity: id, Key: key, Policy: policy, Can: can, Signers: keys, Zone: zone, Every: o.every, UntilIdle: o.untilIdle, Logger: logger,
		Files: o.files, MinRate: o.minRate, Download: o.downloadTime,
		Platform: dpkg.Config{Root: o.root, AllowReboot: o.allowReboot, RebootCommand: strings.Fields(o.rebootCommand), Logger: logger},
	})
}

// check reads the keys and the policy. The error lists every problem with the
// flags.
func (o running) check() (keys []integrity.Signer, policy *integrity.Policy, err error) {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if info, err := os.Stat(o.root); err != nil || !info.IsDir() {
		bad("--root: %s is not a folder", o.root)
	}
	if !slices.Contains([]string{"", "none", "policy", "all"}, o.actions) {
		bad("--actions: %q is not one of none, policy and all", o.actions)
	}
	if o.every != 0 && o.every < minEvery {
		bad("--check-in-every: %v is shorter than %v", o.every, minEvery)
	}
	if o.minRate < 0 {
		bad("--min-rate: %d is negative; give bytes per second", o.minRate)
	}
	if o.downloadTime != 0 && o.downloadTime < time.Minute {
		bad("--download-time: %v is shorter than a minute", o.downloadTime)
	}
	if info, err := os.Stat(o.files); o.files != "" && (err != nil || !info.IsDir() || !filepath.IsAbs(o.files)) {
		bad("--local-files: %s is not a folder with an absolute path", o.files)
	}
	if o.rebootCommand != "" && !o.allowReboot {
		bad("--reboot-command has no effect without --allow-reboot")
	}
	if o.zone != "" {
		if err := schedule.ValidZone(o.zone); err != nil {
			bad("--zone: %w", err)
		}
	}
	for _, s := range o.signers {
		name, file, has := strings.Cut(s, "=")
		if !has || name == "" || file == "" {
			bad("--signer-key: %q is not NAME=FILE", s)
			continue
		}
		pem, err := readInput(file)
		if err != nil {
			bad("--signer-key: %w", err)
			continue
		}
		at := slices.IndexFunc(keys, func(s integrity.Signer) bool { return s.Name == name })
		if at < 0 {
			at, keys = len(keys), append(keys, integrity.Signer{Name: name, Sigstore: make([]integrity.SigstoreTrust, 1)})
		}
		keys[at].Sigstore[0].Keys = append(keys[at].Sigstore[0].Keys, string(pem))
	}
	if len(keys) > 0 {
		if _, err := sigstoreverify.New(keys...); err != nil {
			bad("--signer-key: %w", err)
		}
	}
	if o.policy != "" {
		if policy, err = readPolicy(o.policy); err != nil {
			bad("--policy: %w", err)
		}
		if len(o.signers) > 0 {
			bad("--policy and --signer-key: put the keys into the policy")
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, nil, misused{err}
	}
	return keys, policy, nil
}
