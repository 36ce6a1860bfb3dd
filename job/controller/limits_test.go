package controller_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
)

func TestNewRefusesWhatIsMissing(t *testing.T) {
	for want, store := range map[string]controller.Store{"store": nil, "signer": memstore.New(memstore.Options{})} {
		c := config()
		if store != nil {
			c.Signer = nil
		}
		_, err := controller.New(store, c)
		var invalid *job.Invalid
		require.ErrorAs(t, err, &invalid)
		require.Len(t, invalid.Problems, 1)
		require.Equal(t, want, invalid.Problems[0].Field)
	}
}

func TestBoundsOfTheStore(t *testing.T) {
	long := strings.Repeat("k", controller.MaxKey)
	table := controller.Table(strings.Repeat("t", controller.MaxTable))
	require.NoError(t, controller.CheckKey(table, long))
	require.NoError(t, controller.CheckScan(table, "", long, controller.MaxScan))
	many := slices.Repeat([]controller.Key{{Table: table, Key: long}}, controller.MaxMany)
	require.NoError(t, controller.CheckMany(many))
	require.NoError(t, controller.CheckMany(nil))
	require.NoError(t, controller.CheckValue(make([]byte, controller.MaxValue)))
	for what, err := range map[string]error{
		"no table": controller.CheckKey("", "k"), "a long table": controller.CheckKey(table+"t", "k"), "no key": controller.CheckKey("t", ""),
		"a long key": controller.CheckKey("t", long+"k"), "a long value": controller.CheckValue(make([]byte, controller.MaxValue+1)),
		"a scan of no table": controller.CheckScan("", "", "", 1), "a scan of nothing": controller.CheckScan("t", "", "", 0),
		"a scan of too much": controller.CheckScan("t", "", "", controller.MaxScan+1), "a scan to a long key": controller.CheckScan("t", "", long+"k", 1),
		"too many keys":         controller.CheckMany(append(many, many[0])),
		"no key among many":     controller.CheckMany([]controller.Key{{Table: "t", Key: "k"}, {Table: "t"}}),
		"no table among many":   controller.CheckMany([]controller.Key{{Table: "t", Key: "k"}, {Key: "k"}}),
		"a long key among many": controller.CheckMany([]controller.Key{{Table: "t", Key: "k"}, {Table: "t", Key: long + "k"}}),
	} {
		e, ok := errors.AsType[*controller.BoundError](err)
		require.True(t, ok, what)
		require.Positive(t, e.Limit)
		require.NotEmpty(t, e.Error())
	}
}

// The bounds that others build on are the documented ones.
func TestBoundsAreTheDocumentedOnes(t *testing.T) {
	for what, c := range map[string][2]int{
		"table": {controller.MaxTable, 32}, "key": {controller.MaxKey, 1024}, "value": {controller.MaxValue, 4 << 20}, "scan": {controller.MaxScan, 10_000},
		"many": {controller.MaxMany, 1000}, "anomalies": {controller.MaxAnomalies, 32}, "unreachable": {controller.MaxUnreachable, 5000},
		"definition": {controller.MaxDefinition, 2 << 20}, "batch": {controller.MaxBatch, 1000}, "page": {controller.MaxPage, 1000},
		"token uses": {controller.MaxTokenUses, 100_000}, "revision": {int(controller.MaxRevision), 4_503_599_627_370_496},
	} {
		require.Equal(t, c[1], c[0], what)
	}
	require.Equal(t, 5*time.Minute, controller.MaxOffset) // MAN-8
}

func TestErrorsSayWhat(t *testing.T) {
	require.EqualError(t, &controller.BoundError{What: "page", Have: 0, Limit: 9}, "page is 0: want 1 to 9")
	require.EqualError(t, &controller.BoundError{What: "page", Have: 10, Limit: 9}, "page is 10: the limit is 9")
	require.EqualError(t, &controller.NotFoundError{Kind: "job", ID: "x"}, `no job "x" is known`)
	cause := errors.New("disk full")
	err := error(&controller.UnfinishedError{Err: cause})
	require.ErrorIs(t, err, cause)
	require.ErrorContains(t, err, "the change is stored")
}

func TestBatchIsBounded(t *testing.T) {
	for batch, ok := range map[int]bool{-1: false, 0: true, 1: true, controller.MaxBatch: true, controller.MaxBatch + 1: false} {
		c := config()
		c.Batch = batch
		require.Equal(t, ok, c.Validate() == nil, batch)
	}
	require.Equal(t, 100, config().WithDefaults().Batch)
}
