package staging

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"time"
)

// Pace says how slow a download may be (INT-11). Slow is a failure: otherwise a
// vendor that sends a byte now and then could hold up an execution, and the
// jobs that wait for it, without end. The zero value of a field is its default.
//
// There are two bounds; both depend on the size in the order. A connection that
// brings less than Rate over a whole minute is cut, and a try counts as
// progress only after a minute that was fast enough. The file as a whole, with
// all its tries, has a total time. What was fetched until then is kept, and the
// next download resumes it if the server supports that.
//
// 4 KiB/s is half the speed of the slowest satellite links in use, and the 24
// hours are those of JOB-27. Only the time spent waiting for the server counts
// towards the rate, not the time of the local disk.
type Pace struct {
	Rate int64         // least bytes per second; default 4 KiB
	Most time.Duration // the longest total time; default 24 h
}

const (
	// window is the time over which the rate is measured.
	window = time.Minute
	// slack is the part of the total time for connections and for tries
	// that bring nothing.
	slack = 2 * time.Minute
	// unknown is the total time of a file of unknown size.
	unknown = 6 * time.Hour
)

func (p Pace) withDefaults() Pace {
	return Pace{cmp.Or(p.Rate, 4<<10), cmp.Or(p.Most, 24*time.Hour)}
}

// rate is the least rate for a file of size bytes. A file that is large for the
// total time needs a quarter of the average rate that it needs to finish: a
// hopeless download ends early, but a link that is slow for an hour is allowed.
func (p Pace) rate(size int64) int64 {
	return max(p.Rate, int64(float64(size)/p.Most.Seconds()/4))
}

// total is the time for a file of size bytes; zero or less: unknown size.
func (p Pace) total(size int64) time.Duration {
	if size <= 0 {
		return min(unknown, p.Most)
	}
	if seconds := size / p.Rate; seconds < int64(p.Most/time.Second) {
		return min(p.Most, slack+time.Duration(seconds)*time.Second)
	}
	return p.Most
}

// errTotal is the cause of ending a download whose total time is over.
var errTotal = errors.New("the total time is over")

// pacer measures a download, over all its connections, against a least rate.
type pacer struct {
	rate   int64
	got    int64 // bytes in this window
	waited time.Duration
	slow   error // of the last whole window; nil: it was fast enough
}

// read reads from a body. With the bytes that end a window, it reports whether
// that window was too slow.
func (p *pacer) read(body io.Reader, b []byte) (n int, slow bool, err error) {
	began := time.Now()
	n, err = body.Read(b)
	p.got, p.waited = p.got+int64(n), p.waited+time.Since(began)
	if err != nil || p.waited < window {
		return n, false, err
	}
	got, waited := p.got, p.waited
	p.got, p.waited, p.slow = 0, 0, nil
	if float64(got) >= float64(p.rate)*waited.Seconds() {
		return n, false, nil
	}
	p.slow = fmt.Errorf("the server is too slow: %d bytes in %v, and the least is %d bytes per second (INT-11)", got, waited.Round(time.Millisecond), p.rate)
	return n, true, nil
}
