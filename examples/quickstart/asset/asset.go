// Package asset is one asset in one process: a folder as its disk and the real
// agent on it. A reboot ends the agent and starts it again.
package asset

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/examples/quickstart/folder"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/runner"
	"github.com/patchpolicy/patchpolicy/job/runner/boltstate"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/manifest/agenthttp"
)

// Config holds the settings of an asset. All but the functions are required.
type Config struct {
	ID          job.AssetID
	Dir         string // for the disk and the agent's state; no other asset uses it
	Server      string // base URL
	Token       string
	Fingerprint string // of the server's trust document
	Verifier    integrity.SignatureVerifier
	Observe     func(agent.State)                        // called after each change of the agent's state; may be nil
	Hold        func(context.Context, catalog.ProductID) // as in folder.Config
}

// Asset is one asset. Run may be called once.
type Asset struct {
	cfg  Config
	disk *folder.Platform

	lock sync.Mutex
	down context.CancelFunc // ends the current boot
}

// New makes the asset's disk.
func New(cfg Config) (*Asset, error) {
	a := &Asset{cfg: cfg}
	disk, err := folder.Open(folder.Config{Dir: filepath.Join(cfg.Dir, "disk"), Restart: a.restart, Hold: cfg.Hold})
	a.disk = disk
	return a, err
}

// Disk returns the asset's disk.
func (a *Asset) Disk() *folder.Platform { return a.disk }

// restart ends the current boot. Run begins the next one.
func (a *Asset) restart() {
	a.lock.Lock()
	defer a.lock.Unlock()
	a.down()
}

// Run enrols the asset and runs its agent, boot after boot, until ctx ends.
func (a *Asset) Run(ctx context.Context) error {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return err
	}
	connection := agenthttp.Config{Server: a.cfg.Server, Asset: a.cfg.ID, Key: key}
	enrolled, trust, err := agenthttp.Enrol(ctx, connection, manifest.Enrolment{
		Token: a.cfg.Token, Platform: catalog.Linux, Architecture: runtime.GOARCH,
	}, a.cfg.Fingerprint)
	if err != nil {
		return fmt.Errorf("asset %s: %w", a.cfg.ID, err)
	}
	connection.Trust = trust
	client, err := agenthttp.NewClient(connection)
	if err != nil {
		return fmt.Errorf("asset %s: %w", a.cfg.ID, err)
	}
	defer client.Close()
	believed, err := manifest.OpenTrust(trust)
	if err != nil {
		return fmt.Errorf("asset %s: %w", a.cfg.ID, err)
	}
	for ctx.Err() == nil {
		if err := a.boot(ctx, enrolled, believed, client); err != nil {
			return fmt.Errorf("asset %s: %w", a.cfg.ID, err)
		}
	}
	return nil
}

// boot runs the agent until the asset goes down.
func (a *Asset) boot(ctx context.Context, enrolled manifest.Enrolled, trust manifest.Trust, server runner.Server) (err error) {
	ctx, down := context.WithCancel(ctx)
	defer down()
	a.lock.Lock()
	a.down = down
	a.lock.Unlock()

	state, err := boltstate.Open(filepath.Join(a.cfg.Dir, "agent.db"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, state.Close()) }()
	up := time.Now()
	return runner.Run(ctx, runner.Config{
		Agent: agent.Config{Asset: enrolled.Asset, Trust: trust, Every: enrolled.Every, Retry: enrolled.Every},
		State: state, Platform: a.disk, Server: server, Verifier: a.cfg.Verifier, Stage: filepath.Join(a.cfg.Dir, "stage"),
		Clock:   func() agent.Moment { return agent.Moment{Wall: time.Now().UTC(), Up: time.Since(up)} },
		Observe: a.cfg.Observe, Poll: enrolled.Every,
	})
}
