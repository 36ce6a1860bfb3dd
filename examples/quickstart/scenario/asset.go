package scenario

import (
	"context"
	"crypto/ed25519"
	"errors"
	"path/filepath"
	"runtime"
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

// asset is one asset in this process: a folder as its disk, and the real agent
// on it. A reboot ends the agent and starts it again.
type asset struct {
	id      job.AssetID
	dir     string // for the disk and the agent's state
	disk    *folder.Platform
	observe func(job.AssetID, agent.State)
	down    context.CancelFunc // ends the current boot
}

// run enrols the asset and runs its agent, boot after boot, until ctx ends.
func (a *asset) run(ctx context.Context, server, token, fingerprint string, verifier integrity.SignatureVerifier) error {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return err
	}
	connection := agenthttp.Config{Server: server, Asset: a.id, Key: key}
	enrolled, sealed, err := agenthttp.Enrol(ctx, connection, manifest.Enrolment{
		Token: token, Platform: catalog.Linux, Architecture: runtime.GOARCH,
	}, fingerprint)
	if err != nil {
		return err
	}
	connection.Trust = sealed
	client, err := agenthttp.NewClient(connection)
	if err != nil {
		return err
	}
	defer client.Close()
	trust, err := manifest.OpenTrust(sealed)
	for err == nil && ctx.Err() == nil {
		err = a.boot(ctx, runner.Config{
			Agent:    agent.Config{Asset: enrolled.Asset, Trust: trust, Every: enrolled.Every, Retry: enrolled.Every},
			Platform: a.disk, Server: client, Verifier: verifier, Stage: filepath.Join(a.dir, "stage"), Poll: enrolled.Every,
			Observe: func(s agent.State) { a.observe(a.id, s) },
		})
	}
	return err
}

// boot runs the agent until the asset goes down.
func (a *asset) boot(ctx context.Context, c runner.Config) error {
	ctx, a.down = context.WithCancel(ctx)
	defer a.down()
	state, err := boltstate.Open(filepath.Join(a.dir, "agent.db"))
	if err != nil {
		return err
	}
	up := time.Now()
	c.State, c.Clock = state, func() agent.Moment { return agent.Moment{Wall: time.Now().UTC(), Up: time.Since(up)} }
	return errors.Join(runner.Run(ctx, c), state.Close())
}
