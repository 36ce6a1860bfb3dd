package serve

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// backend gives the controller a clock, and counts calls.
type backend struct {
	controller *controller.Controller
	metrics    *metrics
}

// Enrol implements agenthttp.Backend.
func (b backend) Enrol(ctx context.Context, e manifest.Enrolment) (manifest.Enrolled, error) {
	enrolled, err := b.controller.Enrol(ctx, e, time.Now())
	return enrolled, stopping(err)
}

// Trust implements agenthttp.Backend.
func (b backend) Trust() manifest.Chain { return b.controller.Trust() }

// Secrets implements agenthttp.Backend.
func (b backend) Secrets(ctx context.Context, id job.AssetID, keyID string) ([]manifest.Secret, error) {
	secrets, err := b.controller.Secrets(ctx, id, keyID)
	return secrets, stopping(err)
}

// Leave implements agenthttp.Backend.
func (b backend) Leave(ctx context.Context, id job.AssetID, keyID string) error {
	return stopping(b.controller.Leave(ctx, id, keyID, time.Now()))
}

// CheckIn implements agenthttp.Backend.
func (b backend) CheckIn(ctx context.Context, in manifest.CheckIn) (manifest.Answer, error) {
	answer, err := b.controller.CheckIn(ctx, in, time.Now())
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

// stopping has agents try again later when the server is stopping.
func stopping(err error) error {
	if errors.Is(err, controller.ErrClosed) {
		return fmt.Errorf("%w: %w", manifest.ErrUnavailable, err)
	}
	return err
}
