package controller_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// indexTables are the tables whose rows are a function of other records.
var indexTables = []controller.Table{"live", "queue", "unheard", "cancels", "reboots", "failures", "due", "work", "stopping", "followers"}

// everyRow makes a store that has a row in each index: an order that waits, one
// that is open, one that is withdrawn, one that is cancelled, one that waits
// for a reboot, one that failed, a planned run, a cancel that was cut off, and
// a job after another.
func everyRow(t *testing.T) *memstore.Store {
	store := memstore.New(memstore.Options{})
	c := config()
	c.Batch = 1
	f := &fixture{tester: t, store: store, now: start, agents: map[job.AssetID]*agent{}}
	var err error
	f.Controller, err = controller.New(store, c)
	require.NoError(t, err)
	f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
	a, b := f.enrol("a", "all"), f.enrol("b", "all")
	f.enrolOnly("c", "all")

	later := definition("later", "editor-2.0.0")
	later.Schedule = schedule.Schedule{Kind: schedule.Once, At: start.Add(24 * time.Hour)}
	f.enable(later)
	next := definition("next", "editor-2.0.0")
	next.After = &job.After{Job: "later", PerAsset: true}
	_, err = f.SaveJob(ctx, next, f.now)
	require.NoError(t, err)
	_, err = f.EnableJob(ctx, "next", f.now)
	require.NoError(t, err)
	f.enable(definition("gone", "editor-2.0.0"))
	open := f.enable(definition("open", "editor-2.0.0", "player-2.0.0"))
	cut := f.enable(definition("cut", "editor-2.0.0"))
	f.call(a)
	f.call(b)
	a.report(job.Report{Order: job.MakeOrderID(open, "a"), At: f.now, Result: job.PendingReboot, Patches: []job.PatchOutcome{
		outcome("editor-2.0.0", job.Installed, 0), outcome("player-2.0.0", job.PatchFailed, job.InstallerFailed),
	}})
	f.call(a)
	require.NoError(t, f.DisableJob(ctx, "gone", f.now))
	dies, err := controller.New(&failing{Store: store, after: 2}, c)
	require.NoError(t, err)
	_, err = dies.CancelRun(ctx, cut, f.now)
	require.ErrorIs(t, err, errDied)
	for _, table := range indexTables {
		require.NotEmpty(t, dumpOf(t, store)[table], table)
	}
	return store
}

func audit(t *testing.T, store controller.Store) []string {
	c, err := controller.New(store, config())
	require.NoError(t, err)
	differences, err := c.CheckIndexes(ctx)
	require.NoError(t, err)
	return differences
}

// write changes a store behind the controller's back.
func write(t *testing.T, store controller.Store, table controller.Table, key string, value []byte) {
	require.NoError(t, store.Update(ctx, func(w controller.Writer) error {
		if value == nil {
			return w.Delete(table, key)
		}
		return w.Put(table, key, value)
	}))
}

// The audit notices every row that is missing, every one that is too many, and
// every one with another value.
func TestAuditNoticesEachRow(t *testing.T) {
	good := everyRow(t)
	require.Empty(t, audit(t, good))
	rows := dumpOf(t, good)
	for _, table := range indexTables {
		for _, k := range slices.Sorted(maps.Keys(rows[table])) {
			s := good.Clone()
			write(t, s, table, k, nil)
			require.Equal(t, []string{fmt.Sprintf("table %s does not list %q", table, k)}, audit(t, s))

			s = good.Clone()
			write(t, s, table, k, []byte("x"))
			require.Equal(t, []string{fmt.Sprintf("table %s has %q under %q; want %q", table, "x", k, rows[table][k])}, audit(t, s))

			s = good.Clone()
			other := strings.Replace(k, "\x00\x01", "x\x00\x01", 1)
			write(t, s, table, other, []byte(rows[table][k]))
			require.Equal(t, []string{fmt.Sprintf("table %s lists %q, and should not", table, other)}, audit(t, s))
		}
	}
}

// All differences are listed, by table and key.
func TestAuditListsAllDifferences(t *testing.T) {
	s := everyRow(t)
	rows := dumpOf(t, s)
	var want []string
	for _, table := range []controller.Table{"cancels", "due", "live", "queue"} {
		for _, k := range slices.Sorted(maps.Keys(rows[table])) {
			write(t, s, table, k, nil)
			want = append(want, fmt.Sprintf("table %s does not list %q", table, k))
		}
	}
	require.Equal(t, want, audit(t, s))
}

// The number of failed installs, and that of runs that are being stopped, are
// what there is (RPT-1).
func TestAuditNoticesEachCounter_RPT1(t *testing.T) {
	good := everyRow(t)
	counters := dumpOf(t, good)["counters"]
	require.Len(t, counters, 1)
	for k, v := range counters {
		require.Equal(t, "1", v)
		for value, want := range map[string]string{"2": "2 failed installs are counted; the outcomes have 1", "": "0 failed installs are counted; the outcomes have 1"} {
			s := good.Clone()
			if write(t, s, "counters", k, []byte(value)); value == "" {
				write(t, s, "counters", k, nil)
			}
			require.Equal(t, []string{want}, audit(t, s))
		}
		s := good.Clone()
		write(t, s, "counters", strings.Replace(k, "\x00\x01", "\x00\x01z", 1), []byte("4"))
		require.Equal(t, []string{"5 failed installs are counted; the outcomes have 1"}, audit(t, s), "another shard counts too")
	}
	const stops = "stopping\x00\x01"
	require.Equal(t, "1", dumpOf(t, good)["meta"][stops])
	for value, want := range map[string]string{"0": "0 runs are counted as being stopped; 1 are", "2": "2 runs are counted as being stopped; 1 are", "": "0 runs are counted as being stopped; 1 are"} {
		s := good.Clone()
		if write(t, s, "meta", stops, []byte(value)); value == "" {
			write(t, s, "meta", stops, nil)
		}
		require.Equal(t, []string{want}, audit(t, s))
	}
}

// An order in an impossible state is listed, and an unreadable record is an error.
func TestAuditNoticesDamagedRecords(t *testing.T) {
	good := everyRow(t)
	s := good.Clone()
	for k, v := range dumpOf(t, s)["orders"] {
		if strings.Contains(v, `"phase":"gone"`) {
			write(t, s, "orders", k, []byte(strings.Replace(v, `,"retracted":true`, "", 1)))
		}
	}
	require.Equal(t, []string{
		"order gone@20260301T120000Z/a is not valid: retracted: is not set, and the order is gone",
		"order gone@20260301T120000Z/b is not valid: retracted: is not set, and the order is gone",
	}, audit(t, s))
	for _, table := range []controller.Table{"orders", "outcomes", "runs", "jobs", "counters"} {
		s := good.Clone()
		for k := range dumpOf(t, s)[table] {
			write(t, s, table, k, []byte("{"))
		}
		c, err := controller.New(s, config())
		require.NoError(t, err)
		_, err = c.CheckIndexes(ctx)
		require.ErrorContains(t, err, string(table))
	}
}
