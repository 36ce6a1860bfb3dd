package controller_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
)

// Calls that bring nothing new are written together, and a query sees them all
// the same. One after which another call was written changes nothing, nor does
// one of an asset that was removed meanwhile (RPT-3, MAN-10).
func TestQuietCallsAreWrittenTogether_RPT3(t *testing.T) {
	const many = 1 << 30
	store := &limited{memstore.New(memstore.Options{}), many}
	f := newFixture(t, store)
	for _, id := range []job.AssetID{"a", "b", "c", "d"} {
		f.call(f.enrol(id, "all"))
	}
	f.pass(10 * time.Minute)
	store.left = many
	for _, id := range []job.AssetID{"a", "b", "c"} {
		f.call(f.agents[id])
	}
	require.Equal(t, many, store.left, "nothing is written yet")
	second, err := controller.New(store, config())
	require.NoError(t, err)
	require.NoError(t, second.RemoveAsset(ctx, "c", f.now))
	f.agents["b"].boot = "boot-2"
	in := f.agents["b"].request(f.now.Add(time.Millisecond))
	_, err = second.CheckIn(ctx, in, f.now.Add(time.Millisecond))
	require.NoError(t, err)
	store.left = many
	f.pass(time.Second)
	f.call(f.agents["d"])
	require.Equal(t, many-1, store.left, "one transaction for all of them")
	seen := func(id job.AssetID) time.Time {
		status, err := second.Asset(ctx, id, f.now)
		require.NoError(t, err)
		return status.LastSeen
	}
	require.Equal(t, f.now.Add(-time.Second), seen("a"))
	require.Equal(t, f.now.Add(-time.Second+time.Millisecond), seen("b"), "the later call, with another boot")
	require.Equal(t, f.now, seen("d"))
	f.pass(5 * time.Minute)
	f.call(f.agents["a"])
	status, err := f.Asset(ctx, "a", f.now)
	require.NoError(t, err)
	require.Equal(t, f.now, status.LastSeen, "a query does not wait for the second")
}
