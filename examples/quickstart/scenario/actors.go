package scenario

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"runtime"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/examples/quickstart/folder"
	"github.com/patchpolicy/patchpolicy/examples/server/adminhttp"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/runner"
	"github.com/patchpolicy/patchpolicy/job/runner/boltstate"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/manifest/agenthttp"
)

// admin is the administrator, who talks to the server over HTTP as the server's
// own commands do.
type admin struct{ adminhttp.Client }

func (a admin) sync(ctx context.Context) error {
	var changes catalog.Changes
	err := a.Do(ctx, http.MethodPost, "sync", nil, nil, &changes)
	if err == nil && len(changes.Failed)+len(changes.Rejected) > 0 {
		return fmt.Errorf("the server does not take the vendor's list: failed %v, rejected %v", changes.Failed, changes.Rejected)
	}
	return err
}

func (a admin) token(ctx context.Context, uses int) (string, error) {
	var made adminhttp.MadeToken
	err := a.Do(ctx, http.MethodPost, "tokens", nil, adminhttp.NewToken{Name: "quickstart", Uses: uses}, &made)
	return made.Secret, err
}

func (a admin) assets(ctx context.Context) (list []controller.AssetStatus, err error) {
	return list, a.Do(ctx, http.MethodGet, "assets", nil, nil, &list)
}

func (a admin) runAssets(ctx context.Context, run job.RunID) (list []controller.RunAsset, err error) {
	return list, a.Do(ctx, http.MethodGet, "runs/"+url.PathEscape(string(run))+"/assets", nil, nil, &list)
}

func (a admin) begin(ctx context.Context, d job.Definition) (job.RunID, error) {
	text, err := adminhttp.FormatDefinition(d)
	if err != nil {
		return "", err
	}
	path := "jobs/" + url.PathEscape(string(d.ID))
	if err := a.Do(ctx, http.MethodPut, path, nil, json.RawMessage(text), nil); err != nil {
		return "", err
	}
	var enabled adminhttp.Enabled
	err = a.Do(ctx, http.MethodPost, path+"/enable", nil, nil, &enabled)
	return enabled.Run, err
}

// attempt is the server's first answer to a cancel.
type attempt struct {
	answer string
	stage  job.Stage // that has begun, if it came too late; otherwise zero
}

// cancel cancels a job that has one asset.
func (a admin) cancel(ctx context.Context, id job.ID) (try attempt, err error) {
	var report controller.CancelReport
	err = a.Do(ctx, http.MethodPost, "jobs/"+url.PathEscape(string(id))+"/cancel", nil, nil, &report)
	refusal, refused := errors.AsType[*adminhttp.Error](err)
	if refused && refusal.Report != nil {
		report, err = *refusal.Report, nil
	}
	if len(report.Assets) > 0 {
		try = attempt{"accepted, " + report.Assets[0].State.String(), report.Assets[0].Stage}
	}
	if refused {
		try.answer = "refused: " + refusal.Text
	}
	return try, err
}

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
