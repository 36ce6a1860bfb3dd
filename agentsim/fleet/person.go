package fleet

import (
	"math/bits"
	"time"

	"github.com/patchpolicy/patchpolicy/reboot"
)

// person is the user of an asset. Who is logged in is a function of the time.
type person struct {
	kind           kind
	in, out, lunch time.Duration // on working days, since midnight
	locks          bool          // in the evening, instead of logging out
}

type kind uint8

const (
	unattended kind = iota // nobody ever logs in
	desk                   // a user with working hours
	kiosk                  // always logged in and locked
)

// lunchtime is how long the screen is locked at noon.
const lunchtime = 40 * time.Minute

func (d *rng) person() person {
	p := person{
		in: 7*time.Hour + d.upTo(150*time.Minute), out: 16*time.Hour + d.upTo(150*time.Minute), lunch: 12*time.Hour + d.upTo(time.Hour),
		locks: d.share(400),
	}
	switch n := d.n(100); {
	case n < 30:
		p.kind = unattended
	case n < 90:
		p.kind = desk
	default:
		p.kind = kiosk
	}
	return p
}

// sessions returns who is logged in at t, and until when; zero: for ever.
func (p person) sessions(t time.Duration) (now reboot.Sessions, until time.Duration) {
	switch p.kind {
	case unattended:
		return reboot.Nobody, 0
	case kiosk:
		return reboot.Locked, 0
	}
	away := reboot.Nobody
	if p.locks {
		away = reboot.Locked
	}
	midnight := t / day * day
	if weekday := t / day % 7; weekday >= 5 { // a world begins on a Monday
		return away, midnight + (7-weekday)*day + p.in
	}
	for _, part := range [...]struct {
		now reboot.Sessions
		end time.Duration
	}{{away, p.in}, {reboot.Active, p.lunch}, {reboot.Locked, p.lunch + lunchtime}, {reboot.Active, p.out}} {
		if t-midnight < part.end {
			return part.now, midnight + part.end
		}
	}
	return away, midnight + day + p.in
}

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
