package controller_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
)

// Assets of one image are decided together, and each gets what its own preview
// says: whatever failed on it, whatever reboot is pending on it, and at a start
// of its own (JOB-9, JOB-14, JOB-22, JOB-27).
func TestAssetsOfOneImage_JOB22(t *testing.T) {
	once(t, func(f *fixture) {
		reboots := func(p *catalog.Patch) { p.Reboot = true }
		needsReboot := func(p *catalog.Patch) {
			p.Requires = []catalog.Requirement{{Patch: "editor-2.0.0", Reboot: true}}
		}
		f.sync(patch("editor", "2.0.0", reboots), patch("player", "2.0.0", needsReboot), patch("reader", "2.0.0"))
		var agents []*agent
		for _, id := range []job.AssetID{"a", "b", "failed", "other", "reboots", "z"} {
			a := f.enrol(id, "all")
			switch id {
			case "other":
				a.install("reader", "1.0.0")
			case "reboots":
				a.install("editor", "2.0.0", "player", "1.0.0", "reader", "1.0.0")
			}
			f.call(a)
			agents = append(agents, a)
		}
		d := definition("j", "player-2.0.0", "reader-2.0.0")
		d.GiveUp, d.Schedule.Spread = 1, 30*time.Minute
		first := f.enable(d)
		for _, a := range agents {
			f.call(a)
			r := job.Report{Order: job.MakeOrderID(first, a.id), At: f.now, Result: job.Completed}
			if a.id == "failed" {
				r.Result, r.Patches = job.Failed, []job.PatchOutcome{outcome("reader-2.0.0", job.PatchFailed, job.InstallerFailed)}
			}
			a.report(r)
			in := a.request(f.now)
			in.Reboot = a.id == "reboots"
			_, err := f.CheckIn(ctx, in, f.now)
			require.NoError(f, err)
			a.unsent = nil
		}
		f.pass(time.Minute)
		run, err := f.RunJob(ctx, "j", f.now)
		require.NoError(f, err)
		starts := map[time.Time]bool{}
		for _, a := range agents {
			in := a.request(f.now)
			in.Reboot = a.id == "reboots"
			answer, err := f.CheckIn(ctx, in, f.now)
			require.NoError(f, err)
			plan, selected, err := f.Preview(ctx, d, a.id, f.now)
			require.NoError(f, err)
			require.True(f, selected)
			row := f.asset(run, a.id)
			var left, want []job.PatchOutcome
			for _, p := range row.Patches {
				if p.Status == job.LeftOut {
					left = append(left, p)
				}
			}
			want = append(want, plan.LeftOut...)
			require.Equal(f, want, left, a.id)
			if plan.Empty() {
				require.True(f, row.Waiting || row.Result != 0, a.id)
				continue
			}
			a.take(f, answer)
			order := a.orders[len(a.orders)-1]
			require.Equal(f, plan.Order.Patches, order.Patches, a.id)
			require.Equal(f, job.MakeOrderID(run, a.id), order.ID)
			starts[order.Start] = true
		}
		require.Greater(f, len(starts), 2)
	})
}

// What orders share is read from the store as it was written, also by a server
// that has nothing in memory.
func TestManifestIsTheSameFromAnotherServer_MAN5(t *testing.T) {
	store := memstore.New(memstore.Options{})
	f := newFixture(t, store)
	f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
	a := f.enrol("a", "all")
	f.enable(definition("j", "editor-2.0.0", "player-2.0.0"))
	in := a.request(f.now)
	one, err := f.CheckIn(ctx, in, f.now)
	require.NoError(t, err)
	other, err := controller.New(store, config())
	require.NoError(t, err)
	two, err := other.CheckIn(ctx, in, f.now)
	require.NoError(t, err)
	require.NotEmpty(t, one.Manifest)
	require.Equal(t, string(one.Manifest), string(two.Manifest))
	inventory, err := other.Inventory(ctx, "a")
	require.NoError(t, err)
	require.Equal(t, a.inventory.Digest(), inventory.Digest())
}
