package serve

import (
	"context"
	"errors"
	"fmt"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/manifest/agenthttp"
)

// backend counts what passes, and says when the server is about to stop.
type backend struct {
	agenthttp.Clocked
	metrics *metrics
}

// Enrol implements agenthttp.Backend.
func (b backend) Enrol(ctx context.Context, e manifest.Enrolment) (manifest.Enrolled, error) {
	enrolled, err := b.Clocked.Enrol(ctx, e)
	return enrolled, stopping(err)
}

// Secrets implements agenthttp.Backend.
func (b backend) Secrets(ctx context.Context, id job.AssetID, keyID string) ([]manifest.Secret, error) {
	secrets, err := b.Clocked.Secrets(ctx, id, keyID)
	return secrets, stopping(err)
}

// Leave implements agenthttp.Backend.
func (b backend) Leave(ctx context.Context, id job.AssetID, keyID string) error {
	return stopping(b.Clocked.Leave(ctx, id, keyID))
}

// CheckIn implements agenthttp.Backend.
func (b backend) CheckIn(ctx context.Context, in manifest.CheckIn) (manifest.Answer, error) {
	answer, err := b.Clocked.CheckIn(ctx, in)
	outcome := "nothing new"
	switch {
	case err != nil:
		outcome = "failed"
	case answer.Manifest != nil:
		outcome = "manifest"
	}
	b.metrics.checkIns.WithLabelValues(outcome).Inc()
	b.metrics.reports.Add(float64(len(in.Reports)))
	return answer, stopping(err)
}

// stopping makes agents try again later when the server is about to stop.
func stopping(err error) error {
	if errors.Is(err, controller.ErrClosed) {
		return fmt.Errorf("%w: %w", manifest.ErrUnavailable, err)
	}
	return err
}
