package controller

import (
	"bytes"
	"context"
	"sync"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/manifest"
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
	before []byte // the record that it goes on from
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

// hear takes in a quiet call.
func (r *reader) hear(in manifest.CheckIn, now time.Time) {
	seen := r.seen(in.Asset)
	caller, _ := seen.Caller.Heard(in, 0, now)
	r.c.quiet.add(in.Asset, quietCall{r.get(tableSeen, key(string(in.Asset))), instant(now), caller, in.Offset})
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
		for id, call := range calls {
			k := key(string(id))
			asset, found := t.findAsset(id)
			if !found || !bytes.Equal(t.get(tableSeen, k), call.before) {
				continue
			}
			seen := t.seen(id)
			before := asset.heard(seen)
			seen.At, seen.Caller, seen.Offset = call.at, call.caller, call.offset
			t.save(tableSeen, k, seen)
			t.moveHeard(id, before, seen.At)
		}
	})
}

// catchUp writes all quiet calls before a query that says when assets called. If
// that fails, the query shows what was written before.
func (c *Controller) catchUp(ctx context.Context, now time.Time) { _ = c.saveQuiet(ctx, now, 0) }
