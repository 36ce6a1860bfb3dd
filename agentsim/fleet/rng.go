package fleet

import (
	"math/bits"
	"time"
)

// rng is an asset's random numbers, from the seed and its number. It is SplitMix64,
// which needs eight bytes per asset.
type rng struct{ state uint64 }

func newRNG(seed uint64, asset int) rng {
	d := rng{seed}
	d.state = d.next() ^ uint64(asset)*0xd1342543de82ef95
	return d
}

func (d *rng) next() uint64 {
	d.state += 0x9e3779b97f4a7c15
	z := d.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

func (d *rng) n(n int) int {
	high, _ := bits.Mul64(d.next(), uint64(n))
	return int(high)
}

// share is true this many times in a thousand.
func (d *rng) share(perThousand int) bool { return d.n(1000) < perThousand }

// upTo returns a time from zero to just below most, in whole milliseconds.
func (d *rng) upTo(most time.Duration) time.Duration {
	high, _ := bits.Mul64(d.next(), uint64(most/time.Millisecond))
	return time.Duration(high) * time.Millisecond
}

func (d *rng) between(least, most time.Duration) time.Duration { return least + d.upTo(most-least) }
