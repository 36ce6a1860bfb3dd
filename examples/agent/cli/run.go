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

// minEvery is the shortest interval between check-ins that --check-in-every takes: tests use it, servers bear it.
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
		Short: "Patch this machine as the server says, until stopped",
		Long: `Run checks in with the server, carries out what its signed manifests order, and reports. It needs root to install.

SIGTERM or Ctrl-C stops it cleanly: a dpkg that is at work is waited for, downloads are broken off and resumed at the next
start. Whatever instant it is killed at, the next start goes on where it was.

It never reboots without --allow-reboot: the execution then waits as PendingReboot until somebody reboots by hand.
Signed patches are believed only by a signer policy, the one given when the agent enrolled or --policy, or, without one,
with the signers' public keys: --signer-key vendor=vendor.pem, once for each key. An agent with a policy refuses what a
server orders under another one.

The pre- and post-actions of jobs are commands that the server chooses. Those that may run are, by --actions: none; those that
the signer policy lists in "commands" (policy); or all, as root. The default is policy where the agent has one, and all where it
has none. An order with an action that may not run does not begin: it ends as Failed, and names the action.

Exit codes: 0 stopped as asked, 1 something failed, 2 bad input.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.runNow(cmd.Context(), o) },
	}
	state(cmd, &o.state)
	f := cmd.Flags()
	f.StringVar(&o.root, "root", "/", "folder of the system to patch")
	f.BoolVar(&o.allowReboot, "allow-reboot", false, "reboot when a job needs it and its policy allows it")
	f.StringVar(&o.rebootCommand, "reboot-command", "", "program and arguments that reboot the system (default: the host's own; none for another root)")
	f.StringArrayVar(&o.signers, "signer-key", nil, "NAME=FILE: a signer's public key in PEM; may be repeated")
	f.StringVar(&o.policy, "policy", "", "file with the signer policy to hold the server's orders to (default: the one given to enrol)")
	f.StringVar(&o.actions, "actions", "", "which pre- and post-actions may run: none, policy or all (default: policy where the agent has one, else all)")
	f.DurationVar(&o.every, "check-in-every", 0, "interval between check-ins (default: as the server wishes)")
	f.StringVar(&o.zone, "zone", "", "the system's time zone, as Europe/Berlin (default: as the system is set), for jobs that go by each asset's own")
	f.StringVar(&o.files, "local-files", "", "folder of this computer that orders may fetch files from; / allows all (default: none)")
	f.Int64Var(&o.minRate, "min-rate", 0, "least bytes per second of a download; a slower one is given up (default: 4096)")
	f.DurationVar(&o.downloadTime, "download-time", 0, "the longest that one file may take to download (default: 24h)")
	f.BoolVar(&o.untilIdle, "until-idle", false, "end once the server has nothing new and nothing is left to do or to report")
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
			return misuse("this agent is held to a signer policy, which says whom to trust: put the keys there instead of into --signer-key")
		}
	}
	can := map[string][]string{"none": {}, "all": job.Capabilities()}[o.actions]
	if o.actions == "policy" && policy == nil {
		return misuse("--actions policy: this agent has no signer policy; give one with --policy, or say none or all")
	}
	logger := p.logger()
	zone := func() string { return cmp.Or(o.zone, drive.Zone(o.root)) } // a computer that travels is set to another
	return drive.Run(ctx, drive.Config{
		Home: h, Identity: id, Key: key, Policy: policy, Can: can, Signers: keys, Zone: zone, Every: o.every, UntilIdle: o.untilIdle, Logger: logger,
		Files: o.files, MinRate: o.minRate, Download: o.downloadTime,
		Platform: dpkg.Config{Root: o.root, AllowReboot: o.allowReboot, RebootCommand: strings.Fields(o.rebootCommand), Logger: logger},
	})
}

// check reads the keys and the policy, and tells everything that is wrong with the flags.
func (o running) check() (keys []integrity.Signer, policy *integrity.Policy, err error) {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if info, err := os.Stat(o.root); err != nil || !info.IsDir() {
		bad("--root: %s is no folder", o.root)
	}
	if !slices.Contains([]string{"", "none", "policy", "all"}, o.actions) {
		bad("--actions: %q is neither none, policy nor all", o.actions)
	}
	if o.every != 0 && o.every < minEvery {
		bad("--check-in-every: %v is shorter than %v", o.every, minEvery)
	}
	if o.minRate < 0 {
		bad("--min-rate: %d is no rate", o.minRate)
	}
	if o.downloadTime != 0 && o.downloadTime < time.Minute {
		bad("--download-time: %v is shorter than a minute", o.downloadTime)
	}
	if info, err := os.Stat(o.files); o.files != "" && (err != nil || !info.IsDir() || !filepath.IsAbs(o.files)) {
		bad("--local-files: %s is no folder with an absolute path", o.files)
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
