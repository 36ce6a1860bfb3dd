package controller_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// An outlook names the next start in each zone, and warns of what an
// administrator may not expect. It changes nothing.
func TestOutlook_JOB7_JOB9(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		for id, zone := range map[job.AssetID]string{"berlin": "Europe/Berlin", "tokyo": "Asia/Tokyo", "moon": "Moon/Base", "nowhere": ""} {
			a := f.enrolOnly(id, "all")
			if a.zone = zone; zone != "" {
				a.install("editor", "1.0.0")
				f.call(a)
			}
		}
		f.enrol("other", "else")
		d := definition("j", "editor-2.0.0", "editor-9.0.0")
		d.Schedule = schedule.Schedule{Kind: schedule.Daily, Time: schedule.Clock(22, 0), Zone: schedule.AssetZone}
		_, err := f.SaveJob(ctx, d, f.now)
		require.NoError(t, err)
		before := dump(f)
		o, err := f.Outlook(ctx, "j", f.now)
		require.NoError(t, err)
		require.Equal(t, before, dump(f))
		require.Equal(t, 4, o.Assets)
		require.Equal(t, 1, o.NoInventory)
		require.Equal(t, []catalog.PatchID{"editor-9.0.0"}, o.Unknown)
		at := func(hour int) time.Time { return time.Date(2026, 3, 1, hour, 0, 0, 0, time.UTC) }
		require.Equal(t, []controller.ZoneStart{
			{Zone: "Asia/Tokyo", Start: at(13), Assets: 1}, {Zone: "Europe/Berlin", Start: at(21), Assets: 1},
			{Zone: "Moon/Base", Assets: 1, Why: "the server does not know this time zone"},
			{Assets: 1, Why: "they have not reported their time zone yet"},
		}, o.Starts)
		text := fmt.Sprint(o.Warnings)
		for _, w := range []string{"1 of the 2 patches listed are not in the catalog", "editor-9.0.0", `zone "Moon/Base"`, "not reported their time zone", "no inventory"} {
			require.Contains(t, text, w)
		}

		// A run that was cancelled is not the next start.
		f.enable(d)
		run, err := f.Runs(ctx, "j", "", 10)
		require.NoError(t, err)
		_, err = f.CancelRun(ctx, run[0].ID, f.now)
		require.NoError(t, err)
		o, err = f.Outlook(ctx, "j", f.now)
		require.NoError(t, err)
		require.Equal(t, at(13).AddDate(0, 0, 1), o.Starts[0].Start)

		d = definition("nobody", "editor-2.0.0")
		d.Assets.IncludeTags = []string{"nobody"}
		_, err = f.SaveJob(ctx, d, f.now)
		require.NoError(t, err)
		o, err = f.Outlook(ctx, "nobody", f.now)
		require.NoError(t, err)
		require.Contains(t, fmt.Sprint(o.Warnings), "selects no asset")
		require.Empty(t, o.Starts)

		d = definition("chained", "editor-2.0.0")
		d.After = &job.After{Job: "lost", Share: 80}
		_, err = f.SaveJob(ctx, d, f.now)
		require.NoError(t, err)
		o, err = f.Outlook(ctx, "chained", f.now)
		require.NoError(t, err)
		require.Contains(t, fmt.Sprint(o.Warnings), `after.job "lost": is not a job; save that job first (JOB-19)`, "before it is enabled")
		var none *controller.NotFoundError
		_, err = f.Outlook(ctx, "unknown", f.now)
		require.ErrorAs(t, err, &none)
	})
}

// A preview over all assets adds up what the previews of each say. It changes nothing.
func TestFleetPreviewIsTheSumOfPreviews_JOB22_RPT3(t *testing.T) {
	once(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"), patch("reader", "2.0.0", withdrawn))
		for i := range 5 {
			a := f.enrol(job.AssetID(fmt.Sprint("a", i)), "all")
			if i < 2 {
				a.install("editor", "2.0.0", "player", "1.0.0")
				f.call(a)
			}
		}
		f.enrolOnly("new", "all")
		f.enrol("other")
		_, err := f.SaveJob(ctx, definition("j", "editor-2.0.0", "player-2.0.0", "reader-2.0.0", "lost-1.0.0"), f.now)
		require.NoError(t, err)
		before := dump(f)
		p, err := f.PreviewFleet(ctx, "j", f.now)
		require.NoError(t, err)
		missing, err := f.MissingFleet(ctx, controller.MissingFilter{}, f.now)
		require.NoError(t, err)
		require.Equal(t, before, dump(f))
		require.Equal(t, []int{6, 5, 0, 0, 1}, []int{p.Assets, p.Acts, p.Idle, p.Stopped, p.NoInventory})

		patches, reasons := map[catalog.PatchID]int{}, map[string]int{}
		status, err := f.Job(ctx, "j")
		require.NoError(t, err)
		for i := range 5 {
			plan, selected, err := f.Preview(ctx, status.Definition, job.AssetID(fmt.Sprint("a", i)), f.now)
			require.NoError(t, err)
			require.True(t, selected)
			for _, x := range plan.Order.Patches {
				patches[x.Patch]++
			}
			for _, x := range plan.LeftOut {
				reasons[string(x.Patch)+x.Rule+x.Text]++
			}
		}
		for _, x := range p.Patches {
			require.Equal(t, patches[x.Patch], x.Assets, x.Patch)
		}
		require.Len(t, p.Patches, len(patches))
		for _, x := range p.Reasons {
			require.Equal(t, reasons[string(x.Patch)+x.Rule+x.Text], x.Assets, x.Text)
			require.Len(t, x.Examples, min(3, x.Assets))
		}
		require.Len(t, p.Reasons, len(reasons))

		require.Equal(t, []int{7, 1}, []int{missing.Assets, missing.NoInventory})
		require.Equal(t, catalog.PatchID("player-2.0.0"), missing.Patches[0].Patch)
		require.Equal(t, []int{6, 6}, []int{missing.Patches[0].Assets, missing.Patches[0].Deployable})
		require.Equal(t, []int{4, 4}, []int{missing.Patches[1].Assets, missing.Patches[1].Deployable})
	})
}

// An asset whose agent cannot carry out the order installs nothing.
func TestFleetPreviewOfStoppedAssets_JOB22_MAN11(t *testing.T) {
	once(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		f.tell(f.enrol("able", "all"), "v1", "", "actions")
		f.tell(f.enrol("unable", "all"), "v1", "")
		_, err := f.SaveJob(ctx, acting("j"), f.now)
		require.NoError(t, err)
		p, err := f.PreviewFleet(ctx, "j", f.now)
		require.NoError(t, err)
		require.Equal(t, []int{2, 1, 0, 1}, []int{p.Assets, p.Acts, p.Idle, p.Stopped})
		require.Len(t, p.Patches, 1)
		require.Equal(t, 1, p.Patches[0].Assets)
	})
}
