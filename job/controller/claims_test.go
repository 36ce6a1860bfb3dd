package controller_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// A manifest of the newest number that another server sealed shows by its
// digest: the numbers go on above it (MAN-5).
func TestManifestOfAnotherServer_MAN5(t *testing.T) {
	f := newFixture(t, memstore.New(memstore.Options{}))
	f.sync(patch("editor", "2.0.0"))
	a := f.enrol("a", "all")
	f.enable(definition("one", "editor-2.0.0"))
	in := a.request(f.now)
	answer, err := f.CheckIn(ctx, in, f.now)
	require.NoError(t, err)
	for digest, anomalies := range map[string]int{"": 0, manifest.Digest(answer.Manifest): 0, "another": 1} {
		f := &fixture{tester: t, Controller: f.Controller, store: f.store.(*memstore.Store).Clone(), now: f.now}
		f.Controller, err = controller.New(f.store, config())
		require.NoError(t, err)
		in.Held, in.HeldDigest = 1, digest
		got, err := f.CheckIn(ctx, in, f.now)
		require.NoError(t, err)
		status, err := f.Asset(ctx, "a", f.now)
		require.NoError(t, err)
		require.Equal(t, anomalies, status.AnomalyCount, digest)
		require.Equal(t, anomalies == 1, got.Manifest != nil)
		require.Equal(t, manifest.Revision(1+anomalies), status.Newest)
	}
}

// A claim above the highest number there is changes nothing but the list of what is odd.
func TestImpossibleClaim(t *testing.T) {
	f := newFixture(t, memstore.New(memstore.Options{}))
	a := f.enrol("a", "all")
	for _, c := range []struct {
		held, holds manifest.Revision
		anomalies   int
		text        string
	}{
		{controller.MaxRevision + 1, controller.MaxRevision + 1, 1, "claims to hold manifest revision 4503599627370497; the highest possible is 4503599627370496"},
		{controller.MaxRevision, controller.MaxRevision + 1, 2, "holds manifest revision 4503599627370496; the newest known here was 0"},
	} {
		a.held = c.held
		f.call(a)
		require.Equal(t, c.holds, a.held)
		status, err := f.Asset(ctx, "a", f.now)
		require.NoError(t, err)
		require.Equal(t, c.anomalies, status.AnomalyCount)
		require.Equal(t, c.text, status.LastAnomalies[c.anomalies-1].Text)
	}
}

// A late call describes a past boot and a past zone: it neither ends a pending
// reboot nor begins one, and moves no asset (JOB-9, RBT-11).
func TestLateCallTellsOfThePast_JOB9_RBT11(t *testing.T) {
	stores(t, func(f *fixture) {
		a := f.enrol("a", "all")
		call := func(at time.Time, boot string, flag bool) {
			in := a.request(at)
			if in.Boot, in.Reboot = boot, flag; at.Before(f.now) { // made before the newest one
				in.Call = 1
			}
			_, err := f.CheckIn(ctx, in, f.now)
			require.NoError(f, err)
		}
		pending := func() int {
			list, err := f.PendingReboots(ctx, 10)
			require.NoError(f, err)
			return len(list)
		}
		f.pass(time.Hour)
		a.zone = "Europe/Berlin"
		call(f.now, "boot-2", true)
		require.Equal(f, 1, pending())
		f.pass(time.Hour)
		a.zone = "Asia/Tokyo"
		call(f.now.Add(-90*time.Minute), "boot-1", false)
		require.Equal(f, 1, pending(), "an older call")
		status, err := f.Asset(ctx, a.id, f.now)
		require.NoError(f, err)
		require.Equal(f, "Europe/Berlin", status.Zone)
		a.zone = "Europe/Berlin"
		call(f.now, "boot-3", false)
		require.Zero(f, pending())
		f.pass(time.Minute)
		call(f.now.Add(-time.Hour), "boot-2", true)
		require.Zero(f, pending(), "an older call")
	})
}
