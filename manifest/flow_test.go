package manifest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// agent is the minimum that this package leaves to an agent.
type agent struct {
	revision         manifest.Revision
	queue            manifest.Queue
	executing, ended []job.OrderID
	changes          manifest.Changes // of the last manifest
}

func (a *agent) receive(t *testing.T, sealed []byte, now time.Time) {
	d, err := manifest.Open(sealed, pinned, asset, a.revision, "", now)
	require.NoError(t, err)
	a.revision = d.Revision
	a.queue, a.changes = a.queue.Apply(d, a.executing, a.ended)
}

// A change to a job takes effect on an asset when the asset receives the new
// revision, not before, and within JOB-3 and JOB-5.
func TestChangesTakeEffectOnReceipt_MAN2(t *testing.T) {
	start := t0.Add(2 * time.Hour)
	first, second := order("first", start), order("second", start)
	pending := []job.Order{first, second}
	revision := manifest.Revision(0)
	publish := func() []byte {
		hold, err := manifest.Hold(pending)
		require.NoError(t, err)
		d := document(hold...)
		revision++
		d.Revision = revision
		return seal(t, d)
	}

	var quick, slow agent
	one := publish()
	quick.receive(t, one, t0)
	slow.receive(t, one, t0)
	require.Equal(t, ids(first, second), quick.changes.Received)

	slow.executing, slow.queue = ids(first), slow.queue[1:] // started before it calls again
	pending = []job.Order{cancelled(first)}
	two := publish()
	require.Equal(t, ids(second), ids(slow.queue...), "not received: no effect")

	quick.receive(t, two, t0)
	require.Equal(t, manifest.Changes{Cancelled: ids(first), Withdrawn: ids(second)}, quick.changes)
	require.Empty(t, quick.queue)
	slow.receive(t, two, t0)
	require.Equal(t, manifest.Changes{CancelStarted: ids(first), Withdrawn: ids(second)}, slow.changes)

	_, err := manifest.Open(one, pinned, asset, quick.revision, "", t0)
	require.ErrorContains(t, err, "LowerRevision", "played again, the old one takes nothing back")

	quick.ended = ids(first)
	pending = nil
	quick.receive(t, publish(), t0)
	require.Zero(t, quick.changes)
}
