package controller_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
)

// A run that another job's run started goes, and the one that started it stays:
// the follower is still known to have started, and starts no second time.
func TestPruneOfAFollower_JOB19(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		a, b := f.enrol("a", "all"), f.enrol("b", "all")
		first := f.enable(definition("first", "editor-2.0.0"))
		f.follows("share", job.After{Job: "first", Share: 50})
		f.follows("each", job.After{Job: "first", PerAsset: true})
		f.ended(a, first, job.Completed)
		f.ended(b, first, job.Failed)
		for _, id := range []job.ID{"share", "each"} {
			ids := f.runIDs(id)
			require.Len(f, ids, 1, id)
			f.ended(a, ids[0], job.Completed)
			if id == "share" {
				f.ended(b, ids[0], job.Completed)
			}
			newer, err := f.RunJob(ctx, id, f.now)
			require.NoError(f, err)
			f.ended(a, newer, job.Completed)
			f.ended(b, newer, job.Completed)
		}
		f.pass(200 * day)
		_, err := f.Prune(ctx, f.now.Add(-controller.PruneAge), f.now)
		require.NoError(f, err)
		require.Len(f, f.runIDs("first"), 1)
		for _, id := range []job.ID{"share", "each"} {
			require.Len(f, f.runIDs(id), 1, id)
			status, err := f.Job(ctx, id)
			require.NoError(f, err)
			require.Nil(f, status.Waits, "it has started")
		}
		_, err = f.Jobs(ctx, "", 10)
		require.NoError(f, err)
		require.NoError(f, f.RemoveAsset(ctx, "b", f.now)) // the share is counted again
		_, err = f.Tick(ctx, f.now)
		require.NoError(f, err)
		require.Len(f, f.runIDs("share"), 1)
	})
}
