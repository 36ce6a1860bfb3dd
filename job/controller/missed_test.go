package controller_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
)

// An asset that was away gets the newest of the runs it missed, however many
// those are; what it had received before, it has to end itself (JOB-12).
func TestMissedRunsAreNotHandedOut_JOB12(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		a := f.enrol("a", "all")
		d := definition("daily", "editor-2.0.0")
		d.Schedule = daily(f, "22:00", "UTC")
		run := f.enable(d)
		f.tick(start.Add(10 * time.Hour)) // 22:00
		f.call(a)
		require.Len(f, a.orders, 1)
		for range 5 {
			f.tick(f.now.Add(24 * time.Hour))
		}
		f.call(a)
		require.Len(f, a.orders, 2, "the one it holds already, and the newest")
		require.Equal(f, run, a.orders[0].Run)
		require.Equal(f, f.now, a.orders[1].Start)
		require.Zero(f, f.asset(run, "a").Result, "the asset will report it")
		runs, err := f.Runs(ctx, "daily", run, 10)
		require.NoError(f, err)
		for _, missed := range runs[:4] {
			row := f.asset(missed.ID, "a")
			require.Equal(f, job.TimedOut, row.Result)
			require.False(f, row.HandedOut)
			require.Contains(f, row.Text, "newer run")
		}
		require.Zero(f, f.asset(runs[4].ID, "a").Result)
	})
}
