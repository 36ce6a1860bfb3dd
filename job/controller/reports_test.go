package controller_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/stretchr/testify/require"
)

func TestFailedInstalls_RPT1_RPT2(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"), patch("reader", "2.0.0"))
		a, b := f.enrol("a", "all"), f.enrol("b", "all")
		days := []time.Time{}
		for day := range 3 {
			run := f.enable(definition(job.ID(fmt.Sprint("day-", day)), "editor-2.0.0", "player-2.0.0", "reader-2.0.0"))
			for _, x := range []*agent{a, b} {
				f.call(x)
				x.report(job.Report{Order: job.MakeOrderID(run, x.id), At: f.now, Result: job.CompletedWithFailures, Patches: []job.PatchOutcome{
					outcome("editor-2.0.0", job.PatchFailed, job.FileSignatureFailed),
					outcome("player-2.0.0", job.PatchFailed, job.CodeCancelled), // never tried: no failed install
					outcome("reader-2.0.0", job.Succeeded, 0),
				}})
				f.call(x)
			}
			days = append(days, f.now)
			f.pass(24 * time.Hour)
		}
		n, err := f.FailedInstalls(ctx)
		require.NoError(f, err)
		require.Equal(f, 6, n)

		list := func(filter controller.FailureFilter) (found []string) {
			filter.Limit = 2
			for {
				page, err := f.Failures(ctx, filter)
				require.NoError(f, err)
				require.LessOrEqual(f, len(page.Failures), 2)
				for _, x := range page.Failures {
					found = append(found, fmt.Sprintf("%s %s %s", x.Job, x.Asset, x.Patch))
				}
				if filter.Page = page.Next; page.Next == "" {
					return found
				}
			}
		}
		all := []string{
			"day-2 a editor-2.0.0", "day-2 b editor-2.0.0", "day-1 a editor-2.0.0", "day-1 b editor-2.0.0", "day-0 a editor-2.0.0", "day-0 b editor-2.0.0",
		}
		require.Equal(f, all, list(controller.FailureFilter{}), "newest first")
		require.Len(f, all, n, "the number is the length of the list")
		require.Equal(f, all[2:4], list(controller.FailureFilter{From: days[1], To: days[2]}), "from is in, to is not")
		require.Equal(f, all[:4], list(controller.FailureFilter{From: days[1]}))
		require.Equal(f, all[4:], list(controller.FailureFilter{To: days[1]}))
		require.Equal(f, []string{all[1], all[3], all[5]}, list(controller.FailureFilter{Asset: "b"}))
		require.Empty(f, list(controller.FailureFilter{Patch: "player-2.0.0"}))
		require.Equal(f, all, list(controller.FailureFilter{Patch: "editor-2.0.0", Code: job.FileSignatureFailed}))
		require.Empty(f, list(controller.FailureFilter{Code: job.InstallerFailed}))
		for _, page := range []string{"x", "\x00", "!", "YQAB", strings.Repeat("YQAB", 400)} {
			_, err = f.Failures(ctx, controller.FailureFilter{Limit: 1, Page: page})
			require.ErrorIs(f, err, controller.ErrBadPage)
		}
		for _, limit := range []int{0, controller.MaxPage + 1} {
			_, err = f.Failures(ctx, controller.FailureFilter{Limit: limit})
			require.Error(f, err)
		}
	})
}

// A later word on the same order replaces an earlier one, in the number as in the list.
func TestFailureThatWasCorrected_RPT1(t *testing.T) {
	stores(t, func(f *fixture) {
		a, run, _ := f.ordered("now")
		order := job.MakeOrderID(run, "a")
		count := func() int {
			n, err := f.FailedInstalls(ctx)
			require.NoError(f, err)
			page, err := f.Failures(ctx, controller.FailureFilter{Limit: 10})
			require.NoError(f, err)
			require.Len(f, page.Failures, n)
			return n
		}
		a.report(job.Report{Order: order, Result: job.PendingVerification, Patches: []job.PatchOutcome{outcome("editor-2.0.0", job.PatchFailed, 9)}})
		f.call(a)
		require.Equal(f, 1, count())
		a.report(job.Report{Order: order, Result: job.Completed, Patches: []job.PatchOutcome{outcome("editor-2.0.0", job.Succeeded, 0)}})
		f.call(a)
		require.Equal(f, 0, count())
	})
}

func TestAlwaysAnswerable_RPT3(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		a := f.enrol("a", "all")
		f.enrol("quiet")
		run := f.enable(definition("now", "editor-2.0.0"))
		f.call(a)
		a.report(job.Report{Order: job.MakeOrderID(run, "a"), Result: job.PendingReboot, Patches: []job.PatchOutcome{outcome("editor-2.0.0", job.Installed, 0)}})
		f.call(a)
		reboots, err := f.PendingReboots(ctx, 10)
		require.NoError(f, err)
		require.Equal(f, []controller.Open{{Run: run, Asset: "a", Since: start}}, reboots)
		status, err := f.Asset(ctx, "a", f.now)
		require.NoError(f, err)
		require.True(f, status.NeedsReboot)

		f.pass(30*time.Minute + time.Second)
		f.call(a)
		silent, err := f.Silent(ctx, 10, f.now)
		require.NoError(f, err)
		require.Len(f, silent, 1)
		require.Equal(f, job.AssetID("quiet"), silent[0].ID)
		f.enrolOnly("new")
		for after, want := range map[time.Duration]bool{0: false, manifest.MaxPropagation: false, manifest.MaxPropagation + 1: true} {
			status, err = f.Asset(ctx, "new", f.now.Add(after))
			require.NoError(f, err)
			require.Equal(f, want, status.Silent, "it never called: counted from when it enrolled")
			require.Zero(f, status.LastSeen)
		}

		feeds, err := f.Feeds(ctx, f.now)
		require.NoError(f, err)
		require.False(f, feeds[0].Stale)
		feeds, err = f.Feeds(ctx, start.Add(catalog.StaleAfter))
		require.NoError(f, err)
		require.True(f, feeds[0].Stale, "no good sync for 24 h (CAT-2)")

		got, err := f.Run(ctx, run)
		require.NoError(f, err)
		require.Equal(f, 1, got.PendingReboots)
		require.Equal(f, 1, got.Executing)
		jobs, err := f.Jobs(ctx, "", 10)
		require.NoError(f, err)
		require.Equal(f, []job.RunID{run}, jobs[0].Open)
		jobs, err = f.Jobs(ctx, "now", 10)
		require.NoError(f, err)
		require.Empty(f, jobs)
		_, err = f.Jobs(ctx, "", 0)
		require.Error(f, err)
		assets, err := f.Assets(ctx, "a", 1, f.now)
		require.NoError(f, err)
		require.Len(f, assets, 1)
		require.Equal(f, job.AssetID("new"), assets[0].ID)
	})
}

// An execution is listed when its stage has lasted longer than its job expects,
// and as long as it waits for nobody.
func TestStuck_JOB25_RPT3(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		a, b := f.enrol("a", "all"), f.enrol("b", "all")
		d := definition("now", "editor-2.0.0")
		d.StuckAfter = time.Hour
		hasty := f.enable(d)
		usual := f.enable(definition("usual", "editor-2.0.0"))
		f.call(a)
		f.call(b)
		say := func(x *agent, run job.RunID, r job.Report) {
			r.Order, r.At = job.MakeOrderID(run, x.id), f.now
			x.report(r)
			f.call(x)
		}
		stuck := func() []controller.StuckOrder {
			list, err := f.Stuck(ctx, 10, f.now)
			require.NoError(f, err)
			return list
		}
		say(a, hasty, job.Report{Progress: job.Started})
		say(b, hasty, job.Report{Progress: job.Started})
		say(b, usual, job.Report{Progress: job.Received})
		f.pass(time.Hour)
		require.Empty(f, stuck(), "not longer than expected")
		began := f.now.Add(-time.Hour)
		f.pass(time.Second)
		say(b, hasty, job.Report{Progress: job.Deploying})
		want := controller.StuckOrder{Run: hasty, Asset: "a", Stage: job.StageDownload, Since: began, After: time.Hour}
		require.Equal(f, []controller.StuckOrder{want}, stuck())
		row := f.asset(hasty, "a")
		require.Equal(f, began, row.Since)
		say(a, hasty, job.Report{Result: job.Failed, Patches: []job.PatchOutcome{outcome("editor-2.0.0", job.PatchFailed, 4)}})
		say(b, hasty, job.Report{Result: job.PendingVerification})
		f.pass(10 * time.Hour)
		require.Empty(f, stuck(), "ended, waits for its inventory, not begun")
		say(a, usual, job.Report{Progress: job.Started})
		f.pass(2*time.Hour + time.Second)
		require.Equal(f, job.DefaultStuckAfter, stuck()[0].After)
		err := f.DisableJob(ctx, "usual", f.now)
		require.NoError(f, err)
		require.Len(f, stuck(), 1, "a withdrawal does not unstick it")
		for _, limit := range []int{0, controller.MaxPage + 1} {
			_, err := f.Stuck(ctx, limit, f.now)
			require.Error(f, err)
		}
	})
}

// The run's display says what the actions came to (JOB-13).
func TestActionsOfARun_JOB13(t *testing.T) {
	stores(t, func(f *fixture) {
		a, run, order := f.ordered("now")
		require.Empty(f, f.asset(run, "a").Actions)
		pre := job.ActionOutcome{Name: "stop", Exit: 1, Text: "no such service"}
		a.report(job.Report{Order: order, Result: job.PendingReboot, Actions: []job.ActionOutcome{pre}})
		f.call(a)
		require.Equal(f, []job.ActionOutcome{pre}, f.asset(run, "a").Actions)
		post := job.ActionOutcome{Name: "start", Post: true}
		a.report(job.Report{Order: order, Result: job.CompletedWithFailures, Actions: []job.ActionOutcome{pre, post}})
		f.call(a)
		require.Equal(f, []job.ActionOutcome{pre, post}, f.asset(run, "a").Actions)
	})
}

// cut checks that a list is cut at its limit, and that no other limit than 1 to MaxPage is taken.
func cut[T any](f *fixture, list func(limit int) ([]T, error)) {
	f.Helper()
	all, err := list(controller.MaxPage)
	require.NoError(f, err)
	require.Greater(f, len(all), 2)
	for n := range all {
		got, err := list(n + 1)
		require.NoError(f, err)
		require.Equal(f, all[:n+1], got)
	}
	for _, n := range []int{-1, 0, controller.MaxPage + 1} {
		_, err := list(n)
		var bad *controller.BoundError
		require.ErrorAs(f, err, &bad)
	}
}

func TestListsAreCutAtTheirLimit_RPT3(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
		agents := []*agent{f.enrol("a", "all"), f.enrol("b", "all"), f.enrol("c", "all")}
		runs := map[string]job.RunID{}
		for _, id := range []string{"cancelled", "failing", "hasty", "reboots", "stuck"} {
			d := definition(job.ID(id), "editor-2.0.0", "player-2.0.0")
			d.GiveUp = 1
			if id == "hasty" {
				d.StuckAfter = time.Hour
			}
			runs[id] = f.enable(d)
		}
		again, err := f.RunJob(ctx, "hasty", f.now)
		require.NoError(f, err)
		for _, a := range agents {
			f.call(a)
			say := func(run job.RunID, r job.Report) {
				r.Order, r.At = job.MakeOrderID(run, a.id), f.now
				a.report(r)
			}
			for _, run := range []job.RunID{runs["hasty"], again, runs["stuck"]} {
				say(run, job.Report{Progress: job.Started})
			}
			say(runs["reboots"], job.Report{Result: job.PendingReboot})
			say(runs["failing"], job.Report{Result: job.Failed, Patches: []job.PatchOutcome{
				outcome("editor-2.0.0", job.PatchFailed, job.InstallerFailed), outcome("player-2.0.0", job.PatchFailed, job.InstallerFailed),
			}})
			f.call(a)
		}
		_, err = f.CancelRun(ctx, runs["cancelled"], f.now)
		require.NoError(f, err)
		f.pass(90 * time.Minute)
		cut(f, func(n int) ([]controller.StuckOrder, error) { return f.Stuck(ctx, n, f.now) })
		stuck, err := f.Stuck(ctx, 10, f.now)
		require.NoError(f, err)
		require.Len(f, stuck, 6, "not those of the job that expects two hours")
		require.Equal(f, again, stuck[5].Run)
		f.pass(time.Hour)
		cut(f, func(n int) ([]controller.StuckOrder, error) { return f.Stuck(ctx, n, f.now) })
		cut(f, func(n int) ([]controller.AssetStatus, error) { return f.Silent(ctx, n, f.now) })
		cut(f, func(n int) ([]controller.AssetStatus, error) { return f.Assets(ctx, "", n, f.now) })
		cut(f, func(n int) ([]controller.Open, error) { return f.PendingReboots(ctx, n) })
		cut(f, func(n int) ([]controller.Open, error) { return f.PendingCancels(ctx, n) })
		cut(f, func(n int) ([]controller.GivenUp, error) { return f.GivenUp(ctx, "failing", n) })
		cut(f, func(n int) ([]controller.JobStatus, error) { return f.Jobs(ctx, "", n) })
		cut(f, func(n int) ([]controller.RunAsset, error) { return f.RunAssets(ctx, runs["stuck"], "", n) })
		cut(f, func(n int) ([]ledger.Failure, error) {
			page, err := f.Failures(ctx, controller.FailureFilter{Limit: n})
			require.Equal(f, n > 0 && n < 6, page.Next != "")
			return page.Failures, err
		})
	})
}
