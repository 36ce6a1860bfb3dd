package fleet

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/job/rollout"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// full is the production controller.
type full struct {
	*scene
	first, n int
	store    *memstore.Store
	c        *controller.Controller
}

// secret is the enrolment token of every asset.
const secret = "patchpolicy-fleet-token-0001"

func newFull(t *testing.T) func(sc *scene, cfg Config, first, n int) server {
	return func(sc *scene, cfg Config, first, n int) server {
		f := &full{scene: sc, first: first, n: n, store: memstore.New(memstore.Options{})}
		var err error
		f.c, err = controller.New(f.store, controller.Config{Signer: cfg.keys.signer, Zone: time.LoadLocation})
		require.NoError(t, err)
		ctx := context.Background()
		_, err = f.c.Sync(ctx, []catalog.Batch{f.batch()}, began)
		require.NoError(t, err)
		_, err = f.c.AddToken(ctx, secret, controller.Token{Uses: n, Tags: []string{tag}}, began)
		require.NoError(t, err)
		for i := range n {
			id := assetID(first + i)
			key := sha256.Sum256([]byte(id)) // nothing is signed with it here
			_, err = f.c.Enrol(ctx, manifest.Enrolment{Token: secret, Asset: id, Key: key[:], Platform: catalog.Linux, Architecture: "amd64"}, began)
			require.NoError(t, err)
		}
		return f
	}
}

func (f *full) enable(now time.Time) error {
	ctx := context.Background()
	if _, err := f.c.SaveJob(ctx, f.definition(), now); err != nil {
		return err
	}
	run, err := f.c.EnableJob(ctx, jobID, now)
	if err == nil && run != runID {
		err = fmt.Errorf("the run is %q; want %q", run, runID)
	}
	return err
}

func (f *full) cancel(now time.Time) (states []ledger.CancelState, err error) {
	report, err := f.c.CancelRun(context.Background(), runID, now)
	if _, refused := errors.AsType[*controller.CancelRefused](err); refused {
		err = nil
	}
	if err != nil {
		return nil, err
	}
	if len(report.Assets) != f.n {
		return nil, fmt.Errorf("%d assets; want %d", len(report.Assets), f.n)
	}
	for i, line := range report.Assets {
		if line.Asset != assetID(f.first+i) {
			return nil, fmt.Errorf("the controller returned asset %q as number %d", line.Asset, i)
		}
		states = append(states, line.State)
	}
	return states, nil
}

func (f *full) checkIn(_ int, in manifest.CheckIn, now time.Time) (manifest.Answer, error) {
	return f.c.CheckIn(context.Background(), in, now)
}

func (f *full) counts() (c counts, err error) {
	ctx := context.Background()
	run, err := f.c.Run(ctx, runID)
	if err != nil {
		return c, err
	}
	for _, r := range run.Results {
		c.results[r.Result] = r.Assets
	}
	c.pendingCancels = run.PendingCancels
	c.failedInstalls, err = f.c.FailedInstalls(ctx)
	return c, err
}

func (f *full) tick(time.Time) ([]rollout.Counts, bool, error) { return nil, true, nil } // these jobs have none
