package agenthttp

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// WrongServer is the error of Enrol when the server's manifest key is not the expected one, or not told rightly.
type WrongServer struct{ Have, Want string } // fingerprints

// Error says what to compare.
func (e *WrongServer) Error() string {
	return fmt.Sprintf("the server's manifest key is %s, want %s: compare the fingerprint with the administrator's before enrolling", e.Have, e.Want)
}

// Enrol makes this machine an asset of the server: e with Asset and Key filled in from the settings is sent, signed by that key.
// The answer's Asset is the name to use from then on.
// Want is the fingerprint of the server's manifest key as the administrator told it; empty: whatever the server says
// is pinned, which over plain http means whoever answered.
//
// It may be repeated until it succeeds. The errors are a *job.Invalid, a *Problem (errors.Is manifest.ErrBadToken,
// manifest.ErrAssetExists), a *WrongServer, and the network's.
func Enrol(ctx context.Context, config Config, e manifest.Enrolment, want string) (manifest.Enrolled, error) {
	client, err := NewClient(config)
	if err != nil {
		return manifest.Enrolled{}, err
	}
	defer client.Close()
	e.Asset = config.Asset
	e.Key = ed25519.PublicKey(config.Key[ed25519.SeedSize:])
	if err := e.Validate(); err != nil {
		return manifest.Enrolled{}, err
	}
	body, err := json.Marshal(e)
	if err != nil {
		return manifest.Enrolled{}, fmt.Errorf("enrol: %w", err)
	}
	var enrolled manifest.Enrolled
	if err := client.call(ctx, PathEnrol, body, &enrolled); err != nil {
		return manifest.Enrolled{}, fmt.Errorf("enrol: %w", err)
	}
	if err := pinned(enrolled, want); err != nil {
		return manifest.Enrolled{}, err
	}
	return enrolled, nil
}

// pinned checks an enrolment's answer.
func pinned(e manifest.Enrolled, want string) error {
	if err := job.ValidID(string(e.Asset)); err != nil {
		return fmt.Errorf("enrol: the server's answer: %w", err)
	}
	if len(e.ManifestKey) != ed25519.PublicKeySize || e.Every <= 0 {
		return fmt.Errorf("enrol: the server's answer has no manifest key or no check-in interval")
	}
	have := manifest.Fingerprint(e.ManifestKey)
	if want == "" {
		want = e.Fingerprint
	}
	if have != want {
		return &WrongServer{have, want}
	}
	return nil
}
