package cli

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/examples/agent/home"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/policyverify"
	"github.com/patchpolicy/patchpolicy/internal/configfile"
	"github.com/patchpolicy/patchpolicy/internal/inroot"
	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/runner"
	"github.com/patchpolicy/patchpolicy/job/runner/boltstate"
	"github.com/patchpolicy/patchpolicy/job/runner/dpkg"
	"github.com/patchpolicy/patchpolicy/job/schedule"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/manifest/agenthttp"
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
		Args: none,
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
	configfile.Flag(cmd, func(err error) error { return misused{err} })
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
	actions := o.actions
	switch {
	case actions != "":
	case policy != nil:
		actions = "policy"
	default:
		actions = "all"
	}
	c.Agent.Can = map[string][]string{"none": {}, "all": job.Capabilities()}[o.actions]
	c.Zone = func() string { return cmp.Or(o.zone, systemZone(o.platform.Root)) } // asked each time: a machine may travel
	o.platform.RebootCommand, o.platform.Logger = strings.Fields(o.rebootCommand), c.Logger
	return drive(ctx, h, id, key, o.platform, c, actions, o.untilIdle)
}

// drive runs the agent until ctx ends, or with untilIdle until the server has
// nothing new and nothing is left to do or report.
func drive(ctx context.Context, h home.Home, id home.Identity, key ed25519.PrivateKey, p dpkg.Config, c runner.Config, actions string, untilIdle bool) (err error) {
	client, err := agenthttp.NewClient(connection(id, key))
	if err != nil {
		return err
	}
	defer client.Close()
	state, err := boltstate.Open(h.StateFile())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, state.Close()) }()
	if p.Temp, err = h.Temp(); err != nil { // after the state is locked, so that no other agent uses it
		return err
	}
	if c.Platform, err = dpkg.New(p); err != nil {
		return err
	}
	journal, err := h.OpenJournal()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, journal.Close()) }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	trust, err := manifest.OpenTrust(id.Trust)
	if err != nil {
		return err
	}
	w := &window{Client: client, home: h, identity: id, trust: trust.Version, journal: journal, logger: c.Logger, actions: actions}
	if untilIdle {
		w.stop = cancel
	}
	c.Agent.Asset, c.Agent.Trust, c.Agent.Every, c.Agent.Release = id.Asset, trust, cmp.Or(c.Agent.Every, id.Every), programVersion()
	c.Agent.Hostname, _ = os.Hostname() // for people: it may be missing
	c.State, c.Server, c.Stage, c.Observe = state, w, h.Stage(), w.show
	c.Logger.Info("the agent runs", "asset", id.Asset, "server", id.Server, "every", c.Agent.Every)
	if policy := c.Agent.Policy; !policy.IsZero() {
		c.Logger.Info("the agent enforces a signer policy", "digest", policy.Digest, "commands allowed", len(policy.Commands))
	}
	if os.Geteuid() > 0 {
		c.Logger.Warn("this agent is not root: it takes orders, and each install will fail; start it as root, or disable the jobs for this asset")
	}
	if c.Agent.Can != nil {
		c.Logger.Info("the settings say what the agent may do, whatever its signer policy says about actions", "can", c.Agent.Can)
	}
	err = runner.Run(ctx, c)
	if err != nil && (ctx.Err() == nil || !errors.Is(err, context.Canceled)) {
		return err // otherwise it was stopped before it began
	}
	c.Logger.Info("the agent stopped")
	return nil
}

// programVersion is this program's release; empty: not known.
func programVersion() string {
	if info, known := debug.ReadBuildInfo(); known {
		return info.Main.Version
	}
	return ""
}

// connection is how an agent calls its server. A list of certificate
// authorities without a certificate trusts nobody.
func connection(id home.Identity, key ed25519.PrivateKey) agenthttp.Config {
	c := agenthttp.Config{Server: id.Server, PlainHTTP: id.PlainHTTP, Asset: id.Asset, Key: key, Trust: id.Trust}
	if id.Roots != "" {
		c.Roots = x509.NewCertPool()
		c.Roots.AppendCertsFromPEM([]byte(id.Roots))
	}
	return c
}

// window is the client of the server. It also shows the agent's state to other
// programs. That is for people: if it cannot be written, the agent continues.
type window struct {
	*agenthttp.Client
	stop     func() // called when nothing is left to do; nil: nothing is called
	home     home.Home
	identity home.Identity
	trust    uint64 // version of the trust document in identity
	journal  *home.Journal
	logger   *slog.Logger
	actions  string // which may run
	shown    []byte
	said     job.Sequence // the last report that was logged
	idle     atomic.Bool  // nothing is queued, under way or unreported
}

func (w *window) show(s agent.State) {
	w.idle.Store(len(s.Queue) == 0 && len(s.Executions) == 0 && len(s.Reports) == 0)
	data, err := s.MarshalBinary()
	if err == nil && bytes.Equal(data, w.shown) {
		return
	}
	w.shown = data
	w.said = say(w.logger, s.Reports, w.said)
	if s.Trust.Document.Version > w.trust {
		w.identity.Trust, w.trust = s.Trust.Sealed, s.Trust.Document.Version // the next start uses its exchange key
		err = errors.Join(err, w.home.Save(w.identity))
	}
	err = errors.Join(err, w.journal.Add(s.Reports), w.home.WriteStatus(home.Status{Process: os.Getpid(), Written: time.Now().UTC(), Actions: w.actions, State: s}))
	if err != nil {
		w.logger.Warn("the status or the journal could not be written", "error", err)
	}
}

func (w *window) CheckIn(ctx context.Context, in manifest.CheckIn) (manifest.Answer, error) {
	before := w.idle.Load()
	answer, err := w.Client.CheckIn(ctx, in)
	if err == nil && w.stop != nil && before && w.idle.Load() && answer.Manifest == nil && !answer.WantInventory && len(in.Reports) == 0 {
		w.stop()
	}
	return answer, err
}

// say logs each report after last, one line per report and one per patch of a
// result, and returns the last number logged. Text from outside is escaped.
func say(logger *slog.Logger, reports []job.Report, last job.Sequence) job.Sequence {
	for _, r := range reports {
		if r.Sequence <= last {
			continue
		}
		last = r.Sequence
		var what []any
		add := func(key, value string) {
			if value != "" {
				what = append(what, key, problem.Printable(value))
			}
		}
		add("order", string(r.Order))
		if r.Progress != 0 {
			add("progress", r.Progress.String())
		}
		if r.Result != 0 {
			add("result", r.Result.String())
		}
		if r.TooLate != 0 {
			add("cancel came after the start of", r.TooLate.String())
		}
		add("manifest refused", r.Refused)
		add("why", r.Text)
		logger.Info("the agent reports", what...)
		for _, p := range r.Patches {
			logger.Info("patch", "order", problem.Printable(string(r.Order)), "patch", problem.Printable(string(p.Patch)), "status", p.Status.String(),
				"name", problem.Printable(p.Name), "why", problem.Printable(strings.ReplaceAll(p.Text, "\n", " / ")))
		}
	}
	return last
}

// systemZone is the time zone that the system below root is set to; empty: it
// has no name.
func systemZone(root string) string {
	if target, err := inroot.Readlink(root, "etc/localtime"); err == nil {
		if _, name, ok := strings.Cut(filepath.ToSlash(target), "zoneinfo/"); ok && schedule.ValidZone(name) == nil {
			return name
		}
	}
	if text, err := inroot.ReadFile(root, "etc/timezone", 1000); err == nil {
		if name := strings.TrimSpace(string(text)); schedule.ValidZone(name) == nil {
			return name
		}
	}
	return ""
}
