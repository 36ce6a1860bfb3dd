package controller

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

// Quiet calls bring nothing but that the asset called. Most calls are quiet, so
// they are written together: those of a second, or so many.
const (
	quietTime = time.Second
	quietMost = 500
)

// quiet collects calls that are to be written. A server that dies loses them:
// some assets then count as heard of a second less.
type quiet struct {
	mu    sync.Mutex
	calls map[job.AssetID]quietCall
	since time.Time // when the first of them came
}

type quietCall struct {
	before digest // of the seenRecord that it goes on from
	at     time.Time
	caller ledger.Caller
	offset time.Duration
}

func (q *quiet) add(id job.AssetID, c quietCall) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.calls) == 0 {
		q.calls, q.since = map[job.AssetID]quietCall{}, c.at
	}
	q.calls[id] = c
}

// due takes the calls, if it is time to write them.
func (q *quiet) due(now time.Time, wait time.Duration) map[job.AssetID]quietCall {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.calls) == 0 || len(q.calls) < quietMost && now.Sub(q.since) < wait {
		return nil
	}
	calls := q.calls
	q.calls = nil
	return calls
}

// saveQuiet writes the quiet calls that are due. A call after which another one
// was written is left out.
func (c *Controller) saveQuiet(ctx context.Context, now time.Time, wait time.Duration) error {
	calls := c.quiet.due(now, wait)
	if calls == nil {
		return nil
	}
	return c.update(context.WithoutCancel(ctx), now, func(t *tx) {
		var keys []Key
		for id := range calls {
			k := key(string(id))
			keys = append(keys, Key{tableSeen, k}, Key{tableAssets, k})
		}
		t.fetch(keys...)
		t.written.quiet = map[string]quietWrite{}
		for id, call := range calls {
			k := key(string(id))
			asset, found := t.findAsset(id)
			if !found || sha256.Sum256(t.get(tableSeen, k)) != call.before {
				continue
			}
			seen := t.seen(id)
			before := asset.heard(seen)
			seen.At, seen.Caller, seen.Offset = call.at, call.caller, call.offset
			t.save(tableSeen, k, seen)
			t.moveHeard(id, before, seen.At)
			t.written.quiet[k] = quietWrite{call.before, sha256.Sum256(t.get(tableSeen, k)), seen}
		}
	})
}

// catchUp writes all quiet calls before a query that says when assets called. If
// that fails, the query shows what was written before.
func (c *Controller) catchUp(ctx context.Context, now time.Time) { _ = c.saveQuiet(ctx, now, 0) }
