package manyservers

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/manifest/agenthttp"
)

// agent makes up the results of its orders. It keeps its state in memory; only
// servers are killed here.
type agent struct {
	id        job.AssetID
	servers   *servers
	random    *rand.Rand
	key       ed25519.PrivateKey
	trust     []byte
	keys      manifest.Verifier
	inventory catalog.Inventory
	http      *http.Transport

	held     manifest.Revision
	digest   string
	calls    uint64
	sequence job.Sequence
	unsent   []job.Report
	ended    map[job.OrderID]job.Result // what it reported
	failed   int                        // patches that it reported as failed
	at       *atRisk                    // the agents that carry out the order of the rollout; nil: they are not counted
	busy     *job.Order                 // of the rollout, being carried out
}

// atRisk counts agents that have the order of the rollout, and have not said
// how it ended.
type atRisk struct {
	mu        sync.Mutex
	now, most int
}

func (r *atRisk) add(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now += n
	r.most = max(r.most, r.now)
}

func newAgent(i int, s *servers, inventory catalog.Inventory) *agent {
	seed := fmt.Appendf(nil, "%0*d", ed25519.SeedSize, i)
	return &agent{
		id: job.AssetID(fmt.Sprintf("pc-%03d", i)), servers: s, random: rand.New(rand.NewPCG(uint64(i), 1)), key: ed25519.NewKeyFromSeed(seed),
		inventory: inventory, http: &http.Transport{DisableKeepAlives: true}, ended: map[job.OrderID]job.Result{},
	}
}

// enrol asks servers until one answers.
func (a *agent) enrol(ctx context.Context, token string) error {
	for {
		config := agenthttp.Config{Server: a.servers.any(), Asset: a.id, Key: a.key, Transport: a.http}
		_, trust, err := agenthttp.Enrol(ctx, config, manifest.Enrolment{Token: token, Platform: catalog.Linux, Architecture: "amd64"}, "")
		if err == nil {
			a.trust = trust
			opened, err := manifest.OpenTrust(trust)
			a.keys = manifest.Keys(opened.Manifest)
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("enrol %s: %w", a.id, err)
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// work calls one server after another until it has ended so many orders, and
// every report is acknowledged.
func (a *agent) work(ctx context.Context, orders int) error {
	for len(a.ended) < orders || len(a.unsent) > 0 {
		if a.busy != nil && a.random.IntN(3) == 0 {
			a.at.add(-1)
			a.end(*a.busy)
			a.busy = nil
		}
		if err := a.call(ctx, a.random.IntN(4) == 0); err != nil {
			return fmt.Errorf("%s: %w", a.id, err)
		}
		if err := pause(ctx, time.Duration(20+a.random.IntN(120))*time.Millisecond); err != nil {
			return fmt.Errorf("%s ended %d of %d orders, and %d reports are not acknowledged", a.id, len(a.ended), orders, len(a.unsent))
		}
	}
	return nil
}

// call checks in once. An answer may get lost on its way: then the agent repeats
// what it said.
func (a *agent) call(ctx context.Context, lost bool) error {
	client, err := agenthttp.NewClient(agenthttp.Config{Server: a.servers.any(), Asset: a.id, Key: a.key, Trust: a.trust, Transport: a.http})
	if err != nil {
		return nil // no server listens
	}
	defer client.Close()
	a.calls++
	in := manifest.CheckIn{
		Asset: a.id, Held: a.held, HeldDigest: a.digest, At: time.Now().UTC(), Boot: "one", Made: a.sequence, Reports: a.unsent[:min(len(a.unsent), manifest.MaxReports)],
		Digest: a.inventory.Digest(), Call: a.calls, Trust: 1, Format: manifest.Format,
	}
	answer, err := client.CheckIn(ctx, in)
	if err == nil && answer.WantInventory {
		in.Inventory = &a.inventory
		answer, err = client.CheckIn(ctx, in)
	}
	if err != nil || lost {
		return nil
	}
	for len(a.unsent) > 0 && a.unsent[0].Sequence <= answer.Acknowledged {
		a.unsent = a.unsent[1:]
	}
	if answer.Acknowledged > a.sequence {
		return fmt.Errorf("report %d is acknowledged, and %d was the last", answer.Acknowledged, a.sequence)
	}
	if answer.Manifest == nil {
		return nil
	}
	document, err := manifest.Open(answer.Manifest, a.keys, a.id, a.held, a.digest, time.Now())
	if err != nil {
		return err
	}
	a.held, a.digest = document.Revision, manifest.Digest(answer.Manifest)
	for _, order := range document.Orders {
		if _, known := a.ended[order.ID]; !known && a.busy == nil {
			a.carryOut(order)
		}
	}
	return nil
}

func (a *agent) carryOut(order job.Order) {
	for _, p := range []job.Progress{job.Received, job.Started, job.Deploying} {
		a.report(job.Report{Order: order.ID, Progress: p})
	}
	if order.Job == rolled && a.at != nil {
		a.busy = &order
		a.at.add(1)
		return
	}
	a.end(order)
}

func (a *agent) end(order job.Order) {
	result, outcomes := job.Completed, []job.PatchOutcome{}
	for _, p := range order.Patches {
		o := job.PatchOutcome{Patch: p.Patch, Status: job.Succeeded}
		if a.random.IntN(3) == 0 && order.Job != rolled {
			o.Status, o.Code, result = job.PatchFailed, job.InstallerFailed, job.Failed
			a.failed++
		}
		outcomes = append(outcomes, o)
	}
	a.ended[order.ID] = result
	a.report(job.Report{Order: order.ID, Result: result, Patches: outcomes})
}

func (a *agent) report(r job.Report) {
	a.sequence++
	r.Sequence, r.At = a.sequence, time.Now().UTC()
	a.unsent = append(a.unsent, r)
}

// installed is an inventory with version 1.0.0 of each product.
func installed(products []catalog.ProductID) (catalog.Inventory, error) {
	old, err := version.Parse(version.Semver, "1.0.0")
	var list []catalog.Installed
	for _, id := range products {
		list = append(list, catalog.Installed{Product: id, Version: old})
	}
	inventory, bad := catalog.NewInventory(catalog.Linux, list)
	return inventory, errors.Join(err, bad)
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
