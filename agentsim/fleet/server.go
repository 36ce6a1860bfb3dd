package fleet

import (
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// server is what the agents of a shard talk to, and the administrator: a lean one, which TestServers holds to every byte of the
// product's own controller.
type server interface {
	enrol(id job.AssetID) error
	enable(now time.Time) (job.RunID, error)
	// cancel cancels the run; again: it says what is known by now.
	cancel(now time.Time) ([]controller.AssetCancel, error)
	checkIn(in manifest.CheckIn, now time.Time) (manifest.Answer, error)
	counts() (counts, error)
}

// counts is what a server counts.
type counts struct {
	results        [256]int // final ones, by job.Result
	failedInstalls int      // RPT-1
	pendingCancels int
}

// keys are what manifests are sealed and opened with.
type keys struct {
	signer   manifest.Signer
	verifier manifest.Verifier
}
