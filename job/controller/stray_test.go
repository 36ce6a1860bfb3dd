package controller_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// A row that a damaged or restored store has too many keeps nobody waiting:
// Tick removes it and does what is due.
func TestStrayRowsDoNotStopTick(t *testing.T) {
	end := "\x00\x01"
	early := "7fff000000000000" // before every time
	for _, c := range []struct {
		table controller.Table
		key   string
	}{
		{"stopping", "a-made@20260301T120000Z" + end},
		{"stopping", "unknown@20260301T120000Z" + end},
		{"stopping", "no run at all" + end},
		{"stopping", "no key at all"},
		{"stopping", "\x00"},
		{"due", early + end + "a-made@20260301T120000Z" + end},
		{"due", early + end + "later@20260302T120000Z" + end},
		{"due", early + end + "unknown@20260301T120000Z" + end},
		{"due", early},
		{"work", "a-made@20260301T120000Z" + end},
		{"work", "unknown@20260301T120000Z" + end},
		{"work", "no key at all"},
		{"shares", "unknown@20260301T120000Z" + end},
		{"shares", "no key at all"},
		{"wakes", early + end + "a-made@20260301T120000Z" + end},
		{"wakes", early + end + "unknown@20260301T120000Z" + end},
		{"wakes", early},
		{"checks", early + end + "a" + end + "a-made@20260301T120000Z" + end},
		{"checks", early + end + "a" + end + "unknown@20260301T120000Z" + end},
		{"checks", early + end + "a-made@20260301T120000Z" + end},
		{"checks", early},
	} {
		t.Run(fmt.Sprintf("%s %q", c.table, c.key), func(t *testing.T) {
			f := newFixture(t, memstore.New(memstore.Options{}))
			f.sync(patch("editor", "2.0.0"))
			a := f.enrol("a", "all")
			f.enable(definition("a-made", "editor-2.0.0"))
			next := definition("next", "editor-2.0.0")
			next.After = &job.After{Job: "z-share", Share: 100}
			_, err := f.SaveJob(ctx, definition("z-share", "editor-2.0.0"), f.now)
			require.NoError(t, err)
			_, err = f.SaveJob(ctx, next, f.now)
			require.NoError(t, err)
			_, err = f.EnableJob(ctx, "next", f.now)
			require.NoError(t, err)
			share := f.enable(definition("z-share", "editor-2.0.0"))
			for id, at := range map[job.ID]time.Time{"soon": start.Add(4 * time.Hour), "later": start.Add(24 * time.Hour)} {
				d := definition(id, "editor-2.0.0")
				d.Schedule = schedule.Schedule{Kind: schedule.Once, At: at}
				f.enable(d)
			}
			f.call(a)
			a.report(job.Report{Order: job.MakeOrderID(share, "a"), At: f.now, Result: job.Completed})
			f.call(a) // now there is something to count
			write(t, f.store, c.table, c.key, []byte{})
			f.pass(time.Hour) // and something to make

			at, err := f.Tick(ctx, f.now)
			require.NoError(t, err)
			require.Equal(t, start.Add(21*time.Hour), at)
			require.NotContains(t, dump(f)[c.table], c.key)
			status, err := f.Run(ctx, "soon@20260301T160000Z")
			require.NoError(t, err)
			require.Equal(t, ledger.RunMade, status.State)
			runs, err := f.Runs(ctx, "next", "", 10)
			require.NoError(t, err)
			require.Len(t, runs, 1)
			status, err = f.Run(ctx, "later@20260302T120000Z")
			require.NoError(t, err)
			require.Equal(t, ledger.RunPlanned, status.State, "not before it is due")
		})
	}
}

// What stops a run is done before anything else, however much is due (JOB-3, JOB-5).
func TestStoppingComesFirst_JOB3_JOB5(t *testing.T) {
	f := newFixture(t, memstore.New(memstore.Options{}))
	f.sync(patch("editor", "2.0.0"))
	enrolMany(f, 6)
	soon := definition("a-soon", "editor-2.0.0")
	soon.Schedule = schedule.Schedule{Kind: schedule.Once, At: start.Add(4 * time.Hour)}
	f.enable(soon)
	run := f.enable(definition("z-now", "editor-2.0.0"))
	_, err := smallSteps(f, &failing{Store: f.store, after: 1}).CancelRun(ctx, run, f.now)
	require.ErrorIs(t, err, errDied)
	f.pass(2 * time.Hour)
	_, err = smallSteps(f, &failing{Store: f.store, after: 6}).Tick(ctx, f.now) // the rest of the orders, and one to see that it was the rest
	require.ErrorIs(t, err, errDied)
	require.Empty(t, dump(f)["stopping"])
	status, err := f.Run(ctx, "a-soon@20260301T160000Z")
	require.NoError(t, err)
	require.Equal(t, ledger.RunPlanned, status.State, "its time has come, and it waits for the cancel")
	_, err = f.Tick(ctx, f.now)
	require.NoError(t, err)
}
