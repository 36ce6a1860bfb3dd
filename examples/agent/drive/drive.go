// Package drive runs the agent: the policy machine of job/agent on a Debian
// system, connected to its server.
package drive

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"errors"
	"log/slog"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/patchpolicy/patchpolicy/examples/agent/home"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/policyverify"
	"github.com/patchpolicy/patchpolicy/integrity/sigstoreverify"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/runner"
	"github.com/patchpolicy/patchpolicy/job/runner/boltstate"
	"github.com/patchpolicy/patchpolicy/job/runner/dpkg"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/manifest/agenthttp"
)

// Config says how the agent runs.
type Config struct {
	Home      home.Home
	Identity  home.Identity
	Key       ed25519.PrivateKey
	Platform  dpkg.Config
	Policy    *integrity.Policy // the signer policy that the asset is held to; nil: none, and Signers are trusted
	Can       []string          // as in agent.Config
	Signers   []integrity.Signer
	Zone      func() string // returns the asset's time zone, called before each check-in; nil: none is reported
	Every     time.Duration // between check-ins; zero: as the server says
	Files     string        // folder below which orders may name local files; empty: none (INT-11)
	MinRate   int64         // least bytes per second of a download; zero: the default (INT-11)
	Download  time.Duration // longest time of a download; zero: the default (INT-11)
	UntilIdle bool          // end when the server has nothing new and nothing is left to do or report
	Logger    *slog.Logger
}

// Run runs the agent until ctx ends.
func Run(ctx context.Context, c Config) (err error) {
	verifier := integrity.Chain() // trusts no signer
	var policy integrity.Excerpt
	switch {
	case c.Policy != nil:
		policy = c.Policy.Excerpt()
		verifier, err = policyverify.New(*c.Policy)
	case len(c.Signers) > 0:
		verifier, err = sigstoreverify.New(c.Signers...)
	}
	if err != nil {
		return err
	}
	client, err := agenthttp.NewClient(Connection(c.Identity, c.Key))
	if err != nil {
		return err
	}
	defer client.Close()
	state, err := boltstate.Open(c.Home.StateFile())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, state.Close()) }()
	if c.Platform.Temp, err = c.Home.Temp(); err != nil { // after the state is locked, so that no other agent uses it
		return err
	}
	platform, err := dpkg.New(c.Platform)
	if err != nil {
		return err
	}
	journal, err := c.Home.OpenJournal()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, journal.Close()) }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	trust, err := manifest.OpenTrust(c.Identity.SealedTrust())
	if err != nil {
		return err
	}
	w := &window{home: c.Home, identity: c.Identity, trust: trust.Version, journal: journal, logger: c.Logger}
	every := c.Every
	if every == 0 {
		every = c.Identity.Every
	}
	c.Logger.Info("the agent runs", "asset", c.Identity.Asset, "server", c.Identity.Server, "every", every)
	if c.Policy != nil {
		c.Logger.Info("the agent enforces a signer policy", "digest", policy.Digest, "commands allowed", len(policy.Commands))
	}
	if c.Can != nil {
		c.Logger.Info("the settings say what the agent may do, whatever its signer policy says about actions", "can", c.Can)
	}
	hostname, _ := os.Hostname() // for people: it may be missing
	err = runner.Run(ctx, runner.Config{
		Agent: agent.Config{
			Asset: c.Identity.Asset, Trust: trust, Every: every, Policy: policy, Can: c.Can, Release: Release(), Hostname: hostname,
		},
		State:    state,
		Platform: platform,
		Server:   &watched{Client: client, window: w, idle: cancel, untilIdle: c.UntilIdle},
		Verifier: verifier,
		Stage:    c.Home.Stage(),
		Zone:     c.Zone,

		LocalFiles: c.Files, MinRate: c.MinRate, DownloadTime: c.Download,
		Logger:  c.Logger,
		Observe: w.show,
	})
	if err != nil && (ctx.Err() == nil || !errors.Is(err, context.Canceled)) {
		return err // otherwise it was stopped before it began
	}
	c.Logger.Info("the agent stopped")
	return nil
}

// Release is the release of this program, from its build information; empty:
// not known.
func Release() string {
	info, _ := debug.ReadBuildInfo()
	if info == nil {
		return ""
	}
	return info.Main.Version
}

// Connection is how an agent calls its server. A list of certificate
// authorities without a certificate trusts nobody.
func Connection(id home.Identity, key ed25519.PrivateKey) agenthttp.Config {
	c := agenthttp.Config{Server: id.Server, PlainHTTP: id.PlainHTTP, Asset: id.Asset, Key: key, Trust: id.SealedTrust()}
	if id.Roots != "" {
		c.Roots = x509.NewCertPool()
		c.Roots.AppendCertsFromPEM([]byte(id.Roots))
	}
	return c
}

// window shows the agent's state to other programs. It is for people: if it
// cannot be written, the agent continues.
type window struct {
	home     home.Home
	identity home.Identity
	trust    uint64 // version of the trust document in identity
	journal  *home.Journal
	logger   *slog.Logger
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
	err = errors.Join(err, w.journal.Add(s.Reports), w.home.WriteStatus(home.Status{Process: os.Getpid(), Written: time.Now().UTC(), State: s}))
	if err != nil {
		w.logger.Warn("the status or the journal could not be written", "error", err)
	}
}

// watched is the client of the server. It also notices when nothing is left to
// do.
type watched struct {
	*agenthttp.Client
	window    *window
	idle      func()
	untilIdle bool
}

// CheckIn implements runner.Server.
func (s *watched) CheckIn(ctx context.Context, in manifest.CheckIn) (manifest.Answer, error) {
	before := s.window.idle.Load()
	answer, err := s.Client.CheckIn(ctx, in)
	switch {
	case err != nil:
		s.window.logger.Warn("the server could not be reached", "error", err)
	case s.untilIdle && before && s.window.idle.Load() && answer.Manifest == nil && !answer.WantInventory && len(in.Reports) == 0:
		s.idle()
	}
	return answer, err
}
