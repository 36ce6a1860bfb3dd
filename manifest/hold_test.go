package manifest_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

func TestHoldTakesTheEarliest_MAN4(t *testing.T) {
	all := jobs(manifest.MaxOrders + 1)
	slices.Reverse(all)
	hold, err := manifest.Hold(all)
	require.NoError(t, err)
	require.Equal(t, ids(jobs(manifest.MaxOrders)...), ids(hold...))
	require.Equal(t, ids(jobs(manifest.MaxOrders + 1)[manifest.MaxOrders]), ids(all[0]), "the argument is as it was")
	seal(t, document(hold...))

	hold, err = manifest.Hold(jobs(manifest.MaxOrders))
	require.NoError(t, err)
	require.Len(t, hold, manifest.MaxOrders)
	hold, err = manifest.Hold(nil)
	require.NoError(t, err)
	require.Empty(t, hold)
}

// big returns an order with some patches whose JSON has a given size.
func big(t *testing.T, name string, patches, size int) job.Order {
	o := order(name, t0)
	for i := range patches {
		o.Patches = append(o.Patches, job.OrderPatch{Name: fmt.Sprintf("%0*d", size/(patches+1), i)})
	}
	data, err := json.Marshal(o)
	require.NoError(t, err)
	o.Name += strings.Repeat("x", size-len(data))
	return o
}

const room = manifest.MaxSealed/4*3 - 8<<10

func TestHoldTakesWhatFits_MAN4(t *testing.T) {
	half := room / 2
	a := big(t, "a", 0, half-1)
	for _, c := range []struct {
		last, held int
	}{{half - 1, 2}, {half, 1}} {
		b := big(t, "b", 0, c.last)
		hold, err := manifest.Hold([]job.Order{b, a})
		require.NoError(t, err)
		require.Len(t, hold, c.held, "the second has %d bytes", c.last)
		require.Equal(t, a.ID, hold[0].ID)
	}
}

func TestFitDropsTheLastPatches_JOB8(t *testing.T) {
	o := big(t, "a", 200, room-1)
	whole, dropped, err := manifest.Fit(o)
	require.NoError(t, err)
	require.Zero(t, dropped)
	require.Equal(t, o, whole)

	o = big(t, "a", 200, room)
	cut, dropped, err := manifest.Fit(o)
	require.NoError(t, err)
	require.Positive(t, dropped)
	require.Equal(t, o.Patches[:len(o.Patches)-dropped], cut.Patches)
	data, err := json.Marshal(cut)
	require.NoError(t, err)
	require.Less(t, len(data), room)
	require.Less(t, room-len(data), room/50, "no more than it must")

	o.Patches = nil
	o.Post = []job.Action{{Name: strings.Repeat("x", room), Command: []string{"x"}}}
	_, dropped, err = manifest.Fit(o)
	require.NoError(t, err, "what no cut makes fit is for Validate to refuse")
	require.Zero(t, dropped)
}

func TestLead_MAN1(t *testing.T) { require.Equal(t, 3*time.Hour, manifest.Lead) }
