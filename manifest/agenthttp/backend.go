package agenthttp

import (
	"context"
	"crypto/ed25519"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// Backend is the server behind the handler. It is safe for concurrent use.
//
// Errors that wrap one of package manifest's (ErrBadToken, ErrAssetExists, ErrUnknownAsset, ErrInvalid, ErrUnavailable)
// are told to the agent with their text; any other is logged and answered as an internal error without it.
type Backend interface {
	// Enrol makes the caller an asset. The enrolment has passed its Validate; the token is the backend's to judge.
	// The same enrolment again (same asset, same key) must succeed again, because the first answer may have been lost.
	Enrol(ctx context.Context, e manifest.Enrolment) (manifest.Enrolled, error)
	// AssetKey returns the key an asset enrolled with, or ErrUnknownAsset. It is asked at every request, before anything is believed.
	AssetKey(ctx context.Context, asset job.AssetID) (ed25519.PublicKey, error)
	// CheckIn answers a call. The request was signed by the asset it names and has passed its Validate.
	// It may arrive more than once, and late (MAN-6).
	CheckIn(ctx context.Context, in manifest.CheckIn) (manifest.Answer, error)
}
