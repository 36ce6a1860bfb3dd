package ledger_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// A change gets the number after what the asset may hold; until that is sealed,
// further changes share it.
func TestRevise_MAN2_MAN5(t *testing.T) {
	for _, c := range []struct {
		name    string
		r       ledger.Revisions
		without bool
		want    ledger.Revisions
	}{
		{"the first change", ledger.Revisions{}, false, ledger.Revisions{Wanted: 1}},
		{"a change after a sealed manifest", ledger.Revisions{Wanted: 3, Sealed: 3}, false, ledger.Revisions{Wanted: 4, Sealed: 3}},
		{"a second change shares the number", ledger.Revisions{Wanted: 4, Sealed: 3}, false, ledger.Revisions{Wanted: 4, Sealed: 3}},
		{"a number far ahead stays", ledger.Revisions{Wanted: 41, Sealed: 3}, false, ledger.Revisions{Wanted: 41, Sealed: 3}},
		{"an order left", ledger.Revisions{Wanted: 3, Sealed: 3}, true, ledger.Revisions{Wanted: 4, Sealed: 3, Without: 4}},
		{"another left under the same number", ledger.Revisions{Wanted: 4, Sealed: 3}, true, ledger.Revisions{Wanted: 4, Sealed: 3, Without: 4}},
		{"another left later: a manifest without both", ledger.Revisions{Wanted: 4, Sealed: 4, Without: 4}, true, ledger.Revisions{Wanted: 5, Sealed: 4, Without: 5}},
		{"a change after an order left", ledger.Revisions{Wanted: 4, Sealed: 4, Without: 4}, false, ledger.Revisions{Wanted: 5, Sealed: 4, Without: 4}},
	} {
		require.Equal(t, c.want, c.r.Revise(c.without), c.name)
	}
}

// What a call says of the manifest that the asset holds. The asset may hold 5
// at most, and from 4 on its manifests are without the orders that are gone.
func TestHeard_JOB5_MAN5(t *testing.T) {
	gone := ledger.Revisions{Wanted: 6, Sealed: 5, Without: 4}
	none := ledger.Revisions{Wanted: 6, Sealed: 5}
	heard := gone
	heard.Without = 0
	for _, c := range []struct {
		name          string
		r             ledger.Revisions
		held          manifest.Revision
		reports       int
		want          ledger.Revisions
		silent, ahead bool
	}{
		{"nothing held", gone, 0, 0, gone, false, false},
		{"the last manifest with the orders", gone, 3, 0, gone, false, false},
		{"the first without", gone, 4, 0, heard, true, false},
		{"the first without, and a report", gone, 4, 1, gone, false, false},
		{"the newest that was sealed", gone, 5, 0, heard, true, false},
		{"the newest that was sealed, and reports", gone, 5, 200, gone, false, false},
		{"one that was never sealed here", gone, 6, 0, ledger.Revisions{Wanted: 7, Sealed: 5, Without: 7}, false, true},
		{"one above the wanted", gone, 7, 0, ledger.Revisions{Wanted: 8, Sealed: 5, Without: 8}, false, true},
		{"one far above, and a report", gone, 40, 1, ledger.Revisions{Wanted: 41, Sealed: 5, Without: 41}, false, true},
		{"below a number that is far ahead", ledger.Revisions{Wanted: 41, Sealed: 5, Without: 41}, 7, 0,
			ledger.Revisions{Wanted: 41, Sealed: 5, Without: 41}, false, true},
		{"an order left that is not sealed away yet", ledger.Revisions{Wanted: 6, Sealed: 5, Without: 6}, 5, 0,
			ledger.Revisions{Wanted: 6, Sealed: 5, Without: 6}, false, false},
		{"nothing is gone", none, 5, 0, none, false, false},
		{"nothing is gone, and nothing held", none, 0, 0, none, false, false},
		{"nothing is gone, one above", none, 6, 0, ledger.Revisions{Wanted: 7, Sealed: 5}, false, true},
		{"an asset without orders", ledger.Revisions{}, 0, 0, ledger.Revisions{}, false, false},
		{"an asset that is not known to have held any", ledger.Revisions{}, 1, 0, ledger.Revisions{Wanted: 2}, false, true},
	} {
		next, silent, ahead := c.r.Heard(manifest.CheckIn{Held: c.held, Reports: make([]job.Report, c.reports)})
		c.want.PutBack = c.ahead
		require.Equal(t, c.want, next, c.name)
		require.Equal(t, c.silent, silent, c.name)
		require.Equal(t, c.ahead, ahead, c.name)
	}
}

func TestDue_MAN2_MAN5(t *testing.T) {
	expires := t0.Add(manifest.RenewBefore)
	for _, c := range []struct {
		name string
		r    ledger.Revisions
		now  time.Time
		want bool
	}{
		{"an asset without orders", ledger.Revisions{}, t0, false},
		{"a first change", ledger.Revisions{Wanted: 1}, t0, true},
		{"a change", ledger.Revisions{Wanted: 4, Sealed: 3, Expires: expires}, t0.Add(-1), true},
		{"no change, a nanosecond before it is renewed", ledger.Revisions{Wanted: 3, Sealed: 3, Expires: expires}, t0.Add(-1), false},
		{"no change, and it is time to renew it", ledger.Revisions{Wanted: 3, Sealed: 3, Expires: expires}, t0, true},
		{"no change, and it has expired", ledger.Revisions{Wanted: 3, Sealed: 3, Expires: t0.Add(-time.Hour)}, t0, true},
	} {
		require.Equal(t, c.want, c.r.Due(c.now), c.name)
		sealed := c.r.Seal(c.now, manifest.Lifetime)
		require.Equal(t, c.want, sealed != c.r, "%s: sealed when due, and not otherwise", c.name)
	}
}

func TestSeal_MAN4_MAN5(t *testing.T) {
	now := t0.Add(1500 * time.Millisecond)
	times := func(r ledger.Revisions) ledger.Revisions {
		r.Issued, r.Expires = t0.Add(time.Second), t0.Add(time.Second+manifest.Lifetime)
		return r
	}
	for _, c := range []struct {
		name    string
		r, want ledger.Revisions
	}{
		{"the first", ledger.Revisions{Wanted: 1}, ledger.Revisions{Wanted: 1, Sealed: 1}},
		{"a change keeps its number", ledger.Revisions{Wanted: 4, Sealed: 3}, ledger.Revisions{Wanted: 4, Sealed: 4}},
		{"a number far ahead", ledger.Revisions{Wanted: 41, Sealed: 3}, ledger.Revisions{Wanted: 41, Sealed: 41}},
		{"renewed: the same content under the next number", ledger.Revisions{Wanted: 3, Sealed: 3}, ledger.Revisions{Wanted: 4, Sealed: 4}},
		{"what has left stays noted", ledger.Revisions{Wanted: 4, Sealed: 3, Without: 4}, ledger.Revisions{Wanted: 4, Sealed: 4, Without: 4}},
	} {
		sealed := c.r.Seal(now, manifest.Lifetime)
		require.Equal(t, times(c.want), sealed, c.name)
		require.Equal(t, sealed, sealed.Seal(now.Add(time.Hour), manifest.Lifetime), "%s: an answer that was lost is sealed again to the same bytes", c.name)
	}
}

// Whatever happens, what the asset may hold never has a number above the wanted
// one, a sealed number is used once, and numbers never fall (MAN-5).
func TestNumbersOnlyGrow_MAN5(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		var r ledger.Revisions
		now := t0
		for range 40 {
			before := r
			switch random.IntN(4) {
			case 0:
				r = r.Revise(random.IntN(2) == 0)
				require.Greater(t, r.Wanted, r.Sealed, "a change is not in what the asset may hold")
			case 1:
				now = now.Add(time.Duration(random.Int64N(int64(3 * manifest.Lifetime / 2))))
				r = r.Seal(now, manifest.Lifetime)
				require.Equal(t, r.Wanted, r.Sealed)
			case 2:
				held := manifest.Revision(random.Uint64N(uint64(r.Sealed) + 1))
				_, _, ahead := r.Heard(manifest.CheckIn{Held: held})
				require.False(t, ahead, "%d is one of %+v", held, r)
				r, _, _ = r.Heard(manifest.CheckIn{Held: held, Reports: make([]job.Report, random.IntN(2))})
			case 3:
				held := r.Sealed + 1 + manifest.Revision(random.Uint64N(3))
				_, silent, ahead := r.Heard(manifest.CheckIn{Held: held})
				require.True(t, ahead && !silent)
				r, _, _ = r.Heard(manifest.CheckIn{Held: held, Reports: make([]job.Report, random.IntN(2))})
				require.Greater(t, r.Wanted, held)
			}
			require.GreaterOrEqual(t, r.Wanted, before.Wanted)
			require.GreaterOrEqual(t, r.Sealed, before.Sealed)
			require.GreaterOrEqual(t, r.Wanted, r.Sealed)
			require.LessOrEqual(t, r.Without, r.Wanted)
		}
	}
}

// A server that was put back may seal the very revision that an asset holds. It
// goes on above it (MAN-5).
func TestSameRevisionOtherManifest_MAN5(t *testing.T) {
	r := ledger.Revisions{Wanted: 7, Sealed: 7, Digest: "ours", Without: 7}
	next, silent, ahead := r.Heard(manifest.CheckIn{Held: 7, HeldDigest: "theirs"})
	require.True(t, ahead)
	require.False(t, silent, "what it has in it is not known")
	require.True(t, next.Due(t0))
	require.EqualValues(t, 8, next.Seal(t0, time.Hour).Sealed)
	require.Empty(t, next.Seal(t0, time.Hour).Digest, "of another manifest")
	for _, in := range []manifest.CheckIn{{Held: 7, HeldDigest: "ours"}, {Held: 7}, {Held: 6, HeldDigest: "older"}} {
		_, _, ahead = r.Heard(in)
		require.False(t, ahead, "%+v", in)
	}
}
