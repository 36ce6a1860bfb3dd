package fleet

import (
	"time"

	"github.com/patchpolicy/patchpolicy/reboot"
)

// person is who sits before an asset, and when: drawn once, so that who is logged in is a function of the time.
type person struct {
	kind           kind
	in, out, lunch time.Duration // of a working day, since midnight
	locks          bool          // in the evening, instead of logging out
}

// kind is what an asset is used for.
type kind uint8

const (
	unattended kind = iota // nobody is ever logged in
	desk                   // somebody works there
	kiosk                  // always logged in, the screen always locked
)

// lunchtime is how long a screen is locked at noon.
const lunchtime = 40 * time.Minute

func (d *draws) person() person {
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

// sessions tells who is logged in at t, and until when that is so; zero: for ever.
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
	if weekday := t / day % 7; weekday >= 5 { // worlds begin on a Monday
		return away, midnight + (7-weekday)*day + p.in
	}
	switch at := t - midnight; {
	case at < p.in:
		return away, midnight + p.in
	case at < p.lunch:
		return reboot.Active, midnight + p.lunch
	case at < p.lunch+lunchtime:
		return reboot.Locked, midnight + p.lunch + lunchtime
	case at < p.out:
		return reboot.Active, midnight + p.out
	default:
		return away, midnight + day + p.in
	}
}
