package catalog

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func (b Batch) dated(t time.Time) Batch {
	b.Dated = t
	return b
}

// stored is the snapshot as a server reads it after a restart.
func stored(t *testing.T, s *Snapshot) *Snapshot {
	var data bytes.Buffer
	require.NoError(t, s.Encode(&data))
	back, err := Decode(&data)
	require.NoError(t, err)
	return back
}

// An older document than the newest one ever accepted is refused, across restarts, and the last
// good data is kept.
func TestAnOlderDocumentIsRefused_CAT2(t *testing.T) {
	day := 24 * time.Hour
	s := synced(t, batch(edit("2.0.0")).dated(noon.Add(-day)))
	for name, old := range map[string]Batch{
		"older": batch(edit("1.0.0")).dated(noon.Add(-2 * day)), "a moment older": batch(edit("1.0.0")).dated(noon.Add(-day - 1)),
		"older and unchanged":            {Feed: "acme", At: noon, Unchanged: true, Dated: noon.Add(-2 * day)},
		"accepted, but it holds nothing": {Feed: "acme", At: noon, Unchanged: true, Dated: noon.Add(-2 * day), AcceptOlder: true},
		"without a date":                 batch(edit("1.0.0")), "in the future": batch(edit("1.0.0")).dated(noon.Add(day + 1)),
		"before all time": batch(edit("1.0.0")).dated(time.Time{}.Add(-1)),
	} {
		next, changes := Sync(stored(t, s), []Batch{old}, noon)
		require.Equal(t, []FeedID{"acme"}, changes.Failed, name)
		require.Empty(t, changes.Removed, name)
		h := next.Feeds()[0]
		require.False(t, h.Healthy, name)
		require.Contains(t, h.Err, "its source", name)
		require.Equal(t, noon.Add(-day), h.Dated, name)
		require.Equal(t, noon, h.LastGood, name)
		require.False(t, h.Stale(noon.Add(day-1)), "mirrors out of step do this now and then")
		require.True(t, h.Stale(noon.Add(day)))
		v := next.Evaluate("editor-2.0.0", has("1.0.0"), Options{}, noon)
		require.Equal(t, []ReasonCode{Upgrade, FeedFailing}, codes(v), name)
	}
	next, _ := Sync(s, []Batch{batch(edit("1.0.0")).dated(noon.Add(-2 * day))}, noon)
	require.Equal(t, "its source is dated 2026-03-08T12:00:00Z, but data of 2026-03-09T12:00:00Z was accepted before; "+
		"the last good data is kept; to use the older data, accept it for this feed by name", next.Feeds()[0].Err)
}

func TestDatesThatAreAccepted_CAT2(t *testing.T) {
	s := synced(t, batch(edit("2.0.0")).dated(noon))
	accepted := batch(edit("1.0.0")).dated(noon.Add(-time.Hour))
	accepted.AcceptOlder = true
	for name, c := range map[string]struct {
		batch Batch
		dated time.Time
	}{
		"the same": {batch(edit("2.0.0")).dated(noon), noon}, "newer": {batch(edit("2.0.0")).dated(noon.Add(time.Hour)), noon.Add(time.Hour)},
		"unchanged": {Batch{Feed: "acme", Unchanged: true}, noon}, "unchanged and newer": {Batch{Feed: "acme", Unchanged: true, Dated: noon.Add(1)}, noon.Add(1)},
		"older by a named act": {accepted, noon.Add(-time.Hour)},
	} {
		next, changes := Sync(s, []Batch{c.batch}, noon.Add(2*time.Hour))
		require.Empty(t, changes.Failed, name)
		require.Equal(t, c.dated, next.Feeds()[0].Dated, name)
	}
	next, _ := Sync(s, []Batch{accepted}, noon)
	_, changes := Sync(next, []Batch{batch(edit("1.0.0")).dated(noon.Add(-time.Minute))}, noon)
	require.Empty(t, changes.Failed, "the act moves what counts as older")
}

// A feed whose data is older than its maximum age is stale although it is read: still served, and
// the verdict says which it is.
func TestOldDataIsStale_CAT2(t *testing.T) {
	b := batch(edit("2.0.0")).dated(noon.Add(-10 * time.Hour))
	b.MaxAge = 12 * time.Hour
	s := stored(t, synced(t, b))
	h := s.Feeds()[0]
	require.False(t, h.Stale(noon.Add(2*time.Hour-1)))
	require.True(t, h.Stale(noon.Add(2*time.Hour)))
	v := s.Evaluate("editor-2.0.0", has("1.0.0"), Options{}, noon.Add(2*time.Hour))
	require.Equal(t, []ReasonCode{Upgrade, FeedStale}, codes(v))
	require.Equal(t, "The source of feed acme is dated 2026-03-10T02:00:00Z, which is older than the 12h0m0s that the feed's configuration allows.", v.Reasons[1].Text)
	v = s.Evaluate("editor-2.0.0", has("1.0.0"), Options{}, noon.Add(24*time.Hour))
	require.Equal(t, []ReasonCode{Upgrade, FeedStale, FeedStale}, codes(v))
	require.Equal(t, "Feed acme was last read successfully on 2026-03-10T12:00:00Z, 24 hours ago or more.", v.Reasons[1].Text)

	unlimited := synced(t, batch(edit("2.0.0")).dated(noon.AddDate(-2, 0, 0)))
	require.False(t, unlimited.Feeds()[0].Stale(noon), "no limit is set")
	undated := batch(edit("2.0.0"))
	undated.MaxAge = time.Hour
	require.False(t, synced(t, undated).Feeds()[0].Stale(noon.Add(2*time.Hour)), "it states no date")
	undated.MaxAge = -time.Hour
	require.Zero(t, synced(t, undated).Feeds()[0].MaxAge)
}
