package rollout

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"
)

// Asset is what a rollout knows of an asset.
type Asset struct {
	ID   string
	Tags []string
}

// hash orders the assets of a release: the first eight bytes of the SHA-256 of
// the salt, a zero byte and the id. Another salt gives another order, so it is
// not always the same assets that go first (ROL-1).
func hash(salt, id string) uint64 {
	sum := sha256.Sum256([]byte(salt + "\x00" + id))
	return max(binary.BigEndian.Uint64(sum[:]), 1) // zero would say that there is none
}

// Begin makes the rollout of a run. Assets are those that are selected when the
// run is made, at most [MaxCount]: they decide who is in the rings, and every
// share is a share of them (ROL-1, ROL-3). All of them wait; [State.Place]
// returns each as a [Member]. Salt names the release, in at most [MaxText]
// bytes. Start is when the first ring starts. The policy must be valid.
func Begin(p Policy, salt string, assets []Asset, start time.Time) State {
	s := State{Salt: salt, Phase: Running, Budget: p.Budget.of(len(assets)), Rings: make([]Ring, len(p.Rings))}
	placed := make([]bool, len(assets))
	order := make([]int, len(assets)) // of those that no tag has placed, by hash
	hashes := make([]uint64, len(assets))
	for i, a := range assets {
		order[i], hashes[i] = i, hash(salt, a.ID)
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(hashes[i], hashes[j]) })
	for i, r := range p.Rings {
		ring := &s.Rings[i]
		ring.Limit = r.Limit.of(len(assets))
		left := r.Take.of(len(assets))
		for _, k := range order {
			if placed[k] || !(r.rest() || r.Tag != "" && slices.Contains(assets[k].Tags, r.Tag) || left > 0) {
				continue
			}
			placed[k] = true
			ring.Waiting++
			if left > 0 {
				left--
				ring.UpTo = hashes[k]
			}
		}
	}
	if len(s.Rings) > 0 {
		s.Rings[0].Start = start.UTC().Round(0)
	}
	return s
}

func (r RingPolicy) rest() bool { return r.Tag == "" && r.Take == Amount{} }

// Place returns the asset as a member that waits in its ring. The ring of an
// asset that joins later follows by the same rule (ROL-1); send [Joined] for
// it, so that it is counted.
func (s State) Place(p Policy, a Asset) Member {
	m := Member{ID: a.ID, Phase: Waiting}
	h := hash(s.Salt, a.ID)
	for i, r := range p.Rings {
		if i < len(s.Rings) && (r.rest() || r.Tag != "" && slices.Contains(a.Tags, r.Tag) || h <= s.Rings[i].UpTo) {
			m.Ring = i
			break
		}
	}
	return m
}
