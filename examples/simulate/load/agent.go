package load

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"net/http"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/manifest/agenthttp"
)

// agent is one agent. It belongs to one goroutine.
type agent struct {
	id       job.AssetID
	client   *agenthttp.Client
	keys     manifest.Verifier
	held     manifest.Revision
	digest   string
	calls    uint64
	sequence job.Sequence
	unsent   []job.Report
	done     map[job.OrderID]bool
}

// enrol makes an asset of a new key.
func enrol(ctx context.Context, server, token string, id job.AssetID, transport http.RoundTripper) (*agent, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	config := agenthttp.Config{Server: server, Asset: id, Key: key, Transport: transport}
	_, config.Trust, err = agenthttp.Enrol(ctx, config, manifest.Enrolment{Token: token, Platform: catalog.Linux, Architecture: "amd64"}, "")
	if err != nil {
		return nil, fmt.Errorf("enrol %s: %w", id, err)
	}
	trust, err := manifest.OpenTrust(config.Trust)
	if err != nil {
		return nil, err
	}
	client, err := agenthttp.NewClient(config)
	return &agent{id: id, client: client, keys: manifest.Keys(trust.Manifest), done: map[job.OrderID]bool{}}, err
}

// call checks in once. The inventory goes along when the server asks for it.
func (a *agent) call(ctx context.Context, inventory *catalog.Inventory, digest string) (reported int, err error) {
	a.calls++
	in := manifest.CheckIn{
		Asset: a.id, Held: a.held, HeldDigest: a.digest, At: time.Now().UTC(), Boot: "load", Made: a.sequence, Reports: a.unsent[:min(len(a.unsent), manifest.MaxReports)],
		Digest: digest, Call: a.calls, Trust: 1, Format: manifest.Format,
	}
	answer, err := a.client.CheckIn(ctx, in)
	if err == nil && answer.WantInventory {
		in.Inventory = inventory
		answer, err = a.client.CheckIn(ctx, in)
	}
	if err != nil {
		return 0, err
	}
	for len(a.unsent) > 0 && a.unsent[0].Sequence <= answer.Acknowledged {
		a.unsent, reported = a.unsent[1:], reported+1
	}
	if answer.Manifest == nil {
		return reported, nil
	}
	document, err := manifest.Open(answer.Manifest, a.keys, a.id, a.held, a.digest, time.Now())
	if err != nil {
		return reported, err
	}
	a.held, a.digest = document.Revision, manifest.Digest(answer.Manifest)
	for _, order := range document.Orders {
		if !a.done[order.ID] {
			a.done[order.ID] = true
			a.carryOut(order)
		}
	}
	return reported, nil
}

func (a *agent) carryOut(order job.Order) {
	for _, p := range []job.Progress{job.Received, job.Started, job.Deploying} {
		a.report(job.Report{Order: order.ID, Progress: p})
	}
	var outcomes []job.PatchOutcome
	for _, p := range order.Patches {
		outcomes = append(outcomes, job.PatchOutcome{Patch: p.Patch, Status: job.Succeeded})
	}
	a.report(job.Report{Order: order.ID, Result: job.Completed, Patches: outcomes})
}

func (a *agent) report(r job.Report) {
	a.sequence++
	r.Sequence, r.At = a.sequence, time.Now().UTC()
	a.unsent = append(a.unsent, r)
}

// image is the inventory of every agent: so many packages, all old.
func image(packages int) (catalog.Inventory, error) {
	old, err := version.Parse(version.Semver, "1.0.0")
	if err != nil {
		return catalog.Inventory{}, err
	}
	var list []catalog.Installed
	for i := range packages {
		list = append(list, catalog.Installed{Product: catalog.ProductID(fmt.Sprintf("package-%03d", i)), Version: old})
	}
	return catalog.NewInventory(catalog.Linux, list)
}
