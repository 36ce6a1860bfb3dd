package controller_test

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/stretchr/testify/require"
)

func TestPatchesLeaveOpenOrders_CAT6_CAT9(t *testing.T) {
	for name, c := range map[string]struct {
		before catalog.Patch
		after  []catalog.Patch
		rule   string
	}{
		"withdrawn by the vendor": {patch("editor", "2.0.0"), []catalog.Patch{patch("editor", "2.0.0", withdrawn)}, "CAT-9"},
		"gone from its feed":      {patch("editor", "2.0.0"), nil, "CAT-9"},
		"no longer the newest":    {patch("editor", "2.0.0", latestOnly), []catalog.Patch{patch("editor", "2.0.0", latestOnly), patch("editor", "2.1.0", latestOnly)}, "CAT-6"},
	} {
		t.Run(name, func(t *testing.T) {
			stores(t, func(f *fixture) {
				player := patch("player", "2.0.0")
				f.sync(c.before, player)
				queued, started, sole := f.enrol("a-queued", "all"), f.enrol("b-started", "all"), f.enrolOnly("c-sole", "all")
				sole.install("editor", "1.0.0")
				f.call(sole)
				run := f.enable(definition("now", "editor-2.0.0", "player-2.0.0"))
				for _, a := range []*agent{queued, started, sole} {
					f.call(a)
				}
				started.report(job.Report{Order: started.orders[0].ID, Progress: job.Started})
				f.call(started)
				f.pass(30 * time.Minute)
				f.sync(append(c.after, player)...)

				f.call(queued)
				require.Equal(f, []string{"player-2.0.0"}, queued.patches())
				patches := f.asset(run, "a-queued").Patches
				require.Len(f, patches, 2)
				require.Equal(f, job.LeftOut, patches[1].Status)
				require.Equal(f, c.rule, patches[1].Rule)
				f.call(started)
				require.Equal(f, []string{"player-2.0.0"}, started.patches(), "whatever has begun; the execution keeps its copy")
				started.report(job.Report{Order: started.orders[0].ID, Result: job.Completed, Patches: []job.PatchOutcome{
					outcome("editor-2.0.0", job.Succeeded, 0), outcome("player-2.0.0", job.Succeeded, 0),
				}})
				f.call(started)
				for _, p := range f.asset(run, "b-started").Patches {
					require.Equal(f, job.Succeeded, p.Status, "%s: what the asset did counts", p.Patch)
				}
				f.call(sole)
				require.Empty(f, sole.orders, "nothing is left to do")

				held := queued.held
				before := dump(f)
				f.sync(append(c.after, patch("reader", "2.0.0"), player)...)
				f.call(queued)
				require.Equal(f, held, queued.held, "once")
				require.Equal(f, before["runs"], dump(f)["runs"], "no second pass")
			})
		})
	}
}

// A patch that is withdrawn leaves every run that holds it.
func TestPatchLeavesEveryRun_CAT9(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		a := f.enrol("a", "all")
		for _, id := range []job.ID{"one", "two", "three"} {
			f.enable(definition(id, "editor-2.0.0", "player-2.0.0"))
		}
		f.call(a)
		require.Len(f, a.patches(), 6)
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0", withdrawn))
		f.call(a)
		require.Equal(f, []string{"editor-2.0.0", "editor-2.0.0", "editor-2.0.0"}, a.patches())
	})
}

func TestPinnedPatchStaysWhenANewerOneIsListed_CAT6(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		a := f.enrol("a", "all")
		f.enable(definition("now", "editor-2.0.0"))
		f.call(a)
		held := a.held
		f.sync(patch("editor", "2.0.0"), patch("editor", "2.1.0"))
		f.call(a)
		require.Equal(f, held, a.held)
	})
}

func TestFailedFeedKeepsItsPatches_CAT1(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		a := f.enrol("a", "all")
		f.enable(definition("now", "editor-2.0.0"))
		f.call(a)
		held := a.held
		f.pass(time.Hour)
		_, err := f.Sync(ctx, []catalog.Batch{{Feed: "feed", At: f.now, Err: "down"}}, f.now)
		require.NoError(f, err)
		f.call(a)
		require.Equal(f, held, a.held)
		feeds, err := f.Feeds(ctx, f.now)
		require.NoError(f, err)
		require.False(f, feeds[0].Healthy)
		require.Equal(f, start, feeds[0].LastGood)
	})
}

// TestSnapshotIsStoredInPieces reads a catalog of several chunks back through a
// second controller, then a small one again.
func TestSnapshotIsStoredInPieces_CAT1(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: a catalog of megabytes takes a while; run without -short")
	}
	once(t, func(f *fixture) { // megabytes
		var many []catalog.Patch
		random := rand.NewChaCha8([32]byte{1}) // the encoding is compressed: only noise makes it big
		noise := make([]byte, 1000)
		for i := range 2500 {
			p := patch("editor", fmt.Sprintf("2.%d.0", i))
			_, _ = random.Read(noise)
			p.Artifacts[0].URL += hex.EncodeToString(noise)
			many = append(many, p)
		}
		count := func(c *controller.Controller) (n int) {
			snap, err := c.Snapshot(ctx)
			require.NoError(f, err)
			for range snap.Patches() {
				n++
			}
			return n
		}
		require.Zero(f, count(f.Controller))
		f.sync(many...)
		require.Greater(f, len(dump(f)["snapshot"]), 2)
		second, err := controller.New(f.store, config())
		require.NoError(f, err)
		require.Equal(f, 2500, count(second))
		f.pass(time.Hour)
		f.sync(many[:2]...)
		require.Len(f, dump(f)["snapshot"], 2, "the header with the feeds, and the records")
		require.Equal(f, 2, count(second), "what another server stored is seen at once")
		third, err := controller.New(f.store, config())
		require.NoError(f, err)
		require.Equal(f, 2, count(third))
		// The feed's last good time survives a restart even when nothing else changed.
		f.pass(time.Hour)
		f.sync(many[:2]...)
		fourth, err := controller.New(f.store, config())
		require.NoError(f, err)
		feeds, err := fourth.Feeds(ctx, f.now)
		require.NoError(f, err)
		require.Equal(f, f.now, feeds[0].LastGood)
	})
}
