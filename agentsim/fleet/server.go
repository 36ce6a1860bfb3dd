package fleet

import (
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// server is what a shard's agents and its administrator talk to.
type server interface {
	enrol(id job.AssetID) error
	enable(now time.Time) (job.RunID, error)
	// cancel cancels the run. Called again, it returns the present state.
	cancel(now time.Time) ([]controller.AssetCancel, error)
	checkIn(in manifest.CheckIn, now time.Time) (manifest.Answer, error)
	counts() (counts, error)
}

type counts struct {
	results        [256]int // final, by job.Result
	failedInstalls int      // RPT-1
	pendingCancels int
}

// keys seal and open manifests.
type keys struct {
	signer   manifest.Signer
	verifier manifest.Verifier
}
