package controller_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job/controller"
)

// Assets with the same inventory share it. It stays while one of them has it,
// and goes with the last one that is removed, or with Prune.
func TestInventoriesAreShared(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		a, b := f.enrol("a", "all"), f.enrol("b", "all")
		require.Len(f, dump(f)["inventory"], 1)
		for _, id := range []string{"a", "b"} {
			inventory, err := f.Inventory(ctx, f.agents[a.id].id)
			require.NoError(f, err)
			require.Equal(f, 3, inventory.Len(), id)
		}
		a.install("editor", "2.0.0")
		f.call(a)
		require.Len(f, dump(f)["inventory"], 2)
		b.install("editor", "2.0.0")
		f.call(b)
		require.Len(f, dump(f)["inventory"], 2, "nobody has the first one any more")
		_, err := f.Prune(ctx, f.now.Add(-controller.PruneAge), f.now)
		require.NoError(f, err)
		require.Len(f, dump(f)["inventory"], 1)

		a.install("editor", "1.0.0", "player", "1.0.0", "reader", "1.0.0") // again
		f.call(a)
		require.NoError(f, f.RemoveAsset(ctx, "b", f.now))
		require.Len(f, dump(f)["inventory"], 1)
		inventory, err := f.Inventory(ctx, "a")
		require.NoError(f, err)
		require.Equal(f, 3, inventory.Len())
	})
}
