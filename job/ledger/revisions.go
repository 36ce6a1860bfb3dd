package ledger

import (
	"time"

	"github.com/patchpolicy/patchpolicy/manifest"
)

// Revisions numbers the manifests of one asset. Wanted grows with every change
// of what the asset should hold, in the same transaction. Until a manifest of
// that number is sealed, further changes share the number.
//
// A sealed manifest depends only on the orders and this value. So if an answer
// is lost, the manifest is sealed again to the same bytes. The zero Revisions
// belong to an asset that never had an order.
type Revisions struct {
	Wanted  manifest.Revision `json:"wanted"`
	Sealed  manifest.Revision `json:"sealed"` // the highest that the asset may hold
	Issued  time.Time         `json:"issued,omitzero"`
	Expires time.Time         `json:"expires,omitzero"`
	Digest  string            `json:"digest,omitempty"`  // of the manifest that Sealed was last handed out as
	PutBack bool              `json:"behind,omitempty"`  // the asset once held a manifest that was never sealed here: the server was restored from a backup
	Without manifest.Revision `json:"without,omitempty"` // manifests from this revision on hold none of the orders that are gone; zero: none is gone
}

// next returns the number of the manifest that brings a change made now.
func (r Revisions) next() manifest.Revision { return max(r.Wanted, r.Sealed+1) }

// Revise gives a change the next number. Without says that the change took out
// an order which the asset may hold.
func (r Revisions) Revise(without bool) Revisions {
	r.Wanted = r.next()
	if without {
		r.Without = r.Wanted
	}
	return r
}

// Heard takes in what a call says about the manifest that the asset holds.
//
// Silent reports whether the call proves that the asset never held its
// [Unheard] orders. It does if the asset holds a manifest without them and has
// no report left to send: an agent that drops an order reports that in the same
// commit.
//
// Ahead reports whether the asset holds a manifest that this server never
// sealed, by its revision or its digest: the server was restored from a backup.
// The next revision is then above the one held, because an asset's revision
// never falls (MAN-5). Nobody here knows what is in such a manifest, so the call
// is not silent.
func (r Revisions) Heard(in manifest.CheckIn) (next Revisions, silent, ahead bool) {
	held := in.Held
	ahead = held > r.Sealed || held == r.Sealed && in.HeldDigest != "" && r.Digest != "" && in.HeldDigest != r.Digest
	silent = r.Without > 0 && held >= r.Without && !ahead && len(in.Reports) == 0
	if silent {
		r.Without = 0
	}
	if ahead {
		r.PutBack = true
		r.Wanted = max(r.Wanted, held+1)
		if r.Without > 0 {
			r.Without = r.Wanted
		}
	}
	return r, silent, ahead
}

// Due reports whether a manifest must be sealed now: something changed, or the
// one that the asset holds expires soon.
func (r Revisions) Due(now time.Time) bool {
	return r.Wanted > r.Sealed || r.Wanted > 0 && manifest.RenewalDue(r.Expires, now)
}

// Seal numbers and dates the manifest that the asset gets at now, if one is
// due.
func (r Revisions) Seal(now time.Time, lifetime time.Duration) Revisions {
	if !r.Due(now) {
		return r
	}
	r.Wanted = r.next()
	r.Sealed, r.Issued, r.Digest = r.Wanted, now.Truncate(time.Second), ""
	r.Expires = r.Issued.Add(lifetime)
	return r
}
