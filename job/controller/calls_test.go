package controller_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/manifest"
)

func TestClockOffsetIsFlagged_MAN8(t *testing.T) {
	stores(t, func(f *fixture) {
		a := f.enrol("a")
		for _, c := range []struct {
			offset time.Duration
			far    bool
		}{{0, false}, {controller.MaxOffset, false}, {controller.MaxOffset + 1, true}, {-controller.MaxOffset - 1, true}, {-controller.MaxOffset, false}} {
			in := a.request(f.now)
			in.Offset = c.offset
			_, err := f.CheckIn(ctx, in, f.now)
			require.NoError(f, err)
			status, err := f.Asset(ctx, "a", f.now)
			require.NoError(f, err)
			require.Equal(f, c.far, status.OffsetTooFar, c.offset)
		}
	})
}

func TestInventoryIsAskedForWhenItChanged(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		a := f.enrol("a", "all")
		missing, err := f.Missing(ctx, "a", f.now)
		require.NoError(f, err)
		require.Len(f, missing, 1)
		a.install("editor", "2.0.0")
		f.call(a) // calls twice
		missing, err = f.Missing(ctx, "a", f.now)
		require.NoError(f, err)
		require.Empty(f, missing)

		in := a.request(f.now)
		in.Inventory = &catalog.Inventory{Platform: catalog.Windows}
		_, err = f.CheckIn(ctx, in, f.now)
		require.NoError(f, err)
		require.NoError(f, json.Unmarshal([]byte(`{"platform":"linux","installed":[{"product":"x"},{"product":"x"}]}`), &in.Inventory))
		_, err = f.CheckIn(ctx, in, f.now)
		require.NoError(f, err)
		status, err := f.Asset(ctx, "a", f.now)
		require.NoError(f, err)
		require.Equal(f, 2, status.AnomalyCount, "another platform, a product twice: kept out")
		missing, err = f.Missing(ctx, "a", f.now)
		require.NoError(f, err)
		require.Empty(f, missing)
	})
}

func TestUnknownAssetsAreTurnedAway(t *testing.T) {
	stores(t, func(f *fixture) {
		for _, id := range []job.AssetID{"unknown", "a/b", ""} {
			_, err := f.Secrets(ctx, id, "")
			require.ErrorIs(f, err, manifest.ErrUnknownAsset)
		}
		_, err := f.CheckIn(ctx, manifest.CheckIn{Asset: "unknown", At: f.now}, f.now)
		require.ErrorIs(f, err, manifest.ErrUnknownAsset)
		_, err = f.CheckIn(ctx, manifest.CheckIn{Asset: "a/b"}, f.now)
		require.ErrorIs(f, err, manifest.ErrInvalid)
	})
}
