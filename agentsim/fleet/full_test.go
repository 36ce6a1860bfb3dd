package fleet

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// full is the production controller.
type full struct {
	*scene
	store *memstore.Store
	c     *controller.Controller
	run   job.RunID
}

// secret is the enrolment token of every asset.
const secret = "patchpolicy-fleet-token-0001"

func newFull(sc *scene, k keys, assets int) (server, error) {
	f := &full{scene: sc, store: memstore.New(memstore.Options{})}
	var err error
	if f.c, err = controller.New(f.store, controller.Config{Signer: k.signer, Zone: time.LoadLocation}); err != nil {
		return nil, err
	}
	ctx := context.Background()
	if _, err := f.c.Sync(ctx, []catalog.Batch{f.batch()}, began); err != nil {
		return nil, err
	}
	_, err = f.c.AddToken(ctx, secret, controller.Token{Uses: assets, Tags: []string{tag}}, began)
	return f, err
}

func (f *full) enrol(id job.AssetID) error {
	key := sha256.Sum256([]byte(id)) // nothing is signed with it here
	_, err := f.c.Enrol(context.Background(), manifest.Enrolment{
		Token: secret, Asset: id, Key: key[:], Platform: catalog.Linux, Architecture: "amd64",
	}, began)
	return err
}

func (f *full) enable(now time.Time) (job.RunID, error) {
	ctx := context.Background()
	_, err := f.c.SaveJob(ctx, f.definition(), now)
	if err == nil {
		f.run, err = f.c.EnableJob(ctx, jobID, now)
	}
	return f.run, err
}

func (f *full) cancel(now time.Time) ([]controller.AssetCancel, error) {
	report, err := f.c.CancelRun(context.Background(), f.run, now)
	if _, refused := errors.AsType[*controller.CancelRefused](err); refused {
		err = nil
	}
	return report.Assets, err
}

func (f *full) checkIn(in manifest.CheckIn, now time.Time) (manifest.Answer, error) {
	return f.c.CheckIn(context.Background(), in, now)
}

func (f *full) counts() (c counts, err error) {
	ctx := context.Background()
	run, err := f.c.Run(ctx, f.run)
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
