package agenthttp

import (
	"context"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// Controller is a server whose use cases take the time as an argument, such as
// *controller.Controller of package job/controller. Its methods promise what
// those of [Backend] promise.
type Controller interface {
	Trust() manifest.Chain
	Enrol(ctx context.Context, e manifest.Enrolment, now time.Time) (manifest.Enrolled, error)
	Secrets(ctx context.Context, asset job.AssetID, keyID string) ([]manifest.Secret, error)
	CheckIn(ctx context.Context, in manifest.CheckIn, now time.Time) (manifest.Answer, error)
	Leave(ctx context.Context, asset job.AssetID, keyID string, now time.Time) error
}

// FromController gives a controller a clock. The result is a [Backend], and a
// Server of package job/runner for an agent in the same process. A nil clock is
// time.Now. It panics if c is nil.
func FromController(c Controller, clock func() time.Time) Clocked {
	if c == nil {
		panic("agenthttp.FromController: the controller is nil")
	}
	if clock == nil {
		clock = time.Now
	}
	return Clocked{c, clock}
}

// Clocked is a controller with a clock. Make one with [FromController]. It is
// safe for concurrent use.
type Clocked struct {
	controller Controller
	now        func() time.Time
}

// Trust implements [Backend].
func (c Clocked) Trust() manifest.Chain { return c.controller.Trust() }

// Enrol implements [Backend].
func (c Clocked) Enrol(ctx context.Context, e manifest.Enrolment) (manifest.Enrolled, error) {
	return c.controller.Enrol(ctx, e, c.now())
}

// Secrets implements [Backend].
func (c Clocked) Secrets(ctx context.Context, asset job.AssetID, keyID string) ([]manifest.Secret, error) {
	return c.controller.Secrets(ctx, asset, keyID)
}

// CheckIn implements [Backend].
func (c Clocked) CheckIn(ctx context.Context, in manifest.CheckIn) (manifest.Answer, error) {
	return c.controller.CheckIn(ctx, in, c.now())
}

// Leave implements [Backend].
func (c Clocked) Leave(ctx context.Context, asset job.AssetID, keyID string) error {
	return c.controller.Leave(ctx, asset, keyID, c.now())
}
