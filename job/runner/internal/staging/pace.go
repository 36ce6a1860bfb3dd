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
// brings less than Rate over a whole Window is cut, and a try counts as
// progress only after a window that was fast enough. The file as a whole, with
// all its tries, has a total time. What was fetched until then is kept, and the
// next download resumes it if the server supports that.
//
//	size       least rate    total time (defaults)
//	10 kB      4 KiB/s       2 min 2 s
//	100 MiB    4 KiB/s       7 h 9 min
//	338 MiB    4 KiB/s       24 h
//	4 GiB      12 KiB/s      24 h, which is 50 kB/s on average
//	unknown    4 KiB/s       6 h
//
// 4 KiB/s is half the speed of the slowest satellite links in use, and the 24
// hours are those of JOB-27. Only the time spent waiting for the server counts
// towards the rate, not the time of the local disk.
type Pace struct {
	Rate    int64         // least bytes per second; default 4 KiB
	Window  time.Duration // the time over which the rate is measured; default 1 min
	Most    time.Duration // the longest total time; default 24 h
	Unknown time.Duration // total time of a file of unknown size, at most Most; default 6 h
}

// slack is the part of the total time for connections and for tries that bring
// nothing.
const slack = 2 * time.Minute

func (p Pace) withDefaults() Pace {
	p.Rate, p.Window = cmp.Or(p.Rate, 4<<10), cmp.Or(p.Window, time.Minute)
	p.Most = cmp.Or(p.Most, 24*time.Hour)
	p.Unknown = min(cmp.Or(p.Unknown, 6*time.Hour), p.Most)
	return p
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
		return p.Unknown
	}
	if seconds := size / p.Rate; seconds < int64(p.Most/time.Second) {
		return min(p.Most, slack+time.Duration(seconds)*time.Second)
	}
	return p.Most
}

// SlowError reports that a source was too slow (INT-11).
type SlowError struct {
	Got  int64         // bytes received
	In   time.Duration // the time they took
	Rate int64         // least bytes per second; zero: In is the total time of the file
}

func (e *SlowError) Error() string {
	if e.Rate == 0 {
		return fmt.Sprintf("the download was not complete after %v, the longest time for a file of its size (INT-11): %d bytes came", e.In, e.Got)
	}
	return fmt.Sprintf("the server is too slow: %d bytes in %v, and the least is %d bytes per second (INT-11)", e.Got, e.In.Round(time.Millisecond), e.Rate)
}

// errTotal is the cause of ending a download whose total time is over.
var errTotal = errors.New("the total time is over")

// pacer measures a download, over all its connections, against a least rate.
type pacer struct {
	rate   int64
	window time.Duration
	got    int64 // bytes in this window
	waited time.Duration
	slow   *SlowError // of the last whole window; nil: it was fast enough
}

// read reads from a body. With the bytes that end a window, it reports whether
// that window was too slow.
func (p *pacer) read(body io.Reader, b []byte) (n int, slow bool, err error) {
	began := time.Now()
	n, err = body.Read(b)
	p.got, p.waited = p.got+int64(n), p.waited+time.Since(began)
	if err != nil || p.waited < p.window {
		return n, false, err
	}
	got, waited := p.got, p.waited
	p.got, p.waited, p.slow = 0, 0, nil
	if float64(got) >= float64(p.rate)*waited.Seconds() {
		return n, false, nil
	}
	p.slow = &SlowError{Got: got, In: waited, Rate: p.rate}
	return n, true, nil
}
